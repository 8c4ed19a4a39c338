"""Soft IoU, Dice and generalised Dice: losses of three sums per class, pooled over the batch and, where asked, over processes.

Each loss is two pure steps, logits -> `region_sums` (3, B, K) -> scalar. Training on several processes hands in `reduce`, an all-reduce
of the pooled sums that also sums gradients backward (torch.distributed.nn.functional.all_reduce): every process then holds the
loss of the whole batch, and averaging the parameters' gradients over processes gives what one process would have computed.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seglib.losses.entropy import cross_entropy_from_sums, cross_entropy_sums
from seglib.losses.labels import class_index, probabilities


class _RegionSums(torch.autograd.Function):
    """The sums and their gradient by hand: autograd would keep and move the (B, K, H, W) probabilities three times, this once.

    With p the softmax (0 at void), y the label and (a, b) the gradients of the first two sums, dL/dp_k = a_k [k = y] + b_k, and the
    softmax's own derivative gives dL/dz_k = p_k (dL/dp_k - s), s = sum_j p_j dL/dp_j = a_y p_y + sum_j b_j p_j.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, index: Tensor) -> Tensor:
        num_classes = logits.shape[1]
        void = index == num_classes
        own_index = index.masked_fill(void, 0)
        probability = probabilities(logits).mul_(~void.unsqueeze(1))  # (B, K, H, W), masked before any sum
        own = probability.gather(1, own_index.unsqueeze(1)).squeeze(1)  # (B, H, W): p of the true class, 0 at void
        # One bin per row and class: sums of at most W terms lose nothing in float32, and rows do not wait for each other.
        rows = probability.new_zeros(*index.shape[:2], num_classes + 1)
        overlap = rows.scatter_add(2, index, own).sum(1)[:, :num_classes]
        count = rows.scatter_add_(2, index, torch.ones_like(own)).sum(1)[:, :num_classes]
        ctx.save_for_backward(probability, own_index, own)
        ctx.dtype = logits.dtype
        return torch.stack([overlap, probability.sum((2, 3)), count])

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        probability, own_index, own = ctx.saved_tensors
        batch, num_classes = probability.shape[:2]
        a, b = gradient[0], gradient[1]  # (B, K) each
        a_own = a.gather(1, own_index.flatten(1)).view_as(own)
        with torch.autocast(probability.device.type, enabled=False):
            s = torch.bmm(b.unsqueeze(1), probability.flatten(2)).view_as(own)
        slope = b.view(batch, num_classes, 1, 1) - s.addcmul_(a_own, own).unsqueeze(1)
        slope.scatter_add_(1, own_index.unsqueeze(1), a_own.unsqueeze(1))
        return slope.mul_(probability).to(ctx.dtype), None


def region_sums(logits: Tensor, index: Tensor) -> Tensor:
    """Per image and class sum r p, sum p, sum r over the valid pixels: (3, B, K). r: one-hot truth, p: softmax.

    index as `class_index` gives it. No one-hot tensor is made; the peak is about 1.3 times the logits.
    """
    return _RegionSums.apply(logits, index)


def pooled(sums: Tensor, reduce: Callable[[Tensor], Tensor] | None, per_image: bool) -> Tensor:
    """(3, B, K) -> (3, G, K): one group, the batch of all processes, or each image a group of its own."""
    if per_image and reduce is not None:
        raise ValueError("per_image has nothing to pool over processes: drop reduce or per_image")
    if per_image:
        return sums
    sums = sums.sum(1, keepdim=True)
    return sums if reduce is None else reduce(sums)


def class_mean(losses: Tensor, count: Tensor, all_classes: bool) -> Tensor:
    """(G, K) per group and class -> scalar: mean over the classes with a pixel (or over all K), then over the groups with one.

    0 where no pixel is valid, by a product that also makes the gradient 0.
    """
    valid = (count > 0).any(1)
    taken = (valid[:, None].expand_as(count) if all_classes else count > 0).to(losses.dtype)
    groups = (losses * taken).sum(1) / taken.sum(1).clamp(min=1)
    return groups.sum() / valid.sum().clamp(min=1)


def soft_iou(logits: Tensor, target: Tensor, *, reduce=None, per_image: bool = False, all_classes: bool = False) -> Tensor:
    """1 - mean soft IoU over the classes present in the batch (Rahman and Wang 2016). logits (B, K, H, W), target (B, H, W) -> scalar.

    per_image: the mean of each image's own loss. all_classes: absent classes are averaged in, with their IoU of 0.
    """
    overlap, predicted, count = pooled(region_sums(logits, class_index(logits, target)), reduce, per_image)
    union = predicted + count - overlap
    return class_mean(1 - overlap / torch.where(count > 0, union, 1), count, all_classes)


def dice(logits: Tensor, target: Tensor, *, reduce=None, per_image: bool = False, all_classes: bool = False, smooth: float = 0.0) -> Tensor:
    """1 - mean soft Dice over the classes present in the batch (Milletari et al. 2016, without the squares). Options as soft_iou's.

    smooth: the s of (2 sum r p + s) / (sum r + sum p + s); 0, because absent classes are left out rather than smoothed.
    """
    return dice_from_sums(pooled(region_sums(logits, class_index(logits, target)), reduce, per_image), all_classes, smooth)


def dice_from_sums(sums: Tensor, all_classes: bool = False, smooth: float = 0.0) -> Tensor:
    """(3, G, K) -> scalar."""
    overlap, predicted, count = sums
    whole = torch.where(count > 0, predicted + count, 1)
    return class_mean(1 - (2 * overlap + smooth) / (whole + smooth), count, all_classes)


def generalised_dice(logits: Tensor, target: Tensor, *, reduce=None, per_image: bool = False) -> Tensor:
    """1 - 2 sum_l w_l sum r p / sum_l w_l sum (r + p), w_l = 1 / (sum r)^2 (Sudre et al. 2017). An absent class weighs 0.

    One ratio, not a mean of ratios; the weights are of the pooled counts, so they follow the batch rather than an image.
    """
    overlap, predicted, count = pooled(region_sums(logits, class_index(logits, target)), reduce, per_image)
    weight = torch.where(count > 0, count.clamp(min=1) ** -2, 0)
    whole = (weight * (predicted + count)).sum(1)  # (G,)
    valid = whole > 0
    ratio = (whole - 2 * (weight * overlap).sum(1)) / torch.where(valid, whole, 1)
    return ratio.sum() / valid.sum().clamp(min=1)


def cross_entropy_dice(logits: Tensor, target: Tensor, *, reduce=None) -> Tensor:
    """Cross-entropy + Dice, equally weighted (as nnU-Net, Isensee et al. 2021)."""
    index = class_index(logits, target)
    pair, sums = cross_entropy_sums(logits, index), region_sums(logits, index).sum(1)
    if reduce is not None:  # one exchange for both
        joined = reduce(torch.cat([pair, sums.flatten()]))
        pair, sums = joined[:2], joined[2:].view_as(sums)
    return cross_entropy_from_sums(pair) + dice_from_sums(sums.unsqueeze(1))
