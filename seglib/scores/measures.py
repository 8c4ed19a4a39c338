"""Scores that follow from counts. Matrices (K, K+1): rows = truth, columns beyond K = predicted void, which are misses."""

import numpy as np

from seglib.labels import CATEGORIES, CITYSCAPES_LABELS, IGNORE, INSTANCE_CLASSES
from seglib.records import Scores
from seglib.scores.counts import image_counts

_ROWS = {row.train_id: row for row in CITYSCAPES_LABELS if row.train_id != IGNORE}
CLASS_CATEGORY = np.array([CATEGORIES.index(_ROWS[k].category) for k in sorted(_ROWS)])  # (19,) train id -> category


FOUND = 0.005  # a class with a lower IoU counts as never found


def ratio(part, whole) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def mean(values) -> float:
    """Mean of the values that are defined; NaN where none is."""
    values = np.asarray(values, np.float64)
    return float(values[~np.isnan(values)].mean()) if (~np.isnan(values)).any() else float("nan")


def over_seeds(values) -> np.ndarray:
    """(seeds, ...) -> (...): mean over the seeds that are defined; NaN where none is."""
    values = np.asarray(values, np.float64)
    return ratio(np.nansum(values, axis=0), np.isfinite(values).sum(axis=0))


def _matrix(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[1] < matrix.shape[0]:
        raise ValueError(f"expected a matrix (K, K) or (K, K+1), got {matrix.shape}")
    return matrix


def iou(matrix) -> np.ndarray:
    """(K,) tp / (tp + fp + fn) per class; NaN for a class neither present nor predicted."""
    hits, wrong, missed = image_counts(_matrix(matrix))
    return ratio(hits, hits + wrong + missed)


def mean_iou(matrix) -> float:
    """Mean over the defined classes, one number per data set."""
    return mean(iou(matrix))


def pixel_accuracy(matrix) -> float:
    """Correct valid pixels / valid pixels."""
    matrix = _matrix(matrix)
    return float(ratio(np.trace(matrix), matrix.sum()))


def class_accuracy(matrix) -> float:
    """Mean over the classes present of the share of their pixels found (mean recall)."""
    matrix = _matrix(matrix)
    return mean(ratio(np.diagonal(matrix), matrix.sum(1)))


def frequency_weighted_iou(matrix) -> float:
    """Sum over the classes of (share of the pixels) * IoU (Long et al. 2015); absent classes weigh 0."""
    share = ratio(_matrix(matrix).sum(1), np.sum(matrix))
    return float(np.nansum(share * iou(matrix))) if np.sum(matrix) else float("nan")


def category_iou(matrix) -> np.ndarray:
    """(19, 19 or 20) matrix of train ids -> (7,) IoU of flat, construction, object, nature, sky, human, vehicle."""
    return iou(category_matrix(matrix))


def category_matrix(matrix) -> np.ndarray:
    """(19, 19 or 20) -> (7, 7 or 8): rows and columns of a category added up."""
    matrix = _matrix(matrix)
    if len(matrix) != len(CLASS_CATEGORY):
        raise ValueError(f"categories are defined for the {len(CLASS_CATEGORY)} classes of Cityscapes, not {len(matrix)}")
    rows = np.eye(len(CATEGORIES), dtype=np.int64)[CLASS_CATEGORY]  # (19, 7)
    return np.hstack([rows.T @ matrix[:, : len(matrix)] @ rows, rows.T @ matrix[:, len(matrix) :]])


def instance_iou(scores: Scores) -> np.ndarray:
    """(K,) iIoU = itp / (itp + fp + ifn), the hits and misses weighted, fp not (Cordts et al. 2016); NaN for classes without instances."""
    if scores.instance_tp is None:
        raise ValueError("these scores have no instance sums: the data set has no instances")
    _, wrong, _ = image_counts(scores.matrix)
    result = ratio(scores.instance_tp, scores.instance_tp + wrong + scores.instance_fn)
    result[[k for k in range(len(result)) if k not in INSTANCE_CLASSES]] = np.nan
    return result


def category_instance_iou(scores: Scores) -> np.ndarray:
    """(7,) iIoU of the categories, NaN for all but human and vehicle."""
    if scores.category_instance_tp is None:
        raise ValueError("these scores have no instance sums: the data set has no instances")
    _, wrong, _ = image_counts(category_matrix(scores.matrix))
    result = ratio(scores.category_instance_tp, scores.category_instance_tp + wrong + scores.category_instance_fn)
    return np.where(np.isin(CATEGORIES, ["human", "vehicle"]), result, np.nan)


def boundary_iou(scores: Scores) -> np.ndarray:
    """(K,) IoU of the pixels within the boundary band (Cheng et al. 2021)."""
    if scores.boundary is None:
        raise ValueError("these scores have no boundary counts")
    return ratio(scores.boundary[0], scores.boundary.sum(0))


def image_iou(scores: Scores) -> np.ndarray:
    """(N, K) IoU of each image; NaN where the class is neither in the image nor predicted there."""
    if scores.tp is None:
        raise ValueError("these scores have no counts per image")
    return ratio(scores.tp, scores.tp + scores.fp + scores.fn)


def mean_image_iou(scores: Scores) -> float:
    """Mean over images of their mean IoU. Not the data set's IoU: an image of few classes weighs as much as any."""
    return mean([mean(row) for row in image_iou(scores)])


def calibration_error(scores: Scores) -> float:
    """Expected calibration error over 15 bins: mean over pixels of |accuracy - confidence| of their bin (Guo et al. 2017)."""
    if scores.calibration is None:
        raise ValueError("these scores have no calibration bins")
    pixels, confidence, correct = scores.calibration.T
    return float(np.abs(correct - confidence).sum() / pixels.sum()) if pixels.sum() else float("nan")
