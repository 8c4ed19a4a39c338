"""Figures of settings: learning rates, main effects of a sweep, successive halving, and scores against one quantity."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from seglib.plots.style import across, blank, canvas, color, looks, marker


def lines(groups: Mapping[str, Mapping[float, Sequence[float]]], xlabel: str, ylabel: str, *, log: bool = True, factor: float = 100.0,
          height: float = 6.0) -> Figure:  # fmt: skip
    """groups {label: {x: values of the seeds}}: the mean as a line, every seed as a dash."""
    if not groups:
        return blank()
    figure, axes = canvas(height)
    axis = axes[0, 0]
    look = looks(groups)
    for i, (label, points) in enumerate(groups.items()):
        x = sorted(points)
        _line(axis, _beside(x, groups, i - (len(groups) - 1) / 2, log), [points[value] for value in x], look[label], label, factor)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log else "linear")
    ticks = sorted({x for points in groups.values() for x in points})
    axis.set_xticks(ticks)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.tick_params(axis="x", rotation=45 if len(ticks) > 6 else 0)
    if len(groups) > 1:
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4 if len(groups) > 5 else len(groups))
    return figure


def panels(groups: Mapping[str, Mapping[str, Mapping[float, Sequence[float]]]], xlabel: str, ylabel: str, columns: int = 4,
           chosen: Mapping[str, float] | None = None) -> Figure:  # fmt: skip
    """groups {title: {label: {x: values of the seeds, in [0, 1]}}}: a small panel per label, in it a line per title as in `lines`, and how
    many seeds a point has, where more than one. All have the same axes, x a logarithmic one. chosen {label: x}: a star at that point of
    the last title that has it."""
    labels = list(dict.fromkeys(label for panel in groups.values() for label in panel))
    if not labels:
        return blank()
    rows, columns = -(-len(labels) // columns), min(columns, len(labels))
    figure, axes = canvas(3.4 * rows + 1.2, rows, columns, sharex=True, sharey=True)
    handles = {}
    for axis, label in zip(axes.flat, labels):
        for i, (title, panel) in enumerate(groups.items()):
            points = panel.get(label, {})
            handles[title] = _line(axis, sorted(points), [points[x] for x in sorted(points)], i, title, 100.0)
            handles |= _seeds(axis, points)
        handles |= _star(axis, [panel.get(label, {}) for panel in groups.values()], (chosen or {}).get(label))
        axis.set(title=label, xscale="log")
        axis.xaxis.set_major_locator(LogLocator(base=10))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(LogLocator(base=10, subs=(3,)))  # the ladders go in steps of about three
        axis.xaxis.set_minor_formatter("")
        axis.tick_params(which="both", bottom=True, labelbottom=True)
    for axis in axes.flat[len(labels) :]:
        axis.set_visible(False)
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(low, high + 0.15 * (high - low))  # room for the numbers of seeds
    figure.supxlabel(xlabel, fontsize=8)
    figure.supylabel(ylabel, fontsize=8)
    figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=len(handles))
    return figure


def _seeds(axis, points: Mapping[float, Sequence[float]]) -> dict[str, Line2D]:
    """The number of seeds above every point with more than one -> what the legend says of it."""
    several = {x: values for x, values in points.items() if len(values) > 1}
    for x, values in several.items():
        place = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 7}
        axis.annotate(str(len(values)), (x, 100 * max(values)), **place)
    return {"number: seeds": Line2D([], [], linestyle="")} if several else {}


def _star(axis, lines: Sequence[Mapping[float, Sequence[float]]], x: float | None) -> dict[str, Line2D]:
    """A star at x on the last of the lines that has it -> what the legend says of it."""
    at = next((points[x] for points in reversed(lines) if x in points), None)
    if at is None:
        return {}
    style = {"marker": "*", "markersize": 9, "color": color(4), "markeredgecolor": "black", "markeredgewidth": 0.6, "linestyle": ""}
    return {"chosen": axis.plot(x, 100 * np.mean(at), zorder=5, **style)[0]}


def _line(axis, x: Sequence[float], values: Sequence[Sequence[float]], i: int, label: str, factor: float):
    """The means as a line in the i-th colour, which is returned, and every seed as a dash."""
    for place, seeds in zip(x, values, strict=True):
        axis.plot([place] * len(seeds), factor * np.asarray(seeds), "_", color=color(i), markersize=7, alpha=0.8)
    return axis.plot(x, [factor * np.mean(seeds) for seeds in values], color=color(i), marker=marker(i), label=label)[0]


def stages(groups: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], ylabel: str, height: float = 5.6,
           levels: Mapping[str, Mapping[str, float]] | None = None) -> Figure:  # fmt: skip
    """groups {title: {label: {column: values of the seeds, in [0, 1]}}}, a panel per title: means as markers, every seed as a dash.

    A column that is empty for all labels of a panel is left out there. A line joins columns that are neighbours in `groups` only: one that
    is empty for a label ([]) cuts it, for across it more than one thing differs; one that a label lacks is stepped over.
    levels {title: {words: value in %}}: broken lines. Panels that share no label have legends of their own.
    """
    if not any(groups.values()):
        return blank()
    figure, axes = canvas(height, 1, len(groups), sharey=True)
    handles, lines = [], {}
    for axis, (title, panel) in zip(axes[0], groups.items(), strict=True):
        _stage(axis, panel, known := next((one for one in handles if set(one) & set(panel)), {}))
        handles += [known] if known not in handles else []
        axis.set_title(title)
        lines |= across(axis, (levels or {}).get(title, {}))
    axes[0, 0].set_ylabel(ylabel)
    for known, place in zip(handles, ("center",) if len(handles) == 1 else ("left", "right"), strict=False):
        known |= lines if known is handles[0] else {}
        columns = 7 if len(handles) == 1 else 3
        figure.legend(list(known.values()), list(known), loc=f"outside lower {place}", ncols=min(columns, len(known)))
    return figure


def _stage(axis, panel: Mapping[str, Mapping[str, Sequence[float]]], handles: dict) -> None:
    """One panel of `stages`; a handle for each of its labels goes into `handles`."""
    named = list(dict.fromkeys(column for points in panel.values() for column in points))
    columns = [column for column in named if any(len(points.get(column, ())) for points in panel.values())]
    at = {column: columns.index(column) if column in columns else np.nan for column in named}
    look, step = looks(panel), min(0.12, 0.5 / max(1, len(panel) - 1))
    for i, (label, points) in enumerate(panel.items()):
        style = {"color": color(look[label])}
        places = np.array([at[column] for column in points]) + step * (i - (len(panel) - 1) / 2)
        seeds = [100 * np.asarray(values, float) for values in points.values()]
        means = [values.mean() if values.size else np.nan for values in seeds]
        handles[label] = axis.plot(places, means, marker=marker(look[label]), markersize=5, linewidth=0.9, **style)[0]
        for place, values in zip(places, seeds, strict=True):
            axis.plot(np.full(values.size, place), values, "_", markersize=8, **style)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_xlim(-0.5, len(columns) - 0.5)
    axis.grid(axis="x", visible=False)


def _beside(x: Sequence[float], panel: Mapping[str, Mapping[float, Sequence[float]]], steps: float, log: bool) -> np.ndarray:
    """x moved by `steps` hundredths of the panel's range, so that equal values of several labels do not hide each other."""
    scale, back = (np.log, np.exp) if log else (np.asarray, np.asarray)
    every = scale([value for points in panel.values() for value in points])
    return back(scale(list(x)) + 0.012 * steps * np.ptp(every))


