"""Figures of scores: classes, confusion, calibration, cost, one difference a row. Values come in [0, 1] and are drawn in %."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from seglib.plots.style import across, blank, canvas, color, looks, luminance, marker
from seglib.scores import FOUND


def per_class(panels: Mapping[str, tuple[Mapping[str, tuple], Sequence[str], np.ndarray]], xlabel: str = "IoU, % (square root)") -> Figure:
    """panels {title: (groups, names, shares)}, a panel per data set: a marker with its interval per class, most frequent class first.

    groups {label: (value (K,), low (K,), high (K,))}; `shares` (K,) orders the classes and is written beside their names. Classes that
    no group finds stand by name below the panel. Undefined values (NaN) are left out. The axis is that of the square root: rare classes
    lie close to 0.
    """
    panels = {title: panel for title, panel in panels.items() if panel[0]}
    if not panels:
        return blank()
    labels = list(dict.fromkeys(label for groups, _, _ in panels.values() for label in groups))
    drawn = {title: _found(groups, shares) for title, (groups, _, shares) in panels.items()}
    rows = max(1, *map(len, drawn.values()))
    figure, axes = canvas(0.105 * rows * max(3, len(labels)) + 2.3, 1, len(panels), sharex=True)
    for axis, (title, (groups, names, shares)) in zip(axes[0], panels.items(), strict=True):
        _classes(axis, groups, [f"{names[k]} ({_short(100 * shares[k])} %)" for k in drawn[title]], drawn[title], labels, rows)
        missed = [names[k] for k in np.argsort(-np.asarray(shares), kind="stable") if k not in drawn[title] and shares[k] > 0]
        note = textwrap.fill(f"never found: {', '.join(missed)}", 58) if missed else ""
        axis.annotate(note, (1, 0), (0, -29), xycoords="axes fraction", textcoords="offset points", ha="right", va="top", fontsize=7)
        axis.set_xscale("function", functions=(np.sqrt, np.square))
        axis.set_xticks((0, 5, 20, 50, 100))
        axis.set(title=title, xlabel=xlabel, xlim=(0, 100), ylim=(max(1, len(drawn[title])) - 0.5, -0.5))
    known = {label: handle for axis in axes[0] for handle, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(list(known.values()), list(known), loc="outside lower center", ncols=min(5, len(known)))
    return figure


def _found(groups: Mapping[str, tuple], shares: np.ndarray) -> list[int]:
    """The classes that some group finds, the most frequent first."""
    best = np.nanmax([np.nan_to_num(np.asarray(group[0], float)) for group in groups.values()], axis=0)
    return [int(k) for k in np.argsort(-np.asarray(shares), kind="stable") if best[k] >= FOUND]


def _classes(axis, groups: Mapping[str, tuple], ticks: list[str], part: list[int], labels: list[str], most: int) -> None:
    step = max(1, len(part)) / most / max(3, len(labels))  # no marker behind another, as far apart in a panel of fewer rows
    _bands(axis, len(part))
    look = looks(labels)
    for place, (label, group) in enumerate(groups.items()):
        i = look[label]
        value, low, high = (100 * np.asarray(x, float)[part] for x in group)
        error, places = np.maximum([value - low, high - value], 0), np.arange(len(part)) + step * (place - (len(groups) - 1) / 2)
        style = {"fmt": marker(i), "color": color(i), "markersize": 3, "elinewidth": 1.0, "clip_on": False}
        axis.errorbar(value, places, xerr=error, label=label, **style)
    axis.set_yticks(np.arange(len(part)), ticks)
    axis.grid(axis="y", visible=False)


def _short(value: float) -> str:
    """Two digits, without an exponent."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def confusion(panels: Mapping[str, tuple[np.ndarray, Sequence[str]]]) -> Figure:
    """panels {title: (counts (K, K+1), names)}: each row in % of its class's pixels, the most frequent class first; the diagonal and cells
    from 15 % up carry it. Last column: predicted void. Panels of different K stand side by side, their cells of about one size."""
    if not panels:
        return blank()
    widest = max(len(names) for _, names in panels.values())
    figure, axes = canvas((0.36 if len(panels) == 1 else 0.285) * widest + 2.3, 1, len(panels),
                          width_ratios=[len(names) + 2 for _, names in panels.values()])  # fmt: skip
    for i, (axis, (title, (matrix, names))) in enumerate(zip(axes[0], panels.items(), strict=True)):
        _confusion(axis, np.asarray(matrix, float), names, bar=i + 1 == len(panels))
        axis.set(title=title, ylabel="" if i else "true")
        corner = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "va": "top"}  # left of the columns' names
        axis.annotate("predicted →", (0, 0), (-4, -4), **corner)
    return figure


