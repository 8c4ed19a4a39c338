"""Differences of many changes beside their intervals, in panels that say which runs they show."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from seglib.plots.style import blank, canvas, color, marker

Column = Mapping[str, Sequence[tuple[str, Mapping[str, tuple]]]]
PITCH, APART = 0.4, 0.38  # cm from line to line; between the series of one row, in lines


def changes(columns: Sequence[tuple[str, Column]], xlabel: str) -> Figure:
    """One panel per column (heading, {title: [(what, {series: (difference, low, high)})]}), in points; an interval that holds 0 is hollow.

    All panels have one axis, which the widest intervals do not stretch: they are cut at its end and go on in an arrow. The legend stands
    where the last column leaves room for it, else below.
    """
    columns = [(heading, column) for heading, column in columns if column]
    if not columns:
        return blank()
    lines = [[line for title, rows in column.items() for line in ((title, None), *rows)] for _, column in columns]
    places = [_with_air([row is None for _, row in column]) for column in lines]
    drawn = [value for column in lines for _, row in column for value in (row or {}).values()]
    series = list(dict.fromkeys(key for column in lines for _, row in column for key in row or ()))
    end, last = _reach(drawn), max(place[-1] for place in places)
    handles = _legend(series, beyond=_beyond(drawn, end))
    beside = len(columns) > 1 and last - places[-1][-1] > len(handles) + 1
    figure, axes = canvas(PITCH * (last + 1) + (1.6 if beside else 2.1), 1, len(columns))
    for axis, (heading, _), column, place in zip(axes[0], columns, lines, places, strict=True):
        axis.axvline(0, color="0.3", linewidth=0.8)
        for i, (_, row) in zip(place, column, strict=True):
            for key, value in (row or {}).items():
                j = series.index(key)
                _change(axis, i + APART * (j - (len(series) - 1) / 2), value, j, end)
        axis.set_yticks(place, [words if row else "" for words, row in column])
        axis.set(xlabel=xlabel, xlim=(-1.04 * end, 1.04 * end), ylim=(last + 0.6, -0.5))
        axis.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
        _titles(axis, heading, place, column)
    free = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.02), "bbox_transform": axes[0, -1].transAxes, "frameon": True}
    free |= {"facecolor": "white", "edgecolor": "none", "framealpha": 1.0}  # no grid line through the words
    figure.legend(handles=handles, **(free if beside else {"loc": "outside lower center", "ncols": len(handles)}))
    return figure


def _titles(axis, heading: str, place: Sequence[float], column: Sequence[tuple]) -> None:
    """The panel's heading and the titles of its groups, from where the longest name of a row begins."""
    longest = max(axis.get_yticklabels(), key=lambda label: len(label.get_text()))
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.2}  # no grid line through the words
    axis.annotate(heading, (0, 1), (0, 3), xycoords=(longest, "axes fraction"), textcoords="offset points", fontsize=8, weight="bold")
    for i, (words, row) in zip(place, column, strict=True):
        if row is None:
            axis.annotate(words, (0, i), xycoords=(longest, "data"), va="center", style="italic", fontsize=7.5, bbox=paper)


def _legend(series: Sequence[str], *, beyond: bool) -> list[Line2D]:
    handles = [Line2D([], [], color=color(j), marker=marker(j), label=key, markersize=4) for j, key in enumerate(series)]
    dots = (("o", "0.3", "clear"), ("o", "white", "not clear"), *([(">", "0.3", "goes on")] if beyond else []))
    return handles + [Line2D([], [], linestyle="", marker=kind, color="0.3", markerfacecolor=face, label=words, markersize=4)
                      for kind, face, words in dots]  # fmt: skip


def _with_air(titles: Sequence[bool]) -> list[float]:
    """Places of lines from 0 downwards, one apart, with some air above every title but the first."""
    return [i + 0.5 * max(0, sum(titles[: i + 1]) - 1) for i in range(len(titles))]


def _reach(rows: Sequence[tuple]) -> float:
    """Half the width of an axis that shows every difference and all but the widest intervals: 19 of 20 ends."""
    ends = np.abs([end for _, low, high in rows for end in (low, high)])
    return float(max(np.quantile(ends, 0.95), 1.2 * np.abs([row[0] for row in rows]).max(), 0.1))


def _beyond(rows: Sequence[tuple], end: float) -> bool:
    return any(low < -end or high > end for _, low, high in rows)


def _change(axis, y: float, value: tuple[float, float, float], index: int, end: float) -> None:
    """One difference with its interval, an arrow where the interval goes on beyond `end`."""
    difference, low, high = value
    axis.plot([max(low, -end), min(high, end)], [y, y], color=color(index), linewidth=1.0)
    for beyond, place, kind in ((low < -end, -end, "<"), (high > end, end, ">")):
        if beyond:
            axis.plot(place, y, kind, color=color(index), markersize=4)
    face = color(index) if low > 0 or high < 0 else "white"
    axis.plot(difference, y, marker(index), color=color(index), markerfacecolor=face, markersize=3.5)
