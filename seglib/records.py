"""A finished run as one JSON file: config, history, counts per split, cost, environment. The counts, not the score, are the record."""

import base64
import json
import os
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seglib import errors

VERSION = 1
MAX_BYTES = 150_000


class TooLarge(ValueError):
    """A record that takes more than MAX_BYTES."""


@dataclass
class Scores:
    """Counts of one split, from which every score follows without training again. K classes, N images.

    matrix (K, K+1) int64: rows = truth, last column = predicted void. tp, fp, fn (N, K) int64 per image, in the data set's order.
    instance_tp, instance_fn (K,) float64: the weighted sums of the iIoU (classes without instances 0), category_instance_tp,
    category_instance_fn (7,) likewise; None where the truth has no instances. boundary (3, K) int64: tp, fp, fn within the
    boundary band. calibration (15, 3) float64: per confidence bin the pixels, the sum of confidence, the correct pixels.
    """

    matrix: np.ndarray
    tp: np.ndarray | None = None
    fp: np.ndarray | None = None
    fn: np.ndarray | None = None
    instance_tp: np.ndarray | None = None
    instance_fn: np.ndarray | None = None
    category_instance_tp: np.ndarray | None = None
    category_instance_fn: np.ndarray | None = None
    boundary: np.ndarray | None = None
    calibration: np.ndarray | None = None
    labels: str = "cityscapes"  # name of the label table: labels.TABLES[labels]


@dataclass
class Record:
    """One finished run. `config` holds every field of TrainConfig; `history` one row per epoch; `scores` one entry per split."""

    name: str
    config: dict
    history: list[dict] = field(default_factory=list)
    scores: dict[str, Scores] = field(default_factory=dict)
    cost: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    version: int = VERSION

    @property
    def val_miou(self) -> float:
        """What selection looks at: the last epoch's mIoU on val at training size, 0 to 1; -1 for a run that diverged before it had one."""
        values = [row["val_miou"] for row in self.history if row.get("val_miou") is not None]
        return values[-1] if values else -1.0


def _encode(array: np.ndarray | None):
    if array is None or isinstance(array, str):
        return array
    if array.size <= 1000:  # small enough to be read by eye
        return array.tolist()
    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "zlib": packed}


def _decode(value, dtype):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        raw = zlib.decompress(base64.b64decode(value["zlib"]))
        return np.frombuffer(raw, value["dtype"]).reshape(value["shape"]).copy()
    return np.array(value, dtype)


_FLOATS = {"instance_tp", "instance_fn", "category_instance_tp", "category_instance_fn", "calibration"}


def write_atomic(path: Path, data: bytes) -> None:
    """Write bytes so that a crash leaves the old file or the new one, never half of it. OSError names the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with errors.named(path), os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would keep a shared folder's other readers out
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save(record: Record, path: Path) -> None:
    """Write one compact JSON file of at most 150 kB, atomically. TooLarge where it would be larger."""
    content = {key: value for key, value in vars(record).items() if key != "scores"}
    content["scores"] = {split: {key: _encode(value) for key, value in vars(scores).items()} for split, scores in record.scores.items()}
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(data) > MAX_BYTES:
        raise TooLarge(f"record {record.name} takes {len(data)} bytes, more than {MAX_BYTES}: shorten its history")
    write_atomic(path, data)


def load(path: Path, advice: str = "restore the file, or delete it to train the run again") -> Record:
    """Read a record. ValueError names the file when it is not one, with `advice`, or was written by a newer version."""
    try:
        content = json.loads(Path(path).read_text())
        version = content["version"]
        if version <= VERSION:
            content["scores"] = {
                split: Scores(**{key: _decode(value, np.float64 if key in _FLOATS else np.int64) for key, value in scores.items()})
                for split, scores in content["scores"].items()
            }
            return Record(**content)
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:  # ValueError: no JSON, no UTF-8, no base64
        raise ValueError(f"{path}: not a record ({type(error).__name__}: {error}); {advice}") from error
    raise ValueError(f"{path}: written by version {version} of the records, this code reads up to {VERSION}: update the code")


def load_all(folder: Path) -> dict[str, Record]:
    """Every record directly below `folder`, by name, sorted: <folder>/<name>.json. An absent folder holds none."""
    paths = sorted(Path(folder).glob("*.json"))
    found = [load(path) for path in paths if not path.name.startswith(("measure-", "meta-"))]
    return {record.name: record for record in found}
