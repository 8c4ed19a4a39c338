"""How hard each loss pulls on an untrained network: the L1 norm of dL/dlogits where every class has probability 1/K, in closed form.

With the shares f_l of the classes in place of sums over pixels, the sums of a class are I = f/K (hits), A = f (truth), P = 1/K
(prediction), and the softmax turns dL/dp_k into dL/dz_k = p_k (dL/dp_k - sum_j p_j dL/dp_j). All K classes count as present.
"""

from collections.abc import Callable

import numpy as np

Slopes = tuple[np.ndarray, np.ndarray]  # (K,) dL/dI and dL/dP


def _dice(hits: np.ndarray, truth: np.ndarray, predicted: float) -> Slopes:
    total = truth + predicted
    return -2 / total, 2 * hits / total**2


def _soft_iou(hits: np.ndarray, truth: np.ndarray, predicted: float) -> Slopes:
    union = truth + predicted - hits
    return -(1 / union + hits / union**2), hits / union**2


REGIONS: dict[str, Callable[..., Slopes]] = {"dice": _dice, "soft_iou": _soft_iou}


def gradient_sizes(shares: np.ndarray) -> dict[str, float]:
    """{loss: L1 norm} for class shares (K,) that sum to 1; a class without pixels is left out of K.

    Cross-entropy's is 2 (1 - 1/K): each pixel pulls 1 - 1/K towards its class and as much away from the others.
    """
    share = np.asarray(shares, float)
    share = share[share > 0] / share[share > 0].sum()
    classes = len(share)
    found = {"cross_entropy": 2 * (1 - 1 / classes)}
    for name, slopes in REGIONS.items():
        hit, area = (slope / classes for slope in slopes(share / classes, share, 1 / classes))
        pull = np.diag(hit) + area  # (true class, class): dL/dp at a pixel
        logits = (pull - pull.mean(1, keepdims=True)) / classes
        found[name] = float(share @ np.abs(logits).sum(1))
    return found


def left_to_the_frequent(shares: np.ndarray, frequent: float = 0.05) -> tuple[float, float]:
    """(share of the pixels, share of generalised Dice's weight) of the classes with more than `frequent` of the pixels, shares (K,) of 1.

    A class of share f enters both of its sums with its weight times its pixels, f / f^2 = 1 / f (Sudre et al. 2017).
    """
    share = np.asarray(shares, float)
    share = share[share > 0] / share[share > 0].sum()
    chosen, weight = share > frequent, 1 / share
    return float(share[chosen].sum()), float(weight[chosen].sum() / weight.sum())
