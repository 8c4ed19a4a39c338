"""By hand: what the street scenes are made of, beside Cityscapes; how far colour alone gets; how long a scene takes.

.venv/bin/python tests/benchmarks/streets.py frequencies --scenes 500
.venv/bin/python tests/benchmarks/streets.py forest
.venv/bin/python tests/benchmarks/streets.py seconds
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from seglib import scores  # noqa: E402
from seglib.data import streets  # noqa: E402
from seglib.labels import CITYSCAPES, IGNORE  # noqa: E402

# Share of the labelled pixels of Cityscapes' fine training set, %, as commonly quoted.
PUBLISHED = (36.9, 6.1, 22.8, 0.65, 0.88, 1.23, 0.21, 0.55, 15.9, 1.16, 4.0, 1.22, 0.13, 7.0, 0.27, 0.24, 0.23, 0.10, 0.41)


def rank_correlation(a, b) -> float:
    """Spearman's rho of two vectors without ties."""
    ranks = [np.argsort(np.argsort(v)) for v in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def frequencies(count: int, only_kept: bool) -> None:
    """Class shares of the first scenes of the training split; coarse masks beside fine ones."""
    fine, coarse = streets.Streets("train"), streets.Streets("train", "coarse")
    counts, drawn, right, seen = np.zeros(256, np.int64), 0, 0, 0
    for i in range(count):
        if only_kept and not fine._path(i, "instances").exists():
            continue
        ids, rough = (np.asarray(source.ids(i)[0]) for source in (fine, coarse))
        counts += np.bincount(CITYSCAPES.from_file[ids].ravel(), minlength=256)
        drawn, right, seen = drawn + (rough > 0).sum(), right + ((rough == ids) & (rough > 0)).sum(), seen + 1
    share = 100 * counts[:19] / counts[:19].sum()
    for name, ours, theirs in zip(CITYSCAPES.names, share, PUBLISHED):
        flag = "" if 0.4 <= ours / theirs <= 2.5 else "   outside a factor of 2.5"
        print(f"{name:15s} {ours:6.2f} %   Cityscapes {theirs:6.2f} %   x{ours / theirs:.2f}{flag}")
    print(f"{seen} scenes; void {100 * counts[IGNORE] / counts.sum():.1f} %; Spearman {rank_correlation(share, PUBLISHED):.3f}")
    print(f"coarse: {100 * drawn / counts.sum():.1f} % of the pixels labelled, {100 * right / drawn:.2f} % of them as in the fine mask")


def forest(train: int = 42, test: int = 20, pixels: int = 1500) -> None:
    """A random forest on (R, G, B, row) of random pixels: what colour and height in the picture give away."""
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(0)

    def sample(split, count, per_scene):
        data, features, targets = streets.Streets(split), [], []
        for i in range(count):
            image, target = data.image(i).numpy(), data.truth(i)[0].numpy()
            rows, cols = rng.integers(0, target.shape[0], per_scene), rng.integers(0, target.shape[1], per_scene)
            keep = target[rows, cols] != IGNORE
            rows, cols = rows[keep], cols[keep]
            features.append(np.column_stack([image[:, rows, cols].T, rows]))
            targets.append(target[rows, cols])
        return np.concatenate(features), np.concatenate(targets)

    model = RandomForestClassifier(60, min_samples_leaf=5, random_state=0).fit(*sample("train", train, pixels))
    features, target = sample("test", test, 20_000)
    matrix = scores.confusion(target[None], model.predict(features).astype(np.uint8)[None], 19)
    print(f"forest on colour and row: {100 * scores.mean_iou(matrix):.1f} % mIoU over the classes present (bar: 28)")


def seconds(count: int = 10) -> None:
    """Processor seconds per scene, on one core."""
    cv2.setNumThreads(1)
    streets.draw(0)
    start = time.process_time()
    for seed in range(500, 500 + count):
        streets.draw(seed)
    print(f"{(time.process_time() - start) / count:.2f} processor seconds per scene of 2048x1024, labels and instances included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("frequencies", "forest", "seconds"))
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--kept", action="store_true", help="frequencies: only scenes whose truth is in the cache already")
    arguments = parser.parse_args()
    if arguments.what == "frequencies":
        frequencies(arguments.scenes, arguments.kept)
    else:
        {"forest": forest, "seconds": seconds}[arguments.what]()


if __name__ == "__main__":
    main()
