"""What the data tests share: a source of tiny samples, and tiny folders in the layouts of CamVid and Cityscapes."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from seglib.labels import CITYSCAPES


class Fake:
    """A source of `count` samples of 24x40 that notes every sample it makes in the file `log`."""

    name, split, annotation, labels = "fake", "train", "fine", CITYSCAPES

    def __init__(self, log: Path, count: int = 6, content: str = "a", delay: float = 0.0, instances: bool = True, bad=None, deadly=None):
        self.log, self.names, self.content, self.delay = log, [f"s{i:03d}" for i in range(count)], content, delay
        self.with_instances, self.bad, self.deadly, self.process = instances, bad, deadly, os.getpid()

    def image(self, i: int) -> torch.Tensor:
        with self.log.open("a") as file:
            file.write(f"{i}\n")
        if i == self.bad:
            raise ValueError(f"/data/{self.names[i]}.png is damaged: fetch it again")
        if i == self.deadly and os.getpid() != self.process:
            os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out
        time.sleep(self.delay)
        return torch.from_numpy(np.random.default_rng(i).integers(0, 256, (3, 24, 40), dtype=np.uint8))

    def truth(self, i: int):
        target = torch.from_numpy(np.random.default_rng(100 + i).integers(0, 19, (24, 40), dtype=np.uint8))
        return target, target.to(torch.int32) * 1000 + i if self.with_instances else None

    def fingerprint(self) -> str:
        return self.content

    def made(self) -> list[int]:
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def photograph(seed: int, height: int = 32, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_camvid(root: Path, counts=(("train", 3), ("val", 2), ("test", 2)), suffix: str = ".png") -> Path:
    for split, count in counts:
        for i in range(count):
            save(root / split / f"{split}_{i:03d}{suffix}", photograph(i))
            save(root / f"{split}annot" / f"{split}_{i:03d}.png", np.random.default_rng(i).integers(0, 12, (32, 64), dtype=np.uint8))
    return root


def write_cityscapes(
    root: Path, cities=(("train", "aachen", 12), ("train", "ulm", 3), ("val", "munster", 2)), annotations=("gtFine",)
) -> Path:
    for folder, city, count in cities:
        for i in range(count):
            name = f"{city}_{i:06d}_000019"
            save(root / "leftImg8bit" / folder / city / f"{name}_leftImg8bit.png", photograph(i))
            ids = np.random.default_rng(i).integers(0, 34, (32, 64), dtype=np.uint8)
            for annotation in annotations:
                save(root / annotation / folder / city / f"{name}_{annotation}_labelIds.png", ids)
                instances = np.where(ids >= 24, ids.astype(np.uint16) * 1000 + 1, ids).astype(np.uint16)
                save(root / annotation / folder / city / f"{name}_{annotation}_instanceIds.png", instances)
    return root
