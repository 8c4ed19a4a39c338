"""Figure 3: a U-Net, from the shapes of the U-Net it is handed."""

import math

from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Pair, pair

TALL = 1.3  # cm: the drawn height of the full-size map
ROWS = (7.45, 5.28, 3.43, 1.81, 0.36)  # cm: the middles of the five levels
LEFT, STEP = 1.95, 0.66  # cm: where the first map stands, and from one map to the next
LEGEND = (2.75, 2.2, 1.65, 0.97, 0.35)  # cm: the middles of its lines
EDGE = 0.2  # cm: the margin beside the pictures


def unet(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """The U at `size`: contracting arm on the left, expanding arm on the right, skips across (none are drawn when the model has none).

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    trained: (the narrower module that was trained, its size), whose numbers are written in blue parentheses.
    ValueError for a U-Net behind patches, which has three stages of the five.
    """
    found = pair(model, size, trained)
    if f"encoder.stages.{len(ROWS) - 1}.1" not in found.published.shapes:
        raise ValueError(f"the U is drawn with {len(ROWS)} stages: build the unet with stem='convolutions'")
    figure, axes = draw.page(8.8)
    (wide, high), y = draw.fit(size, TALL), ROWS[0]
    right = draw.WIDTH - EDGE - wide
    draw.picture(axes, draw.as_picture(image, size), EDGE, y - high / 2, wide, high)
    draw.text(axes, EDGE + wide / 2, y - high / 2 - 0.08, f"image\n{found.extent('image')}", va="top")
    ends = _down(axes, found, size)
    last = _up(axes, found, size, ends)
    flow(axes, last, right - 0.03, y, draw.TOKEN)
    draw.picture(axes, draw.as_picture(mask, size), right, y - high / 2, wide, high)
    words = f"{found.channels('')} scores a pixel\n{found.extent('')}"
    draw.text(axes, right + wide, y - high / 2 - 0.08, words, va="top", ha="right")
    _legend(axes, any(reads_skip(found, step) for step in range(4)))
    draw.text(axes, 12.3, 0.8, found.key("encoder.stages.0", 1), ha="left")
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
        draw.text(axes, x + width / 2, y + high / 2 + 0.03, label, va="bottom")
    return x + width


def flow(axes, start: float, end: float, y: float, color: str) -> None:
    """An arrow from the map that ends at start, in the colour of what makes the next one."""
    draw.arrow(axes, (start + 0.03, y), (end, y), color=draw.tint(color, -0.15), width=1.5)


def _pair(axes, edge: float, x: float, y: float, found: Pair, names: tuple[str, str], size: tuple[int, int]) -> float:
    """The maps of two convolutions after the map that ends at `edge`, at x and one step on; returns the right edge of the second."""
    flow(axes, edge, x - 0.02, y, draw.CONV)
    edge = _map(axes, x, y, found[names[0]], size, draw.CONV)
    flow(axes, edge, x + STEP - 0.02, y, draw.CONV)
    return _map(axes, x + STEP, y, found[names[1]], size, draw.CONV, found.channels(names[1], "\n"))


def _down(axes, found: Pair, size: tuple[int, int]) -> list[float]:
    """The contracting arm, each level below the last map of the one above; returns the right edge of each level's last map."""
    ends, x = [], LEFT
    for level, y in enumerate(ROWS):
        names = (f"encoder.stages.{level}.0", f"encoder.stages.{level}.1")
        second = found[names[1]]
        source = "image" if level == 0 else f"encoder.stages.{level - 1}.1"
        pooled = (found[source][0], *second[1:])
        edge = _map(axes, x, y, pooled, size, draw.POOL if level else draw.SCORE, found.channels(source, "\n"))
        if level:
            draw.text(axes, x - 0.28, y, found.extent(names[1]), ha="right")
        ends.append(_pair(axes, edge, x + STEP, y, found, names, size))
        x += 2 * STEP
        if level < len(ROWS) - 1:
            centre = x + width_of(second[0]) / 2
            end = ROWS[level + 1] + height_of(found[f"encoder.stages.{level + 1}.1"], size) / 2 + _above(found)
            draw.arrow(axes, (centre, y - height_of(second, size) / 2 - 0.03), (centre, end), color=draw.POOL, width=1.5)
    flow(axes, EDGE + draw.fit(size, TALL)[0], LEFT - 0.03, ROWS[0], draw.SKIP)
    return ends


def _above(found: Pair) -> float:
    """The height in cm of the words above a map."""
    return 0.65 if found.trained else 0.32


def _up(axes, found: Pair, size: tuple[int, int], ends: list[float]) -> float:
    """The expanding arm: each level above the last map of the one below; returns the right edge of the last map."""
    x = LEFT + 2 * STEP * len(ROWS)
    below = (found["encoder.stages.4.1"], ROWS[4])
    for step in range(4):
        level = 3 - step
        y, name, source = ROWS[level], f"decoder.{step}.up", f"encoder.stages.{level}.1"
        up, skip = found[name], found[source]
        copied = reads_skip(found, step)
        centre = x + width_of(below[0][0]) / 2
        start = below[1] + height_of(below[0], size) / 2 + _above(found)
        draw.arrow(axes, (centre, start), (centre, y - height_of(up, size) / 2 - 0.03), color=draw.UP, width=1.5)
        edge = _map(axes, x, y, up, size, draw.UP, "" if copied else found.channels(name, "\n"))
        if copied:
            left = x - width_of(skip[0])
            _map(axes, left, y, skip, size, draw.SKIP)
            draw.arrow(axes, (ends[level] + 0.03, y), (left - 0.02, y), color=draw.SKIP, width=1.5, dashed=True)
            words = found.words(lambda net, maps=(source, name): "+".join(str(net.shapes[key][0]) for key in maps), "\n")
            draw.text(axes, x, y + height_of(up, size) / 2 + 0.03, words, va="bottom")
        x += 2 * STEP
        names = (f"decoder.{step}.conv.0", f"decoder.{step}.conv.1")
        edge = _pair(axes, edge, x - STEP, y, found, names, size)
        below = (found[names[1]], y)
    return edge


def reads_skip(found: Pair, step: int) -> bool:
    """Whether the level's first convolution reads the encoder's map too: its input has then more channels than the upsampled one."""
    return found[f"decoder.{step}.conv.input"][0] > found[f"decoder.{step}.up"][0]


def _legend(axes, skips: bool) -> None:
    entries = [
        (draw.CONV, "3×3 convolution,\nbatch norm, ReLU"),
        (draw.POOL, "2×2 max-pool"),
        (draw.UP, "2×2 transposed\nconvolution"),
        *([(draw.SKIP, "copy of the\nencoder's map")] if skips else []),
        (draw.TOKEN, "1×1 convolution"),
    ]
    for entry, y in zip(entries, LEGEND):
        draw.legend(axes, EDGE, y, [entry], ())
