"""Figure 2: a fully convolutional network, from the shapes of the FCN it is handed."""

import math

from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Pair, pair

TOP, BOTTOM = 5.47, 1.75  # cm: the middle of the encoder's row and of the scores' row
TALL = 2.3  # cm: the drawn height of the full-size map


def fcn(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """FCN-32s, 16s or 8s at `size`: VGG16 above, from left to right; scores, skips and upsampling below, from right to left.

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    trained: (the narrower module that was trained, its size), whose numbers are written in blue parentheses.
    """
    found = pair(model, size, trained)
    figure, axes = draw.page(8.2)
    ends = _encoder(axes, model, found, size, image)
    _scores(axes, found, size, mask, ends)
    entries = [
        (draw.CONV, "3×3 convolutions (×n),\nbatch norm, ReLU" if _normalised(model) else "3×3 convolutions (×n),\nReLU"),
        (draw.POOL, "2×2 max-pool"),
        (draw.TOKEN, "fully connected,\nas convolution"),
        (draw.SCORE, "class scores"),
        (draw.UP, "transposed convolution"),
    ]
    draw.legend(axes, 0.35, 7.92, entries, (3.55, 2.35, 2.6, 2.2))
    draw.text(axes, draw.WIDTH - 0.35, 7.35, found.key("encoder.stages.0"), ha="right")
    return figure


def _normalised(model: nn.Module) -> bool:
    return any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())


