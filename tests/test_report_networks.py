"""The appendix's table of networks, and the numbers drawn in Figures 2 to 5 and in EfficientNet-U-Net's, against the modules."""

import math
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from matplotlib.patches import Polygon, Rectangle
from torch import nn

from seglib import diagrams, models, study

APPENDIX = Path(__file__).resolve().parents[1] / "report" / "sections" / "appendix.tex"
NAMES = {"FCN baseline": "fcn_baseline", "FCN-8s": "fcn8s", "U-Net": "unet", "ViT": "vit", "Swin V2": "swin", "ConvNeXt": "cnn_j"}
NAMES |= {"EfficientNet-U-Net": "unet_lite0"}


def rows() -> dict[str, list[list[int]]]:
    """{model: numbers of its six cells, three as published (none: not published so), three as trained}."""
    table = APPENDIX.read_text().split(r"\label{tab:networks}")[1].split(r"\bottomrule")[0]
    found: dict[str, dict[str, list[list[int]]]] = {}
    for line in table.splitlines():
        if line.count("&") == 4 and "Model" not in line:
            name, which, *cells = (cell.strip() for cell in line.split("&"))
            found.setdefault(name or list(found)[-1], {})[which] = [[int(n) for n in re.findall(r"\d+", cell)] for cell in cells]
    halves = ({"published": [[]] * 3} | ({"published": of["both"], "trained": of["both"]} if "both" in of else of) for of in found.values())
    return {name: half["published"] + half["trained"] for name, half in zip(found, halves)}


