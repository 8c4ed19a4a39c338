"""Building a cache: in this process while it is quick, by several processes when it is not; whole or not at all.

The workers are plain subprocesses of this module, fed with sample numbers through their standard input: they need no guard in the
caller's script, work from a notebook, and end when their parent does, however it ends.
"""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

QUICK = 5.0  # seconds a build may take in this process before workers, which need 2 s to start, are worth it


def make(source, i: int, size: tuple[int, int] | None):
    """Sample i of a source -> image (3, h, w) uint8, target (h, w) uint8, instances (h, w) int32 or None; size None keeps its own."""
    image, (target, instances) = source.image(i), source.truth(i)
    shapes = {tuple(image.shape[-2:]), tuple(target.shape)} | ({tuple(instances.shape)} if instances is not None else set())
    if len(shapes) != 1:
        sizes = " and ".join(f"{h}x{w}" for h, w in sorted(shapes))
        raise ValueError(f"{source.name} {source.split}: image and label map of {source.names[i]} differ in size ({sizes})")
    if size is None or size == tuple(target.shape):
        return image, target, instances
    return resize_image(image, size), resize_labels(target, size), None if instances is None else resize_labels(instances, size)


def resize_image(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(3, H, W) uint8 -> (3, h, w) uint8, bilinear with antialiasing."""
    return functional.resize(image, list(size), antialias=True)


def resize_labels(labels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(H, W) uint8 or int32 -> (h, w) of the same type, PIL's NEAREST: the value at the centre of each new pixel."""
    return torch.from_numpy(np.array(Image.fromarray(labels.numpy()).resize((size[1], size[0]), Image.Resampling.NEAREST)))


def open_arrays(folder: Path, mode: str = "r") -> dict[str, np.ndarray]:
    """Memory maps of a cache folder: images (N, 3, h, w), targets (N, h, w), perhaps instances (N, h, w) uint16, checks (N,)."""
    return {path.stem: np.load(path, mmap_mode=mode) for path in sorted(folder.glob("*.npy"))}


def checksum(arrays: dict, i: int) -> int:
    value = zlib.crc32(arrays["targets"][i], zlib.crc32(arrays["images"][i]))
    return 1 + (zlib.crc32(arrays["instances"][i], value) if "instances" in arrays else value)


def is_whole(arrays: dict, i: int) -> bool:
    """Whether sample i has been written and not damaged since: checks[i] is 0 until then."""
    return int(arrays["checks"][i]) == checksum(arrays, i)


def is_complete(folder: Path, count: int) -> bool:
    """Whether the folder is a finished cache whose files have their sizes. Reads headers only."""
    try:
        info = json.loads((folder / "info.json").read_text())
        return info["count"] == count and {name: (folder / name).stat().st_size for name in info["bytes"]} == info["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def fill(arrays: dict, i: int, image, target, instances) -> None:
    """Write sample i, its checksum last."""
    arrays["images"][i], arrays["targets"][i] = image.numpy(), target.numpy()
    if "instances" in arrays:
        if instances.min() < 0 or instances.max() > 65535:
            raise ValueError(f"sample {i} has instance ids outside 0 to 65535")
        arrays["instances"][i] = instances.numpy().astype(np.uint16)
    arrays["checks"][i] = checksum(arrays, i)


@contextlib.contextmanager
def lock(path: Path):
    """One process at a time; let go by the system when the process dies. Where files cannot be locked, nothing is waited for."""
    with path.open("a") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # not on Windows

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting for another process that builds {path.stem}", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(source, size: tuple[int, int], count: int, folder: Path, reuse: Path | None = None) -> None:
    """Fill `<folder>.part` and rename it. A build that was killed is taken up where it was; `reuse` is a smaller cache to copy."""
    part = folder.with_name(folder.name + ".part")
    first = make(source, 0, size)
    arrays = _adopt(part, count, size, first)
    if arrays is None:
        arrays = _create(part, count, size, with_instances=first[2] is not None)
        _copy(arrays, reuse)
    todo = [i for i in range(count) if not is_whole(arrays, i)]
    fill(arrays, 0, *first)
    _fill_all(arrays, source, size, part, [i for i in todo if i])
    for array in arrays.values():
        array.flush()
    sizes = {path.name: path.stat().st_size for path in sorted(part.glob("*.npy"))}
    with (part / "info.json").open("w") as file:
        json.dump({"count": count, "bytes": sizes}, file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder)


def _specs(count, size, with_instances) -> dict:
    specs = {"images": ((count, 3, *size), np.uint8), "targets": ((count, *size), np.uint8), "checks": ((count,), np.uint64)}
    return specs | ({"instances": ((count, *size), np.uint16)} if with_instances else {})


def _adopt(part: Path, count: int, size, first) -> dict | None:
    """The arrays of a build that was interrupted, or None."""
    with contextlib.suppress(OSError, ValueError):
        arrays = open_arrays(part, "r+")
        if {key: (a.shape, a.dtype.type) for key, a in arrays.items()} == _specs(count, size, first[2] is not None):
            return arrays
    return None


def _create(part: Path, count: int, size, with_instances: bool) -> dict:
    """Empty arrays on disk, their room reserved now: a map on a full disk would kill the process at some later write."""
    specs = _specs(count, size, with_instances)
    wanted = sum(int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in specs.values())
    try:
        part.mkdir(parents=True, exist_ok=True)
        for key, (shape, kind) in specs.items():
            array = np.lib.format.open_memmap(part / f"{key}.npy", "w+", kind, shape)
            del array
            with (part / f"{key}.npy").open("r+b") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except OSError as error:
        for path in part.glob("*.npy"):
            path.unlink()
        raise OSError(f"the cache {part} needs {wanted / 1e6:.0f} MB ({error.strerror}): free some, or set SEGLIB_CACHE") from None
    return open_arrays(part, "r+")


def _copy(arrays: dict, reuse: Path | None) -> None:
    if reuse is None:
        return
    old = open_arrays(reuse)
    for key in arrays:
        arrays[key][: len(old["checks"])] = old[key]


def _fill_all(arrays, source, size, part, todo) -> None:
    """Make the samples `todo`: here while that is quick, then by workers."""
    start, total = time.monotonic(), len(todo)
    while todo:
        done = total - len(todo)
        seconds = time.monotonic() - start
        if done >= 2 and seconds / done * len(todo) > QUICK and processes() > 1 and type(source).__module__ != "__main__":
            return _by_workers(source, size, part, todo)
        _progress(part.stem, done, total, start)
        i = todo.pop(0)
        fill(arrays, i, *make(source, i, size))
    return _progress(part.stem, total, total, start)


def processes() -> int:
    """How many processes this machine lets us use, at most 16."""
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _by_workers(source, size, part, todo: list[int]) -> None:
    queue, start, total = SimpleQueue(), time.monotonic(), len(todo)
    for i in todo:
        queue.put(i)
    job = pickle.dumps((sys.path, pickle.dumps((source, size, str(part)))))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "import pickle, sys; j = pickle.load(sys.stdin.buffer); sys.path[:] = j[0]\n"
               "from seglib.data import building; building.work(*pickle.loads(j[1]))"]  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "process_group": 0}  # a terminal's Ctrl-C is for this process alone
    workers = [subprocess.Popen(command, env=environment, **pipes) for _ in range(min(processes(), total))]
    with ThreadPoolExecutor(len(workers)) as pool:
        try:
            waiting = [pool.submit(_feed, worker, job, queue) for worker in workers]
            while not all(future.done() for future in waiting):
                _progress(part.stem, total - queue.qsize(), total, start)
                time.sleep(0.2)
            for future in waiting:
                future.result()
        finally:  # an interrupt must not wait for the rest
            _drain(queue)
            for worker in workers:
                worker.kill()
                worker.wait()


