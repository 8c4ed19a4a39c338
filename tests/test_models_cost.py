"""Cost, receptive fields, attention and windows against values worked out by hand."""

import pytest
import torch
from torch import nn

from seglib import models
from seglib.models import attention, cost


def test_the_baseline_sees_22_pixels():
    field = cost.receptive_field(models.build("fcn_baseline", 19, width=4), (64, 64), (36, 29))
    assert (field.height, field.width) == (22, 22)
    # rows 32-39 share the code of stride 8 above them, which sees 7 pixels more on either side
    assert field.heat.sum(1).nonzero().flatten().tolist() == list(range(25, 47))


@pytest.mark.parametrize(("name", "size", "expected"), [("unet", 224, 188), ("vit", 96, 96)])
def test_receptive_fields(name, size, expected):
    field = cost.receptive_field(models.build(name, 3, width={"unet": 4, "vit": 64}[name]), (size, size))
    assert (field.height, field.width) == (expected, expected)


def test_the_fcns_see_436_pixels():
    # VGG16's fc7 sees 404 pixels (Long et al. 2015); two neighbouring cells of stride 32 are blended: 404 + 32
    assert cost.receptive_field(models.build("fcn32s", 1, width=4), (480, 64)).height == 436


def test_output_strides():
    strides = {name: cost.output_stride(models.build(name, 3, width=64 if name == "vit" else 16)) for name in models.MODELS}
    deepest = dict.fromkeys(("fcn32s", "fcn16s", "fcn8s", "swin", "cnn_j", "unet_lite0"), 32)
    assert strides == {"fcn_baseline": 8, "fcn_baseline_bn": 8, "unet": 16, "vit": 16, **deepest}


def test_flops_count_a_multiplication_and_an_addition():
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, images):
            return self.conv(images)

    assert cost.flops(One(), (10, 12)) == 2 * 10 * 12 * 5 * 3 * 9


def test_sensitivity_leaves_the_model_as_it_was():
    model = models.build("unet", 3, width=4).train()
    heat = cost.sensitivity(model, torch.randn(2, 3, 48, 64), (10, 20))
    assert heat.shape == (48, 64) and model.training and heat[10, 20] > 0
    assert all(p.grad is None for p in model.parameters())


def test_time_and_memory_are_measured():
    model = models.build("unet", 3, width=4)
    assert cost.milliseconds(model, (32, 32), repeats=1) > 0
    infer, train = cost.peak_memory(model, (64, 64)), cost.peak_memory(model, (64, 64), train=True)
    assert cost.parameters(model) * 4e-6 < infer < train


def test_attention_maps():
    model = models.build("vit", 3, width=64, depth=2)
    maps = attention.attention_maps(model, torch.randn(2, 3, 48, 70), block=0)
    assert maps.shape == (2, 1, 3, 5, 3, 5)
    sums = maps.sum((-2, -1))
    assert (sums < 1).all() and (sums > 0.8).all()  # the rest goes to the class token


def test_attention_maps_are_those_of_the_layer():
    """The values weighted by the maps, and by what goes to the class token, are what the layer itself returns."""
    torch.manual_seed(0)
    model = models.build("vit", 3, width=64, depth=1).eval()
    layer, seen = model.encoder.blocks[0].attn, {}
    layer.register_forward_hook(lambda _, inputs, output: seen.update(x=inputs[0], y=output))
    images = torch.randn(1, 3, 32, 32)
    maps = attention.attention_maps(model, images).reshape(4, 4)
    value = layer.qkv(seen["x"])[0, :, 128:]
    mixed = maps @ value[1:] + (1 - maps.sum(1, keepdim=True)) * value[:1]
    torch.testing.assert_close(layer.proj(mixed), seen["y"][0, 1:], rtol=1e-4, atol=1e-5)


def test_attention_distance_of_a_uniform_map():
    maps = torch.full((1, 2, 1, 2, 1, 2), 0.5)  # two patches in a row: half at distance 0, half at 16 pixels
    torch.testing.assert_close(attention.attention_distance(maps), torch.tensor([8.0, 8.0]))


def test_position_similarity():
    similarity = attention.position_similarity(models.build("vit", 3, width=64))
    assert similarity.shape == (14, 14, 14, 14)
    torch.testing.assert_close(similarity.reshape(196, 196).diagonal(), torch.ones(196))


def test_windows():
    plain = attention.windows(4, 6, 2)
    assert plain.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2
    shifted = attention.windows(4, 4, 2, shift=1)
    assert shifted.tolist() == [[0, 1, 1, 2], [3, 4, 4, 5], [3, 4, 4, 5], [6, 7, 7, 8]]
    assert attention.windows(1, 6, 3, shift=1).tolist() == [[0, 1, 1, 1, 2, 2]]


@pytest.mark.parametrize("size", [(12, 18), (6, 6)])
def test_shift_mask_equals_timms(size):
    model = models.build("swin", 3, width=16)  # windows of 6
    block = model.encoder.layers_0.blocks[1]
    theirs = block.get_attn_mask(torch.zeros(1, *size, 16))
    ours = attention.shift_mask(*size, window=6, shift=3)
    assert torch.equal(ours, theirs == 0)


@pytest.mark.parametrize(("options", "last"), [({}, (3, 3)), ({"shift_whole": False}, (0, 0))])
def test_a_window_that_spans_the_map_need_not_shift(options, last):
    """144x192: maps of 36x48, 18x24, 9x12 and 5x6 tokens, windows of 6x6."""
    model = models.build("swin", 3, width=16, **options).eval()
    blocks = [getattr(model.encoder, f"layers_{i}").blocks[1] for i in range(4)]
    with torch.no_grad():
        model(torch.zeros(1, 3, 144, 192))
        assert [block.shift_size for block in blocks] == [(3, 3)] * 3 + [last]
        model(torch.zeros(1, 3, 96, 256))  # stage 4: 3x8 tokens
        assert blocks[3].shift_size == ((0, 3) if options else (3, 3))
        model(torch.zeros(1, 3, 144, 192))
    tokens = torch.randn(1, 5, 6, 128, requires_grad=True)
    blocks[3]._attn(tokens)[0, 0, 0, 0].backward()  # the block itself begins as the identity
    heard = (tokens.grad[0].abs() > 1e-12).any(dim=-1)
    assert heard.all() if options else heard.sum() == 9, "the first token's quarter of the shifted window"


def test_shift_mask_wants_whole_windows():
    with pytest.raises(ValueError, match="not whole windows"):
        attention.shift_mask(10, 12, 6, 3)
