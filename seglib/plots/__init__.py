"""Figures of data, histories, scores, predictions and ideas. Each function returns a Figure; `save` writes it with its records' hash."""

from seglib.plots.data import annotations, class_frequencies, contact_sheet, overlay
from seglib.plots.factors import changes
from seglib.plots.histories import LOSS_NAMES, MODEL_NAMES, curves, gradients, learning, losses, series
from seglib.plots.ideas import attention, descent, functions, maps, windows
from seglib.plots.predictions import areas, by_model, by_rule, error_map, examples, label_maps, photograph, scenes
from seglib.plots.scores import bars, confusion, cost, forest, gain_by_frequency, per_class, reliability
from seglib.plots.style import COLORS, MARKERS, blank, canvas, class_legend, folder, level, records_hash, save, titled
from seglib.plots.sweeps import halving, lines, main_effects, panels, stages

__all__ = [
    "COLORS", "LOSS_NAMES", "MARKERS", "MODEL_NAMES", "annotations", "areas", "attention", "bars", "blank", "by_model", "by_rule",
    "canvas", "changes", "class_frequencies", "class_legend", "confusion", "contact_sheet", "cost", "curves", "descent", "error_map",
    "examples", "folder", "forest", "functions", "gain_by_frequency", "gradients", "halving", "label_maps", "learning", "level", "lines",
    "losses", "main_effects", "maps", "overlay", "panels", "per_class", "photograph", "records_hash", "reliability", "save", "scenes",
    "series", "stages", "titled", "windows",
]  # fmt: skip
