"""Scores from counts, in numpy: `confusion` and friends count one image, `accumulate` adds images up, the rest reads the sums.

An undefined score (a class neither in the truth nor predicted) is NaN, and means skip it. Rows of a matrix are the truth.
"""

from seglib.scores.baselines import constant_class, gridded_truth, on_grid, pixel_prior, subsampled_truth
from seglib.scores.boundary import boundary_counts, boundary_width
from seglib.scores.counts import accumulate, calibration_counts, confusion, count, image_counts, instance_sums, label_ids, pool
from seglib.scores.intervals import (
    bootstrap,
    class_bootstrap,
    holm,
    null_difference,
    paired_bootstrap,
    paired_difference,
    seed_interval,
    welch_difference,
    welch_p,
)
from seglib.scores.measures import (
    FOUND,
    boundary_iou,
    calibration_error,
    category_instance_iou,
    category_iou,
    class_accuracy,
    frequency_weighted_iou,
    image_iou,
    instance_iou,
    iou,
    mean,
    mean_image_iou,
    mean_iou,
    over_seeds,
    pixel_accuracy,
)
from seglib.scores.official import CityscapesCounts, cityscapes, cityscapes_scores
from seglib.scores.original import original_iiou, original_iou

__all__ = [
    "FOUND",
    "CityscapesCounts",
    "accumulate",
    "bootstrap",
    "boundary_counts",
    "boundary_iou",
    "boundary_width",
    "calibration_counts",
    "calibration_error",
    "category_instance_iou",
    "category_iou",
    "cityscapes",
    "cityscapes_scores",
    "class_accuracy",
    "class_bootstrap",
    "confusion",
    "constant_class",
    "count",
    "frequency_weighted_iou",
    "gridded_truth",
    "holm",
    "image_counts",
    "image_iou",
    "instance_iou",
    "instance_sums",
    "iou",
    "label_ids",
    "mean",
    "mean_image_iou",
    "mean_iou",
    "null_difference",
    "on_grid",
    "original_iiou",
    "original_iou",
    "over_seeds",
    "paired_bootstrap",
    "paired_difference",
    "pixel_accuracy",
    "pixel_prior",
    "pool",
    "seed_interval",
    "subsampled_truth",
    "welch_difference",
    "welch_p",
]
