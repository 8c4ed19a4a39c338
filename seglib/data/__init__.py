"""Data sets by name: files or seeds -> samples. `load` is the way in; Cityscapes' and CamVid's licences stay with their files."""

from pathlib import Path

from seglib.data.cache import Full, Resized, Sample
from seglib.data.camvid import get_camvid
from seglib.data.check import check
from seglib.labels import TABLES

__all__ = ["DATASETS", "Full", "Resized", "Sample", "check", "get_camvid", "load", "source", "table"]


def _cityscapes(split, root, annotation):
    from seglib.data.cityscapes import Cityscapes

    return Cityscapes(root, split, annotation)


def _camvid(split, root, annotation):
    from seglib.data.camvid import CamVid

    return CamVid(root, split, annotation)


def _streets(split, root, annotation):
    if root is not None:
        raise ValueError(f"streets is drawn from seeds and has no root (got {root}); to read a written copy, load it as cityscapes")
    from seglib.data.streets import Streets

    return Streets(split, annotation)


DATASETS = {"streets": _streets, "camvid": _camvid, "cityscapes": _cityscapes}


def source(name: str, split: str, *, root: str | Path | None = None, annotation: str = "fine"):
    """The samples of one split at their own size: an object with names, image(i), truth(i), fingerprint()."""
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}")
    return DATASETS[name](split, root, annotation)


def load(name, split, *, root=None, annotation="fine", size=None, limit=None):
    """The data set `name`, items `Sample(name, image (3, H, W) uint8, target (H, W) uint8, instances (H, W) int32 or None)`.

    split: "train", "val" (for choosing) or "test" (for reporting); Cityscapes also "train_extra". annotation: "fine" or "coarse".
    root: the folder, else the environment's CAMVID_DATASET or CITYSCAPES_DATASET. limit: the first n samples.
    size=(h, w): samples come resized from a memory map, which is built on first use (cache.Resized); otherwise files are decoded
    at every access. Raises ValueError for a name, split or file that is wrong, FileNotFoundError for what is missing.
    """
    found = source(name, split, root=root, annotation=annotation)
    return Full(found, limit) if size is None else Resized(found, size, limit=limit)


def table(name: str):
    """The label table of a data set: labels.LabelTable."""
    return TABLES["camvid" if name == "camvid" else "cityscapes"]
