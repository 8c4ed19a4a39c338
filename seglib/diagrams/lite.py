"""A U-Net decoder on EfficientNet-Lite0, from the shapes of the network it is handed."""

from itertools import pairwise

from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Net, Pair, pair
from seglib.diagrams.unet import TALL, flow, height_of, reads_skip, width_of

TOP, BOTTOM = 4.95, 2.36  # cm: the middles of the encoder's row and of the decoder's
SAID = 4.4  # cm: the upper edge of the words below the encoder's row
LEFT, FIRST, STEP = 0.35, 3.5, 2.29  # cm: the pictures, the middle of the column of stride 1, and from one column to the next
REACH = 0.32  # cm: the arrow between the concatenated maps and the convolutions
INSET = 14.7  # cm: the middle of the drawing of one block


def lite(model: nn.Module, size: tuple[int, int] = (768, 768), image=None, mask=None, *, trained=None) -> Figure:
    """The encoder's stages at `size` above, from left to right; the five steps up below, from right to left, each under its skip.

    image (H, W, 3) or (3, H, W) uint8 is the input, mask the coloured labels that come out; without them a grey field stands there.
    trained: (the module that was trained, its size), whose numbers are written in blue parentheses where they differ.
    """
    found = pair(model, size, trained)
    figure, axes = draw.page(6.5)
    _pictures(axes, found, size, image, mask)
    _encoder(axes, found, size)
    _decoder(axes, found, size)
    _block(axes, found)
    entries = [
        *((color, f"block, k = {side}") for side, color in _colors(found.published).items()),
        (draw.CONV, "3×3 convolution"),
        (draw.UP, "2×2 transposed convolution"),
        (draw.SKIP, "skip"),
        (draw.TOKEN, "1×1 convolution"),
    ]
    draw.legend(axes, LEFT, 6.27, entries, (2.28, 2.28, 2.8, 4.43, 1.12))
    draw.text(axes, LEFT, 0.2, _key(found), ha="left")
    return figure


def stages(net: Net) -> list[list[str]]:
    """The encoder's stages, one a stride, as the names of their parts: [..., ["encoder.blocks.3", "encoder.blocks.4"], ...].

    A part is a row of blocks with the same kernel and channels; a stage's last part makes the map that the decoder reads.
    """
    ends = [info["stage"] for info in net.model.encoder.feature_info.info]
    return [[f"encoder.blocks.{i}" for i in range(a, b)] for a, b in pairwise((0, *ends))]


def _blocks(net: Net, stage: int) -> int:
    return sum(len(net.model.get_submodule(part)) for part in stages(net)[stage])


def _kernel(net: Net, part: str) -> int:
    """The side of the depthwise convolution in a part's blocks."""
    return net.model.get_submodule(f"{part}.0.conv_dw").kernel_size[0]


def _colors(net: Net) -> dict[int, str]:
    """The colour of a block by the side of its kernel: the larger, the darker."""
    sides = sorted({_kernel(net, part) for stage in stages(net) for part in stage})
    return {side: to_hex(draw.tint(draw.OTHER, -0.35 * i)) for i, side in enumerate(sides)}


def expansion(net: Net, part: str) -> int:
    """By how much a part's first block widens its input before the depthwise convolution."""
    return net.shapes[f"{part}.0.conv_dw.input"][0] // net.shapes[f"{part}.0.input"][0]


def _column(step: int) -> float:
    """The middle in cm of the column of stride 2**step."""
    return FIRST + step * STEP


def _key(found: Pair) -> str:
    """Which size is drawn, what stands in parentheses, and what is done to sides that cannot be halved five times; "" for neither."""
    sizes = found.extent("encoder.conv_stem", " ")
    words = [f"{sizes}: extent at {draw.by(found['image'])} ‹(as trained here)›"] if "‹" in sizes else []
    if found.extent(f"decoder.{len(found.published.model.decoder) - 1}") != found.extent("image"):
        words.append(f"sides are extended to multiples of {found.published.model.multiple}")
    return "; ".join(words)


def _pictures(axes, found: Pair, size: tuple[int, int], image, mask) -> None:
    """The image before the encoder, the label map after the decoder."""
    wide, high = draw.fit(size, TALL)
    draw.picture(axes, draw.as_picture(image, size), LEFT, TOP - high / 2, wide, high)
    draw.text(axes, LEFT + wide / 2, TOP - high / 2 - 0.08, f"image\n{found.extent('image')}", va="top")
    draw.picture(axes, draw.as_picture(mask, size), LEFT, BOTTOM - high / 2, wide, high)
    draw.text(axes, LEFT + wide / 2, BOTTOM - high / 2 - 0.08, f"{found.channels('')} scores\n{found.extent('')}", va="top")


def _slabs(axes, x: float, y: float, shapes: list[tuple[int, ...]], color: str, size: tuple[int, int]) -> float:
    """Maps of one extent as boxes side by side, the first one's left edge at x; returns the right edge of the last one's front."""
    for shape in shapes:
        draw.box(axes, x, y, width_of(shape[0]), height_of(shape, size), color)
        x += width_of(shape[0])
    return x


def _over(axes, left: float, right: float, name: str, found: Pair, size: tuple[int, int]) -> None:
    """A map's channels above boxes of the encoder whose fronts reach from left to right."""
    high = height_of(found[name], size)
    x, y = (left + right) / 2 + draw.DEPTH * high, TOP + high * (0.5 + draw.DEPTH) + 0.03
    draw.text(axes, x, y, found.channels(name, "\n"), va="bottom")


