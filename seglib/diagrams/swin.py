"""Figure 5: a Swin Transformer with its J-shaped decoder, and its windows, from the shapes of the Swin it is handed."""

import math
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Net, Pair, pair

SIDE, GAP = 2.0, 1.32  # cm: a stage's picture, and the space to the next one
TOP, ARM, WINDOWS = 9.62, 6.8, 1.45  # cm: lower edge of the stages, middle of the decoder, lower edge of the windows
LARGE, APART = 2.7, 3.45  # cm: a picture of windows, and from one to the next
TITLE = 4.5  # cm: the words above the windows and the block


def swin(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """(a) Four stages of merged tokens and the decoder, (b) windows, shifted windows and the groups that the shift leaves, (c) a block, at
    `size`.

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    trained: (the narrower module that was trained, its size), whose numbers are written in blue parentheses.
    """
    found = pair(model, size, trained)
    figure, axes = draw.page(12.1)
    scene = draw.as_picture(image, size)
    _stages(axes, found, scene, size)
    _decoder(axes, found, size, mask)
    _shift(axes, found, scene, size)
    _block(axes, found)
    return figure


def _stage(net: Net, stage: int) -> nn.Module:
    return getattr(net.model.encoder, f"layers_{stage}")


def _blocks(net: Net, stage: int) -> int:
    return len(_stage(net, stage).blocks)


def _grid(net: Net, stage: int = 3) -> str:
    """The extent of a stage's tokens (H, W, C)."""
    return draw.by(net.shapes[f"encoder.layers_{stage}"][:2])


def _channels(net: Net, stage: int) -> int:
    return net.shapes[f"encoder.layers_{stage}"][2]


def _window(net: Net, stage: int = 3) -> int:
    return _stage(net, stage).blocks[-1].window_size[0]


def _shifted(net: Net, stage: int = 3) -> int:
    """By how many tokens the windows of a stage's last block are shifted."""
    return _stage(net, stage).blocks[-1].shift_size[0]


def _count(net: Net, stage: int) -> int:
    """How many windows a stage's map is cut into, padded where they do not divide it."""
    return math.prod(math.ceil(side / _window(net, stage)) for side in net.shapes[f"encoder.layers_{stage}"][:2])


def tokens(scene: np.ndarray | None, grid: tuple[int, int]) -> np.ndarray | None:
    """The picture (H, W, 3) as its tokens see it: the mean colour of each of (h, w) patches, uint8, pale."""
    if scene is None:
        return None
    rows, columns = (np.arange(n) * length // n for n, length in zip(grid, scene.shape[:2]))
    sums = np.add.reduceat(np.add.reduceat(scene.astype(float), rows, 0), columns, 1)
    ones = np.add.reduceat(np.add.reduceat(np.ones(scene.shape[:2]), rows, 0), columns, 1)
    return _pale((sums / ones[..., None]).astype(np.uint8))


def _pale(scene: np.ndarray) -> np.ndarray:
    """Mixed with white, so that lines can be seen on it."""
    return (255 - 0.5 * (255 - scene.astype(float))).astype(np.uint8)


def _lines(axes, x: float, y: float, extent: tuple[float, float], count: tuple[int, int], step: int, offset: int, **style) -> None:
    """A grid every `step` of `count` tokens, moved by `offset`, over the picture of (width, height) `extent` with corner (x, y)."""
    wide, tall = extent
    for i in range(offset, count[0] + 1, step):
        axes.plot((x, x + wide), (y + tall * (1 - i / count[0]),) * 2, **style)
    for j in range(offset, count[1] + 1, step):
        axes.plot((x + wide * j / count[1],) * 2, (y, y + tall), **style)


def _stages(axes, found: Pair, scene, size: tuple[int, int]) -> None:
    """The image and the four stages: the scene at each stage's resolution, with its windows, and its numbers below."""
    words = "(a) 4×4 pixels become a token, and each further stage merges 2×2 tokens. Attention stays inside the windows (lines)."
    draw.text(axes, 0.3, 11.88, words, ha="left")
    across, tall = draw.fit(size, SIDE)
    draw.picture(axes, scene, 0.3, TOP, across, tall)
    draw.text(axes, 0.3 + SIDE / 2, TOP - 0.1, f"image\n{found.extent('image')}", va="top")
    for stage in range(4):
        high, wide, _ = found[f"encoder.layers_{stage}"]
        x = 0.3 + (stage + 1) * (SIDE + GAP)
        draw.picture(axes, tokens(scene, (high, wide)), x, TOP, across, tall)
        window = _window(found.published, stage)
        _lines(axes, x, TOP, (across, tall), (high, wide), window, 0, color="0.3", linewidth=0.3, zorder=3)
        draw.arrow(axes, (x - GAP + 0.06, TOP + tall / 2), (x - 0.06, TOP + tall / 2), color=draw.POOL, width=1.6)
        draw.text(axes, x - GAP / 2, TOP + tall / 2 + 0.24, "4×4" if stage == 0 else "2×2")
        blocks, grid, channels, count = (found.words(partial(of, stage=stage)) for of in (_blocks, _grid, _channels, _count))
        words = f"stage {stage + 1}: {blocks} blocks\n{grid} tokens\n{channels} channels\n{count} windows"
        draw.text(axes, x + SIDE / 2, TOP - 0.1, words, va="top")


def _decoder(axes, found: Pair, size: tuple[int, int], mask) -> None:
    """The J: from the coarsest map back, with a skip from every other stage, then two steps without."""
    names = ["decoder.bottom", *(f"decoder.convs.{i}" for i in range(5))]
    xs = [0.3 + SIDE / 2 + stage * (SIDE + GAP) - 0.2 for stage in (4, 3, 2)] + [5.77, 4.46, 3.12]
    for i, (x, name) in enumerate(zip(xs, names)):
        shape = found[name]
        high, wide = _height(shape, size), _width(shape)
        draw.box(axes, x, ARM, wide, high, draw.CONV)
        draw.text(axes, x + wide / 2, ARM - high / 2 - 0.06, found.extent(name), va="top")
        over, skip = x + wide / 2 + draw.DEPTH * high / 2, i < 4
        beside, anchor = (
            (-0.2, "right") if i == 0 else (0.28, "left") if skip else (0, "center")
        )  # of the arrow from above, where there is one
        draw.text(axes, over + beside, ARM + high * (0.5 + draw.DEPTH) + 0.16, found.channels(name), ha=anchor)
        if skip:
            end = (over, ARM + high * (0.5 + draw.DEPTH / 2) + 0.05)
            draw.arrow(axes, (over, TOP - 1.42), end, color=draw.SKIP if i else draw.INK, width=1.5, dashed=i > 0)
        if i < 5:
            following = found[names[i + 1]]
            stop = xs[i + 1] + _width(following) + draw.DEPTH * _height(following, size) * 0.6 + 0.06
            draw.arrow(axes, (x - 0.05, ARM), (stop, ARM), color=draw.UP, width=1.6)
    (side, tall) = draw.fit(size, 1.75)
    draw.arrow(axes, (xs[5] - 0.05, ARM), (0.3 + side + 0.05, ARM), color=draw.TOKEN, width=1.6)
    draw.picture(axes, draw.as_picture(mask, size), 0.3, ARM - tall / 2, side, tall)
    draw.text(axes, 0.14, ARM - tall / 2 - 0.1, f"{found.channels('')} scores a pixel\n{found.extent('')}", va="top", ha="left")
    entries = [
        (draw.UP, "2×2 transposed convolution"),
        (draw.CONV, "two 3×3 convolutions"),
        (draw.TOKEN, "1×1 convolution"),
        (draw.SKIP, "skip, concatenated"),
    ]
    draw.legend(axes, 2.95, ARM - 1.53, entries, (4.1, 3.25, 2.5))
    draw.text(axes, 2.95, ARM - 1.86, found.key("decoder.convs.2"), ha="left")


def _height(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    return 1.35 * math.sqrt(shape[-2] / size[0])


def _width(shape: tuple[int, ...]) -> float:
    return 0.06 + 0.04 * max(0.0, math.log2(shape[0]) - 2)


def _shift(axes, found: Pair, scene, size: tuple[int, int]) -> None:
    """The last stage's windows, the shifted windows of its next block, and those as they are computed: rolled, and masked by group."""
    high, wide, _ = found["encoder.layers_3"]
    window, shift = _window(found.published), _shifted(found.published)
    extent, grid = draw.fit(size, LARGE), (high, wide)
    side = found.words(lambda net: f"{_window(net)}×{_window(net)}")
    words = f"(b) Windows of {side} tokens in stage 4, {found.words(_grid)} tokens."
    draw.text(axes, 0.3, TITLE, words, ha="left")
    mosaic = tokens(scene, grid)
    rolled = None if mosaic is None else np.roll(mosaic, (-shift, -shift), (0, 1))
    captions = (
        "one block: attention\ninside each window",
        f"the next block: windows\nshifted by {found.words(_shifted)}; what was\napart now meets",
        "computed so: the map is\nrolled; in a window, equal\ntints attend to each other",
    )
    for i, (picture, caption) in enumerate(zip((mosaic, mosaic, rolled), captions)):
        x = 0.3 + i * APART
        draw.picture(axes, picture, x, WINDOWS, *extent)
        if i == 2:
            _groups(axes, x, extent, grid, shift)
        _lines(axes, x, WINDOWS, extent, grid, window, shift if i == 1 else 0, color=draw.INK, linewidth=1.4, zorder=4)
        draw.text(axes, x + LARGE / 2, WINDOWS - 0.12, caption, va="top")


def _block(axes, found: Pair) -> None:
    """One block from above to below: V2 normalises what attention and MLP return, before it is added."""
    ratio = found["encoder.layers_0.blocks.0.mlp.fc1"][-1] // found["encoder.layers_0"][-1]
    draw.text(axes, 10.6, TITLE, "(c) One block, C channels.", ha="left")
    x, y, start = 12.35, TITLE - 0.22, TITLE - 0.36
    parts = (
        (0.7, draw.UP, "attention in windows,\ncosine similarity"),
        (0.4, draw.SCORE, "layer norm"),
        None,
        (0.4, draw.CONV, f"MLP, C → {ratio}C → C"),
        (0.4, draw.SCORE, "layer norm"),
        None,
    )
    for part in parts:
        tall = part[0] if part else 0.32
        draw.arrow(axes, (x, y), (x, y - 0.22), zorder=4)
        y -= 0.22 + tall / 2
        if part:
            draw.block(axes, x, y, 2.9, *part)
        else:
            draw.path(axes, [(x, start), (x - 1.65, start), (x - 1.65, y), (x - 0.16, y)], zorder=4)
            draw.plus(axes, x, y)
            start = y - 0.26
        y -= tall / 2
    draw.arrow(axes, (x, y), (x, y - 0.22), zorder=4)
    draw.text(axes, x + 1.7, 2.4, "Swin V2: layer\nnorm stands\nafter attention\nand after the\nMLP, before\nthe addition", ha="left")


def _groups(axes, x: float, extent: tuple[float, float], grid: tuple[int, int], shift: int) -> None:
    """Tint the parts of the rolled map that came round from the other side: they share a window, but must not attend to each other."""
    colors = {(1, 0): draw.POOL, (0, 1): draw.CONV, (1, 1): draw.OTHER}
    cut = (grid[0] - shift, grid[1] - shift)
    for (down, across), color in colors.items():
        top, bottom = (cut[0], grid[0]) if down else (0, cut[0])
        left, right = (cut[1], grid[1]) if across else (0, cut[1])
        corner = (x + extent[0] * left / grid[1], WINDOWS + extent[1] * (1 - bottom / grid[0]))
        sides = (extent[0] * (right - left) / grid[1], extent[1] * (bottom - top) / grid[0])
        draw.rectangle(axes, *corner, *sides, color, facecolor=color, alpha=0.55, linewidth=0, zorder=3)
