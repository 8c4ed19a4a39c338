"""Predictions at any size and scores at full size. `evaluate(model, dataset, size=...)` -> records.Scores."""

from seglib.evaluation.counting import evaluate, export, milliseconds, score_images
from seglib.evaluation.outputs import decide, forward, logits, normalise, predict, resized, stretched_mask

__all__ = [
    "decide",
    "evaluate",
    "export",
    "forward",
    "logits",
    "milliseconds",
    "normalise",
    "predict",
    "resized",
    "score_images",
    "stretched_mask",
]
