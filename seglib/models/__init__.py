"""The four families. `build(name, num_classes)` -> module: normalised images (B, 3, H, W) -> logits (B, K, H, W), any H, W >= 32."""

import functools
import inspect

from torch import nn

from seglib.models import weights
from seglib.models.fcn import FCN, FCNBaseline, FCNBaselineBN, convert_vgg
from seglib.models.lite import UNetLite
from seglib.models.swin import CNNJ, Swin
from seglib.models.unet import UNet
from seglib.models.vit import ViT
from seglib.models.weights import load, load_encoder

MODELS = {
    "fcn_baseline": FCNBaseline,
    "fcn_baseline_bn": FCNBaselineBN,
    "fcn32s": functools.partial(FCN, stride=32),
    "fcn16s": functools.partial(FCN, stride=16),
    "fcn8s": functools.partial(FCN, stride=8),
    "unet": UNet,
    "vit": ViT,
    "swin": Swin,
    "cnn_j": CNNJ,
    "unet_lite0": UNetLite,
}

__all__ = ["MODELS", "build", "load", "load_encoder", "options"]


def options(name: str) -> tuple[str, ...]:
    """The keyword options that the family `name` knows, besides width and init."""
    known = inspect.signature(_family(name)).parameters
    return tuple(key for key in known if key not in ("num_classes", "width", "init", "stride"))


def build(name: str, num_classes: int, *, width: int | None = None, init="random", **settings) -> nn.Module:
    """The model `name` with `num_classes` outputs, on the CPU.

    width: channels of the first stage, by default the published size (unet, fcn* 64; vit 384, its embedding; swin, cnn_j 96;
    unet_lite0 16, of its decoder).
    init: "random"; "imagenet" (fcn32s/16s/8s, vit, swin, cnn_j at the published size; unet_lite0 at any); or a checkpoint of ours (path,
    {"model": state dict} or state dict), of which the encoder is taken, whatever its number of classes.
    ValueError for an unknown name or option, or weights that do not fit; FileNotFoundError, within two seconds, for weights not there.
    """
    family, known = _family(name), options(name)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(map(repr, unknown))}; it has {', '.join(known)}")
    if width is not None:
        if width < 4:
            raise ValueError(f"{name}: width {width} is too small; the smallest is 4")
        settings["width"] = width
    vgg = None
    if isinstance(init, str) and init == "imagenet":
        if "init" in inspect.signature(family).parameters:
            settings["init"] = init
        else:
            vgg = _imagenet_vgg(name, **settings)  # before the model: without weights the error must not wait for 134 M random numbers
    model = family(num_classes, **settings)
    model.name = name
    if vgg is not None:
        model.encoder.load_state_dict(vgg)
    elif not (isinstance(init, str) and init in ("random", "imagenet")):
        print(load_encoder(model, init))
    return model


def _family(name: str):
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def _imagenet_vgg(name: str, *, width: int = 64, batch_norm: bool = True, **_) -> dict:
    """torchvision's VGG16, with or without batch norm, fetched through timm, under the names of our encoder."""
    if name not in ("fcn32s", "fcn16s", "fcn8s"):
        raise ValueError(f"init='imagenet': {name} has no published ImageNet weights; use init='random' or a checkpoint")
    if width != 64:
        raise ValueError(f"init='imagenet': VGG16 has published weights for width 64 only, not for {width}")
    source = weights.create("vgg16_bn.tv_in1k" if batch_norm else "vgg16.tv_in1k", "imagenet", published={}, size={}, num_classes=0)
    return convert_vgg(source.state_dict())
