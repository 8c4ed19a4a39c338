"""The controls of the families: U-Net and Swin V2 beside what was made of them, from the shapes of the modules that are handed in."""

from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import nn

from seglib.diagrams import draw
from seglib.diagrams.shapes import Net, shapes

STRIDES = (1, 2, 4, 8, 16, 32)
LETTERS = "abcdefgh"
HIGH = 4.3  # cm: the page
FIRST, PITCH, TALL = 3.17, 0.485, 0.29  # cm: the middle of the row of stride 1, from one row to the next, and the height of a box
LEFT, STEP, APART = 0.98, 2.05, 0.2  # cm: the left edge of the first network, from one to the next, and more before another's controls
WIDE, GAP = 0.56, 0.62  # cm: a box, and the space that skips cross
PATCHES = 1.02  # cm: the width of the box of patches, no skip being there
TITLE = 4.24  # cm: the upper edge of the titles
BLOCK = 14.86  # cm: the middle of the drawing of one block
SKIP = "0.35"  # darker than elsewhere: the lines are short
DIFFERS = draw.POOL  # the frame around what a control changes
FRAME = 0.055  # cm: from what is framed to its frame


class Sketch(NamedTuple):
    """A network by stride: the encoder's (channels, colour), the decoder's channels, the strides of its skips; the pixels of a patch that
    comes first, "4×4", or "" where none does."""

    encoder: dict[int, tuple[int, str]]
    decoder: dict[int, int]
    skips: frozenset[int]
    patches: str


def controls(networks: dict[str, nn.Module], size: tuple[int, int] = (144, 192), *, of: dict[str, str] | None = None) -> Figure:
    """Networks side by side, a row a stride, and on the right one block of the last of them if that is a ConvNeXt.

    networks {title: module as it was trained}; of {title of a control: title of what it was made of}: what differs between the two is
    framed, as their shapes tell. size (H, W) is the picture's; numbers are channels.
    """
    nets = {title: Net(model, shapes(model, size)) for title, model in networks.items()}
    found = {title: sketch(net) for title, net in nets.items()}
    figure, axes = draw.page(HIGH)
    draw.text(axes, 0.72, _row(1) + PITCH, "stride", ha="right")
    lefts = _lefts(list(found), of or {})
    for i, stride in enumerate(STRIDES):
        draw.text(axes, 0.72, _row(stride), str(stride), ha="right")
        if i % 2 == 0:
            band = (LEFT - 0.12, _row(stride) - PITCH / 2, lefts[-1] + STEP - LEFT, PITCH)
            draw.rectangle(axes, *band, draw.SKIP, facecolor="0.95", linewidth=0, zorder=0)
    for i, (title, drawn) in enumerate(found.items()):
        x = lefts[i]
        draw.text(axes, x - 0.04, TITLE, f"({LETTERS[i]}) {title}", ha="left", va="top")
        _network(axes, x, drawn)
        if title in (of or {}):
            _differences(axes, x, drawn, found[of[title]])
    last = list(nets.values())[-1]
    if _convnext(last.model):
        _block(axes, last, LETTERS[len(found)])
    _legend(axes, networks)
    return figure


def sketch(net: Net) -> Sketch:
    """The network as it is drawn. ValueError for one that is neither a U-Net nor has Swin's decoder."""
    if "decoder.0.up" in net.shapes:
        return _unet(net)
    if "decoder.bottom" in net.shapes:
        return _swin(net)
    raise ValueError("controls are drawn of U-Nets and of networks with Swin's decoder")


def _unet(net: Net) -> Sketch:
    seen, ups = net.shapes, [f"decoder.{i}" for i in range(4)]
    maps = [seen[f"encoder.stages.{i}.1"] for i in range(len(net.model.encoder.stages))]
    decoder = {_stride(net, seen[f"{up}.conv"]): seen[f"{up}.conv"][0] for up in ups}
    skips = {_stride(net, seen[f"{up}.up"]) for up in ups if seen[f"{up}.conv.input"][0] > seen[f"{up}.up"][0]}
    patches = _side(net.model.encoder.embed[0]) if "encoder.embed.0" in seen else ""
    return Sketch({_stride(net, shape): (shape[0], draw.CONV) for shape in maps}, decoder, frozenset(skips), patches)


