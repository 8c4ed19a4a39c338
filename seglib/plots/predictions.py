"""Figures of predictions: label maps beside the truth, where they are wrong, and how sure the model was."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from seglib.labels import IGNORE, LabelTable, colorize
from seglib.plots.data import as_image, overlay
from seglib.plots.style import blank, canvas, class_legend, color, luminance, picture

RIGHT, WRONG = (0.90, 0.90, 0.90), (0.835, 0.369, 0.0)  # light grey and vermilion: apart in grey print too
DARK = 0.09  # luminance: void, building and most vehicles of Cityscapes


def outlined(labels, table: LabelTable) -> np.ndarray:
    """Train ids (H, W) -> colours (2H, 2W, 3) uint8, a thin light line where two dark classes meet: truck and car look alike in print."""
    labels = np.asarray(labels).repeat(2, 0).repeat(2, 1)
    colors = colorize(labels, table)
    dark, line = luminance(colors / 255) < DARK, np.zeros(labels.shape, bool)
    for ids, low, edge in ((labels, dark, line), (labels.T, dark.T, line.T)):
        meets = (ids[1:] != ids[:-1]) & low[1:] & low[:-1]
        edge[1:] |= meets
        edge[:-1] |= meets
    colors[line] = 235
    return colors


def _labels(axes, labels, table: LabelTable, title: str = "") -> set[int]:
    """Show a label map -> the classes it holds."""
    picture(axes, outlined(labels, table), title, interpolation="antialiased")
    return set(np.unique(np.asarray(labels)).tolist())


def error_map(truth, prediction) -> np.ndarray:
    """(H, W) train ids twice -> (H, W, 3) in [0, 1]: right pixels light, wrong ones vermilion, void black."""
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    colors = np.where((truth == prediction)[..., None], RIGHT, WRONG)
    return np.where((truth == IGNORE)[..., None], 0.0, colors)


def by_rule(values: np.ndarray) -> dict[str, int]:
    """Scores of N images -> index of the best, the median and the worst; the rule is the same for every model. NaN never wins."""
    values = np.asarray(values, float)
    order = [i for i in np.argsort(values, kind="stable") if np.isfinite(values[i])]
    return {"best": int(order[-1]), "median": int(order[len(order) // 2]), "worst": int(order[0])}


def examples(rows: Sequence[tuple], table: LabelTable) -> Figure:
    """rows (name, image, truth, prediction), label maps at one size: picture under its name, truth, prediction and error map, a row each;
    what a column shows stands over the first row alone.

    The legend has the classes that take a thousandth of some label map: what is less cannot be seen."""
    if not rows:
        return blank()
    height, width = np.asarray(rows[0][2]).shape
    seen = {int(k) for row in rows for labels in row[2:] for k in np.flatnonzero(np.bincount(np.ravel(labels)) >= 0.001 * height * width)}
    figure, axes = canvas(len(rows) * (3.9 * height / width + 0.45) + 1.3, len(rows), 4)
    figure.get_layout_engine().set(wspace=0.02, w_pad=0.02, hspace=0.0)  # the page is the pictures'
    for line, (name, image, truth, prediction), heads in zip(axes, rows, [("truth", "prediction", "error"), *[("",) * 3] * len(rows)]):
        picture(line[0], as_image(image), name)
        _labels(line[1], truth, table, heads[0])
        _labels(line[2], prediction, table, heads[1])
        picture(line[3], error_map(truth, prediction), heads[2])
    class_legend(figure, table, seen, columns=8, extra={"right": RIGHT, "wrong": WRONG})
    return figure


def by_model(image, truth, predictions: Mapping[str, np.ndarray], table: LabelTable, columns: int = 3) -> Figure:
    """One scene: picture, truth, and each model's label map with its error map below; {model: (H, W)}."""
    if not predictions:
        return blank()
    height, width = np.asarray(truth).shape
    lines = -(-(len(predictions) + 1) // columns)
    figure, axes = canvas(2 * lines * (16 / columns * height / width + 0.5) + 1.8, 2 * lines, columns)
    for axis in axes.flat:
        axis.axis("off")
    picture(axes[0, 0], as_image(image), "picture")
    present = _labels(axes[1, 0], truth, table, "truth")
    for i, (name, prediction) in enumerate(predictions.items(), start=1):
        line, column = 2 * (i // columns), i % columns
        present |= _labels(axes[line, column], prediction, table, name)
        picture(axes[line + 1, column], error_map(truth, prediction), f"{name}, errors")
    class_legend(figure, table, present, columns=8, extra={"right": RIGHT, "wrong": WRONG})
    return figure


def scenes(columns: Mapping[str, tuple], table: LabelTable) -> Figure:
    """columns {name: (image, truth, {model: (score, (H, W))})}: a scene each, below one another its picture, truth and each model's label
    map under its score; what a row shows stands once, at its left."""
    if not columns:
        return blank()
    first = next(iter(columns.values()))
    height, width = np.asarray(first[1]).shape
    rows = ["picture", "truth", *first[2]]
    figure, axes = canvas(len(rows) * (13.9 / len(columns) * height / width + 0.3) + 1.4, len(rows), len(columns))
    present = set()
    for line, (name, (image, truth, predictions)) in zip(axes.T, columns.items(), strict=True):
        picture(line[0], as_image(image), name)
        present |= _labels(line[1], truth, table)
        for axis, model in zip(line[2:], rows[2:], strict=True):
            present |= _labels(axis, predictions[model][1], table, predictions[model][0])
    _name(axes[:, 0], rows)
    class_legend(figure, table, present, columns=8)
    return figure


def label_maps(columns: Mapping[str, Mapping[str, tuple]], table: LabelTable) -> Figure:
    """columns {name: {model: (score, (H, W))}}: label maps alone under their scores, where neither picture nor truth may be shown; the
    model of a row stands once, at its left."""
    if not columns:
        return blank()
    first = next(iter(columns.values()))
    height, width = np.asarray(next(iter(first.values()))[1]).shape
    figure, axes = canvas(len(first) * (9.7 / len(columns) * height / width + 0.35) + 0.4, len(first), len(columns))
    present = set()
    for line, (name, column) in zip(axes.T, columns.items(), strict=True):
        for number, (axis, model) in enumerate(zip(line, first, strict=True)):
            score, labels = column[model]
            present |= _labels(axis, labels, table, score if number else f"{name}\n{score}")
    _name(axes[:, 0], first)
    class_legend(figure, table, present, columns=1)
    return figure


def _name(axes, rows: Iterable[str]) -> None:
    """What each row shows, at the left of its first picture."""
    for axis, words in zip(axes, rows, strict=True):
        axis.set_ylabel(words, labelpad=2)


def photograph(image, labels, confidence, table: LabelTable, alpha: float = 0.55) -> Figure:
    """One picture of any size: as it is, with the predicted classes laid over it, and how unsure the model was (1 - confidence)."""
    height, width = np.asarray(labels).shape
    figure, axes = canvas(min(4.6 * height / width, 7.5) + 1.7, 1, 3)
    picture(axes[0, 0], as_image(image), "picture")
    picture(axes[0, 1], overlay(image, labels, table, alpha), "prediction")
    unsure = 100 * (1 - np.asarray(confidence, float))
    picture(axes[0, 2], unsure, "uncertainty", cmap="magma", vmin=0, vmax=100)
    bar = figure.colorbar(axes[0, 2].images[0], ax=axes[0].tolist(), fraction=0.015, pad=0.01, label="uncertainty, %")
    bar.outline.set_visible(False)
    class_legend(figure, table, np.unique(np.asarray(labels)))
    return figure


def areas(shares: Mapping[str, np.ndarray], names: Sequence[str], truth: Mapping[str, np.ndarray] | None = None) -> Figure:
    """shares {picture: (K,)}: how much of each picture every class takes, in %; classes below 0.1 % everywhere are left out. truth: the
    same of the labels, where there are any, whose mean is marked."""
    stacked = 100 * np.array(list(shares.values()), float)
    right = 100 * np.array(list((truth or {}).values()), float).reshape(-1, stacked.shape[1])
    kept = [int(k) for k in np.argsort(-stacked.mean(axis=0)) if np.vstack([stacked, right])[:, k].max() >= 0.1]
    figure, axes = canvas(0.42 * len(kept) + 2.0)
    axis = axes[0, 0]
    axis.barh(np.arange(len(kept)), stacked.mean(axis=0)[kept], color="#56B4E9")
    for row in stacked:
        axis.plot(row[kept], np.arange(len(kept)), "o", color="0.2", markersize=2.5)
    if len(right):
        axis.plot(right.mean(axis=0)[kept], np.arange(len(kept)), "D", color=color(1), markerfacecolor="none", markersize=6)
    axis.set_yticks(np.arange(len(kept)), [names[k] for k in kept])
    marks = ", diamond: mean of the labels" * bool(len(right))
    axis.set(xlabel=f"share of the picture, % (bar: mean, dot: one picture{marks})", ylim=(len(kept) - 0.5, -0.5))
    return figure
