"""Many scenes on one page, each above its labels."""

import cv2
import numpy as np

from ...labels import CITYSCAPES, IGNORE, colorize
from .scene import draw


def overlay(image, label_ids, share=0.55):
    """Labels (H, W) laid over an image (H, W, 3) uint8; void is darkened."""
    target = CITYSCAPES.from_file[label_ids]
    colors = colorize(target, CITYSCAPES)
    mixed = (image * (1 - share) + colors * share).astype(np.uint8)
    mixed[target == IGNORE] = image[target == IGNORE] // 3
    return mixed


def contact_sheet(seeds, *, columns=6, width=480) -> np.ndarray:
    """Scenes of the seeds, `columns` across, each with its label overlay below it -> (H, W, 3) uint8."""
    height = width // 2
    cells = []
    for seed in seeds:
        scene = draw(seed, size=(height * 2, width * 2))
        pair = np.concatenate([scene.image, overlay(scene.image, scene.label_ids)])
        cell = cv2.resize(pair, (width, height * 2), interpolation=cv2.INTER_AREA)
        cells.append(np.pad(cell, ((0, 6), (0, 6), (0, 0)), constant_values=255))
    while len(cells) % columns:
        cells.append(np.full_like(cells[0], 255))
    return np.concatenate([np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)])
