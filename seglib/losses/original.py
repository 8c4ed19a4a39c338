"""The original study's own losses (Fixman and Vaitsas 2024), rewritten from their formulas to be shown beside the right ones.

Facts about them: cross-entropy is summed over pixels, so its size depends on the resolution; Dice pairs probabilities flattened as
(B, K, H, W) with one-hot labels flattened as (B, H, W, K), so it compares pixels with other pixels' classes and stays near
1 - 1/K whatever is predicted; IoU is taken per image, counts absent classes as 0 and averages over all K channels, so a perfect
prediction of few classes cannot reach 0.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def original_cross_entropy(logits: Tensor, target: Tensor, ignore: int = 0) -> Tensor:
    """Sum, not mean, over pixels of -log p[y], leaving out one id."""
    return F.cross_entropy(logits, target.long(), ignore_index=ignore, reduction="sum")


def original_dice(logits: Tensor, target: Tensor) -> Tensor:
    """1 - (2 sum p r + 1) / (sum p + sum r + 1), p and r flattened in different orders. target (B, H, W) in [0, K)."""
    probability = logits.softmax(1).flatten()  # (B K H W)
    truth = F.one_hot(target.long(), logits.shape[1]).flatten()  # (B H W K): the mistake
    return 1 - (2 * (probability * truth).sum() + 1) / (probability.sum() + truth.sum() + 1)


def original_iou(logits: Tensor, target: Tensor, ignore: int = 0) -> Tensor:
    """1 - mean over images and all K channels of I / max(U, 1e-6). target (B, H, W) in [0, K); id `ignore` is left out of the truth."""
    probability = logits.softmax(1)
    truth = F.one_hot(target.long(), logits.shape[1]).movedim(3, 1).to(probability.dtype)
    keep = (target != ignore).unsqueeze(1)
    probability, truth = probability * keep, truth * keep
    overlap = (probability * truth).sum((2, 3))
    union = (probability + truth - probability * truth).sum((2, 3))
    return 1 - (overlap / torch.clamp(union, min=1e-6)).mean()
