"""What a family begins with: U-Net behind patches, Swin V2 behind U-Net's first two stages; and the baseline with a wider view."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seglib import models
from seglib.models import cost

STEMS = {
    "unet": {"width": 4, "stem": "patches"},
    "swin": {"width": 16, "stem": "convolutions"},
    "fcn_baseline": {"width": 4, "dilations": (1, 2, 8)},
}


def built(name, **options):
    torch.manual_seed(0)
    return models.build(name, 5, **STEMS[name] | options)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (130, 170), (64, 96)])
@pytest.mark.parametrize("name", STEMS)
def test_any_size(name, size):
    model = built(name).eval()
    with torch.no_grad():
        assert model(torch.randn(2, 3, *size)).shape == (2, 5, *size)


@pytest.mark.parametrize("name", STEMS)
def test_the_first_loss_is_ln_k_and_gradients_reach_every_parameter(name):
    model = built(name, aux=False)
    for layer in model.modules():
        if isinstance(layer, nn.LayerNorm) and not layer.weight.any():
            nn.init.ones_(layer.weight)  # Swin V2's residual branches start at zero
    loss = F.cross_entropy(model(torch.randn(2, 3, 64, 96)), torch.randint(5, (2, 64, 96)))
    assert loss.item() == pytest.approx(math.log(5), rel=0.15)
    loss.backward()
    assert not [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("name", ["unet", "swin"])
def test_auxiliary_heads(name):
    logits, aux = built(name, aux=True).eval().forward_aux(torch.randn(1, 3, 50, 70))
    assert aux and all(a.shape == logits.shape == (1, 5, 50, 70) for a in aux)


def test_unet_behind_patches_is_the_rest_of_unet():
    """Stages 3 to 5 and the decoder are U-Net's, but for the two skips that the finest stages would have given."""
    plain, patched = models.build("unet", 5, width=4), built("unet")
    ours = [p.shape for stage in patched.encoder.stages for p in stage.parameters()]
    assert ours == [p.shape for stage in plain.encoder.stages[2:] for p in stage.parameters()]
    coarse, maps = (model.encode(torch.zeros(1, 3, 64, 96)) for model in (patched, plain))
    assert [m.shape for m in coarse] == [m.shape for m in maps[2:]]
    assert [up.beside for up in patched.decoder] == [True, True, False, False]
    without = models.build("unet", 5, width=4, stem="patches", skips=False)
    assert [up.beside for up in without.decoder] == [False] * 4


def test_without_fine_skips_unet_has_the_decoder_of_the_one_behind_patches():
    """Five stages as ever; the two finest give the decoder nothing but the size that its map is cut to."""
    bare, patched = models.build("unet", 5, width=4, fine_skips=False).eval(), built("unet")
    assert [up.beside for up in bare.decoder] == [True, True, False, False]
    assert [p.shape for p in bare.decoder.parameters()] == [p.shape for p in patched.decoder.parameters()]
    assert len(bare.encoder.stages) == 5
    with torch.no_grad():
        assert bare(torch.randn(1, 3, 37, 51)).shape == (1, 5, 37, 51)
        skipped = [up.beside for up in models.build("unet", 5, width=4, fine_skips=False, skips=False).decoder]
    assert skipped == [False] * 4


@pytest.mark.parametrize("name", ["unet", "swin"])
def test_patches_do_not_overlap(name):
    """A change of one pixel reaches one token of a first layer of patches, and several of the convolutions' map at that stride."""
    width = STEMS[name]["width"]
    first = {
        "unet": lambda model, x: model.encoder.embed(x),
        "swin": lambda model, x: model.encoder.patch_embed(x).permute(0, 3, 1, 2),
    }[name]
    images = torch.randn(1, 3, 64, 64)
    moved = images.clone()
    moved[0, 0, 33, 35] += 1
    model = models.build(name, 5, width=width, stem="patches").eval()
    with torch.no_grad():
        changed = (first(model, images) - first(model, moved)).abs().amax((0, 1)) > 1e-6
        assert changed.nonzero().tolist() == [[8, 8]]
        model = models.build(name, 5, width=width, stem="convolutions").eval()
        fine = [model.encode(one)[-4 if name == "swin" else 2] for one in (images, moved)]
        assert ((fine[0] - fine[1]).abs().amax((0, 1)) > 1e-6).sum() > 1


