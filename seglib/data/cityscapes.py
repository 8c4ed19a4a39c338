"""Cityscapes (Cordts et al. 2016) as its users have it on disk, and any data set written in its layout.

Our splits are not the official ones, whose test has no public labels: what is chosen must not be chosen on what is reported.

    "train"        official train less the selection part: 2,676 images
    "val"          the selection part: within each city of official train, sorted by name (sequence, frame), the last tenth, rounded
                   half up, at least one image: 299 images
    "test"         official val, 500 images of other cities: reported once per finished run
    "train_extra"  19,998 more images, coarse annotation only
"""

import os
from collections import defaultdict
from pathlib import Path

import torch

from seglib.data import files
from seglib.labels import CITYSCAPES

SPLITS = {"train": "train", "val": "train", "test": "val", "train_extra": "train_extra"}  # ours -> the folder
TREE = """root/
  leftImg8bit/{train,val,train_extra}/{city}/{city}_{sequence:06d}_{frame:06d}_leftImg8bit.png
  gtFine/{train,val}/{city}/..._gtFine_labelIds.png  ..._gtFine_instanceIds.png
  gtCoarse/{train,val,train_extra}/{city}/..._gtCoarse_labelIds.png  ..._gtCoarse_instanceIds.png
(leftImg8bit_trainvaltest.zip, gtFine_trainvaltest.zip, gtCoarse.zip and leftImg8bit_trainextra.zip of cityscapes-dataset.com,
unpacked in one folder; name it by CITYSCAPES_DATASET)"""


def find_root(root: str | Path | None) -> Path:
    """The folder given, or CITYSCAPES_DATASET; FileNotFoundError that shows the expected tree when there is none."""
    root = root or os.environ.get("CITYSCAPES_DATASET")
    if not root:
        raise FileNotFoundError(f"Cityscapes: no folder given; set CITYSCAPES_DATASET to its folder. Expected is\n{TREE}")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"Cityscapes: {root} is not a folder. Expected is\n{TREE}")
    if not (root / "leftImg8bit").is_dir():
        raise FileNotFoundError(f"Cityscapes: {root} has no folder leftImg8bit. Expected is\n{TREE}")
    return root


def list_images(root: Path, folder: str) -> dict[str, Path]:
    """Sorted {"aachen_000000_000019": path} of leftImg8bit/<folder>, city by city."""
    return _list(root / "leftImg8bit" / folder, "_leftImg8bit")


def list_labels(root: Path, folder: str, annotation: str, kind: str = "labelIds") -> dict[str, Path]:
    """Sorted {"aachen_000000_000019": path} of gtFine or gtCoarse, kind labelIds or instanceIds; empty without the folder."""
    name = f"gt{annotation.capitalize()}"
    return _list(root / name / folder, f"_{name}_{kind}")


def _list(folder: Path, ending: str) -> dict[str, Path]:
    found = {}
    if folder.is_dir():
        for city in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
            found |= files.list_stems(city, (".png",), ending)
    return found


def selection(names: list[str]) -> set[str]:
    """The selection part of official train: the last tenth of each city's names, rounded half up, at least one."""
    cities = defaultdict(list)
    for name in sorted(names):
        cities[city_of(name)].append(name)
    return {name for group in cities.values() for name in group[-max(1, (len(group) + 5) // 10) :]}


def city_of(name: str) -> str:
    return name.rsplit("_", 2)[0]


class Cityscapes:
    """One split as a source of samples: image(i) (3, 1024, 2048) uint8, truth(i) -> (train ids uint8, instance ids int32 or None).

    Instances are None when the folder has no instance maps at all. Raises FileNotFoundError for missing folders, ValueError for an
    unknown split and for images and label maps that do not pair.
    """

    name, labels = "cityscapes", CITYSCAPES

    def __init__(self, root: str | Path | None, split: str, annotation: str = "fine"):
        if split not in SPLITS or annotation not in ("fine", "coarse"):
            raise ValueError(f"Cityscapes has the splits {', '.join(SPLITS)}, fine and coarse annotation; asked for {split}, {annotation}")
        if (split, annotation) == ("train_extra", "fine"):
            raise ValueError('Cityscapes: train_extra has coarse annotation only: ask for annotation="coarse"')
        self.root, self.split, self.annotation = find_root(root), split, annotation
        folder = SPLITS[split]
        images, labels = list_images(self.root, folder), list_labels(self.root, folder, annotation)
        if not images or not labels:
            what = "images" if not images else f"{annotation} label maps"
            raise FileNotFoundError(f"Cityscapes: {self.root} has no {what} of {folder}. Expected is\n{TREE}")
        files.check_pairs(images, labels, f"Cityscapes {folder} in {self.root}")
        instances = list_labels(self.root, folder, annotation, "instanceIds")
        if instances:
            files.check_pairs(images, instances, f"Cityscapes {folder}, instance maps, in {self.root}")
        chosen = selection(list(images)) if folder == "train" else set()
        self.names = [name for name in images if (name in chosen) == (split == "val")]
        if not self.names:
            raise FileNotFoundError(f"Cityscapes: no image is left for {split}: each city of {folder} needs at least two")
        self._paths = [tuple(group[name] for group in (images, labels, instances) if group) for name in self.names]

    def image(self, i: int) -> torch.Tensor:
        return files.read_image(self._paths[i][0])

    def truth(self, i: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        _, labels, *instances = self._paths[i]
        target = files.to_train_ids(files.read_labels(labels), self.labels, labels)
        return target, files.read_instances(instances[0]) if instances else None

    def fingerprint(self) -> str:
        return files.fingerprint(self.root, [path for group in self._paths for path in group])


class Pictures:
    """The images of an official folder without their labels: "test", whose labels only the test server has. names, image(i), len."""

    name, labels = "cityscapes", CITYSCAPES

    def __init__(self, root: str | Path | None = None, folder: str = "test"):
        self.root = find_root(root)
        self._paths = list_images(self.root, folder)
        if not self._paths:
            raise FileNotFoundError(f"Cityscapes: {self.root} has no images of {folder}. Expected is\n{TREE}")
        self.names = list(self._paths)

    def __len__(self) -> int:
        return len(self.names)

    def image(self, i: int) -> torch.Tensor:
        """-> (3, 1024, 2048) uint8."""
        return files.read_image(self._paths[self.names[i]])
