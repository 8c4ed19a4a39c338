"""Run by hand: python tests/benchmarks/data.py. How long samples take, decoded and from the cache, and what transforms add.

Times are the median of several runs, one thread, side by side in one process: on a busy machine quote the ratios.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import torch
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from seglib import data
from seglib.data import building, cache, files, streets, transforms

SCENES = 4  # of 2048x1024, written as PNG


def milliseconds(work, runs: int = 15) -> float:
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return median(times)


def write_scenes(root: Path) -> None:
    """Scenes in the Cityscapes layout: one city of official val, so that all are in our test split."""
    for seed in range(SCENES):
        scene = streets.draw(seed)
        for kind, array in (("leftImg8bit", cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)), ("gtFine_labelIds", scene.label_ids)):
            folder = root / kind.split("_")[0] / "val" / "scenes"
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"scenes_{seed:06d}_000019_{kind}.png"), array)


def cached_against_decoded(root: Path) -> None:
    source = data.source("cityscapes", "test", root=root)
    paths = [path for group in source._paths for path in group]
    print(f"PNG files of {sum(path.stat().st_size for path in paths) / len(paths) / 1e6:.1f} MB on average, 2048x1024")
    print(f"{'size':>10} {'decode + resize':>16} {'cached':>10} {'ratio':>7} {'2 workers, samples/s':>22}")
    for size in ((144, 192), (360, 480), (768, 768)):
        ds = cache.Resized(source, size, folder=root / "cache")
        decoded = milliseconds(lambda size=size: building.make(source, 1, size), 7)
        cached = milliseconds(lambda ds=ds: ds[1], 51)
        print(f"{size[0]:>6}x{size[1]:<4}{decoded:>13.1f} ms {cached:>7.3f} ms {decoded / cached:>6.0f}x {throughput(ds):>22.0f}")


def throughput(ds, seconds: float = 3.0) -> float:
    """Samples per second through a DataLoader with two workers, batches of 8, after the first 4 batches."""
    order = [i % len(ds) for i in range(100_000)]
    loader = DataLoader(ds, batch_size=8, sampler=order, num_workers=2, timeout=120, collate_fn=collate)
    count, batches = 0, iter(loader)
    for _ in range(4):
        next(batches)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        count += len(next(batches)[0])
    return count / (time.perf_counter() - start)


def collate(samples):
    return torch.stack([sample.image for sample in samples]), torch.stack([sample.target for sample in samples])


def augmenting() -> None:
    images = torch.randint(0, 256, (8, 3, 144, 192), dtype=torch.uint8)
    targets = torch.randint(0, 19, (8, 144, 192), dtype=torch.uint8)
    print("\ntransforms of a batch of 8 at 144x192; a training step of a width-16 U-Net on it takes about 900 ms")
    for name, options in {
        "flip": {},
        "flip, scale 0.5 to 2": {"scale": (0.5, 2.0)},
        "flip, scale, jitter": {"scale": (0.5, 2.0), "jitter": 0.3},
    }.items():
        epochs = iter(range(10**6))
        taken = milliseconds(
            lambda options=options, epochs=epochs: transforms.augment(
                images, targets, seed=0, epoch=next(epochs), indices=range(8), **options
            ),
            41,
        )
        print(f"{name:<24}{taken:>7.1f} ms  {100 * taken / 900:.2f} %")


def checking(root: Path) -> None:
    """`data check` beside nothing but decoding, both with the same threads' worth of work on this machine's cores."""
    source = data.source("cityscapes", "test", root=root)
    alone = sum(
        milliseconds(lambda i=i: (files.read_image(source._paths[i][0]), files.read_labels(source._paths[i][1])), 3) for i in range(SCENES)
    )
    checked = milliseconds(lambda: data.check("cityscapes", root, progress=False), 3)
    print(f"\ndata check: {checked / SCENES:.0f} ms a pair of files; reading them one after the other {alone / SCENES:.0f} ms")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_scenes(Path(folder))
        cached_against_decoded(Path(folder))
        augmenting()
        checking(Path(folder))
