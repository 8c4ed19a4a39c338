"""Losses as plain functions: (logits (B, K, H, W), target (B, H, W) train ids, IGNORE = void) -> scalar, float32 whatever autocast says.

All of them mask void before reducing, pool over the batch, average over the classes present in it, and cost exactly 0, with a zero
gradient, where no pixel is valid. Every loss takes `reduce=`, a differentiable sum over processes (see regions.py). `ORIGINAL` holds
the original study's own Dice and IoU, kept to be shown beside the right ones, not to be trained with.
"""

from seglib.losses.entropy import cross_entropy, median_frequency_weights, weighted_cross_entropy
from seglib.losses.labels import check_labels, void_as_class
from seglib.losses.lovasz import lovasz
from seglib.losses.original import original_cross_entropy, original_dice, original_iou
from seglib.losses.regions import cross_entropy_dice, dice, generalised_dice, soft_iou

LOSSES = {
    "cross_entropy": cross_entropy,
    "weighted_cross_entropy": weighted_cross_entropy,
    "soft_iou": soft_iou,
    "dice": dice,
    "generalised_dice": generalised_dice,
    "lovasz": lovasz,
    "cross_entropy_dice": cross_entropy_dice,
}
ORIGINAL = {"original_cross_entropy": original_cross_entropy, "original_dice": original_dice, "original_iou": original_iou}

__all__ = ["LOSSES", "ORIGINAL", "check_labels", "median_frequency_weights", "void_as_class", *LOSSES, *ORIGINAL]