def convolutions(model: nn.Module) -> list[int]:
    return [layer.out_channels for layer in model.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize(("first", "options"), [(0, {}), (3, study.profile("cpu-full").options)], ids=["drawn", "trained"])
@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_networks_says_what_is_built(name, first, options):
    channels, blocks, attention = rows()[name][first : first + 3]
    kind = NAMES[name]
    model = models.build(kind, 19, **options.get(kind, options.get("swin", {}) if kind == "cnn_j" else {}))
    if kind in ("fcn_baseline", "fcn8s", "unet"):
        expected = [width for width, count in zip(channels, blocks, strict=True) for _ in range(count)]
        assert convolutions(model)[: len(expected)] == expected
    elif kind == "vit":
        found = model.encoder.blocks
        assert (channels, blocks, attention) == ([model.encoder.embed_dim], [len(found)], [found[0].attn.num_heads])
    elif kind == "swin":
        found = [module for _, module in model.encoder.named_modules() if hasattr(module, "logit_scale")]
        stages = [[module for module in found if module.dim == width] for width in channels]
        assert [len(stage) for stage in stages] == blocks and sum(blocks) == len(found)
        assert attention == [*(stage[0].num_heads for stage in stages), *found[0].window_size]
    elif kind == "unet_lite0":
        assert channels == [*model.encoder.feature_info.channels(), *(step.conv[0][0].out_channels for step in model.decoder)]
        counts = [len(stage) for stage in model.encoder.blocks]
        ends = [info["stage"] for info in model.encoder.feature_info.info]
        assert blocks == [*(sum(counts[a:b]) for a, b in zip((0, *ends), ends)), *(len(step.conv) for step in model.decoder)]
    else:
        stages = [getattr(model.encoder, f"stages_{i}").blocks for i in range(4)]
        assert [len(stage) for stage in stages] == blocks and [stage[0].conv_dw.out_channels for stage in stages] == channels


@pytest.mark.parametrize(("row", "kind", "count"), [("U-Net, width 8", "unet", 10), ("FCN-8s, half width", "fcn8s", 15)])
def test_the_small_networks(row, kind, count):
    channels, blocks = rows()[row][3:5]
    model = models.build(kind, 19, width=8)
    assert convolutions(model)[:count] == [width for width, count in zip(channels, blocks, strict=True) for _ in range(count)]


def test_the_networks_with_exchanged_first_layers():
    channels, blocks = rows()["U-Net behind patches"][3:5]
    model = models.build("unet", 19, stem="patches", **study.profile("cpu-full").options["unet"])
    expected = [width for width, count in zip(channels, blocks, strict=True) for _ in range(count)]
    assert convolutions(model)[: len(expected)] == expected
    channels, blocks, attention = rows()["Swin V2 behind convolutions"][3:]
    model = models.build("swin", 19, stem="convolutions", **study.profile("cpu-full").options["swin"])
    expected = [width for width, count in zip(channels[:2], blocks[:2], strict=True) for _ in range(count)]
    assert convolutions(model.encoder.patch_embed.stages) == expected
    assert [channels[2:], blocks[2:], attention] == rows()["Swin V2"][3:]


PUBLISHED = (768, 768)
DRAWINGS = {"FCN baseline": "baseline", "FCN-8s": "fcn", "U-Net": "unet", "ViT": "vit", "Swin V2": "swin"}
STRIDES = {
    "baseline": (1, 2, 4, 8),
    "fcn": (1, 2, 4, 8, 16, 32),
    "unet": (1, 2, 4, 8, 16),
    "vit": (1, 2, 4, 8, 16),
    "swin": (1, 2, 4, 8, 16, 32),
}


@pytest.fixture(scope="module", params=DRAWINGS)
def drawing(request):
    """(row of the table, published module, trained module, all labels of its figure, lines joined)."""
    kind, profile = NAMES[request.param], study.profile("cpu-full")
    with torch.device("meta"):
        published, trained = models.build(kind, 19), models.build(kind, 19, **profile.options[kind])
    figure = getattr(diagrams, DRAWINGS[request.param])(published, PUBLISHED, trained=(trained, profile.size["streets"]))
    return request.param, published, trained, {text.get_label().replace("\n", " ") for text in figure.axes[0].texts}


def at(whole: tuple[int, int], stride: int) -> str:
    """The extent of a map at a stride, sides rounded up."""
    return "×".join(str(math.ceil(side / stride)) for side in whole)


def pairs(labels: set[str], number: str) -> set[tuple[str, str]]:
    """Every "a (b)" of a pattern in the labels."""
    return {found for label in labels for found in re.findall(rf"(?<![\d×+])({number}) \(({number})\)", label)}


def widths(model: nn.Module) -> list[int]:
    """The output channels of everything that makes a map, in the order of the module."""
    return [layer.out_channels for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def test_the_channels_drawn_are_the_modules(drawing):
    name, published, trained, labels = drawing
    drawn = {(int(a), int(b)) for a, b in pairs(labels, r"\d+")}
    wanted = {(a, b) for a, b in zip(widths(published), widths(trained), strict=True) if a != b}
    assert wanted and wanted <= drawn
    if name in ("FCN baseline", "FCN-8s", "U-Net"):
        assert drawn == wanted
    table = zip(*(rows()[name][first] for first in (0, 3)), strict=True)
    assert set(table) <= drawn, "Table 8 and the figure differ"


def test_the_extents_drawn_are_the_modules(drawing):
    name, *_, labels = drawing
    size = study.profile("cpu-full").size["streets"]
    drawn = pairs(labels, r"\d+×\d+") - {("8×8", "6×6")}  # windows
    assert drawn == {(at(PUBLISHED, stride), at(size, stride)) for stride in STRIDES[DRAWINGS[name]]}


def test_blocks_heads_and_windows_drawn_are_the_modules(drawing):
    name, published, trained, labels = drawing
    text = " | ".join(labels)
    if name == "ViT":
        (a, b), (c, d) = ((len(net.encoder.blocks), net.encoder.blocks[0].attn.num_heads) for net in (published, trained))
        assert f"{a} ({c}) blocks" in text and f"{b} ({d}) heads" in text
        hidden = [net.encoder.blocks[0].mlp.fc1.out_features for net in (published, trained)]
        assert "MLP 384 (192) → {} ({}) → 384 (192)".format(*hidden) in labels
    elif name == "Swin V2":
        for stage in range(4):
            a, b = (len(getattr(net.encoder, f"layers_{stage}").blocks) for net in (published, trained))
            assert f"stage {stage + 1}: {a}{f' ({b})' if a != b else ''} blocks" in text
        a, b = (net.encoder.layers_3.blocks[1].window_size[0] for net in (published, trained))
        assert f"Windows of {a}×{a} ({b}×{b}) tokens" in text
        assert re.findall(r"(\d+) \((\d+)\) windows", " ".join(sorted(labels))) == [("576", "48"), ("144", "12"), ("36", "4"), ("9", "1")]


@pytest.fixture(scope="module")
def lite():
    """(EfficientNet-U-Net, its figure with both sizes)."""
    profile = study.profile("cpu-full")
    with torch.device("meta"):
        published, trained = models.build("unet_lite0", 19), models.build("unet_lite0", 19, **profile.options["unet_lite0"])
    return published, diagrams.lite(published, PUBLISHED, trained=(trained, profile.size["streets"]))


def in_turn(figure) -> list[str]:
    """The labels as they were drawn, lines joined; those of two colours have an artist a line and are told once."""
    labels = [text.get_label().replace("\n", " ") for text in figure.axes[0].texts]
    return [label for i, label in enumerate(labels) if "(" not in label or label != labels[i - 1]]


def both_at(stride: int) -> str:
    """The extents of a map of EfficientNet-U-Net, whose sides are extended to multiples of 32."""
    sizes = [tuple(32 * math.ceil(side / 32) for side in size) for size in (PUBLISHED, study.profile("cpu-full").size["streets"])]
    return "{} ({})".format(*(at(size, stride) for size in sizes))


def test_the_encoder_of_efficientnet_is_drawn_as_it_is_built(lite):
    model, figure = lite
    expected, first = [str(model.encoder.conv_stem.out_channels), both_at(2)], 0
    for info in model.encoder.feature_info.info:
        parts = model.encoder.blocks[first : info["stage"]]
        count, first = sum(len(part) for part in parts), info["stage"]
        expected += [str(convolutions(part)[-1]) for part in parts]
        expected.append(f"{count} block{'s' if count > 1 else ''} {both_at(info['reduction'])}")
    drawn = in_turn(figure)
    start = drawn.index(expected[0])
    assert drawn[start : start + len(expected)] == expected
    counts = [int(label.split()[0]) for label in expected if "block" in label]
    assert counts == rows()["EfficientNet-U-Net"][1][: len(counts)], "Table 8 and the figure differ"


def test_the_decoder_on_efficientnet_is_drawn_as_it_is_built(lite):
    model, figure = lite
    expected, skips = [], model.encoder.feature_info.channels()[-2::-1]
    for i, step in enumerate(model.decoder):
        up, convs = step.up.out_channels, convolutions(step.conv)
        skip = step.conv[0][0].in_channels - up
        assert skip == (skips[i] if i < len(skips) else 0)
        expected += [f"{skip}+{up}" if skip else str(up), str(convs[-1]), both_at(2 ** (4 - i))]
    drawn = in_turn(figure)
    start = drawn.index(expected[0])
    assert drawn[start : start + len(expected)] == expected
    assert "19 scores 768×768 (144×192)" in drawn and "image 768×768 (144×192)" in drawn


def test_the_blocks_of_efficientnet_are_drawn_one_by_one(lite):
    model, figure = lite
    blocks = [block for part in model.encoder.blocks for block in part]
    fronts = Counter(patch.get_facecolor() for patch in figure.axes[0].patches if isinstance(patch, Polygon))
    kernels = Counter(block.conv_dw.kernel_size[0] for block in blocks)
    squares = [patch.get_facecolor() for patch in figure.axes[0].patches if type(patch) is Rectangle]
    drawn = in_turn(figure)
    order = [label for label in drawn if re.match(r"block, k|\d×\d (transposed )?convolution|skip$", label)]
    color = dict(zip(order, squares[-len(order) :], strict=True))
    assert {k: fronts[color[f"block, k = {k}"]] for k in kernels} == dict(kernels)
    ups, skips = len(model.decoder), sum(step.beside for step in model.decoder)
    assert (fronts[color["2×2 transposed convolution"]], fronts[color["skip"]]) == (ups, skips)
    assert fronts[color["3×3 convolution"]] == 1 + sum(len(step.conv) for step in model.decoder)
    wider = {block.conv_dw.in_channels // block.conv_pw.in_channels for block in blocks[1:]}
    assert {f"1×1, C → {n}C" for n in wider} == {label for label in drawn if label.startswith("1×1, C")}
    assert not hasattr(blocks[0], "conv_pwl") and any("first block: no C → 6C" in label for label in drawn)
