"""Counting one image: confusion, instances, calibration; and adding images up."""

from collections.abc import Iterable

import numpy as np

from seglib.labels import AVERAGE_INSTANCE_SIZE, CATEGORIES, CITYSCAPES, CITYSCAPES_LABELS, IGNORE, TABLES
from seglib.records import Scores
from seglib.scores.boundary import boundary_counts

BINS = 15  # of the calibration error (Guo et al. 2017)


def pair_counts(target, prediction) -> np.ndarray:
    """Labels twice -> (256, 256) int64: pixels by (truth, prediction). ValueError where shapes differ or a label needs more than a byte."""
    target, prediction = as_bytes(target, "target"), as_bytes(prediction, "prediction")
    if target.shape != prediction.shape:
        raise ValueError(f"target {target.shape} and prediction {prediction.shape} differ in shape")
    # Two bytes hold the pair: half the traffic of int64 indices, and uint8 arithmetic would wrap.
    pairs = target.astype(np.uint16)
    pairs <<= 8
    pairs |= prediction
    return np.bincount(pairs.ravel(), minlength=65536).reshape(256, 256)


def as_bytes(labels, name: str) -> np.ndarray:
    """Anything np.asarray takes -> uint8. ValueError where a value does not fit, or is not an integer."""
    labels = np.asarray(labels)
    if labels.dtype == np.uint8:
        return labels
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {labels.dtype}, expected integer labels (argmax of the logits?)")
    if labels.size and (labels.min() < 0 or labels.max() > 255):
        raise ValueError(f"{name} holds labels from {labels.min()} to {labels.max()}, expected 0 to 255")
    return labels.astype(np.uint8)


def confusion(target, prediction, num_classes: int) -> np.ndarray:
    """Pixels by truth (rows) and prediction: (K, K+1) int64, last column = predicted void. Void truth (IGNORE) counts nowhere.

    Predicted void is IGNORE or K, the argmax of a net that was trained with void as a class. ValueError where shapes differ, or
    where truth or prediction holds any other label.
    """
    pairs = pair_counts(target, prediction)
    for name, counts, first in (("target", pairs.sum(1), num_classes), ("prediction", pairs.sum(0), num_classes + 1)):
        wrong = np.flatnonzero(counts[first:IGNORE]) + first
        if wrong.size:
            raise ValueError(f"{name} holds labels {wrong[:8].tolist()} outside [0, {num_classes}) that are not {IGNORE} (void)")
    void = pairs[:num_classes, num_classes] + pairs[:num_classes, IGNORE]
    return np.hstack([pairs[:num_classes, :num_classes], void[:, None]])


def image_counts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K, K or more) matrix -> true positives, false positives, false negatives (K,); columns beyond K are misses."""
    matrix = np.asarray(matrix)
    hits = np.diagonal(matrix).copy()
    return hits, matrix[:, : len(matrix)].sum(0) - hits, matrix.sum(1) - hits


def _size_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per Cityscapes id (34,): the iIoU's mean size (0: not scored), the train id, the index of the category (-1: void)."""
    scored = [row.train_id != IGNORE and row.has_instances for row in CITYSCAPES_LABELS]
    size = [AVERAGE_INSTANCE_SIZE[row.name] if ok else 0.0 for row, ok in zip(CITYSCAPES_LABELS, scored)]
    category = [CATEGORIES.index(row.category) if row.category in CATEGORIES else -1 for row in CITYSCAPES_LABELS]
    return np.array(size), np.array([row.train_id for row in CITYSCAPES_LABELS]), np.array(category)


MEAN_SIZE, TRAIN_ID, CATEGORY = _size_weights()


