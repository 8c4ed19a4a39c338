"""Lovasz-Softmax: the convex surrogate of the Jaccard loss (Berman et al. 2018)."""

from collections.abc import Callable

import torch
from torch import Tensor

from seglib.losses.labels import class_index


def lovasz(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Lovasz-Softmax over the classes present in the batch (Berman et al. 2018, eqs. 11-13, Alg. 1). logits (B, K, H, W) -> scalar.

    The sort is over the pixels of this process: `reduce` is accepted like everywhere and not used, so with several processes the
    loss is each one's own, and averaging gradients averages the losses.
    """
    index = class_index(logits, target)
    num_classes = logits.shape[1]
    with torch.autocast(logits.device.type, enabled=False):
        probability = (logits if logits.dtype == torch.float64 else logits.float()).softmax(1)
        index = index.flatten()
        losses = [_class_loss(probability[:, c].flatten(), index == c, index == num_classes) for c in range(num_classes)]
        per_class, count = torch.stack([loss for loss, _ in losses]), torch.stack([count for _, count in losses])
        present = (count > 0).to(per_class.dtype)
        return (per_class * present).sum() / present.sum().clamp(min=1)


def _class_loss(probability: Tensor, inside: Tensor, void: Tensor) -> tuple[Tensor, Tensor]:
    """One class: (P,) probability and masks -> its loss and its pixels. Void sorts last, where the weights are exactly 0."""
    errors = torch.where(inside, 1 - probability, probability).masked_fill(void, -1)
    errors, order = errors.sort(descending=True)
    return (errors * jaccard_weights(inside[order])).sum(), inside.sum()


def jaccard_weights(inside: Tensor) -> Tensor:
    """Truth (P,) bool in the order of falling error -> the steps of the Jaccard loss (P,), which sum to 1 where a pixel is inside.

    A missed pixel lowers the intersection I: step 1/U. A wrong one raises the union U: step I/(U-1) - I/U = I / (U (U-1)). In this
    form nothing cancels; the paper's difference of two float32 near 1 loses all digits of a step near 1e-7.
    """
    total = inside.sum()
    seen = inside.cumsum(0)  # of integers: exact, and deterministic on CUDA
    union = total + torch.arange(1, len(inside) + 1, device=inside.device) - seen
    left = (total - seen).to(torch.get_default_dtype())
    union = union.to(left.dtype)
    return torch.where(inside, 1 / union.clamp(min=1), left / (union * (union - 1)).clamp(min=1))
