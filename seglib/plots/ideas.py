"""Figures of one idea each: receptive fields, feature maps, attention, position embeddings, windows, gradients of a loss."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from seglib.plots.data import as_image
from seglib.plots.style import canvas, color, looks, marker, picture


def maps(panels: Mapping[str, np.ndarray], columns: int = 4, *, cmap: str = "viridis", height: float | None = None, label: str = "",
         limits: tuple[float, float] | None = None, bar: bool = True) -> Figure:  # fmt: skip
    """panels {title: (H, W) values or (H, W, 3) picture}: one colour scale over all value maps, with its bar unless bar=False."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    values = [np.asarray(panel) for panel in panels.values() if np.asarray(panel).ndim == 2]
    low, high = limits or (min(map(np.nanmin, values), default=0), max(map(np.nanmax, values), default=1))
    shape = np.asarray(next(iter(panels.values()))).shape
    figure, axes = canvas(height or rows * (14.5 / columns * shape[0] / shape[1] + 0.55), rows, columns)
    shown = None
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        panel = np.asarray(panel)
        picture(axis, panel, title, **({"cmap": cmap, "vmin": low, "vmax": high} if panel.ndim == 2 else {}))
        shown = axis.images[0] if panel.ndim == 2 else shown
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    if shown is not None and bar:
        figure.colorbar(shown, ax=axes.ravel().tolist(), label=label, fraction=0.03, pad=0.02, aspect=25)
    return figure


def attention(image, weights: Mapping[str, np.ndarray], point: tuple[float, float]) -> Figure:
    """Where one patch looks: weights {title: (h, w)} over the picture (3, H, W), each panel on its own scale.

    The asking point (row, column as parts of the picture) is marked.
    """
    image = as_image(image)
    height, width = image.shape[:2]
    columns = min(3, len(weights))
    rows = -(-len(weights) // columns)
    figure, axes = canvas(rows * (16 / columns * height / width + 0.5), rows, columns)
    for axis, (title, weight) in zip(axes.flat, weights.items(), strict=False):
        grey = image.mean(axis=2) / 255
        picture(axis, grey, title, cmap="gray", vmin=0, vmax=1.6)
        scaled = np.asarray(weight, float) / max(float(np.max(weight)), 1e-12)
        axis.imshow(scaled, cmap="inferno", alpha=0.6, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="bilinear")
        axis.plot(point[1] * width, point[0] * height, "s", markerfacecolor="none", color="#56B4E9", markersize=7)
    for axis in axes.flat[len(weights) :]:
        axis.axis("off")
    return figure


def functions(panels: Sequence[tuple[str, str, str, Mapping[str, tuple]]], height: float = 5.5, **options) -> Figure:
    """Curves y(x): panels (title, x label, y label, {label: (x, y)}), a label looking the same in all; `options` go to `axes.set` of
    every panel."""
    figure, axes = canvas(height, 1, len(panels))
    look = looks(dict.fromkeys(label for *_, drawn in panels for label in drawn))
    for axis, (title, xlabel, ylabel, drawn) in zip(axes[0], panels, strict=True):
        for label, (x, y) in drawn.items():
            i, every = look[label], max(1, len(np.atleast_1d(x)) // 7)
            axis.plot(x, y, color=color(i), marker=marker(i), markevery=every, label=label)
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel, **options)
    handles = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    for axis in axes[0, 1:]:
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    if len(handles) > 1:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=min(5, len(handles)))
    return figure


def descent(height: Callable, paths: Mapping[str, np.ndarray]) -> Figure:
    """Ways down height(x, y): contours with paths {label: (steps + 1, 2)}, their common start as a star, and height against step."""
    figure, axes = canvas(6.4, 1, 2)
    plan, loss = axes[0]
    every = np.concatenate(list(paths.values()))
    low, high = every.min(axis=0), every.max(axis=0)
    x, y = np.meshgrid(*(np.linspace(a - 0.1 * (b - a), b + 0.1 * (b - a), 120) for a, b in zip(low, high, strict=True)))
    plan.contour(x, y, height(x, y), levels=height(*every[0]) * np.array([0.01, 0.05, 0.15, 0.3, 0.6, 1.0]), colors="0.75", linewidths=0.7)
    for i, (label, path) in enumerate(paths.items()):
        look = {"color": color(i), "marker": marker(i), "markersize": 2.5, "linewidth": 0.9}
        plan.plot(*path.T, **look)
        loss.plot(np.arange(len(path)), height(*path.T), **look, label=label)
    plan.plot(*every[0], "*", color="black", markersize=9)
    plan.set(title="From above", xlabel="x, along the valley", ylabel="y, across")
    plan.grid(False)
    loss.set(title="How far down", xlabel="step", ylabel="loss", yscale="log")
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(paths)))
    return figure


def windows(image, size: int, shift: int, grid: tuple[int, int]) -> Figure:
    """Swin's windows over a picture (3, H, W) cut into `grid` (h, w) patches: as they are, and shifted by `shift` patches."""
    image = as_image(image)
    height, width = image.shape[:2]
    figure, axes = canvas(8 * height / width + 0.8, 1, 2)
    titles = (f"windows of {size} x {size} patches", f"shifted by {shift} patches")
    for axis, offset, title in zip(axes[0], (0, shift), titles, strict=True):
        picture(axis, image, title)
        for i in range(grid[0] + 1):
            strong = (i - offset) % size == 0
            axis.axhline(i * height / grid[0] - 0.5, color=color(1) if strong else "white", linewidth=1.5 if strong else 0.3)
        for j in range(grid[1] + 1):
            strong = (j - offset) % size == 0
            axis.axvline(j * width / grid[1] - 0.5, color=color(1) if strong else "white", linewidth=1.5 if strong else 0.3)
    return figure
