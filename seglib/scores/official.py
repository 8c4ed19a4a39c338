"""The Cityscapes pixel-level evaluation on the 34 ids, number for number (cityscapesScripts, Cordts et al. 2016)."""

from dataclasses import dataclass

import numpy as np

from seglib.labels import CATEGORIES, CITYSCAPES_LABELS, IGNORE
from seglib.scores.counts import CATEGORY, as_bytes, instance_hits, pair_counts
from seglib.scores.measures import mean, ratio

IDS = len(CITYSCAPES_LABELS)
_EVALUATED = np.array([row.train_id != IGNORE for row in CITYSCAPES_LABELS])
_HAS_INSTANCES = np.array([row.has_instances for row in CITYSCAPES_LABELS])


@dataclass(frozen=True)
class CityscapesCounts:
    """Sums over images, on label ids: matrix (34, 34) int64; weighted instance hits and misses (34,), of categories (7,), float64."""

    matrix: np.ndarray
    tp: np.ndarray
    fn: np.ndarray
    category_tp: np.ndarray
    category_fn: np.ndarray

    def __add__(self, other: "CityscapesCounts") -> "CityscapesCounts":
        return CityscapesCounts(*(a + b for a, b in zip(vars(self).values(), vars(other).values())))


def cityscapes(label_ids, instance_ids, predicted_ids) -> CityscapesCounts:
    """Count one image: label_ids, predicted_ids (H, W) label ids in [0, 34), instance_ids (H, W) in the Cityscapes coding.

    Add the counts of images, then read `cityscapes_scores`. ValueError where shapes differ or an id is not in the table.
    """
    predicted_ids = as_bytes(predicted_ids, "predicted_ids")
    pairs = pair_counts(label_ids, predicted_ids)
    if pairs[IDS:].any() or pairs[:, IDS:].any():
        wrong = max(np.flatnonzero(pairs.any(1)).max(), np.flatnonzero(pairs.any(0)).max())
        raise ValueError(f"label id {wrong} is not in the table of {IDS} ids: write label ids, not train ids or colours")
    ids, weight, counts = instance_hits(instance_ids, predicted_ids)
    pixels, hits, category_hits = counts.T
    by_class = [np.bincount(ids, weight * n, IDS) for n in (hits, pixels - hits)]
    by_category = [np.bincount(CATEGORY[ids], weight * n, len(CATEGORIES)) for n in (category_hits, pixels - category_hits)]
    return CityscapesCounts(pairs[:IDS, :IDS].copy(), *by_class, *by_category)


def cityscapes_scores(counts: CityscapesCounts) -> dict[str, dict[str, float] | float]:
    """Counts -> the official scorer's results under its own names: classScores, classInstScores, categoryScores, categoryInstScores
    (name -> score, NaN where undefined) and their averages averageScoreClasses, ...InstClasses, ...Categories, ...InstCategories."""
    matrix = counts.matrix
    valid = matrix * _EVALUATED[:, None]  # rows of void truth count nowhere
    hits = np.diagonal(matrix)
    wrong, missed = valid.sum(0) - hits * _EVALUATED, matrix.sum(1) - hits
    classes = np.where(_EVALUATED, ratio(hits, hits + wrong + missed), np.nan)
    instances = np.where(_EVALUATED & _HAS_INSTANCES, ratio(counts.tp, counts.tp + wrong + counts.fn), np.nan)
    categories, category_instances = zip(*(_category(matrix, valid, counts, c) for c in range(len(CATEGORIES))))
    names = [row.name for row in CITYSCAPES_LABELS]
    table = {
        "Classes": ("classScores", names, classes),
        "InstClasses": ("classInstScores", names, instances),
        "Categories": ("categoryScores", CATEGORIES, categories),
        "InstCategories": ("categoryInstScores", CATEGORIES, category_instances),
    }
    result = {key: {name: float(v) for name, v in zip(keys, values)} for key, keys, values in table.values()}
    return result | {f"averageScore{suffix}": mean(values) for suffix, (_, _, values) in table.items()}


def _category(matrix, valid, counts, c) -> tuple[float, float]:
    """IoU and iIoU of one category. Its IoU sees the evaluated ids only, its iIoU all of them (caravan and trailer are vehicles)."""
    members = np.equal(CATEGORY, c)
    scored = members & _EVALUATED
    hits = matrix[np.ix_(scored, scored)].sum()
    missed = matrix[scored].sum() - hits
    others = valid[~members]
    plain = ratio(hits, hits + missed + others[:, scored].sum())
    if not _HAS_INSTANCES[members].all():
        return float(plain), float("nan")
    weighted, lost = counts.category_tp[c], counts.category_fn[c]
    return float(plain), float(ratio(weighted, weighted + lost + others[:, members].sum()))
