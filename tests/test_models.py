"""Models: shapes at any size, independent parameter counts and FLOPs, gradients, skips, auxiliary heads, refusals."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seglib import models
from seglib.models import cost, layers

SMALL = {"fcn_baseline": 8, "fcn_baseline_bn": 8, "fcn32s": 4, "fcn16s": 4, "fcn8s": 4, "unet": 4, "vit": 64, "swin": 16, "cnn_j": 16,
         "unet_lite0": 4}  # fmt: skip
STUDY = {"fcn_baseline": 16, "fcn8s": 16, "unet": 16, "vit": 192, "swin": 48}


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return {name: models.build(name, 5, width=width) for name, width in SMALL.items()}


def build_meta(name, **options):
    with torch.device("meta"):
        return models.build(name, 19, **options).eval()


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (130, 170), (90, 120), (64, 96)])
@pytest.mark.parametrize("name", SMALL)
def test_any_size_and_a_batch_of_one(small, name, size):
    model = small[name].eval()
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (1, 5, *size)
        assert torch.isfinite(logits).all()
        assert torch.equal(logits, model(images)), "eval must be deterministic"


@pytest.mark.parametrize("name", STUDY)
@pytest.mark.parametrize("size", [(360, 480), (192, 384), (130, 170)])
def test_sizes_of_the_study_on_meta(name, size):
    assert build_meta(name, width=STUDY[name])(torch.empty(2, 3, *size, device="meta")).shape == (2, 19, *size)


@pytest.mark.parametrize("name", SMALL)
def test_too_small_is_refused(small, name):
    with pytest.raises(ValueError, match="at least 32"):
        small[name](torch.zeros(1, 3, 31, 64))


# Independent values: the papers, timm's and torchvision's tables, and facts of the field (1 MAC = 2 FLOP).
PUBLISHED = [
    ("unet", 31.04e6, 868e9),
    ("fcn8s", 134.5e6, 501e9),
]


@pytest.mark.parametrize(("name", "count", "operations"), PUBLISHED)
def test_whole_models_have_the_published_size(name, count, operations):
    model = build_meta(name)
    assert cost.parameters(model) == pytest.approx(count, rel=0.001)
    assert cost.flops(model, (768, 768)) == pytest.approx(operations, rel=0.005)


ENCODERS = [
    ("vit", 22e6, 197e9),
    ("swin", 27.6e6, 106.6e9),
    ("cnn_j", 27.8e6, 106.6e9),  # ConvNeXt-T against Swin-V2-T
    ("fcn8s", 134.3e6, 498.5e9),
]


@pytest.mark.parametrize(("name", "count", "operations"), ENCODERS)
def test_encoders_have_the_published_size(name, count, operations):
    model = build_meta(name)
    assert cost.parameters(model.encoder) == pytest.approx(count, rel=0.02)
    assert cost.encoder_flops(model, (768, 768)) == pytest.approx(operations, rel=0.03)


def test_unet_parameters_by_hand():
    def pair(inside, outside):  # two 3x3 convolutions without bias, two batch norms
        return 9 * inside * outside + 9 * outside * outside + 4 * outside

    widths = [64, 128, 256, 512, 1024]
    down = sum(pair(a, b) for a, b in zip([3, *widths], widths))
    up = sum(4 * a * b + b + pair(a, b) for a, b in zip(widths[:0:-1], widths[-2::-1]))
    assert cost.parameters(build_meta("unet")) == down + up + 64 * 19 + 19


@pytest.mark.parametrize("variant", ["small", "base"])
def test_swin_variants(variant):
    # Swin-V2-S 48.96 M and -B 86.87 M without the classifier: 49.73 and 87.92 M less 768 x 1000 and 1024 x 1000 weights and 1000 biases.
    expected = {"small": 49.73e6 - 0.769e6, "base": 87.92e6 - 1.025e6}[variant]
    assert cost.parameters(build_meta("swin", variant=variant).encoder) == pytest.approx(expected, rel=0.002)


def test_the_controlled_comparison_is_of_equal_size():
    ours, other = build_meta("swin"), build_meta("cnn_j")
    assert cost.parameters(other) == pytest.approx(cost.parameters(ours), rel=0.01)
    assert cost.flops(other, (768, 768)) == pytest.approx(cost.flops(ours, (768, 768)), rel=0.02)
    assert [p.shape for p in ours.decoder.parameters()] == [p.shape for p in other.decoder.parameters()]


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name):
    torch.manual_seed(0)
    model = models.build(name, 5, width=SMALL[name])
    # Swin V2 starts its residual branches at zero (the last normalisation's weight), so nothing behind reaches them on the first step.
    for layer in model.modules():
        if isinstance(layer, nn.LayerNorm) and not layer.weight.any():
            nn.init.ones_(layer.weight)
    F.cross_entropy(model(torch.randn(2, 3, 64, 96)), torch.randint(5, (2, 64, 96))).backward()
    dead = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead


@pytest.mark.parametrize("name", SMALL)
def test_the_first_loss_is_ln_k(name):
    torch.manual_seed(0)  # heads are small, not zero: an unlucky draw of a narrow one is a tenth off
    logits = models.build(name, 5, width=SMALL[name]).train()(torch.randn(2, 3, 64, 64))
    assert F.cross_entropy(logits, torch.randint(5, (2, 64, 64))).item() == pytest.approx(math.log(5), rel=0.1)


@pytest.mark.parametrize("name", SMALL)
def test_no_layer_computes_what_batch_norm_cancels(name):
    """A bias directly before batch norm is subtracted again; every family is made of blocks in which the pair is adjacent."""
    for block in models.build(name, 5, width=SMALL[name]).modules():
        if isinstance(block, nn.Sequential):
            for first, second in zip(block, block[1:]):
                assert not (isinstance(second, nn.BatchNorm2d) and getattr(first, "bias", None) is not None), block


@pytest.mark.parametrize("name", SMALL)
def test_auxiliary_heads(name):
    model = models.build(name, 5, width=SMALL[name], aux=True).eval()
    images = torch.randn(1, 3, 50, 70)
    logits, aux = model.forward_aux(images)
    assert aux and all(a.shape == logits.shape == (1, 5, 50, 70) for a in aux)
    torch.testing.assert_close(logits, model(images))
    sum(a.logsumexp(1).mean() for a in aux).backward()
    assert all(p.grad.any() for p in model.aux_heads.parameters())
    assert models.build(name, 5, width=SMALL[name]).forward_aux(images)[1] == []


@pytest.mark.parametrize("name", SMALL)
def test_dropout_acts_in_training_only(name):
    model = models.build(name, 5, width=SMALL[name], dropout=0.5)
    images = torch.randn(2, 3, 64, 64)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


def test_unet_without_skips_sees_the_bottom_only():
    model = models.build("unet", 3, width=4, skips=False).eval()
    images = torch.randn(1, 3, 64, 64)
    model.encoder.stages[4].register_forward_hook(lambda *_: torch.zeros(1, 64, 4, 4))
    torch.testing.assert_close(model(images), model(images + torch.randn_like(images)))
    assert cost.parameters(model) < cost.parameters(models.build("unet", 3, width=4))


def test_vit_uses_every_token():
    """The original decoded the class token alone, which knows no place: a change of one patch must change the logits there most."""
    torch.manual_seed(0)
    model = models.build("vit", 5, width=64).eval()
    images = torch.randn(1, 3, 96, 96)
    changed = images.clone()
    changed[..., 64:80, 16:32] += 3
    difference = (model(images) - model(changed)).abs().sum(1)[0]
    assert difference[64:80, 16:32].mean() > 3 * difference[:48, 48:].mean()


def test_every_token_goes_back_to_its_own_place():
    model = models.build("vit", 5, width=64).eval()
    model.encoder.blocks = nn.Sequential()  # no attention: a token depends on its own patch alone
    images = torch.randn(1, 3, 64, 96)
    changed = images.clone()
    changed[..., 16:32, 48:64] += 1
    difference = (model.encode(images)[0] - model.encode(changed)[0]).abs().sum(1)[0]
    assert difference.nonzero().tolist() == [[1, 3]]


def test_vit_head_commutes_with_the_last_interpolation():
    maps, head = torch.randn(1, 7, 6, 5), nn.Conv2d(7, 3, 1)
    torch.testing.assert_close(layers.resize(head(maps), (12, 10)), head(layers.resize(maps, (12, 10))))


@pytest.mark.parametrize("factor", [2, 8, 32])
def test_transposed_convolutions_start_as_bilinear_interpolation(factor):
    maps = torch.randn(1, 2, 6, 7)
    upsampled = layers.bilinear_upsampling(2, factor)(maps)
    inside = (..., slice(factor, -factor), slice(factor, -factor))  # at the border the paper's zero padding darkens
    torch.testing.assert_close(upsampled[inside], layers.resize(maps, upsampled.shape[-2:])[inside])


@pytest.mark.parametrize("name", ["fcn32s", "fcn16s", "fcn8s"])
def test_fcn_upsamples_in_place(name):
    """A dot in the coarsest scores must come out centred on its own cell, or the skips would be added out of place."""
    model = models.build(name, 1, width=4).eval()
    for head in (model.score_fc7, model.score_pool4, model.score_pool3):
        if head is not None:
            nn.init.zeros_(head.weight)
    dot = torch.zeros(1, 1, 4, 4)
    dot[..., 1, 2] = 1
    model.score_fc7.register_forward_hook(lambda *_: dot)
    heat = model(torch.zeros(1, 3, 128, 128))[0, 0]
    rows = (heat.sum(1) * (torch.arange(128) + 0.5)).sum() / heat.sum()
    columns = (heat.sum(0) * (torch.arange(128) + 0.5)).sum() / heat.sum()
    assert rows.item() == pytest.approx(1.5 * 32, abs=0.01)
    assert columns.item() == pytest.approx(2.5 * 32, abs=0.01)


def test_unknown_names_and_options_are_refused():
    with pytest.raises(ValueError, match="unknown model 'resnet'; there are fcn_baseline"):
        models.build("resnet", 19)
    with pytest.raises(ValueError, match="vit has no option 'skips'; it has depth"):
        models.build("vit", 19, skips=False)
    with pytest.raises(ValueError, match="multiple of 64"):
        models.build("vit", 19, width=100)
    with pytest.raises(ValueError, match="unknown variant 'huge'; there are tiny"):
        models.build("swin", 19, variant="huge")
    with pytest.raises(ValueError, match="at least one class"):
        models.build("unet", 0)


def test_normalisation_is_that_of_the_encoders_weights(small):
    assert small["vit"].mean == small["vit"].std == (0.5, 0.5, 0.5)
    assert small["swin"].mean == small["unet"].mean == pytest.approx((0.485, 0.456, 0.406))
