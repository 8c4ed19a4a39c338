"""Street scenes that are computed, not photographed: the embedded data set. See scene.py for how one is painted."""

from .export import write_cityscapes
from .scene import Scene, draw
from .sheet import contact_sheet
from .source import SPLITS, VERSION, Streets

__all__ = ["SPLITS", "VERSION", "Scene", "Streets", "contact_sheet", "draw", "write_cityscapes"]
