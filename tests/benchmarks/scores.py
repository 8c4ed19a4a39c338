"""Time of scoring one 2048x1024 image beside the official scorer's Python pattern and torchmetrics, as ratios of one run.

PYTHONPATH=. python tests/benchmarks/scores.py [--rounds 7] [--write]
"""

import argparse
import importlib

import cv2
import numpy as np
import torch
from losses import write
from timing import paired, ratio

from seglib import scores

SHAPE = (1024, 2048)
INSTANCES = 24


def scene(seed: int = 0):
    """Label ids, instances and predicted ids (H, W) in blocks, with 24 instances of cars and people."""
    rng = np.random.default_rng(seed)
    label_ids = cv2.resize(rng.choice(np.uint8([7, 8, 11, 17, 20, 21, 23, 26]), (64, 128)), SHAPE[::-1], interpolation=cv2.INTER_NEAREST)
    instances = label_ids.astype(np.int32)
    for n in range(INSTANCES):
        y, x = rng.integers(0, SHAPE[0] - 160), rng.integers(0, SHAPE[1] - 160)
        h, w = rng.integers(20, 160, 2)
        label_ids[y : y + h, x : x + w] = 26 if n % 2 else 24
        instances[y : y + h, x : x + w] = (26 if n % 2 else 24) * 1000 + n
    predicted = np.where(rng.random(SHAPE) < 0.1, 7, np.roll(label_ids, 7, 1)).astype(np.uint8)
    return label_ids, instances, predicted


def official_confusion(truth, predicted, matrix):
    """The pattern of evalPixelLevelSemanticLabeling.py without its C extension: np.unique of the encoded pairs."""
    base = max(truth.max(), predicted.max()).astype(np.int32) + 1
    values, counts = np.unique(truth.astype(np.int32) * base + predicted, return_counts=True)
    for value, n in zip(values, counts):
        matrix[value // base][value % base] += n


def official_instances(instances, predicted):
    """The pattern of the same file for the iIoU: one mask per instance, and one per category."""
    masks = [np.isin(predicted, ids).reshape(predicted.shape) for ids in ([24, 25], [26, 27, 28, 29, 30, 31, 32, 33])]
    found = []
    for code in np.unique(instances[instances > 1000]):
        mask = instances == code
        category = masks[0] if code // 1000 in (24, 25) else masks[1]
        hits = np.count_nonzero(predicted[mask] == code // 1000)
        found.append((np.count_nonzero(mask), hits, np.count_nonzero(np.logical_and(mask, category))))
    return found


def candidates(truth, instances, predicted) -> dict:
    train, predicted_train = (scores_table()[a] for a in (truth, predicted))
    confidence = np.random.default_rng(0).random(SHAPE, np.float32)
    found = {
        "confusion, official pattern": lambda: official_confusion(truth, predicted, np.zeros((34, 34), np.ulonglong)),
        "confusion, seglib": lambda: scores.confusion(train, predicted_train, 19),
        "iIoU, official pattern": lambda: official_instances(instances, predicted),
        "iIoU, seglib": lambda: scores.instance_sums(train, instances, predicted_train, 19),
        "cityscapes, seglib": lambda: scores.cityscapes(truth, instances, predicted),
        "boundary, seglib": lambda: scores.boundary_counts(train, predicted_train, 19),
        "calibration, seglib": lambda: scores.calibration_counts(train, predicted_train, confidence),
    }
    try:
        functional = importlib.import_module("torchmetrics.functional.classification")
        a, b = (torch.as_tensor(array).long() for array in (predicted_train, train))
        found["confusion, torchmetrics"] = lambda: functional.multiclass_confusion_matrix(a, b, num_classes=19, ignore_index=255)
    except ImportError:
        print("torchmetrics is not installed: pip install --no-deps -r tests/requirements-peers.txt")
    return found


def scores_table():
    return importlib.import_module("seglib.labels").CITYSCAPES.from_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="report/results/measure-scores.json")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    seconds = paired(candidates(*scene()), arguments.rounds)
    rows = {name: {"milliseconds": round(1000 * sorted(values)[len(values) // 2], 1)} for name, values in seconds.items()}
    for what in ("confusion", "iIoU"):
        rows[f"{what}, seglib"]["times as fast as the official pattern"] = round(
            ratio(seconds, f"{what}, official pattern", f"{what}, seglib"), 1
        )
    for name, row in rows.items():
        print(f"{name:30s} " + "  ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.write:
        write("scores", {"size": list(SHAPE), "instances": INSTANCES, "rows": rows})


if __name__ == "__main__":
    main()
