"""Checkpoints that survive kills, full disks, flipped bits and strangers: one torch file, its sha256 beside it, two kept per folder.

A file is written under a temporary name, flushed, fsynced, renamed, and its folder fsynced, so a crash leaves the old one or the
new one. A file is verified before torch sees it, because torch.load checks no checksum, and is loaded with weights_only=True.
"""

import contextlib
import fcntl
import hashlib
import io
import os
import pickletools
import warnings
import zipfile
from pathlib import Path

import torch

MAX_BYTES = 16 * 2**30  # more than any model here with its optimiser; a larger file is not one of ours
KEEP = 2
_ENTRY_BYTES = {"data.pkl": 64 * 2**20}  # the structure of a checkpoint, without its tensors, is small


class Damaged(ValueError):
    """A checkpoint that is not what was written, or that asks for more than its own size."""


class Busy(RuntimeError):
    """Another process works on the same run."""


def write(state, path: Path) -> None:
    """Write `state` (tensors, numbers, strings, lists, dicts) to `path` and its sha256 to `<path>.sha256`. OSError names the path."""
    path = Path(path)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    digest = hashlib.sha256(data).hexdigest()
    temporary, temporary_digest = path.with_name(path.name + ".tmp"), path.with_name(path.name + ".sha256.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(temporary, data)
        _write_synced(temporary_digest, f"{digest}  {path.name}\n".encode())
        # Under a fixed name a crash between the two renames would pair a new file with an old digest: verify() accepts the
        # waiting .sha256.tmp too, so either order of the two is readable at every moment.
        temporary.replace(path)
        temporary_digest.replace(path.with_name(path.name + ".sha256"))
        _sync_folder(path.parent)
    except OSError as error:
        for leftover in (temporary, temporary_digest):
            with contextlib.suppress(OSError):
                leftover.unlink()
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot write the checkpoint ({reason}); what was saved before is intact", str(path)) from error


def _write_synced(path: Path, data) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk only when the folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path, map_location="cpu"):
    """The state written to `path`. Damaged names the file when its digest, its archive or its declared sizes are wrong."""
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Damaged(f"{path}: {size} bytes, more than a checkpoint can have ({MAX_BYTES})")
    data = path.read_bytes()
    _verify_digest(path, data)
    _verify_archive(path, data)
    try:
        return torch.load(io.BytesIO(data), map_location=map_location, weights_only=True)
    except Exception as error:  # the unpickler raises many kinds; none of them may look like a state
        first = str(error).split("\n", 1)[0]
        raise Damaged(f"{path}: torch refuses to load it ({type(error).__name__}: {first})") from error


def _verify_digest(path: Path, data: bytes) -> None:
    wanted = []
    for suffix in (".sha256", ".sha256.tmp"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            wanted.append(path.with_name(path.name + suffix).read_text().split(" ", 1)[0])
    if not wanted:
        raise Damaged(f"{path}: its sha256 file is missing")
    if hashlib.sha256(data).hexdigest() not in wanted:
        raise Damaged(f"{path}: its sha256 is not the one written beside it")


def _verify_archive(path: Path, data: bytes) -> None:
    """A zip of stored (never compressed) entries with right CRCs, whose tensors ask for no more bytes than the file has."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or sum(e.file_size for e in entries) > len(data):
                raise Damaged(f"{path}: its entries unpack to more than the file holds")
            broken = archive.testzip()
            if broken:
                raise Damaged(f"{path}: entry {broken} has a wrong checksum")
            structure = [entry for entry in entries if entry.filename.split("/", 1)[-1] == "data.pkl"]
            if len(structure) != 1 or structure[0].file_size > _ENTRY_BYTES["data.pkl"]:
                raise Damaged(f"{path}: not a checkpoint")
            _verify_storages(path, archive.read(structure[0]), len(data))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError) as error:
        if isinstance(error, Damaged):
            raise
        raise Damaged(f"{path}: not a readable archive ({error})") from error


def _verify_storages(path: Path, pickled: bytes, size: int) -> None:
    """A tensor's storage is (..., number of elements) as a persistent id. torch would allocate that many before it looks at the bytes."""
    memo = ("BINPUT", "LONG_BINPUT", "MEMOIZE")
    opcodes = [(code.name, argument) for code, argument, _ in pickletools.genops(pickled) if code.name not in memo]
    for before, (name, _) in enumerate(opcodes):
        if name != "BINPERSID":
            continue
        elements = opcodes[before - 2][1] if before >= 2 and opcodes[before - 1][0] == "TUPLE" else None
        if not isinstance(elements, int) or not opcodes[before - 2][0].startswith(("BININT", "LONG")) or not 0 <= elements <= size:
            raise Damaged(f"{path}: declares a tensor of {elements} elements in a file of {size} bytes")


def save(folder: Path, step: int, state) -> Path:
    """Write `state` as the checkpoint after `step` steps and delete all but the last two. Returns its path."""
    path = Path(folder) / f"step-{step:09d}.pt"
    write(state, path)
    _keep(folder, _paths(folder)[:KEEP])
    return path


def latest(folder: Path):
    """The newest readable state below `folder`, or None. A damaged checkpoint is skipped with a warning that names it."""
    for path in _paths(folder):
        try:
            return read(path)
        except (Damaged, OSError) as error:
            warnings.warn(f"{error}; going back to the checkpoint before it", stacklevel=2)
    return None


def clear(folder: Path) -> None:
    """Delete the checkpoints (not the final weights) below `folder`."""
    _keep(folder, [])


def _keep(folder: Path, kept: list[Path]) -> None:
    """Delete all files of checkpoints but those `kept`, also what a process left that was killed while it wrote or deleted one."""
    names = {path.name for path in kept} | {path.name + ".sha256" for path in kept}
    for path in sorted(Path(folder).glob("step-*")):
        if path.name not in names:
            path.unlink(missing_ok=True)


def _paths(folder: Path) -> list[Path]:
    """Checkpoints, newest first."""
    return sorted(Path(folder).glob("step-*.pt"), reverse=True)


def check_writable(folder: Path) -> None:
    """OSError that names the folder where nothing can be written, before any time is spent on training."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise OSError(error.errno, f"cannot write to this folder ({error.strerror}); name another one", str(folder)) from error


@contextlib.contextmanager
def lock(folder: Path):
    """Hold `<folder>/lock` while one process works on a run. Busy where another one does.

    The lock is the kernel's (flock): it ends with its process, however that ends, so a dead process leaves none behind.
    """
    path = Path(folder) / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Busy(f"{folder}: process {holder} works on this run; wait for it, or stop it first") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
