"""Figures of settings: learning rates, main effects of a sweep, successive halving, and scores against one quantity."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from seglib.plots.style import blank, canvas, color, marker


def lines(groups: Mapping[str, Mapping[float, Sequence[float]]], xlabel: str, ylabel: str, *, log: bool = True, factor: float = 100.0,
          height: float = 6.0) -> Figure:  # fmt: skip
    """groups {label: {x: values of the seeds}}: the mean as a line, every seed as a dash."""
    if not groups:
        return blank()
    return panels({"": groups}, xlabel, ylabel, log=log, factor=factor, height=height)


def panels(groups: Mapping[str, Mapping[str, Mapping[float, Sequence[float]]]], xlabel: str, ylabel: str, *, log: bool = True,
           factor: float = 100.0, height: float = 6.0) -> Figure:  # fmt: skip
    """As `lines`, side by side: groups {title: {label: {x: values of the seeds}}}. A label has one colour in all panels."""
    if not any(groups.values()):
        return blank()
    figure, axes = canvas(height, 1, len(groups), sharey=True)
    labels = list(dict.fromkeys(label for panel in groups.values() for label in panel))
    handles = {}
    for axis, (title, panel) in zip(axes[0], groups.items(), strict=True):
        for label, points in panel.items():
            x, i = sorted(points), labels.index(label)
            means, places = [factor * np.mean(points[value]) for value in x], _beside(x, panel, i - (len(labels) - 1) / 2, log)
            handles[label] = axis.plot(places, means, color=color(i), marker=marker(i), label=label)[0]
            for place, value in zip(places, x):
                axis.plot([place] * len(points[value]), factor * np.asarray(points[value]), "_", color=color(i), markersize=7, alpha=0.8)
        axis.set(xlabel=xlabel, xscale="log" if log else "linear", title=title)
        ticks = sorted({x for points in panel.values() for x in points})
        axis.set_xticks(ticks)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.tick_params(axis="x", rotation=45 if len(ticks) > 6 else 0)
    axes[0, 0].set_ylabel(ylabel)
    if len(labels) > 1:
        figure.legend([handles[label] for label in labels], labels, loc="outside lower center", ncols=4 if len(labels) > 5 else len(labels))
    return figure


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
            axis.plot(np.full(len(values), i), factor * np.asarray(values), "o", color="0.6", markersize=2.5)
        axis.plot(range(len(means)), means, "D-", color=color(0))
        axis.set_xticks(range(len(levels)), list(levels))
        axis.set(xlabel=name.replace("_", " "))
        axis.margins(x=0.25)
    axes[0, 0].set_ylabel(ylabel)
    return figure


def halving(trials: Mapping[str, Sequence[tuple[float, float]]], xlabel: str, ylabel: str, factor: float = 100.0) -> Figure:
    """trials {name: [(images seen, score), ...]}: what was pruned ends early in grey, what reached the last round is coloured."""
    if not trials:
        return blank()
    figure, axes = canvas(6.5)
    axis = axes[0, 0]
    last = max(points[-1][0] for points in trials.values())
    kept = [name for name, points in trials.items() if points[-1][0] == last]
    for name, points in trials.items():
        x, y = zip(*points, strict=True)
        chosen = kept.index(name) if name in kept else None
        style = {"color": "0.7", "marker": "x"} if chosen is None else {"color": color(chosen), "marker": marker(chosen), "label": name}
        axis.plot(x, factor * np.asarray(y), **style)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
    axis.set_xticks(sorted({x for points in trials.values() for x, _ in points}))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
