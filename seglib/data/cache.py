"""Samples of one split, at their own size (Full) or resized once into uint8 memory maps (Resized).

A cache is a folder `<data set>-<split>-<annotation>-<h>x<w>-<n>-<key>`, the key a hash of the source's fingerprint, so that files
that change get a new one. It is built beside its final place and renamed when it is whole (building.py); every sample carries a
checksum, compared when it is first read.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from seglib.data import building

VERSION = 1  # raise it when the same files would give other pixels


class Sample(NamedTuple):
    """image (3, H, W) uint8 RGB, target (H, W) uint8 train ids with 255 = void, instances (H, W) int32 in Cityscapes coding or None."""

    name: str
    image: torch.Tensor
    target: torch.Tensor
    instances: torch.Tensor | None


class Full:
    """The first `limit` samples of a source, decoded at every access, each at its own size."""

    size = None

    def __init__(self, source, limit: int | None = None):
        if limit is not None and limit < 1:
            raise ValueError(f"limit={limit}: ask for at least one sample, or None for all")
        self.source, self.names = source, list(source.names[:limit])
        self.name, self.split, self.annotation, self.labels = source.name, source.split, source.annotation, source.labels

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Sample:
        i = self._index(i)
        return Sample(self.names[i], *building.make(self.source, i, None))

    def truth(self, i: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Target (H, W) uint8 and instances (H, W) int32 or None, at the label's own size."""
        return self.source.truth(self._index(i))

    def _index(self, i: int) -> int:
        if not -len(self) <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)} in {self.name} {self.split}")
        return i % len(self)


class Resized(Full):
    """Samples at size=(h, w) from a memory map that is built on first use. Images are resized bilinearly with antialiasing, label
    and instance maps by PIL's NEAREST (centre-aligned). A sample found damaged is made again from its files."""

    def __init__(self, source, size: tuple[int, int], limit: int | None = None, folder: Path | None = None):
        super().__init__(source, limit)
        self.size = (int(size[0]), int(size[1]))
        if min(self.size) < 1:
            raise ValueError(f"size={size}: wanted is (height, width) in pixels")
        self.folder = prepare(source, self.size, len(self), folder or cache_root())
        self._open()

    def _open(self) -> None:
        self._arrays, self._checked = building.open_arrays(self.folder), np.zeros(len(self), bool)

    def __getstate__(self) -> dict:  # a loader's worker opens the maps itself: pickled, they would travel as whole arrays
        return {key: value for key, value in self.__dict__.items() if key not in ("_arrays", "_checked")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def __getitem__(self, i: int) -> Sample:
        i = self._index(i)
        self._check(i)
        rows = [torch.from_numpy(np.array(self._arrays[key][i])) for key in ("images", "targets")]
        instances = self._arrays.get("instances")
        if instances is not None:
            instances = torch.from_numpy(instances[i].astype(np.int32))
        return Sample(self.names[i], *rows, instances)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images (N, 3, h, w) and targets (N, h, w), uint8, read-only memory maps whose checksums have been compared."""
        for i in range(len(self)):
            self._check(i)
        return self._arrays["images"][: len(self)], self._arrays["targets"][: len(self)]

    def _check(self, i: int) -> None:
        if self._checked[i]:
            return
        if not building.is_whole(self._arrays, i):
            print(f"cache {self.folder.name}: sample {i} is damaged and is made again", file=sys.stderr)
            building.fill(building.open_arrays(self.folder, "r+"), i, *building.make(self.source, i, self.size))
        self._checked[i] = True


def cache_root() -> Path:
    """SEGLIB_CACHE, or runs/cache of the project."""
    return Path(os.environ.get("SEGLIB_CACHE") or Path(__file__).resolve().parents[2] / "runs" / "cache")


def prepare(source, size: tuple[int, int], count: int, root: Path) -> Path:
    """The folder of a whole cache with at least the first `count` samples, built if there is none. Safe to call from several
    processes at once: one builds, the others wait. Raises OSError when the disk is full, and whatever reading the files raises."""
    content = f"{VERSION} {source.name} {source.split} {source.annotation} {size} {source.fingerprint()}"
    stem = f"{source.name}-{source.split}-{source.annotation}-{size[0]}x{size[1]}"
    key = hashlib.sha256(content.encode()).hexdigest()[:12]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"the cache folder {root} cannot be made ({error.strerror}): set SEGLIB_CACHE to a folder you may write") from None
    if found := _find(root, stem, key, count):
        return found
    with building.lock(root / f"{stem}-{key}.lock"):
        if found := _find(root, stem, key, count):  # another process has built it meanwhile
            return found
        folder = root / f"{stem}-{count}-{key}"
        shutil.rmtree(folder, ignore_errors=True)  # there, but not whole
        smaller = _counts(root, stem, key)
        building.build(source, size, count, folder, reuse=smaller[max(smaller)] if smaller else None)
        return folder


def _counts(root: Path, stem: str, key: str) -> dict[int, Path]:
    """Whole caches of this key by their number of samples."""
    found = {int(path.name.split("-")[-2]): path for path in sorted(root.glob(f"{stem}-*-{key}")) if path.is_dir()}
    return {count: path for count, path in found.items() if building.is_complete(path, count)}


def _find(root: Path, stem: str, key: str, count: int) -> Path | None:
    larger = {n: path for n, path in _counts(root, stem, key).items() if n >= count}
    return larger[min(larger)] if larger else None
