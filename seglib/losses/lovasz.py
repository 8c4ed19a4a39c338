"""Lovasz-Softmax: the convex surrogate of the Jaccard loss (Berman et al. 2018)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seglib.losses.labels import class_index, probabilities


def lovasz(logits: Tensor, target: Tensor, *, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Lovasz-Softmax over the classes present in the batch (Berman et al. 2018, eqs. 11-13, Alg. 1). logits (B, K, H, W) -> scalar.

    The sort is over the pixels of this process: `reduce` is accepted as everywhere and not used, so with several processes each has
    the loss of its own part of the batch, and averaging gradients averages those losses.
    """
    return _Lovasz.apply(logits, class_index(logits, target))


class _Lovasz(torch.autograd.Function):
    """Sorts class by class, so that only one class's errors and order exist at a time, and keeps only the gradient."""

    @staticmethod
    def forward(ctx, logits: Tensor, index: Tensor) -> Tensor:
        probability, num_classes = probabilities(logits), logits.shape[1]
        pixels = index.flatten()  # (P,), P = B H W
        void = pixels == num_classes
        present = probability.new_zeros(num_classes + 1).index_fill_(0, pixels, 1)[:num_classes]
        # An absent class has loss 0 by itself. Sorting it is waste, but knowing so on CUDA would be one more wait for the device.
        classes = range(num_classes) if logits.is_cuda else present.nonzero().flatten().tolist()
        total, mean = probability.new_zeros(()), torch.zeros_like(probability[:, 0])
        slope = torch.zeros_like(probability)  # dL/dp, then dL/dz
        for c in classes:
            inside = pixels == c
            loss, step = class_loss(probability[:, c].flatten(), inside, void)
            total += loss
            slope[:, c] = torch.where(inside, -step, step).view_as(index)
            mean.addcmul_(probability[:, c], slope[:, c])
        scale = 1 / present.sum().clamp(min=1)
        ctx.save_for_backward(slope.sub_(mean.unsqueeze(1)).mul_(probability), scale)
        ctx.dtype = logits.dtype
        return total * scale

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        slope, scale = ctx.saved_tensors
        return (slope * (gradient * scale)).to(ctx.dtype), None


def class_loss(probability: Tensor, inside: Tensor, void: Tensor) -> tuple[Tensor, Tensor]:
    """One class: (P,) probability and masks -> its loss and the weight of each pixel's error (P,)."""
    errors = torch.where(inside, 1 - probability, probability).masked_fill_(void, -1)  # void sorts last, where weights are exactly 0
    errors, order = errors.sort(descending=True)
    step = jaccard_steps(inside[order], errors.dtype)
    return torch.dot(errors, step), torch.empty_like(step).scatter_(0, order, step)


def jaccard_steps(inside: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Truth (P,) bool in the order of falling error -> the steps of the Jaccard loss (P,), which sum to 1 where any pixel is inside.

    A missed pixel lowers the intersection I: step 1/U. A wrong one raises the union U: step I/(U-1) - I/U = I / (U (U-1)). In this
    form nothing cancels; the paper's difference of two float32 near 1 loses most digits of a step near 1e-7.
    """
    seen = inside.cumsum(0)  # of integers: exact, and deterministic on CUDA
    left = seen[-1] - seen
    union = torch.arange(1, len(inside) + 1, device=inside.device) + left
    left, union = left.to(dtype), union.to(dtype)
    return torch.where(inside, 1 / union, left / (union * (union - 1).clamp_(min=1)))
