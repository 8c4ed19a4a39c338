"""Figure 3: a U-Net, from the shapes of the U-Net it is handed."""

import math

from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import shapes

TALL = 1.6  # cm: the drawn height of the full-size map
ROWS = (8.15, 5.95, 4.18, 2.7, 1.42)  # cm: the middles of the five levels
LEFT, STEP = 2.3, 0.62  # cm: where the first map stands, and from one map to the next
EDGE = 0.2  # cm: the margin beside the pictures


def unet(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None) -> Figure:
    """The U at `size`: contracting arm on the left, expanding arm on the right, skips across (none are drawn when the model has none).

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    """
    found = shapes(model, size)
    figure, axes = draw.page(9.35)
    (wide, high), y = draw.fit(size, TALL), ROWS[0]
    right = draw.WIDTH - EDGE - wide
    draw.picture(axes, draw.as_picture(image, size), EDGE, y - high / 2, wide, high)
    draw.text(axes, EDGE + wide / 2, y - high / 2 - 0.08, f"image\n{draw.by(found['image'])}", va="top")
    ends = _down(axes, found, size)
    last = _up(axes, found, size, ends)
    _arrow(axes, last, right - 0.03, y, draw.TOKEN)
    draw.picture(axes, draw.as_picture(mask, size), right, y - high / 2, wide, high)
    draw.text(axes, right + wide, y - high / 2 - 0.08, f"{found[''][0]} scores a pixel\n{draw.by(found[''])}", va="top", ha="right")
    _legend(axes, any(getattr(layer, "skips", False) for layer in model.modules()))
    return figure


def height_of(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    """The drawn height in cm of a map: the square root of its share of the image, or the deepest could not be seen."""
    return TALL * math.sqrt(shape[-2] / size[0])


def width_of(channels: int) -> float:
    """The drawn width in cm of so many channels, growing with their logarithm."""
    return 0.06 + 0.04 * max(0.0, math.log2(channels) - 2)


def _map(axes, x: float, y: float, shape: tuple, size: tuple[int, int], color: str, label: str = "") -> float:
    """One map, its left edge at x, with its channels above; returns its right edge."""
    high, width = height_of(shape, size), width_of(shape[0])
    draw.rectangle(axes, x, y - high / 2, width, high, color)
    if label:
        draw.text(axes, x + width / 2, y + high / 2 + 0.15, label)
    return x + width


def _arrow(axes, start: float, end: float, y: float, color: str) -> None:
    draw.arrow(axes, (start + 0.03, y), (end, y), color=draw.tint(color, -0.15), width=1.5)


def _pair(axes, edge: float, x: float, y: float, first: tuple, second: tuple, size: tuple[int, int]) -> float:
    """Two convolutions after the map that ends at `edge`: maps at x and one step on; returns the right edge of the second."""
    _arrow(axes, edge, x - 0.02, y, draw.CONV)
    edge = _map(axes, x, y, first, size, draw.CONV)
    _arrow(axes, edge, x + STEP - 0.02, y, draw.CONV)
    return _map(axes, x + STEP, y, second, size, draw.CONV, str(second[0]))


def _down(axes, found: dict, size: tuple[int, int]) -> list[float]:
    """The contracting arm, each level below the last map of the one above; returns the right edge of each level's last map."""
    ends, x = [], LEFT
    for level, y in enumerate(ROWS):
        first, second = found[f"encoder.stages.{level}.0"], found[f"encoder.stages.{level}.1"]
        pooled = found["image"] if level == 0 else (found[f"encoder.stages.{level - 1}.1"][0], *second[1:])
        edge = _map(axes, x, y, pooled, size, draw.SCORE if level == 0 else draw.POOL, str(pooled[0]))
        if level:
            draw.text(axes, x - 0.1, y, draw.by(second), ha="right")
        ends.append(_pair(axes, edge, x + STEP, y, first, second, size))
        x += 2 * STEP
        if level < len(ROWS) - 1:
            below = found[f"encoder.stages.{level + 1}.1"]
            centre = x + width_of(second[0]) / 2
            end = ROWS[level + 1] + height_of(below, size) / 2 + 0.32
            draw.arrow(axes, (centre, y - height_of(second, size) / 2 - 0.03), (centre, end), color=draw.POOL, width=1.5)
    _arrow(axes, EDGE + draw.fit(size, TALL)[0], LEFT - 0.03, ROWS[0], draw.SKIP)
    return ends


def _up(axes, found: dict, size: tuple[int, int], ends: list[float]) -> float:
    """The expanding arm: each level above the last map of the one below; returns the right edge of the last map."""
    x = LEFT + 2 * STEP * len(ROWS)
    below = (found["encoder.stages.4.1"], ROWS[4])
    for step in range(4):
        level = 3 - step
        y, up = ROWS[level], found[f"decoder.{step}.up"]
        skip = found[f"encoder.stages.{level}.1"]
        first, second = found[f"decoder.{step}.conv.0"], found[f"decoder.{step}.conv.1"]
        copied = _reads_skip(found, step)
        centre = x + width_of(below[0][0]) / 2
        draw.arrow(
            axes,
            (centre, below[1] + height_of(below[0], size) / 2 + 0.3),
            (centre, y - height_of(up, size) / 2 - 0.03),
            color=draw.UP,
            width=1.5,
        )
        edge = _map(axes, x, y, up, size, draw.UP, "" if copied else str(up[0]))
        if copied:
            left = x - width_of(skip[0])
            _map(axes, left, y, skip, size, draw.SKIP)
            draw.arrow(axes, (ends[level] + 0.03, y), (left - 0.02, y), color=draw.SKIP, width=1.5, dashed=True)
            draw.text(axes, x, y + height_of(up, size) / 2 + 0.15, f"{skip[0]}+{up[0]}")
        x += 2 * STEP
        edge = _pair(axes, edge, x - STEP, y, first, second, size)
        below = (second, y)
    return edge


def _reads_skip(found: dict, step: int) -> bool:
    """Whether the level's first convolution reads the encoder's map too: its input has then twice the channels of the upsampled one."""
    return found[f"decoder.{step}.conv.input"][0] > found[f"decoder.{step}.up"][0]


def _legend(axes, skips: bool) -> None:
    entries = [
        (draw.CONV, "3×3 convolution,\nbatch norm, ReLU"),
        (draw.POOL, "2×2 max-pool"),
        (draw.UP, "2×2 transposed\nconvolution"),
        *([(draw.SKIP, "copy of the\nencoder's map")] if skips else []),
        (draw.TOKEN, "1×1 convolution"),
    ]
    draw.legend(axes, 1.0, 0.45, entries, (3.2, 2.7, 2.9, 2.6))