def test_swin_behind_convolutions_keeps_its_stages():
    """The four stages are Swin V2's; two finer maps come before them, of the channels that the decoder has there."""
    plain, swapped = models.build("swin", 5, width=16), built("swin")
    for i in range(4):
        theirs, ours = (getattr(model.encoder, f"layers_{i}").state_dict() for model in (plain, swapped))
        assert {key: value.shape for key, value in theirs.items()} == {key: value.shape for key, value in ours.items()}
    maps = swapped.encode(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 64, 96), (8, 32, 48), (16, 16, 24), (32, 8, 12), (64, 4, 6), (128, 2, 3)]
    assert cost.parameters(swapped) == pytest.approx(cost.parameters(plain), rel=0.02)


def test_the_dilated_baseline_sees_82_pixels_with_the_same_weights():
    plain, wide = models.build("fcn_baseline", 5, width=4), built("fcn_baseline")
    assert [p.shape for p in plain.parameters()] == [p.shape for p in wide.parameters()]
    sizes = [cost.receptive_field(model, (128, 128)) for model in (plain, wide)]
    assert [(field.height, field.width) for field in sizes] == [(22, 22), (82, 82)]


def test_defaults_name_the_same_network():
    for name, stem in (("unet", "convolutions"), ("swin", "patches")):
        width = STEMS[name]["width"]
        torch.manual_seed(1)
        plain = models.build(name, 5, width=width).state_dict()
        torch.manual_seed(1)
        named = models.build(name, 5, width=width, stem=stem).state_dict()
        assert plain.keys() == named.keys() and all(torch.equal(plain[key], named[key]) for key in plain)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("unet", {"stem": "tokens"}, "begins with"),
        ("swin", {"stem": ""}, "begins with"),
        ("fcn_baseline", {"dilations": (1, 2)}, "three positive"),
        ("fcn_baseline", {"dilations": (1, 0, 1)}, "three positive"),
        ("vit", {"stem": "convolutions"}, "no option"),
        ("swin", {"fine_skips": False}, "no option"),
        ("fcn8s", {"fc6_kernel": 6}, "must be odd"),
        ("fcn8s", {"fc_multiple": 0}, "positive"),
        ("unet", {"fc6_kernel": 1}, "no option"),
    ],
)
def test_refusals(name, options, words):
    with pytest.raises(ValueError, match=words):
        models.build(name, 5, **options)


@pytest.mark.parametrize(
    ("options", "field", "channels"), [({}, 404, 256), ({"fc6_kernel": 1}, 212, 256), ({"fc_multiple": 16}, 404, 64)]
)
def test_fcn_8s_sees_less_with_a_small_fc6_and_is_thinner_with_few_channels(options, field, channels):
    model = models.build("fcn8s", 5, width=4, **options)
    *fine, fc7 = model.encode(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in fine] == [(16, 8, 12), (32, 4, 6)] and tuple(fc7.shape[1:]) == (channels, 2, 3)
    coarse = nn.Sequential(*model.encoder.stages, model.encoder.fc6, model.encoder.fc7).double().eval()
    for layer in coarse.modules():
        for name, child in layer.named_children():
            if isinstance(child, (nn.MaxPool2d, nn.ReLU)):  # the path of every pixel, not that of the largest alone
                setattr(layer, name, nn.AvgPool2d(2) if isinstance(child, nn.MaxPool2d) else nn.Identity())
    images = torch.rand(1, 3, 512, 512, dtype=torch.float64, requires_grad=True)
    (seen,) = torch.autograd.grad(coarse(images)[0, :, 8, 8].sum(), images)
    rows = seen.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows[-1] - rows[0] + 1 == field
