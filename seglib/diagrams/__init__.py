"""Figures 2 to 5: architectures drawn from the shapes of the module that is handed in, measured by hooks."""

from seglib.diagrams.fcn import baseline, fcn
from seglib.diagrams.shapes import shapes
from seglib.diagrams.swin import swin
from seglib.diagrams.unet import unet
from seglib.diagrams.vit import vit

__all__ = ["baseline", "fcn", "shapes", "swin", "unet", "vit"]
