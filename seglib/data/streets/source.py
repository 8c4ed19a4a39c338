"""The street scenes as a data set: splits, names, and drawn scenes kept as PNG (about 3.5 MB each)."""

import contextlib
from pathlib import Path

import cv2
import numpy as np
import torch

from ... import labels, records
from .. import cache, files
from .scene import draw

VERSION = "3"  # part of every cache key: raised whenever a pixel of any scene changes
SPLITS = {"train": range(1000), "val": range(100_000, 100_100), "test": range(200_000, 200_200)}


def _encode(array: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise OSError("OpenCV could not encode a PNG")
    return data.tobytes()


class Streets:
    """One split of the street scenes. Items are drawn when asked for the first time, and kept in the cache folder: a second size
    costs no second drawing. A kept file that is damaged is made again.

    split: "train", "val" or "test"; annotation: "fine" or "coarse". ValueError names what is unknown.
    """

    name, labels = "streets", labels.CITYSCAPES

    def __init__(self, split: str, annotation: str = "fine"):
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r} of streets: use one of {', '.join(SPLITS)}")
        if annotation not in ("fine", "coarse"):
            raise ValueError(f"unknown annotation {annotation!r} of streets: use fine or coarse")
        self.split, self.annotation = split, annotation
        self.names = [f"streets_{split}_{i:06d}" for i in range(len(SPLITS[split]))]

    def __len__(self) -> int:
        return len(self.names)

    def seed(self, i: int) -> int:
        """The seed that draws scene i."""
        return SPLITS[self.split][i]

    def _path(self, i: int, kind: str) -> Path:
        return cache.cache_root() / f"streets-v{VERSION}-truth" / f"{self.names[i]}_{kind}.png"

    def _keep(self, i: int, scene) -> None:
        """Write a drawn scene; several processes may do so at once, each file appears whole."""
        arrays = {"image": cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR), "fine": scene.label_ids, "coarse": scene.coarse_ids}
        arrays["instances"] = scene.instance_ids.astype(np.uint16)
        for kind, array in arrays.items():
            path = self._path(i, kind)
            if not path.exists():
                records.write_atomic(path, _encode(array))

    def _kept(self, i: int, kinds: dict) -> list[torch.Tensor] | None:
        """What the readers in `kinds` make of the kept files, or None where one is missing or damaged."""
        with contextlib.suppress(FileNotFoundError):
            try:
                return [read(self._path(i, kind)) for kind, read in kinds.items()]
            except ValueError:  # a checksum is wrong: all go, all are drawn again
                for kind in kinds:
                    self._path(i, kind).unlink(missing_ok=True)
        return None

    def image(self, i: int) -> torch.Tensor:
        """-> (3, 1024, 2048) uint8."""
        if kept := self._kept(i, {"image": files.read_image}):
            return kept[0]
        scene = draw(self.seed(i))
        self._keep(i, scene)
        return torch.from_numpy(np.ascontiguousarray(scene.image.transpose(2, 0, 1)))

    def ids(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Label ids (H, W) uint8 of the chosen annotation, and instance ids (H, W) int32."""
        readers = {self.annotation: files.read_labels, "instances": files.read_instances}
        if (kept := self._kept(i, readers)) is None:
            self._keep(i, draw(self.seed(i)))
            kept = [read(self._path(i, kind)) for kind, read in readers.items()]
        return kept[0].numpy(), kept[1].numpy()

    def truth(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        """-> train ids (1024, 2048) uint8 with 255 = void, and instance ids (1024, 2048) int32."""
        label_ids, instances = self.ids(i)
        return torch.from_numpy(self.labels.from_file[label_ids]), torch.from_numpy(instances)

    def fingerprint(self) -> str:
        """What the content depends on."""
        return f"streets-v{VERSION}-{self.split}-{self.annotation}-{len(self)}"