def main_effects(effects: Mapping[str, Mapping[str, Sequence[float]]], ylabel: str, factor: float = 100.0) -> Figure:
    """effects {setting: {value: scores of every trial with it}}: trials as points and their mean, one panel per setting."""
    if not effects:
        return blank()
    figure, axes = canvas(5.5, 1, len(effects), sharey=True)
    for axis, (name, levels) in zip(axes[0], effects.items(), strict=True):
        means = [factor * np.mean(values) for values in levels.values()]
        for i, values in enumerate(levels.values()):
            dots = axis.plot(np.full(len(values), i), factor * np.asarray(values), "o", color="0.6", markersize=2.5)[0]
        line = axis.plot(range(len(means)), means, "D-", color=color(0))[0]
        axis.set_xticks(range(len(levels)), list(levels))
        axis.set(xlabel=name.replace("_", " "))
        axis.margins(x=0.25)
    axes[0, 0].set_ylabel(ylabel)
    figure.legend([dots, line], ["one trial", "mean of the trials with this value"], loc="outside lower center", ncols=2)
    return figure


def halving(trials: Mapping[str, Sequence[tuple[float, float]]], xlabel: str, ylabel: str, factor: float = 100.0) -> Figure:
    """trials {name: [(images seen, score), ...]}: what was dropped ends early in grey, with crosses at its rounds; what reached the last
    round is coloured. How many settings a round has stands below it."""
    if not trials:
        return blank()
    figure, axes = canvas(6.5)
    axis = axes[0, 0]
    last = max(points[-1][0] for points in trials.values())
    kept = [name for name, points in trials.items() if points[-1][0] == last]
    for name, points in trials.items():
        x, y = zip(*points, strict=True)
        chosen = kept.index(name) if name in kept else None
        dropped = {"color": "0.7", "marker": "x", "zorder": 1.5}
        style = dropped if chosen is None else {"color": color(chosen), "marker": marker(chosen), "label": name}
        axis.plot(x, factor * np.asarray(y), **style)
    if fewer := len(trials) - len(kept):
        axis.plot([], [], color="0.7", marker="x", label=f"dropped before the last round ({fewer} of {len(trials)} settings)")
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
    rounds = [x for points in trials.values() for x, _ in points]
    axis.set_xticks(sorted(set(rounds)), [f"{x:g}\n{rounds.count(x)} settings" for x in sorted(set(rounds))])
    axis.xaxis.set_minor_formatter("")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
