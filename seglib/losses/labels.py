"""What every loss does to the labels first: check them, and turn void into one more class that the sums leave out."""

from collections.abc import Callable

import torch
from torch import Tensor

from seglib.labels import IGNORE


def class_index(logits: Tensor, target: Tensor) -> Tensor:
    """Labels as safe indices: (B, H, W) train ids -> (B, H, W) int64 in [0, K], where K stands for void.

    ValueError where shapes differ or a label is neither in [0, K) nor IGNORE, before anything is computed from it: on CUDA a wrong
    index would end the process instead. Costs one byte-wide pass, and on CUDA the loss's only wait for the device.
    """
    check_shapes(logits, target)
    num_classes = logits.shape[1]
    check_labels(target, num_classes)
    index = target.long()
    return index.masked_fill_(index == IGNORE, num_classes) if index is not target else index.masked_fill(index == IGNORE, num_classes)


def check_shapes(logits: Tensor, target: Tensor) -> None:
    """ValueError unless logits are (B, K, H, W) floats and target (B, H, W) integers of the same B, H, W."""
    if logits.dim() != 4 or target.dim() != 3 or logits.shape[:1] + logits.shape[2:] != target.shape:
        raise ValueError(f"logits {tuple(logits.shape)} and target {tuple(target.shape)} do not match: expected (B, K, H, W) and (B, H, W)")
    if not logits.is_floating_point() or target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"expected floating point logits and integer labels, got {logits.dtype} and {target.dtype}")


def check_labels(target: Tensor, num_classes: int) -> None:
    """ValueError naming the labels of `target` that are neither in [0, num_classes) nor IGNORE."""
    bad = (target >= num_classes) & (target != IGNORE)
    if target.dtype != torch.uint8:
        bad |= target < 0
    if bad.any():
        found = torch.unique(target[bad]).tolist()
        raise ValueError(f"labels {found[:8]} lie outside [0, {num_classes}) and are not {IGNORE} (void): map the files' ids to train ids")


def void_as_class(loss: Callable, num_classes: int) -> Callable:
    """The policy "void is one more class": a loss over num_classes + 1 outputs in which IGNORE trains the last one."""

    def wrapped(logits: Tensor, target: Tensor, **options) -> Tensor:
        if logits.shape[1] != num_classes + 1:
            raise ValueError(f"void as a class needs {num_classes + 1} outputs, the logits have {logits.shape[1]}")
        check_labels(target, num_classes)
        return loss(logits, torch.where(target == IGNORE, num_classes, target), **options)

    return wrapped
