"""Soft IoU, Dice and generalised Dice: losses of three sums per class, pooled over the batch and, where asked, over processes.

Each loss is two steps, logits -> `region_sums` (3, K) -> scalar. Training on several processes hands in `reduce`, an all-reduce of the
sums that also sums gradients backward (torch.distributed.nn.functional.all_reduce): every process then holds the loss of the
whole batch, and averaging the parameters' gradients gives what one process would have computed.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from seglib.losses.entropy import cross_entropy_from_sums, cross_entropy_sums
from seglib.losses.labels import class_index


def region_sums(logits: Tensor, index: Tensor) -> Tensor:
    """(3, K): per class sum r p, sum p, sum r over the valid pixels, r the one-hot truth, p the softmax. index as class_index gives it."""
    num_classes = logits.shape[1]
    with torch.autocast(logits.device.type, enabled=False):
        probability = (logits if logits.dtype == torch.float64 else logits.float()).softmax(1)
        valid = (index != num_classes).to(probability.dtype)
        own = probability.gather(1, index.clamp(max=num_classes - 1).unsqueeze(1)).squeeze(1)  # (B, H, W): p of the true class
        rows = probability.new_zeros(*index.shape[:2], num_classes + 1)
        overlap = rows.scatter_add(2, index, own).sum((0, 1))[:-1]
        count = torch.zeros_like(rows).scatter_add(2, index, valid).sum((0, 1))[:-1]
        return torch.stack([overlap, torch.einsum("bkhw,bhw->k", probability, valid), count])


def _pooled(logits, target, reduce):
    sums = region_sums(logits, class_index(logits, target))
    return sums if reduce is None else reduce(sums)


def _present_mean(per_class: Tensor, count: Tensor) -> Tensor:
    """Mean of (K,) over the classes with a pixel; 0 where there is none."""
    present = (count > 0).to(per_class.dtype)
    return (per_class * present).sum() / present.sum().clamp(min=1)


def soft_iou(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """1 - mean soft IoU over the classes present in the batch (Rahman and Wang 2016). logits (B, K, H, W), target (B, H, W) -> scalar."""
    overlap, predicted, count = _pooled(logits, target, reduce)
    union = predicted + count - overlap
    return _present_mean(1 - overlap / torch.where(count > 0, union, 1), count)


def dice_from_sums(sums: Tensor) -> Tensor:
    """(3, K) -> 1 - mean Dice over the classes present."""
    overlap, predicted, count = sums
    return _present_mean(1 - 2 * overlap / torch.where(count > 0, predicted + count, 1), count)


def dice(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """1 - mean soft Dice over the classes present in the batch (macro; Milletari et al. 2016 without squares)."""
    return dice_from_sums(_pooled(logits, target, reduce))


def generalised_dice(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """1 - 2 sum_l w_l sum r p / sum_l w_l sum (r + p), w_l = 1 / (sum r)^2 (Sudre et al. 2017). An absent class weighs 0."""
    overlap, predicted, count = _pooled(logits, target, reduce)
    weight = torch.where(count > 0, 1 / count.clamp(min=1) ** 2, 0)
    whole = (weight * (predicted + count)).sum()
    return (whole - 2 * (weight * overlap).sum()) / torch.where(whole > 0, whole, 1)


def cross_entropy_dice(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Cross-entropy + Dice, equally weighted (as nnU-Net, Isensee et al. 2021)."""
    index = class_index(logits, target)
    pair, sums = cross_entropy_sums(logits, index), region_sums(logits, index)
    if reduce is not None:
        joined = reduce(torch.cat([pair, sums.flatten()]))
        pair, sums = joined[:2], joined[2:].view_as(sums)
    return cross_entropy_from_sums(pair) + dice_from_sums(sums)
