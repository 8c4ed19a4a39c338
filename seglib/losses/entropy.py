"""Cross-entropy, plain and weighted by median frequency."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from seglib.losses.labels import class_index


def cross_entropy(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Mean over the valid pixels of -log p[y]. logits (B, K, H, W), target (B, H, W) -> scalar."""
    total = cross_entropy_sums(logits, class_index(logits, target))
    return cross_entropy_from_sums(total if reduce is None else reduce(total))


def weighted_cross_entropy(logits: Tensor, target: Tensor, weights=None, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Cross-entropy with a weight per class, divided by the sum of the weights of the valid pixels, as torch does. weights (K,)."""
    if weights is None:
        raise ValueError("weighted_cross_entropy needs weights: bind median_frequency_weights(pixel counts of the train split)")
    weights = torch.as_tensor(weights, dtype=torch.float32, device=logits.device)
    if weights.shape != logits.shape[1:2]:
        raise ValueError(f"{logits.shape[1]} classes need as many weights, got {tuple(weights.shape)}")
    total = cross_entropy_sums(logits, class_index(logits, target), weights)
    return cross_entropy_from_sums(total if reduce is None else reduce(total))


def cross_entropy_sums(logits: Tensor, index: Tensor, weights: Tensor | None = None) -> Tensor:
    """(2,): the sum of w[y] * -log p[y] and the sum of w[y] over the valid pixels. index (B, H, W) as class_index gives it."""
    num_classes = logits.shape[1]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    weights = None if weights is None else weights.to(logits.dtype)
    # reduction="none", because the reducing 4-D kernel of CUDA has no deterministic form.
    pixels = F.cross_entropy(logits, index, weights, ignore_index=num_classes, reduction="none")
    if weights is None:
        count = (index != num_classes).sum().to(logits.dtype)
    else:
        count = torch.cat([weights, weights.new_zeros(1)])[index].sum()
    return torch.stack([pixels.sum(), count])


def cross_entropy_from_sums(total: Tensor) -> Tensor:
    """(2,) -> scalar: the mean, 0 where no pixel is valid."""
    return total[0] / torch.where(total[1] > 0, total[1], 1)


def median_frequency_weights(counts) -> Tensor:
    """Pixels per class (K,) -> weights (K,) float32: median frequency / frequency (Eigen and Fergus 2015).

    A class without a pixel has weight 0 and is left out of the median. The paper divides by the pixels of the images that hold the
    class; from counts of a whole split it is the plain frequency.
    """
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 1 or (counts < 0).any() or not counts.any():
        raise ValueError(f"expected pixel counts per class, some of them positive, got {counts.tolist()}")
    present = counts > 0
    weights = np.where(present, np.median(counts[present]) / np.where(present, counts, 1), 0)
    return torch.as_tensor(weights, dtype=torch.float32)