def instance_hits(instances, prediction, to_ids: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scored instances of one image, all in one count of (instance, predicted id) pairs.

    instances (H, W) in the Cityscapes coding: id * 1000 + number; up to 1000 a group or no instance. prediction (H, W) uint8 label
    ids, or labels that `to_ids` (256,) turns into ids. Returns ids (M,), weights (M,) = mean size of the class / size, and (M, 3)
    int64: pixels, hits, hits of the category. ValueError for an instance of an id that has none (a KeyError in the official scorer).
    """
    instances = np.asarray(instances)
    if instances.shape != prediction.shape:
        raise ValueError(f"instances {instances.shape} and prediction {prediction.shape} differ in shape")
    chosen = instances.ravel() > 1000
    codes, predicted = instances.ravel()[chosen], prediction.ravel()[chosen]
    if codes.size and codes.max() >= 1000 * len(CATEGORY):
        raise ValueError(f"instance {codes.max()} belongs to no id of the table (0 to {len(CATEGORY) - 1})")
    found = np.flatnonzero(np.bincount(codes, minlength=1))
    place = np.zeros(found[-1] + 1 if found.size else 1, np.uint32)
    place[found] = np.arange(len(found)) << 8
    pairs = np.bincount(place[codes] | predicted, minlength=len(found) << 8).reshape(-1, 256)  # (M, 256): instance, predicted label
    label = np.arange(256) if to_ids is None else to_ids.astype(np.int64)
    category = np.append(CATEGORY, [-1] * (256 - len(CATEGORY)))
    ids = found // 1000
    hits = (pairs * (label == ids[:, None])).sum(1)
    category_hits = (pairs * (category[label] == category[ids][:, None])).sum(1)
    return _scored(found, np.stack([pairs.sum(1), hits, category_hits], 1))


def _scored(found: np.ndarray, counts: np.ndarray):
    """Drop the instances of ids that are not evaluated; refuse those of ids that have no instances (road, sky)."""
    ids = found // 1000
    wrong = (TRAIN_ID[ids] != IGNORE) & (MEAN_SIZE[ids] == 0)
    if wrong.any():
        raise ValueError(f"instance {found[wrong][0]}: the class {CITYSCAPES_LABELS[ids[wrong][0]].name!r} has no instances")
    keep = MEAN_SIZE[ids] > 0
    ids, counts = ids[keep], counts[keep]
    return ids, MEAN_SIZE[ids] / counts[:, 0], counts


def instance_sums(target, instances, prediction, num_classes: int):
    """Weighted sums of the iIoU of one image, on train ids: tp, fn (K,) and category tp, fn (7,), float64.

    target and prediction (H, W) train ids of the 19 Cityscapes classes, instances (H, W) in the Cityscapes coding. Each pixel of an
    instance counts mean size of its class / size of the instance (Cordts et al. 2016, section 4.1); groups count nothing.
    """
    if num_classes != CITYSCAPES.num_classes:
        raise ValueError(f"instances are coded in the {CITYSCAPES.num_classes} classes of Cityscapes, not {num_classes}")
    if np.shape(target) != np.shape(prediction):
        raise ValueError(f"target {np.shape(target)} and prediction {np.shape(prediction)} differ in shape")
    ids, weight, counts = instance_hits(instances, as_bytes(prediction, "prediction"), CITYSCAPES.to_file)
    pixels, hits, category_hits = counts.T
    train, category = TRAIN_ID[ids], CATEGORY[ids]
    return (
        np.bincount(train, weight * hits, num_classes),
        np.bincount(train, weight * (pixels - hits), num_classes),
        np.bincount(category, weight * category_hits, len(CATEGORIES)),
        np.bincount(category, weight * (pixels - category_hits), len(CATEGORIES)),
    )


def calibration_counts(target, prediction, confidence) -> np.ndarray:
    """(15, 3) float64: per confidence bin the valid pixels, the sum of confidence, the correct pixels. confidence (H, W) in [0, 1]."""
    target, prediction, confidence = np.asarray(target), np.asarray(prediction), np.asarray(confidence)
    if not target.shape == prediction.shape == confidence.shape:
        raise ValueError(f"target {target.shape}, prediction {prediction.shape}, confidence {confidence.shape} differ in shape")
    if not (confidence.min(initial=1) >= 0 and confidence.max(initial=0) <= 1 + 1e-5):  # also refuses NaN
        raise ValueError("confidence must lie in [0, 1]: NaN logits, or not a softmax")
    bins = np.minimum((confidence * BINS).astype(np.uint8), BINS - 1)
    bins[target == IGNORE] = BINS  # one more bin, dropped below: cheaper than picking out the valid pixels
    correct = np.bincount(bins[target == prediction], minlength=BINS + 1)
    columns = np.bincount(bins.ravel(), minlength=BINS + 1), np.bincount(bins.ravel(), confidence.ravel(), BINS + 1), correct
    return np.stack(columns, 1)[:BINS].astype(np.float64)


def count(target, prediction, num_classes: int, *, instances=None, confidence=None, boundary=True, labels="cityscapes") -> Scores:
    """All counts of one image as Scores with N = 1. target, prediction (H, W) train ids; instances, confidence (H, W) or None."""
    if num_classes != TABLES[labels].num_classes:
        raise ValueError(f"label table {labels!r} has {TABLES[labels].num_classes} classes, not {num_classes}")
    matrix = confusion(target, prediction, num_classes)
    hits, wrong, missed = image_counts(matrix)
    sums = (None,) * 4 if instances is None else instance_sums(target, instances, prediction, num_classes)
    return Scores(
        matrix, hits[None], wrong[None], missed[None], *sums,
        boundary=boundary_counts(target, prediction, num_classes) if boundary else None,
        calibration=None if confidence is None else calibration_counts(target, prediction, confidence),
        labels=labels,
    )  # fmt: skip


def accumulate(images: Iterable[Scores]) -> Scores:
    """Scores of images (or of splits) -> Scores of all: sums, with the per-image counts in the order given.

    A count that some image lacks is None. ValueError for no image at all, or for two label tables.
    """
    return _add(images, np.concatenate)


def pool(runs: Iterable[Scores]) -> Scores:
    """Scores of several runs on the same images -> their sum, image by image: for one confusion matrix of them all. As accumulate."""
    return _add(runs, sum)


def _add(scores: Iterable[Scores], join_images) -> Scores:
    """Sum every count; `join_images` says what becomes of the per-image ones, a list of (N, K)."""
    scores = list(scores)
    if not scores:
        raise ValueError("no images to score: the data set is empty")
    if len(tables := {one.labels for one in scores}) > 1:
        raise ValueError(f"scores of different label tables cannot be added: {sorted(tables)}")
    total = {"labels": scores[0].labels}
    for name in vars(scores[0]).keys() - {"labels"}:
        parts = [getattr(one, name) for one in scores]
        join = join_images if name in ("tp", "fp", "fn") else sum
        total[name] = None if any(part is None for part in parts) else join(parts)
    return Scores(**total)


def label_ids(prediction, labels: str = "cityscapes") -> np.ndarray:
    """Train ids (H, W) -> ids of the data set's files (H, W) uint8, what the Cityscapes server scores. ValueError outside the table."""
    table = TABLES[labels]
    prediction = as_bytes(prediction, "prediction")
    if ((prediction > table.num_classes) & (prediction != IGNORE)).any():
        raise ValueError(f"prediction holds {prediction[prediction != IGNORE].max()}, the table {labels!r} ends at {table.num_classes - 1}")
    return table.to_file[prediction]  # K, the void of a net with void as a class, becomes the files' void like IGNORE