def _encoder(axes, found: Pair, size: tuple[int, int]) -> None:
    """The first convolution and the stages, a box a block, channels above and extents below."""
    stem, x = "encoder.conv_stem", _column(0) - 0.2
    flow(axes, LEFT + draw.fit(size, TALL)[0], x - 0.03, TOP, draw.CONV)
    edge = _slabs(axes, x, TOP, [found[stem]], draw.CONV, size)
    _over(axes, x, edge, stem, found, size)
    draw.text(axes, (x + edge) / 2, SAID, found.extent(stem), va="top")
    edge += draw.DEPTH * height_of(found[stem], size)
    for stage in range(len(stages(found.published))):
        edge = _stage(axes, found, size, stage, edge)


def _stage(axes, found: Pair, size: tuple[int, int], stage: int, edge: float) -> float:
    """A stage in its column, after the map that ends at `edge`; returns its right edge, depth included."""
    net, parts = found.published, stages(found.published)[stage]
    rows = [[found[f"{part}.{i}"] for i in range(len(net.model.get_submodule(part)))] for part in parts]
    x = _column(stage + 1) - sum(width_of(shape[0]) for row in rows for shape in row) / 2
    flow(axes, edge, x - 0.03, TOP, draw.OTHER)
    for part, row in zip(parts, rows):
        left, x = x, _slabs(axes, x, TOP, row, _colors(net)[_kernel(net, part)], size)
        _over(axes, left, x, part, found, size)
    draw.text(axes, _column(stage + 1), SAID, _words(found, stage), va="top")
    return x + draw.DEPTH * height_of(rows[-1][-1], size)


def _words(found: Pair, stage: int) -> str:
    """What stands below a stage: its blocks and the extent of its map."""
    count = found.words(lambda net: _blocks(net, stage))
    return f"{count} block{'s' if count != '1' else ''}\n{found.extent(stages(found.published)[stage][-1])}"


def _decoder(axes, found: Pair, size: tuple[int, int]) -> None:
    """From the last stage's map to the scores, a column to the left with every step."""
    last = _column(len(stages(found.published)))
    start = SAID - draw.LINE * (_words(found, 0).count("\n") + 1) - 0.02  # below the words
    source = [(last, start), (last, BOTTOM)]
    for step in range(len(found.published.model.decoder)):
        x, skip = last - (step + 1) * STEP, _skip(found, step)
        if skip:
            end = BOTTOM + height_of(found[skip], size) * (0.5 + draw.DEPTH) + 0.02
            draw.arrow(axes, (x, start), (x, end), color=draw.SKIP, width=1.5, dashed=True, zorder=3)
        source = _step(axes, found, size, x, step, source)
    flow(axes, source[0][0], LEFT + draw.fit(size, TALL)[0] + 0.05, BOTTOM, draw.TOKEN)


def _skip(found: Pair, step: int) -> str:
    """The map of the encoder that a step puts beside its own, "" for none."""
    return stages(found.published)[-2 - step][-1] if reads_skip(found, step) else ""


def _step(axes, found: Pair, size: tuple[int, int], x: float, step: int, source: list[tuple]) -> list[tuple[float, float]]:
    """One step up along the path `source` to maps whose first one has its back at x; returns where the next path starts."""
    up, convs, skip = f"decoder.{step}.up", [f"decoder.{step}.conv.{i}" for i in range(2)], _skip(found, step)
    high = height_of(found[up], size)
    back = draw.DEPTH * high
    left = x - back - width_of(found[skip or up][0]) / 2
    start = left - REACH - back - sum(width_of(found[name][0]) for name in convs)
    end = _slabs(axes, start, BOTTOM, [found[name] for name in convs], draw.CONV, size)
    middle = _slabs(axes, left, BOTTOM, [found[skip]], draw.SKIP, size) if skip else left
    right = _slabs(axes, middle, BOTTOM, [found[up]], draw.UP, size)
    draw.path(axes, [*source, (right + back + 0.03, BOTTOM)], color=draw.tint(draw.UP, -0.15), width=1.5)
    flow(axes, left, end + back + 0.03, BOTTOM, draw.CONV)
    names = [skip, up] if skip else [up]
    words = found.words(lambda net: "+".join(str(net.shapes[name][0]) for name in names), "\n")
    low = BOTTOM - high / 2 - 0.08
    draw.text(axes, (left + right) / 2, low, words, va="top")
    draw.text(axes, (start + end) / 2, low, found.channels(convs[-1], "\n"), va="top")
    draw.text(axes, (start + right) / 2, low - draw.LINE * (1 + words.count("\n")), found.extent(up), va="top")
    return [(start - 0.03, BOTTOM)]


def _block(axes, found: Pair) -> None:
    """One block from above to below: its depthwise convolution works on widened channels, and its input is added where it can be."""
    wide = max(expansion(found.published, part) for parts in stages(found.published) for part in parts)
    y = 1.95
    draw.text(axes, INSET, y + 0.17, "one block")
    for color, words in ((draw.TOKEN, f"1×1, C → {wide}C"), (draw.OTHER, "k×k, depthwise"), (draw.TOKEN, f"1×1, {wide}C → C")):
        draw.arrow(axes, (INSET, y), (INSET, y - 0.2), zorder=4)
        draw.block(axes, INSET, y - 0.35, 2.2, 0.3, color, words)
        y -= 0.5
    draw.arrow(axes, (INSET, y), (INSET, y - 0.18), zorder=4)
    aside = INSET - 1.25
    draw.path(axes, [(INSET, 1.88), (aside, 1.88), (aside, y - 0.29), (INSET - 0.11, y - 0.29)], zorder=4)
    draw.plus(axes, INSET, y - 0.29, 0.11)
    narrow = expansion(found.published, stages(found.published)[0][0]) == 1
    draw.text(axes, aside - 0.2, 0.62, "+ where the shape stays" + (f";\nfirst block: no C → {wide}C" if narrow else ""), ha="right")
