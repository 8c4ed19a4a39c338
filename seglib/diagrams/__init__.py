"""Figures 2 to 5, EfficientNet-U-Net and the controls: architectures drawn from the shapes of the modules handed in, measured by hooks."""

from seglib.diagrams.controls import controls
from seglib.diagrams.fcn import baseline, fcn
from seglib.diagrams.lite import lite
from seglib.diagrams.shapes import shapes
from seglib.diagrams.swin import swin
from seglib.diagrams.unet import unet
from seglib.diagrams.vit import vit

__all__ = ["baseline", "controls", "fcn", "lite", "shapes", "swin", "unet", "vit"]
