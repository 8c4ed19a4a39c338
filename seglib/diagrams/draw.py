"""Primitives of the drawings: a page measured in centimetres, boxes with depth, arrows, pictures, text of at least 7 points."""

import math
import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.text import Text

from seglib.plots.style import WIDTH, canvas

# Okabe and Ito's colours by meaning; their lightness differs, and every box is labelled, so grey print keeps the difference.
CONV, POOL, UP, SCORE, SKIP, TOKEN, OTHER = "#56B4E9", "#D55E00", "#009E73", "#F0E442", "#999999", "#E69F00", "#CC79A7"
INK = "#222222"
TRAINED = "#0050A4"  # what belongs to the network as it was trained, in parentheses too: grey print must not lose the difference
LINE = 0.29  # cm from one line of marked words to the next
DEPTH = 0.28  # share of a box's height by which its back is moved to the right and up


def page(height: float) -> tuple[Figure, Axes]:
    """An empty page, WIDTH x `height` cm, whose axes are in centimetres from the lower left corner."""
    figure, axes = canvas(height)
    figure.set_layout_engine("none")
    axes = axes[0, 0]
    axes.set_position((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def text(axes: Axes, x: float, y: float, words: str, *, size: float = 7, color: str = INK, **options) -> None:
    """Centred at (x, y) unless `ha`, `va` say otherwise; what stands between ‹ and › (see `both`) is drawn in TRAINED."""
    if "‹" in words:
        _marked(axes, x, y, words, size, color, **options)
    else:
        axes.text(x, y, words, fontsize=size, color=color, label=words, **({"ha": "center", "va": "center", "linespacing": 1.1} | options))


def both(published: object, trained: object, between: str = " ") -> str:
    """Words for `text`, "64 ‹(16)›"; the first alone where they are equal. between: a line break puts the second below."""
    return str(published) if str(published) == str(trained) else f"{published}{between}‹({trained})›"


def _marked(axes: Axes, x: float, y: float, words: str, size: float, color: str, *, va="center", rotation=0, **options) -> None:
    """`text` of two colours, an artist a line, labelled with all the words."""
    lines = words.split("\n")
    down = LINE * size / 7 * np.array((math.sin(math.radians(rotation)), -math.cos(math.radians(rotation))))
    first = {"top": 0.5, "center": (1 - len(lines)) / 2, "bottom": 0.5 - len(lines)}[va]
    for i, line in enumerate(lines):
        at = np.array((x, y)) + down * (first + i + 0.31)  # 0.31 of a line: from the middle of a digit down to its foot
        style = {"ha": "center", "rotation": rotation, "rotation_mode": "anchor", "color": color, "fontsize": size} | options
        axes.add_artist(Line(*at, line, label=re.sub("[‹›]", "", words), **style))


class Line(Text):
    """A line whose pieces between ‹ and › are drawn in TRAINED. Its text is the line without these marks."""

    def __init__(self, x: float, y: float, words: str, **options):
        self.pieces = re.split("[‹›]", words)
        super().__init__(x, y, "".join(self.pieces), va="baseline", **options)

    def draw(self, renderer) -> None:
        """Each piece by itself, at the place that the renderer's own metrics give it: hinted letters are wider than printed ones."""
        font, whole = self.get_fontproperties(), self.get_text()
        angle = math.radians(self.get_rotation())

        def width(words: str) -> float:
            return renderer.get_text_width_height_descent(words, font, False)[0]

        x, y = self.get_transform().transform(self.get_unitless_position())
        back = {"left": 0.0, "center": 0.5, "right": 1.0}[self.get_horizontalalignment()] * width(whole)
        for i, piece in enumerate(self.pieces):
            if piece.strip():  # measured from the end: a space there has no width
                offset = width(whole) - width("".join(self.pieces[i:]).lstrip()) - back
                part = Text(
                    x + offset * math.cos(angle), y + offset * math.sin(angle), piece.strip(), fontproperties=font, va="baseline",
                    color=TRAINED if i % 2 else self.get_color(), rotation=self.get_rotation(), rotation_mode="anchor",
                )  # fmt: skip
                part.set_figure(self.get_figure())
                part.draw(renderer)


def tint(color: str, share: float) -> tuple[float, ...]:
    """The colour mixed with white (share > 0) or black (share < 0)."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    target = 1.0 if share > 0 else 0.0
    return tuple(rgb + (target - rgb) * abs(share))


def box(axes: Axes, x: float, y: float, width: float, height: float, color: str, *, zorder: float = 2) -> float:
    """A map as a box: left edge x, middle y, `width` for its channels, `height` for its extent, seen from the upper right.

    Returns the x of its right edge, depth included.
    """
    shift = DEPTH * height
    left, right, low, high = x, x + width, y - height / 2, y + height / 2
    faces = [
        ([(left, low), (right, low), (right, high), (left, high)], tint(color, 0.25)),
        ([(left, high), (right, high), (right + shift, high + shift), (left + shift, high + shift)], tint(color, 0.6)),
        ([(right, low), (right + shift, low + shift), (right + shift, high + shift), (right, high)], tint(color, -0.18)),
    ]
    for corners, face in faces:
        axes.add_patch(Polygon(corners, closed=True, facecolor=face, edgecolor=INK, linewidth=0.5, joinstyle="round", zorder=zorder))
    return right + shift


def block(
    axes: Axes, x: float, y: float, width: float, height: float, color: str, words: str = "", *, share: float = 0.45, **options
) -> None:
    """A rounded box with words in it, middle at (x, y): an operation, not a map."""
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=tint(color, share), edgecolor=INK, linewidth=0.6, zorder=3)
    )
    text(axes, x, y, words, zorder=4, **options)


def rectangle(axes: Axes, x: float, y: float, width: float, height: float, color: str, **options) -> None:
    """A plain rectangle, lower left corner at (x, y)."""
    style = {"facecolor": tint(color, 0.25), "edgecolor": INK, "linewidth": 0.5, "zorder": 2} | options
    axes.add_patch(Rectangle((x, y), width, height, **style))


def arrow(
    axes: Axes,
    start: tuple,
    end: tuple,
    *,
    color: str = INK,
    width: float = 0.8,
    curve: float = 0.0,
    dashed: bool = False,
    zorder: float = 1.5,
):
    """From start to end, both (x, y) in cm; `curve` bends it."""
    style = "-|>,head_length=3.2,head_width=1.6"
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle=style, connectionstyle=f"arc3,rad={curve}", color=color, linewidth=width, shrinkA=0, shrinkB=0,
            linestyle=(0, (3, 2)) if dashed else "-", zorder=zorder,
        )
    )  # fmt: skip


def path(
    axes: Axes, points: list[tuple[float, float]], *, color: str = INK, width: float = 0.8, dashed: bool = False, zorder: float = 1.5
) -> None:
    """Straight pieces through the points, an arrow head at the end."""
    xs, ys = zip(*points[:-1])
    axes.plot(xs, ys, color=color, linewidth=width, linestyle=(0, (3, 2)) if dashed else "-", zorder=zorder, solid_capstyle="butt")
    arrow(axes, points[-2], points[-1], color=color, width=width, dashed=dashed, zorder=zorder)


def plus(axes: Axes, x: float, y: float, radius: float = 0.16) -> None:
    """A circle with a cross: two maps are added."""
    axes.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=0.7, zorder=5))
    for dx, dy in ((1, 0), (0, 1)):
        reach = 0.62 * radius
        axes.plot((x - dx * reach, x + dx * reach), (y - dy * reach, y + dy * reach), color=INK, linewidth=0.8, zorder=6)


def picture(axes: Axes, image, x: float, y: float, width: float, height: float, *, zorder: float = 2, frame: bool = True) -> None:
    """An image (H, W, 3) stretched over the rectangle with lower left corner (x, y); without one, a grey ramp stands for it."""
    if image is None:
        image = np.linspace(225, 165, 32)[:, None, None].repeat(32, 1).repeat(3, 2).astype(np.uint8)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(image, extent=(x, x + width, y, y + height), zorder=zorder, interpolation="antialiased", aspect="auto")
    axes.set(xlim=limits[0], ylim=limits[1])
    if frame:
        rectangle(axes, x, y, width, height, INK, facecolor="none", linewidth=0.6, zorder=zorder + 0.1)


def fit(size: tuple[int, int], side: float) -> tuple[float, float]:
    """(width, height) in cm of a picture of `size` (H, W) whose longer side is `side` cm."""
    longest = max(size)
    return side * size[1] / longest, side * size[0] / longest


def as_picture(image, size: tuple[int, int]) -> np.ndarray | None:
    """(H, W, 3) or (3, H, W) uint8, or None -> (h, w, 3) of `size`, by the nearest pixel; None stays None."""
    if image is None:
        return None
    image = np.asarray(image)
    image = image.transpose(1, 2, 0) if image.shape[0] == 3 and image.shape[-1] != 3 else image
    rows = (np.arange(size[0]) + 0.5) * image.shape[0] // size[0]
    columns = (np.arange(size[1]) + 0.5) * image.shape[1] // size[1]
    return image[rows.astype(int)[:, None], columns.astype(int)[None, :]]


def by(shape: tuple[int, ...]) -> str:
    """(C, H, W) -> "HxW" with a proper sign."""
    return f"{shape[-2]}×{shape[-1]}"


def legend(axes: Axes, x: float, y: float, entries: list[tuple[str, str]], steps: tuple[float, ...]) -> None:
    """Small squares with words, one beside the other; steps: cm from each to the next."""
    for i, (color, words) in enumerate(entries):
        left = x + sum(steps[:i])
        rectangle(axes, left, y - 0.11, 0.22, 0.22, color)
        text(axes, left + 0.32, y, words, ha="left")
