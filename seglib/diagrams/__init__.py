"""Figures 2 to 5 and EfficientNet-U-Net: architectures drawn from the shapes of the module that is handed in, measured by hooks."""

from seglib.diagrams.fcn import baseline, fcn
from seglib.diagrams.lite import lite
from seglib.diagrams.shapes import shapes
from seglib.diagrams.swin import swin
from seglib.diagrams.unet import unet
from seglib.diagrams.vit import vit

__all__ = ["baseline", "fcn", "lite", "shapes", "swin", "unet", "vit"]
