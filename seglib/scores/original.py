"""The original study's own scores (Fixman and Vaitsas 2024), rewritten from their formulas to be shown beside the right ones.

Both work on K channels (34 ids there), leave out one id only, and are means over images; a class absent from an image counts as 0,
so a perfect prediction of an image with 16 of 34 ids scores 15 / 34 = 44.1 %.
"""

import numpy as np


def _counts(target, prediction, num_classes, ignore):
    target, prediction = np.asarray(target).ravel().astype(np.int64), np.asarray(prediction).ravel().astype(np.int64)
    keep = target != ignore
    pairs = np.bincount(target[keep] * num_classes + prediction[keep], minlength=num_classes**2).reshape(num_classes, num_classes)
    hits = np.diagonal(pairs)
    return hits, pairs.sum(0) - hits, pairs.sum(1) - hits


def original_iou(target, prediction, num_classes: int = 34, ignore: int = 0) -> float:
    """One image: mean over all K channels of I / max(U, 1e-6), absent channels 0. target, prediction (H, W) ids -> score in [0, 1]."""
    hits, wrong, missed = _counts(target, prediction, num_classes, ignore)
    return float((hits / np.maximum(hits + wrong + missed, 1e-6)).mean())


def original_iiou(target, prediction, num_classes: int = 34, ignore: int = 0) -> float:
    """One image: hits and misses weighted by the class's pixels in the image instead of by instance, false positives left out.

    Without false positives it is the mean recall over K channels, never below the IoU. The official iIoU weights instances and keeps the
    false positives: it may lie on either side of the IoU.
    """
    hits, _, missed = _counts(target, prediction, num_classes, ignore)
    return float((hits / np.maximum(hits + missed, 1e-6)).mean())