def _confusion(axis, matrix: np.ndarray, names: Sequence[str], *, bar: bool) -> None:
    order = np.argsort(-matrix.sum(axis=1), kind="stable")
    matrix, names = matrix[order][:, [*order, *range(len(names), matrix.shape[1])]], [names[k] for k in order]
    columns = [*names, "void"] if matrix.shape[1] > len(names) and matrix[:, -1].any() else list(names)
    total = matrix.sum(axis=1, keepdims=True)
    rows = 100 * np.divide(matrix, total, out=np.full_like(matrix, np.nan), where=total > 0)[:, : len(columns)]
    shown = np.isfinite(rows) & ((rows >= 15) | np.eye(*rows.shape, dtype=bool))
    text = np.where(shown, np.char.mod("%.0f", rows), "")
    digits = {"size": 6.5 if len(names) > 12 else 7}
    sns.heatmap(rows, ax=axis, annot=text, fmt="", cmap="Blues", vmin=0, vmax=100, linewidths=0.3, linecolor="0.9",
                annot_kws=digits, cbar=bar, cbar_kws={"label": "% of the true class", "shrink": 0.8} if bar else None,
                xticklabels=columns, yticklabels=list(names))  # fmt: skip
    for number in axis.texts:
        white = luminance(plt.cm.Blues(float(number.get_text() or 0) / 100)[:3]) < 0.18  # of equal contrast to black and to white
        number.set_color("white" if white else "black")
    axis.tick_params(axis="x", rotation=90, labelsize=6.5)
    axis.tick_params(axis="y", rotation=0, labelsize=6.5)


def gain_by_frequency(gains: Mapping[str, np.ndarray], shares: np.ndarray, names: Sequence[str], xlabel: str) -> Figure:
    """gains {label: (K,) or (seeds, K) differences of IoU}: a row per class, the most frequent first, with its share of the pixels; the
    mean over seeds as a marker, a bar from the lowest seed to the highest.

    The first look is left to what the gains are measured against, which is not drawn."""
    if not gains:
        return blank()
    shares = np.asarray(shares, float)
    stacked = [100 * np.atleast_2d(np.asarray(gain, float)) for gain in gains.values()]
    known = np.isfinite(np.vstack(stacked)).any(axis=0) & (shares > 0)
    order = [int(k) for k in np.argsort(-shares, kind="stable") if known[k]]
    figure, axes = canvas(0.27 * len(order) + 1.8)
    axis = axes[0, 0]
    _bands(axis, len(order))
    axis.axvline(0, color="0.3", linewidth=0.8)
    offsets = 0.18 * (np.arange(len(gains)) - (len(gains) - 1) / 2)
    look = looks(["", *gains])
    for label, seeds, offset in zip(gains, stacked, offsets, strict=True):
        i = look[label]
        mean, low, high = (kind(seeds[:, order], axis=0) for kind in (np.mean, np.min, np.max))
        style = {"fmt": marker(i), "color": color(i), "markersize": 3.5, "elinewidth": 0.9}
        axis.errorbar(mean, np.arange(len(order)) + offset, xerr=(mean - low, high - mean), label=label, **style)
    axis.set_yticks(range(len(order)), [f"{names[k]} ({_short(100 * shares[k])} %)" for k in order])
    axis.set(xlabel=xlabel, ylim=(len(order) - 0.5, -0.5))
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(gains)))
    return figure


def _bands(axis, rows: int) -> None:
    """Every other row pale grey, so that the eye keeps the row."""
    for row in range(0, rows, 2):
        axis.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)


