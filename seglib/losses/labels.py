"""What every loss does first: check shapes and labels, turn void into one more index, and read logits in float32."""

from collections.abc import Callable

import torch
from torch import Tensor

from seglib.labels import IGNORE


def class_index(logits: Tensor, target: Tensor) -> Tensor:
    """Labels (B, H, W) of any integer type -> indices (B, H, W) int64 in [0, K], K standing for void.

    ValueError where shapes differ or a label is neither in [0, K) nor IGNORE, before anything is computed from it: on CUDA a wrong
    index would end the process instead. The check is one pass over the labels, and on CUDA the only wait for the device in a loss;
    it cannot be put off to the loss's end, where the wrong index has already been used.
    """
    check_shapes(logits, target)
    num_classes = logits.shape[1]
    check_labels(target, num_classes)
    index = target.long()
    if index is target:  # never write into the caller's labels
        return index.masked_fill(index == IGNORE, num_classes)
    return index.masked_fill_(index == IGNORE, num_classes)


def check_shapes(logits: Tensor, target: Tensor) -> None:
    """ValueError unless logits are (B, K, H, W) floats and target (B, H, W) integers of the same B, H, W."""
    if logits.dim() != 4 or target.dim() != 3 or logits.shape[:1] + logits.shape[2:] != target.shape:
        raise ValueError(f"logits {tuple(logits.shape)} and target {tuple(target.shape)} do not match: expected (B, K, H, W) and (B, H, W)")
    if not logits.is_floating_point() or target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"expected floating point logits and integer labels, got {logits.dtype} and {target.dtype}")
    if logits.shape[1] > IGNORE:
        raise ValueError(f"{logits.shape[1]} classes leave no label for void: {IGNORE} is void")


def check_labels(target: Tensor, num_classes: int) -> None:
    """ValueError naming the labels of `target` that are neither in [0, num_classes) nor IGNORE."""
    bad = (target >= num_classes) & (target != IGNORE)
    if target.dtype != torch.uint8:
        bad |= target < 0
    if bad.any():
        found = torch.unique(target[bad]).tolist()
        raise ValueError(f"labels {found[:8]} lie outside [0, {num_classes}) and are not {IGNORE} (void): map the files' ids to train ids")


def probabilities(logits: Tensor) -> Tensor:
    """Softmax over the classes (B, K, H, W), in float32 for float16, bfloat16 and float32 logits: (768 * 768)^2 is inf in float16."""
    return logits.softmax(1, dtype=torch.float64 if logits.dtype == torch.float64 else torch.float32)


def void_as_class(loss: Callable, num_classes: int) -> Callable:
    """The policy "void is one more class": a loss over num_classes + 1 outputs in which IGNORE trains the last one."""

    def wrapped(logits: Tensor, target: Tensor, **options) -> Tensor:
        if logits.dim() != 4 or logits.shape[1] != num_classes + 1:
            raise ValueError(f"void as a class needs logits (B, {num_classes + 1}, H, W), got {tuple(logits.shape)}")
        # Past the wrapper, label K is legal; it must not be so in the files.
        check_labels(target, num_classes)
        return loss(logits, torch.where(target == IGNORE, num_classes, target), **options)

    return wrapped