def height_of(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    """The drawn height in cm of a map: the square root of its share of the image, or the deepest could not be seen."""
    return TALL * math.sqrt(shape[-2] / size[0])


def width_of(channels: int) -> float:
    """The drawn width in cm of so many channels, growing with their logarithm."""
    return 0.1 + 0.085 * max(0.0, math.log2(channels) - 2)


def _encoder(axes, model: nn.Module, found: Pair, size: tuple[int, int], image) -> dict[str, tuple[float, float]]:
    """The upper row; returns where pool3, pool4 and fc7 end: {name: (x of the middle, y of the lower edge)}."""
    wide, high = draw.fit(size, TALL)
    draw.picture(axes, draw.as_picture(image, size), 0.35, TOP - high / 2, wide, high)
    draw.text(axes, 0.35 + TALL / 2, TOP - high / 2 - 0.08, f"image\n{found.extent('image', ' ')}", va="top")
    x, ends = 3.1, {}
    for stage in range(5):
        blocks = len(model.encoder.stages[stage])  # the last of them pools
        name = f"encoder.stages.{stage}"
        conv, pool = found[f"{name}.{blocks - 2}"], found[name]
        high = height_of(conv, size)
        width = width_of(conv[0]) * (0.7 + 0.15 * (blocks - 1))
        right = draw.box(axes, x, TOP, width, high, draw.CONV)
        draw.text(axes, x + width / 2, TOP, f"×{len(_convolutions(model.encoder.stages[stage]))}", zorder=3)
        draw.text(axes, x + width / 2 + draw.DEPTH * high, TOP + high / 2 + draw.DEPTH * high + 0.17, found.channels(name))
        pool_high = height_of(pool, size)
        x = right - draw.DEPTH * (high - pool_high) * 0.55 + 0.06
        x_pool = x
        x = draw.box(axes, x, TOP, 0.1, pool_high, draw.POOL)
        low = TOP - high / 2
        draw.text(axes, x_pool + 0.05, low - 0.06, f"pool{stage + 1}\n{found.extent(name)}", va="top")
        ends[f"pool{stage + 1}"] = (x_pool + 0.05, low)
        x += 0.5
    for name in ("fc6", "fc7"):
        shape = found[f"encoder.{name}"]
        high, width = height_of(shape, size), width_of(shape[0])
        top = TOP + high / 2 + draw.DEPTH * high + 0.03
        draw.text(axes, x + width / 2 + draw.DEPTH * high / 2, top, found.channels(f"encoder.{name}", "\n"), va="bottom")
        (kernel,) = (layer.kernel_size for layer in _convolutions(getattr(model.encoder, name)))
        draw.text(axes, x + width / 2, TOP - high / 2 - 0.06, f"{name}\n{draw.by(kernel)}", va="top")
        ends[name] = (x + width / 2, TOP - high / 2)
        x = draw.box(axes, x, TOP, width, high, draw.TOKEN) + 0.5
    return ends


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _scores(axes, found: Pair, size: tuple[int, int], mask, ends: dict) -> None:
    """The lower row, from right to left: scores of fc7, upsampled and added to those of pool4 and pool3, upsampled to the image."""
    x, shape = ends["fc7"][0], found["score_fc7"]
    _score(axes, x, BOTTOM, shape, size, ends["fc7"][1] - 0.72)
    _say_scores(axes, x, found, "score_fc7")
    x -= 0.1
    for pool in ("pool4", "pool3"):
        if f"score_{pool}" not in found.published.shapes:
            continue
        x_sum, low = ends[pool]
        fine = found[f"score_{pool}"]
        _upsample(axes, x, x_sum + 0.17, f"×{round(fine[-2] / shape[-2])}")
        start = low - (1.0 if found.trained else 0.72)  # below the words
        middle = (start + BOTTOM) / 2
        bottom = _score(axes, x_sum, middle, fine, size, start)
        draw.arrow(axes, (x_sum, bottom), (x_sum, BOTTOM + 0.17))
        draw.plus(axes, x_sum, BOTTOM)
        _say_scores(axes, x_sum, found, f"score_{pool}")
        x, shape = x_sum - 0.17, fine
    wide, high = draw.fit(size, TALL)
    left = 0.35 + wide + 0.08
    _upsample(axes, x, left, f"×{round(found['up'][-2] / shape[-2])}")
    draw.picture(axes, draw.as_picture(mask, size), 0.35, BOTTOM - high / 2 + 0.1, wide, high)
    words = f"{found.channels('')} scores a pixel\n{found.extent('', ' ')}"
    draw.text(axes, 0.35 + TALL / 2, BOTTOM - high / 2 + 0.02, words, va="top")


def _say_scores(axes, x: float, found: Pair, name: str) -> None:
    draw.text(axes, x, BOTTOM - 0.45, f"{found.channels(name)} scores\n{found.extent(name)}", va="top")


def _score(axes, x: float, y: float, shape: tuple, size: tuple[int, int], start: float) -> float:
    """The scores of a map, as a thin box at (x, y), below the 1x1 convolution that makes them; returns the y of its lower edge."""
    high = height_of(shape, size)
    draw.arrow(axes, (x, start), (x, y + high / 2 + 0.05))
    draw.text(axes, x + 0.1, (start + y + high / 2) / 2 + 0.08, "1×1", ha="left")
    draw.box(axes, x - 0.06, y, 0.12, high, draw.SCORE)
    return y - high / 2


def _upsample(axes, start: float, end: float, words: str) -> None:
    """A transposed convolution along the lower row."""
    draw.arrow(axes, (start, BOTTOM), (end, BOTTOM), color=draw.UP, width=1.8)
    draw.text(axes, (start + end) / 2, BOTTOM + 0.24, words, color=draw.tint(draw.UP, -0.4))


def baseline(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """The original's own network in one row: convolution and pooling three times, transposed convolutions back. As `fcn` otherwise."""
    found = pair(model, size, trained)
    figure, axes = draw.page(4.9)
    middle = 1.93
    wide, high = draw.fit(size, TALL)
    words = middle - high / 2 - 0.12
    draw.picture(axes, draw.as_picture(image, size), 0.35, middle - high / 2, wide, high)
    draw.text(axes, 0.35 + wide / 2, words, f"image\n{found.extent('image', ' ')}", va="top")
    x = 0.35 + wide + 0.5
    steps = [(f"encoder.{stage}{part}", color) for stage in range(3) for part, color in ((".0", draw.CONV), ("", draw.POOL))]
    for name, color in [*steps, ("decoder.0", draw.UP), ("decoder.1", draw.UP), ("head", draw.SCORE)]:
        x = _map(axes, x, middle, found, name, size, color)
    left = draw.WIDTH - 0.35 - wide
    draw.picture(axes, draw.as_picture(mask, size), left, middle - high / 2, wide, high)
    draw.text(axes, left + wide / 2, words, f"{found.channels('')} scores a pixel\n{found.extent('', ' ')}", va="top")
    entries = [
        (draw.CONV, "3×3 convolution, ReLU"),
        (draw.POOL, "2×2 max-pool"),
        (draw.UP, "2×2 transposed convolution, stride 2"),
        (draw.SCORE, "the last of them: class scores"),
    ]
    draw.legend(axes, 0.35, 4.68, entries, (3.4, 2.3, 5.3))
    draw.text(axes, draw.WIDTH / 2, 4.25, found.key("encoder.0"))
    return figure


def _map(axes, x: float, y: float, found: Pair, name: str, size: tuple[int, int], color: str) -> float:
    """One map with its channels above and its extent below; returns where the next one begins."""
    shape = found[name]
    high, width = height_of(shape, size), 0.1 if color == draw.POOL else width_of(shape[0])
    right = draw.box(axes, x, y, width, high, color)
    if color != draw.POOL:
        draw.text(axes, x + width / 2 + draw.DEPTH * high, y + high / 2 + draw.DEPTH * high + 0.17, found.channels(name))
    if color == draw.CONV:  # as large as the map before it
        return right + 0.06 - draw.DEPTH * high * 0.5
    above = height_of((shape[0], 2 * shape[1], 2 * shape[2]), size) if color == draw.POOL else high  # below the convolution before it
    draw.text(axes, x + width / 2, y - above / 2 - 0.12, found.extent(name), va="top")
    return max(right + (0.4 if color == draw.POOL else 0.58), x + 1.22)  # room for the words below a narrow map
