"""Figures of the data: annotations over pictures, contact sheets, class frequencies."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from seglib.labels import IGNORE, LabelTable, colorize
from seglib.plots.style import WIDTH, canvas, class_legend, color, marker, picture


def as_image(image) -> np.ndarray:
    """(3, H, W) tensor or array, or (H, W, 3) -> (H, W, 3) array."""
    image = np.asarray(image)
    return image.transpose(1, 2, 0) if image.shape[0] == 3 and image.shape[-1] != 3 else image


DARK = 0.2  # what void leaves of the picture: less than a tint, so that it is not taken for a dark class


def overlay(image, target, table: LabelTable, alpha: float = 0.65) -> np.ndarray:
    """The picture in grey with the classes laid over it, (H, W, 3) uint8, so that a tint is that of the legend; void is nearly black."""
    image, target = as_image(image).astype(np.float32), np.asarray(target)
    grey = image.mean(axis=2, keepdims=True)
    mixed = (1 - alpha) * grey + alpha * colorize(target, table)
    return np.where((target == IGNORE)[..., None], DARK * grey, mixed).astype(np.uint8)


def annotations(scenes: Sequence[tuple], table: LabelTable) -> Figure:
    """Figure 1. scenes: (image, coarse target, fine target) each; coarse annotation left (a), fine right (b), over the pictures."""
    figure, axes = canvas(4.25 * len(scenes) + 1.4, len(scenes), 2)
    present = set()
    for number, (row, (image, coarse, fine)) in enumerate(zip(axes, scenes, strict=True)):
        for axis, target, title in zip(row, (coarse, fine), ("(a) coarse", "(b) fine"), strict=True):
            picture(axis, overlay(image, target, table), "" if number else title)
            present |= set(np.unique(np.asarray(target)).tolist())
    class_legend(figure, table, present)
    return figure


def contact_sheet(images: Sequence, titles: Sequence[str] | None = None, columns: int = 4) -> Figure:
    """Pictures of one size in a grid, titles of a few words."""
    rows = -(-len(images) // columns)
    height, width = as_image(images[0]).shape[:2]
    line = WIDTH / columns * height / width + (0.45 if titles else 0.12)
    figure, axes = canvas(rows * line, rows, columns)
    for i, axis in enumerate(axes.flat):
        if i < len(images):
            picture(axis, as_image(images[i]), titles[i] if titles else "")
        else:
            axis.axis("off")
    return figure


def class_frequencies(shares: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """shares {data set: (K,) share of the labelled pixels in [0, 1]}: one line per class, most frequent first, log axis in %."""
    first = next(iter(shares.values()))
    order = np.argsort(-np.nan_to_num(np.asarray(first)))
    figure, axes = canvas(0.42 * len(names) + 2.0)
    axis = axes[0, 0]
    for i, (name, share) in enumerate(shares.items()):
        axis.plot(100 * np.asarray(share)[order], np.arange(len(order)), marker(i), color=color(i), label=name, alpha=0.9)
    axis.set_yticks(np.arange(len(order)), [names[k] for k in order])
    axis.set(xscale="log", xlabel="share of labelled pixels, %", ylim=(len(order) - 0.5, -0.5))
    axis.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside lower center", ncols=len(shares))
    return figure