def reliability(groups: Mapping[str, np.ndarray]) -> Figure:
    """groups {label: calibration (15, 3) = pixels, sum of confidence, correct}: accuracy against confidence, and where the pixels are."""
    if not groups:
        return blank()
    figure, axes = canvas(6.0, 1, 2)
    left, right = axes[0]
    left.plot([0, 100], [0, 100], color="0.4", linestyle=":", linewidth=1)
    for label, i in looks(groups).items():
        bins = groups[label]
        pixels, confidence, correct = np.asarray(bins, float).T
        filled = pixels > 0
        x = 100 * confidence[filled] / pixels[filled]
        left.plot(x, 100 * correct[filled] / pixels[filled], color=color(i), marker=marker(i), label=label)
        right.plot(x, 100 * pixels[filled] / pixels.sum(), color=color(i), marker=marker(i))
    left.set(title="Reliability", xlabel="confidence, %", ylabel="correct pixels, %", xlim=(0, 101), ylim=(0, 101))
    right.set(title="Confidence of the pixels", xlabel="confidence, %", ylabel="share of the pixels, %", yscale="log", xlim=(0, 101))
    right.yaxis.set_major_formatter("{x:g}")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(groups)))
    return figure


def cost(points: Mapping[str, tuple], panels: Sequence[tuple[str, bool]], ylabel: str = "mIoU on test, %") -> Figure:
    """points {label: (score in [0, 1], cost of panel 1, cost of panel 2, ...)}; panels: (x label with unit, logarithmic)."""
    if not points:
        return blank()
    figure, axes = canvas(5.8, 1, len(panels), sharey=True)
    for p, (axis, (xlabel, logarithmic)) in enumerate(zip(axes[0], panels, strict=True)):
        for label, i in looks(points).items():
            score, *costs = points[label]
            axis.plot(costs[p], 100 * score, marker(i), color=color(i), markersize=6, label=label if p == 0 else None)
        axis.set(xlabel=xlabel, xscale="log" if logarithmic else "linear")
        axis.margins(0.15)
        if logarithmic:
            axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
    axes[0, 0].set_ylabel(ylabel)
    figure.legend(loc="outside lower center", ncols=min(5, len(points)))
    return figure


def forest(rows: Sequence[tuple[str, float, float, float]], xlabel: str) -> Figure:
    """rows (what, difference, low, high) in [-1, 1], drawn in points of %; an interval that holds 0 is hollow."""
    if not rows:
        return blank()
    figure, axes = canvas(0.55 * len(rows) + 1.6)
    axis = axes[0, 0]
    axis.axvline(0, color="0.3", linewidth=0.8)
    for i, (_, difference, low, high) in enumerate(rows):
        clear = low > 0 or high < 0
        axis.plot([100 * low, 100 * high], [i, i], color=color(0), linewidth=1.2)
        axis.plot(100 * difference, i, "o", color=color(0), markerfacecolor=color(0) if clear else "white", markersize=5)
    axis.set_yticks(range(len(rows)), [row[0] for row in rows])
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    axis.grid(axis="y", visible=False)
    return figure


def bars(groups: Mapping[str, Mapping[str, tuple]], ylabel: str, height: float = 6.0, factor: float = 100.0,
         levels: Mapping[str, float] | None = None) -> Figure:  # fmt: skip
    """groups {label of the marker: {place on the x axis: (value, low, high)}}: dots with intervals, the axis from what is there; levels
    {words: value in the axis's unit}: broken lines across."""
    if not any(groups.values()):
        return blank()
    figure, axes = canvas(height)
    axis = axes[0, 0]
    places = list(dict.fromkeys(place for group in groups.values() for place in group))
    edge = min(0.22, 0.08 * (len(groups) - 1))  # two stand close together, so that a pair is seen as one
    offsets = np.linspace(-edge, edge, len(groups))
    for offset, (label, i) in zip(offsets, looks(groups).items(), strict=True):
        group = groups[label]
        x = [places.index(place) + offset for place in group]
        value, low, high = (factor * np.array([row[j] for row in group.values()], float) for j in range(3))
        axis.errorbar(x, value, yerr=np.maximum([value - low, high - value], 0), fmt=marker(i), color=color(i), label=label, elinewidth=1.0)
    axis.set_xticks(range(len(places)), places, rotation=0 if max(map(len, places)) * len(places) < 90 else 20)
    axis.set(ylabel=ylabel, xlim=(-0.5, len(places) - 0.5))
    axis.grid(axis="x", visible=False)
    lines = across(axis, levels or {})
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True)) | lines
    if len(handles) > 1:
        columns = 3 if sum(map(len, handles)) > 70 else 5  # as many as the width of the page holds
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=min(columns, len(handles)))
    return figure
