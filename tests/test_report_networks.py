"""The appendix's table of networks against the modules."""

import re
from pathlib import Path

import pytest
from torch import nn

from seglib import models, study

APPENDIX = Path(__file__).resolve().parents[1] / "report" / "sections" / "appendix.tex"
NAMES = {"FCN baseline": "fcn_baseline", "FCN-8s": "fcn8s", "U-Net": "unet", "ViT": "vit", "Swin V2": "swin", "ConvNeXt": "cnn_j"}


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
    else:
        stages = [getattr(model.encoder, f"stages_{i}").blocks for i in range(4)]
        assert [len(stage) for stage in stages] == blocks and [stage[0].conv_dw.out_channels for stage in stages] == channels


def test_the_small_unet():
    profile = study.profile("cpu-full")
    channels, blocks = rows()["U-Net, width 8"][3:5]
    model = models.build("unet", 19, width=profile.unet_width)
    assert convolutions(model)[:10] == [width for width, count in zip(channels, blocks, strict=True) for _ in range(count)]