def _swin(net: Net) -> Sketch:
    seen = net.shapes
    steps = [(seen[f"decoder.ups.{i}"], seen[f"decoder.convs.{i}.input"], seen[f"decoder.convs.{i}"]) for i in range(5)]
    decoder = {_stride(net, shape): shape[0] for shape in (seen["decoder.bottom"], *(out for _, _, out in steps))}
    skips = frozenset(_stride(net, up) for up, read, _ in steps if read[0] > up[0])
    if _convnext(net.model):
        maps, color = [seen[f"encoder.stages_{i}"] for i in range(4)], draw.OTHER
    else:
        turned = [seen[f"encoder.layers_{i}"] for i in range(4)]  # (h, w, C)
        maps, color = [(channels, high, wide) for high, wide, channels in turned], draw.UP
    fine = [seen[name] for name in (f"encoder.patch_embed.stages.{i}" for i in range(2)) if name in seen]
    encoder = {_stride(net, shape): (shape[0], draw.CONV) for shape in fine} | {_stride(net, shape): (shape[0], color) for shape in maps}
    return Sketch(encoder, decoder, skips, "" if fine else _side(_first(net.model)))


def _first(model: nn.Module) -> nn.Module:
    """The layer of patches before Swin's or ConvNeXt's stages."""
    return model.encoder.stem_0 if _convnext(model) else model.encoder.patch_embed.proj


def _side(layer: nn.Module) -> str:
    """What a convolution looks at, "7×7"."""
    return "×".join(map(str, layer.kernel_size))


def _stride(net: Net, shape: tuple[int, ...]) -> int:
    """The stride of a map (C, h, w), the nearest one where sides were padded."""
    return min(STRIDES, key=lambda stride: abs(net.shapes["image"][-1] / shape[-1] - stride))


def _lefts(titles: list[str], of: dict[str, str]) -> list[float]:
    """The left edge of each network, a space before each that is no control."""
    groups = [sum(title not in of for title in titles[: i + 1]) - 1 for i in range(len(titles))]
    return [LEFT + i * STEP + group * APART for i, group in enumerate(groups)]


def _convnext(model: nn.Module) -> bool:
    return hasattr(getattr(model, "encoder", None), "stages_0")


def _row(stride: int) -> float:
    return FIRST - STRIDES.index(stride) * PITCH


def _network(axes, x: float, drawn: Sketch) -> None:
    """The encoder's boxes from above to below at x, the decoder's from below to above on the right, skips across."""
    right, half = x + WIDE + GAP, TALL / 2
    if drawn.patches:
        middle = (_row(1) + _row(2)) / 2
        draw.block(axes, x + PATCHES / 2, middle, PATCHES, TALL + 0.34, draw.TOKEN, f"{drawn.patches}\npatches")
    order = sorted(drawn.encoder)
    for stride, (channels, color) in drawn.encoder.items():
        _map(axes, x + WIDE / 2, stride, channels, color)
    for above, below in zip((0, *order), order):
        top = _row(above) - half if above else (_row(1) + _row(2)) / 2 - half - 0.17 if drawn.patches else _row(1) + half + 0.2
        draw.arrow(axes, (x + WIDE / 2, top), (x + WIDE / 2, _row(below) + half), color=draw.INK if not above else draw.POOL, width=1.0)
    if drawn.patches:
        draw.arrow(axes, (x + WIDE / 2, _row(1) + half + 0.2), (x + WIDE / 2, (_row(1) + _row(2)) / 2 + half + 0.17), width=1.0)
    for stride, channels in drawn.decoder.items():
        _map(axes, right + WIDE / 2, stride, channels, draw.CONV)
    up = sorted(drawn.decoder, reverse=True)
    for below, above in zip(up, up[1:]):
        draw.arrow(axes, (right + WIDE / 2, _row(below) + half), (right + WIDE / 2, _row(above) - half), color=draw.UP, width=1.0)
    draw.arrow(axes, (right + WIDE / 2, _row(1) + half), (right + WIDE / 2, _row(1) + half + 0.22), width=1.0)
    deep = order[-1]
    if deep in drawn.decoder:  # Swin's decoder begins at the encoder's last stride
        draw.arrow(axes, (x + WIDE, _row(deep)), (right, _row(deep)), width=1.0)
    else:  # U-Net's one step above
        draw.path(axes, [(x + WIDE, _row(deep)), (right + WIDE / 2, _row(deep)), (right + WIDE / 2, _row(up[0]) - half)],
                  color=draw.UP, width=1.0)  # fmt: skip
    for stride in drawn.skips:
        draw.arrow(axes, (x + WIDE, _row(stride)), (right, _row(stride)), color=SKIP, width=1.0, dashed=True)


def _map(axes, x: float, stride: int, channels: int, color: str) -> None:
    """A stage as a box with its channels, wider for four digits."""
    draw.block(axes, x, _row(stride), max(WIDE, 0.165 * len(str(channels))), TALL, color, str(channels), share=0.3)


