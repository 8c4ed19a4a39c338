"""Figure 2: a fully convolutional network, from the shapes of the FCN it is handed."""

import math

from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import shapes

TOP, BOTTOM = 5.55, 1.75  # cm: the middle of the encoder's row and of the scores' row
TALL = 2.3  # cm: the drawn height of the full-size map


def fcn(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None) -> Figure:
    """FCN-32s, 16s or 8s at `size`: VGG16 above, from left to right; scores, skips and upsampling below, from right to left.

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    """
    found = shapes(model, size)
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
    draw.legend(axes, 0.35, 7.9, entries, (3.55, 2.35, 2.6, 2.2))
    return figure


def _normalised(model: nn.Module) -> bool:
    return any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())


def height_of(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    """The drawn height in cm of a map: the square root of its share of the image, or the deepest could not be seen."""
    return TALL * math.sqrt(shape[-2] / size[0])


def width_of(channels: int) -> float:
    """The drawn width in cm of so many channels, growing with their logarithm."""
    return 0.1 + 0.085 * max(0.0, math.log2(channels) - 2)


def _encoder(axes, model: nn.Module, found: dict, size: tuple[int, int], image) -> dict[str, tuple[float, float]]:
    """The upper row; returns where pool3, pool4 and fc7 end: {name: (x of the middle, y of the lower edge)}."""
    wide, high = draw.fit(size, TALL)
    draw.picture(axes, draw.as_picture(image, size), 0.35, TOP - high / 2, wide, high)
    draw.text(axes, 0.35 + TALL / 2, TOP - high / 2 - 0.22, f"image, {draw.by(found['image'])}")
    x, ends = 3.1, {}
    for stage in range(5):
        blocks = sorted(int(key.split(".")[-1]) for key in found if _is_child(key, f"encoder.stages.{stage}"))
        conv, pool = found[f"encoder.stages.{stage}.{blocks[-2]}"], found[f"encoder.stages.{stage}"]
        high = height_of(conv, size)
        width = width_of(conv[0]) * (0.7 + 0.15 * (len(blocks) - 1))
        right = draw.box(axes, x, TOP, width, high, draw.CONV)
        draw.text(axes, x + width / 2, TOP, f"×{len(_convolutions(model.encoder.stages[stage]))}", zorder=3)
        draw.text(axes, x + width / 2 + draw.DEPTH * high, TOP + high / 2 + draw.DEPTH * high + 0.17, f"{conv[0]}")
        pool_high = height_of(pool, size)
        x = right - draw.DEPTH * (high - pool_high) * 0.55 + 0.06
        x_pool = x
        x = draw.box(axes, x, TOP, 0.1, pool_high, draw.POOL)
        low = TOP - high / 2
        draw.text(axes, x_pool + 0.05, low - 0.2, f"pool{stage + 1}")
        draw.text(axes, x_pool + 0.05, low - 0.5, draw.by(pool))
        ends[f"pool{stage + 1}"] = (x_pool + 0.05, low)
        x += 0.5
    for name in ("fc6", "fc7"):
        shape = found[f"encoder.{name}"]
        high, width = height_of(shape, size), width_of(shape[0])
        draw.text(axes, x + width / 2 + 0.1, TOP + high / 2 + draw.DEPTH * high + 0.17, f"{shape[0]}")
        (kernel,) = (layer.kernel_size for layer in _convolutions(getattr(model.encoder, name)))
        draw.text(axes, x + width / 2, TOP - high / 2 - 0.2, name)
        draw.text(axes, x + width / 2, TOP - high / 2 - 0.5, draw.by(kernel))
        ends[name] = (x + width / 2, TOP - high / 2 - 0.3)
        x = draw.box(axes, x, TOP, width, high, draw.TOKEN) + 0.5
    return ends


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _is_child(key: str, parent: str) -> bool:
    return key.startswith(parent + ".") and key[len(parent) + 1 :].isdigit()


def _scores(axes, found: dict, size: tuple[int, int], mask, ends: dict) -> None:
    """The lower row, from right to left: scores of fc7, upsampled and added to those of pool4 and pool3, upsampled to the image."""
    x, shape = ends["fc7"][0], found["score_fc7"]
    _score(axes, x, BOTTOM, shape, size, ends["fc7"][1] - 0.35)
    draw.text(axes, x, BOTTOM - 0.5, f"{shape[0]} scores\n{draw.by(shape)}", va="top")
    x -= 0.1
    for pool in ("pool4", "pool3"):
        if f"score_{pool}" not in found:
            continue
        x_sum, low = ends[pool]
        fine = found[f"score_{pool}"]
        _upsample(axes, x, x_sum + 0.17, f"×{round(fine[-2] / shape[-2])}")
        middle = (low - 0.65 + BOTTOM) / 2
        bottom = _score(axes, x_sum, middle, fine, size, low - 0.65)
        draw.arrow(axes, (x_sum, bottom), (x_sum, BOTTOM + 0.17))
        draw.plus(axes, x_sum, BOTTOM)
        draw.text(axes, x_sum, BOTTOM - 0.5, f"{fine[0]} scores\n{draw.by(fine)}", va="top")
        x, shape = x_sum - 0.17, fine
    wide, high = draw.fit(size, TALL)
    left = 0.35 + wide + 0.08
    _upsample(axes, x, left, f"×{round(found['up'][-2] / shape[-2])}")
    draw.picture(axes, draw.as_picture(mask, size), 0.35, BOTTOM - high / 2 + 0.1, wide, high)
    draw.text(axes, 0.35 + TALL / 2, BOTTOM - high / 2 - 0.02, f"{found[''][0]} scores a pixel,\n{draw.by(found[''])}", va="top")


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


def baseline(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None) -> Figure:
    """The original's own network in one row: convolution and pooling three times, transposed convolutions back. As `fcn` otherwise."""
    found = shapes(model, size)
    figure, axes = draw.page(4.9)
    middle = 2.15
    wide, high = draw.fit(size, TALL)
    draw.picture(axes, draw.as_picture(image, size), 0.35, middle - high / 2, wide, high)
    draw.text(axes, 0.35 + wide / 2, middle - high / 2 - 0.25, f"image\n{draw.by(found['image'])}", va="top")
    x = 0.35 + wide + 0.5
    steps = [(found[f"encoder.{stage}{part}"], color) for stage in range(3) for part, color in ((".0", draw.CONV), ("", draw.POOL))]
    steps += [(found[name], draw.UP) for name in ("decoder.0", "decoder.1")] + [(found["head"], draw.SCORE)]
    for shape, color in steps:
        x = _map(axes, x, middle, shape, size, color)
    left = draw.WIDTH - 0.35 - wide
    draw.picture(axes, draw.as_picture(mask, size), left, middle - high / 2, wide, high)
    draw.text(axes, left + wide / 2, middle - high / 2 - 0.25, f"{found[''][0]} scores a pixel\n{draw.by(found[''])}", va="top")
    entries = [
        (draw.CONV, "3×3 convolution, ReLU"),
        (draw.POOL, "2×2 max-pool"),
        (draw.UP, "2×2 transposed convolution, stride 2"),
        (draw.SCORE, "the last of them: class scores"),
    ]
    draw.legend(axes, 0.35, 4.65, entries, (3.4, 2.3, 5.3))
    return figure


def _map(axes, x: float, y: float, shape: tuple, size: tuple[int, int], color: str) -> float:
    """One map with its channels above and its extent below; returns where the next one begins."""
    high, width = height_of(shape, size), 0.1 if color == draw.POOL else width_of(shape[0])
    right = draw.box(axes, x, y, width, high, color)
    if color != draw.POOL:
        draw.text(axes, x + width / 2 + draw.DEPTH * high, y + high / 2 + draw.DEPTH * high + 0.17, f"{shape[0]}")
    if color == draw.CONV:  # as large as the map before it
        return right + 0.06 - draw.DEPTH * high * 0.5
    above = height_of((shape[0], 2 * shape[1], 2 * shape[2]), size) if color == draw.POOL else high  # below the convolution before it
    draw.text(axes, x + width / 2, y - above / 2 - 0.25, draw.by(shape))
    return max(right + 0.48, x + 1.22)  # room for the words below a narrow map
