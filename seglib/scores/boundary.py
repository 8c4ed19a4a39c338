"""Boundary IoU (Cheng et al. 2021): intersection over union of the pixels near a class's contour, which thin classes consist of."""

import cv2
import numpy as np

from seglib.labels import IGNORE

RATIO = 0.005  # of the image diagonal: Cheng et al.'s width for Cityscapes, 11 px at 2048x1024


def boundary_width(shape: tuple[int, int]) -> int:
    """Pixels of the band for an image (H, W)."""
    return max(1, round(RATIO * float(np.hypot(*shape))))


def _band(labels: np.ndarray, width: int) -> np.ndarray:
    """(H, W) uint8 -> bool: pixels within `width` (chessboard distance) of a pixel of another class or of the image's outside.

    A square window of one class has equal minimum and maximum, so two filters give the bands of all classes at once, equal to one
    erosion per class.
    """
    outside = cv2.copyMakeBorder(labels, width, width, width, width, cv2.BORDER_CONSTANT, value=254)
    window = np.ones((2 * width + 1, 1), np.uint8)
    low, high = (operation(operation(outside, window), window.T) for operation in (cv2.erode, cv2.dilate))
    return (low != high)[width:-width, width:-width]


def boundary_counts(target, prediction, num_classes: int, width: int | None = None) -> np.ndarray:
    """tp, fp, fn per class within the band: (3, K) int64. target, prediction (H, W) uint8 train ids; void truth counts nowhere.

    tp: pixels of the class in both maps and in both bands; fp, fn: pixels of the band of one map only. Summed over images, where the
    paper averages over instances.
    """
    target, prediction = np.ascontiguousarray(target, np.uint8), np.ascontiguousarray(prediction, np.uint8)
    if target.shape != prediction.shape or target.ndim != 2:
        raise ValueError(f"target {target.shape} and prediction {prediction.shape}: expected (H, W) twice")
    width = boundary_width(target.shape) if width is None else width
    valid = target != IGNORE
    near_truth, near_prediction = _band(target, width) & valid, _band(prediction, width) & valid
    both = near_truth & near_prediction & (target == prediction)
    hits, truth, predicted = (
        np.bincount(labels[mask], minlength=256)[:num_classes]
        for labels, mask in ((target, both), (target, near_truth), (prediction, near_prediction))
    )
    return np.stack([hits, predicted - hits, truth - hits])