def _differences(axes, x: float, drawn: Sketch, other: Sketch) -> None:
    """Frames around the rows whose encoder or skip is not the other's, neighbours together; a cross where a skip is left out."""
    encoder = {s for s in STRIDES if drawn.encoder.get(s) != other.encoder.get(s)}
    skips = drawn.skips ^ other.skips
    for stride in skips - drawn.skips:
        if stride in drawn.encoder:
            _cross(axes, x + WIDE + GAP / 2, _row(stride))
    for rows in _runs(sorted(encoder | skips)):
        low = x - 0.06 if encoder & {*rows} else x + WIDE + FRAME
        high = x + WIDE + (GAP - FRAME if skips & {*rows} else 0.06)
        top, bottom = _row(rows[0]) + TALL / 2 + FRAME, _row(rows[-1]) - TALL / 2 - FRAME
        _frame(axes, low, bottom, high - low, top - bottom)


def _frame(axes, x: float, y: float, width: float, height: float) -> None:
    style = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": draw.tint(DIFFERS, 0.82), "edgecolor": DIFFERS, "linewidth": 1.3}
    axes.add_patch(FancyBboxPatch((x, y), width, height, zorder=1, **style))


def _cross(axes, x: float, y: float, reach: float = 0.085) -> None:
    for sign in (1, -1):
        axes.plot((x - reach, x + reach), (y - sign * reach, y + sign * reach), color=DIFFERS, linewidth=1.4, zorder=6)


def _runs(rows: list[int]) -> list[list[int]]:
    """Strides in rows that touch: [1, 2, 8] -> [[1, 2], [8]]."""
    found = []
    for stride in rows:
        if found and found[-1][-1] * 2 == stride:
            found[-1].append(stride)
        else:
            found.append([stride])
    return found


def _block(axes, net: Net, letter: str) -> None:
    """One ConvNeXt block from above to below: a convolution of each channel in the place of attention, one norm before the MLP."""
    first = "encoder.stages_0.blocks.0"
    block = net.model.get_submodule(first)
    ratio = net.shapes[f"{first}.mlp.fc1"][-1] // net.shapes[f"{first}.mlp.fc1.input"][-1]
    draw.text(axes, BLOCK - 1.24, TITLE, f"({letter}) one of these\nblocks, C channels", ha="left", va="top")
    parts = [
        (0.58, draw.OTHER, f"{_side(block.conv_dw)} convolution\nof each channel"),
        (TALL, draw.SCORE, "layer norm"),
        (TALL, draw.CONV, f"MLP, C→{ratio}C→C"),
        (TALL, draw.SKIP, "learnt scale"),
    ]
    x, y, step = BLOCK, _row(1) + TALL / 2 + 0.06, 0.17
    start = y - 0.07
    for tall, color, words in parts:
        draw.arrow(axes, (x, y), (x, y - step), zorder=4)
        y -= step + tall / 2
        draw.block(axes, x, y, 2.14, tall, color, words)
        y -= tall / 2
    draw.arrow(axes, (x, y), (x, y - step), zorder=4)
    y -= step + 0.11
    draw.path(axes, [(x, start), (x - 1.2, start), (x - 1.2, y), (x - 0.11, y)], zorder=4)
    draw.plus(axes, x, y, 0.11)
    draw.arrow(axes, (x, y - 0.11), (x, y - 0.11 - step), zorder=4)


def _legend(axes, networks: dict[str, nn.Module]) -> None:
    """What boxes and lines are; how many blocks a stage has, read off the modules."""
    x, y = 0.3, 0.17
    entries = [(draw.CONV, "two 3×3 convolutions")]
    for color, stage, kind in ((draw.UP, "layers_{}", "Swin V2"), (draw.OTHER, "stages_{}", "ConvNeXt")):
        counts = _blocks(networks, stage)
        if counts:
            entries.append((color, f"{_range(counts)} {kind} block{'s' * (max(counts) > 1)}"))
    for color, words in entries:
        draw.legend(axes, x, y, [(color, words)], ())
        x += 0.72 + 0.13 * len(words)
    draw.arrow(axes, (x, y), (x + 0.55, y), color=SKIP, width=1.0, dashed=True)
    draw.text(axes, x + 0.65, y, "skip", ha="left")
    _cross(axes, x + 1.72, y)
    draw.text(axes, x + 1.9, y, "left out", ha="left")
    _frame(axes, x + 3.3, y - 0.11, 0.3, 0.22)
    draw.text(axes, x + 3.7, y, "changed", ha="left")


def _blocks(networks: dict[str, nn.Module], stage: str) -> set[int]:
    """How many blocks the stages of all networks have that are called so; empty where no network has any."""
    encoders = [model.encoder for model in networks.values() if hasattr(model.encoder, stage.format(0))]
    return {len(getattr(encoder, stage.format(i)).blocks) for encoder in encoders for i in range(4)}


def _range(counts: set[int]) -> str:
    """{2} -> "2"; {2, 6} -> "2 to 6": stages differ."""
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
