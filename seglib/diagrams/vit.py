"""Figure 4: a Vision Transformer that labels pixels, from the shapes of the ViT it is handed."""

import math

from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Net, Pair, pair

TOP, BOTTOM, TALL = 6.75, 1.95, 2.6  # cm: the middles of both rows, the height of the pictures
PATCHES = ((0.0, 0.0), (0.3, 0.1), (0.49, 0.65), (0.53, 0.2), (1.0, 1.0))  # the drawn patches: how far down and across
PITCH, TOKEN = 0.86, 0.56  # cm: from one patch to the next, and a patch's side


def vit(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """Patches, tokens, one encoder block in detail, and the way back to a map and to pixels, at `size`.

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    trained: (the narrower module that was trained, its size), whose numbers are written in blue parentheses.
    """
    found = pair(model, size, trained)
    figure, axes = draw.page(9.4)
    scene = draw.as_picture(image, size)
    wide, tall = draw.fit(size, TALL)
    draw.picture(axes, scene, 0.3, TOP - tall / 2, wide, tall)
    _patches(axes, scene, found, size, wide, tall)
    _projection(axes, found)
    _encoder(axes, found)
    _decoder(axes, found, size, mask)
    draw.text(axes, 10.2, 3.8, found.key("decoder.0.input", 2))
    return figure


def _numbers(grid: tuple[int, int]) -> list[int]:
    """The drawn patches, numbered from 1 along the rows."""
    return [1 + round(down * (grid[0] - 1)) * grid[1] + round(across * (grid[1] - 1)) for down, across in PATCHES]


def _ys() -> list[float]:
    return [TOP - (i - 2.5) * PITCH for i in range(1, 6)]


def _patches(axes, scene, found: Pair, size: tuple[int, int], wide: float, tall: float) -> None:
    """The grid over the picture, and five of its patches beside it at a larger scale."""
    grid = found["decoder.0.input"][1:]
    for i in range(1, grid[0]):
        y = TOP - tall / 2 + tall * i / grid[0]
        axes.plot((0.3, 0.3 + wide), (y, y), color="white", linewidth=0.25, alpha=0.55, zorder=3)
    for j in range(1, grid[1]):
        x = 0.3 + wide * j / grid[1]
        axes.plot((x, x), (TOP - tall / 2, TOP + tall / 2), color="white", linewidth=0.25, alpha=0.55, zorder=3)
    count = found.words(lambda net: math.prod(net.shapes["decoder.0.input"][1:]))
    cells = found.extent("decoder.0.input", " ")
    words = f"image\n{found.extent('image', ' ')}\ncut into {cells}\n= {count} patches\nof 16×16 pixels"
    draw.text(axes, 0.3 + wide / 2, TOP - tall / 2 - 0.08, words, va="top")
    high, across = size[0] // grid[0], size[1] // grid[1]
    for number, y in zip(_numbers(grid), _ys()):
        row, column = divmod(number - 1, grid[1])
        patch = None if scene is None else scene[row * high : (row + 1) * high, column * across : (column + 1) * across]
        draw.picture(axes, patch, 3.75, y - TOKEN / 2, TOKEN, TOKEN)
        cell = (0.3 + wide * (column + 0.5) / grid[1], TOP + tall / 2 - tall * (row + 0.5) / grid[0])
        draw.rectangle(axes, cell[0] - 0.05, cell[1] - 0.05, 0.1, 0.1, draw.INK, facecolor=draw.SCORE, linewidth=0.5, zorder=5)
        axes.plot((cell[0] + 0.05, 3.72), (cell[1], y), color=draw.INK, linewidth=0.4, zorder=4)
    _dots(axes, 3.75 + TOKEN / 2)


def _dots(axes, x: float) -> None:
    for y, after in zip(_ys(), _ys()[1:]):
        draw.text(axes, x, (y + after) / 2, "⋮", size=7)


def _projection(axes, found: Pair) -> None:
    """Linear projection to tokens, position embeddings added, the class token on top."""
    pixels = 3 * 16 * 16
    words = f"linear projection,\n{pixels} → {found.words(_width)}"
    middle = (_ys()[0] + _ys()[-1]) / 2
    draw.block(axes, 4.98, middle, 0.66, 4.2, draw.CONV, words, rotation=90)
    grid = found["decoder.0.input"][1:]
    for number, y in zip(["*", *_numbers(grid)], [_ys()[0] + PITCH, *_ys()]):
        is_class = number == "*"
        if not is_class:
            draw.arrow(axes, (4.34, y), (4.64, y))
            draw.arrow(axes, (5.32, y), (5.61, y))
        draw.rectangle(axes, 5.63, y - 0.25, 0.22, 0.5, draw.OTHER if is_class else draw.CONV)
        draw.text(axes, 5.99, y, "+")
        draw.rectangle(axes, 6.13, y - 0.25, 0.7, 0.5, draw.TOKEN)
        draw.text(axes, 6.48, y, "0" if is_class else str(number), zorder=6)
        draw.arrow(axes, (6.86, y), (7.2, y))
    _dots(axes, 5.99)
    draw.text(axes, 5.5, _ys()[0] + PITCH, "class\ntoken", ha="right")
    draw.text(axes, 5.95, _ys()[-1] - 0.42, "patch embedding +\nposition embedding", va="top")


def _width(net: Net) -> int:
    return net.shapes["encoder.norm"][-1]


def _encoder(axes, found: Pair) -> None:
    """The encoder as a frame, one of its blocks inside, and the tokens that leave it."""
    blocks = found.words(lambda net: len(net.model.encoder.blocks))
    heads = found.words(lambda net: net.model.encoder.blocks[0].attn.num_heads)
    count, width = found.words(lambda net: net.shapes["encoder.norm"][0]), found.words(_width)
    hidden = found.words(lambda net: net.shapes["encoder.blocks.0.mlp.fc1"][-1])
    middle, left, right = (_ys()[0] + PITCH + _ys()[-1]) / 2, 7.22, 14.3
    draw.block(axes, (left + right) / 2, middle, right - left, 5.1, draw.TOKEN, "", share=0.85)
    words = f"transformer encoder: {blocks} blocks like this one\n{count} tokens of {width} channels"
    draw.text(axes, (left + right) / 2, middle + 2.1, words)
    y, x, gap, before = middle - 0.1, left, 0.2, left
    parts = (
        (0.72, draw.SCORE, "layer\nnorm"),
        (1.8, draw.UP, f"multi-head\nself-attention,\n{heads} heads"),
        None,
        (0.72, draw.SCORE, "layer\nnorm"),
        (1.85, draw.CONV, f"MLP\n{width} →\n{hidden} →\n{width}"),
        None,
    )
    branch = left + 0.12
    for part in parts:
        wide = part[0] if part else 0.32
        x += gap
        draw.arrow(axes, (before, y), (x, y), zorder=4)
        if part:
            draw.block(axes, x + wide / 2, y, wide, 1.5, *part[1:])
        else:
            end = x + wide / 2
            draw.path(axes, [(branch, y), (branch, y + 1.1), (end, y + 1.1), (end, y + 0.16)], zorder=4)
            draw.plus(axes, end, y)
            branch = end + 0.26
        x = before = x + wide
    draw.arrow(axes, (x, y), (right, y), zorder=4)
    words = "every token attends to every other token,\nat a cost that grows with the square of their number"
    draw.text(axes, (left + right) / 2, middle - 1.65, words)
    for i, token_y in enumerate([_ys()[0] + PITCH, *_ys()]):
        draw.arrow(axes, (right + 0.02, token_y), (right + 0.3, token_y))
        draw.rectangle(axes, right + 0.33, token_y - 0.25, 0.22, 0.5, draw.OTHER if i == 0 else draw.TOKEN)
    draw.text(axes, right + 0.64, _ys()[0] + PITCH, "class\ntoken,\nunused", ha="left")
    _dots(axes, right + 0.44)


def _decoder(axes, found: Pair, size: tuple[int, int], mask) -> None:
    """The lower row, from right to left: tokens as a map, four convolutions and interpolations, the labels."""
    tokens = found["decoder.0.input"]
    steps = [found[f"decoder.{i}"] for i in range(4)]
    xs, x = [], 14.5
    for shape in [tokens, *steps, found["head"]]:
        xs.append(x)
        x -= 1.6 + 0.25 * _height(shape, size)
    _box(axes, xs[0], found, "decoder.0.input", size, draw.TOKEN)
    draw.path(axes, [(14.78, _ys()[-1] - 0.3), (14.78, BOTTOM + _height(tokens, size) / 2 + 0.62)])
    draw.text(axes, 14.6, 3.3, "each token\nback to\nits place", ha="right")
    for i, shape in enumerate(steps):
        _box(axes, xs[i + 1], found, f"decoder.{i}", size, draw.CONV)
        factor = shape[-2] // (tokens if i == 0 else steps[i - 1])[-2]
        _step(axes, xs[i], xs[i + 1], shape, size, "3×3", "" if factor == 1 else f"×{factor}")
    _box(axes, xs[5], found, "head", size, draw.SCORE)
    _step(axes, xs[4], xs[5], found["head"], size, "1×1", "")
    wide, tall = draw.fit(size, TALL)
    draw.picture(axes, draw.as_picture(mask, size), 0.3, BOTTOM - tall / 2 + 0.05, wide, tall)
    factor = found[""][-2] // found["head"][-2]
    draw.arrow(axes, (xs[5] - 0.06, BOTTOM), (0.3 + wide + 0.05, BOTTOM), color=draw.UP, width=1.6)
    draw.text(axes, (xs[5] + 0.3 + wide) / 2, BOTTOM - 0.22, f"×{factor}")
    draw.text(axes, 10.1, 0.35, "3×3: convolution, batch norm, ReLU     1×1: class scores     ×2: bilinear interpolation")
    words = f"{found.channels('')} scores a pixel\n{found.extent('', ' ')}"
    draw.text(axes, 0.3 + wide / 2, BOTTOM - tall / 2 - 0.02, words, va="top")


def _height(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    return 1.9 * math.sqrt(shape[-2] / size[0])


def _box(axes, x: float, found: Pair, name: str, size: tuple[int, int], color: str) -> None:
    shape = found[name]
    high = _height(shape, size)
    wide = 0.1 + 0.05 * math.log2(shape[0])
    draw.box(axes, x, BOTTOM, wide, high, color)
    draw.text(axes, x + wide / 2 + draw.DEPTH * high / 2, BOTTOM + high * (0.5 + draw.DEPTH) + 0.17, found.channels(name))
    draw.text(axes, x + wide / 2, BOTTOM - high / 2 - 0.06, found.extent(name), va="top")


def _step(axes, start: float, end: float, shape: tuple, size: tuple[int, int], above: str, below: str) -> None:
    """An arrow leftwards from the box at `start` to the depth of the box at `end`."""
    stop = end + 0.12 + 0.05 * math.log2(shape[0]) + draw.DEPTH * _height(shape, size) * 0.75
    draw.arrow(axes, (start - 0.06, BOTTOM), (stop, BOTTOM), color=draw.UP, width=1.6)
    draw.text(axes, (start + stop) / 2, BOTTOM + 0.22, above)
    draw.text(axes, (start + stop) / 2, BOTTOM - 0.22, below)
