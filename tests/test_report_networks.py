"""The appendix's table of networks, and the numbers drawn in Figures 2 to 5, against the modules."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from seglib import diagrams, models, study

APPENDIX = Path(__file__).resolve().parents[1] / "report" / "sections" / "appendix.tex"
NAMES = {"FCN baseline": "fcn_baseline", "FCN-8s": "fcn8s", "U-Net": "unet", "ViT": "vit", "Swin V2": "swin", "ConvNeXt": "cnn_j"}
NAMES |= {"EfficientNet-U-Net": "unet_lite0"}


def rows() -> dict[str, list[list[int]]]:
    """{model: numbers of its six cells}."""
    table = APPENDIX.read_text().split(r"\label{tab:networks}")[1].split(r"\bottomrule")[0]
    lines = [line.split("&") for line in table.splitlines() if line.count("&") == 6 and "Model" not in line]
    return {line[0].strip(): [[int(n) for n in re.findall(r"\d+", cell)] for cell in line[1:]] for line in lines}


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


def test_the_small_unet():
    profile = study.profile("cpu-full")
    channels, blocks = rows()["U-Net, width 8"][3:5]
    model = models.build("unet", 19, width=profile.unet_width)
    assert convolutions(model)[:10] == [width for width, count in zip(channels, blocks, strict=True) for _ in range(count)]


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

    def at(whole: tuple[int, int], stride: int) -> str:
        return "×".join(str(math.ceil(side / stride)) for side in whole)

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