def _drain(queue) -> None:
    with contextlib.suppress(Empty):
        while True:
            queue.get_nowait()


def _feed(worker, job: bytes, queue) -> None:
    """Hand sample numbers to one worker, one at a time, until there are none; raise what it raised."""
    error, i = None, None
    try:
        worker.stdin.write(job)
        while error is None:
            i = queue.get_nowait()
            pickle.dump(i, worker.stdin)
            worker.stdin.flush()
            error = pickle.load(worker.stdout)
    except Empty:
        return
    except (EOFError, OSError, pickle.UnpicklingError):
        error = RuntimeError(f"a process that builds the cache died at sample {i} (no memory?): start again, it goes on there")
    _drain(queue)  # the others stop too
    raise error


def work(source, size, part: str) -> None:
    """A worker: sample numbers from standard input, None or an exception for each to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    torch.set_num_threads(1)
    arrays = open_arrays(Path(part), "r+")
    while True:
        try:
            i = pickle.load(sys.stdin.buffer)
        except EOFError:  # all done, or the parent is gone
            os._exit(0)
        try:
            fill(arrays, i, *make(source, i, size))
            error = None
        except Exception as caught:  # handed to the parent, which raises it
            error = caught if isinstance(caught, (ValueError, OSError)) else RuntimeError(f"{type(caught).__name__}: {caught}")
        try:
            pickle.dump(error, answers)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)


_last = 0.0


def _progress(what: str, done: int, total: int, start: float) -> None:
    """One line on a terminal, renewed; elsewhere a line every ten seconds. Nothing for what takes less than two."""
    global _last
    now = time.monotonic()
    live = sys.stderr.isatty()
    if now - start < 2 or now - _last < (0.2 if live else 10) and done < total:
        return
    _last = now
    left = (now - start) / max(done, 1) * (total - done)
    end = "\r" if live and done < total else "\n"
    print(f"cache {what}: {done}/{total}, {left:.0f} s left   ", end=end, file=sys.stderr, flush=True)
