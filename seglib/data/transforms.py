"""Joint random transforms of images and label maps: flip, scale and crop, colour jitter.

What happens to a sample is a function of (seed, epoch, index): it depends neither on the batch it is in, nor on the order, nor on
the device. Label maps stay labels (nearest). Padding is 0 in the image, before normalisation, and void in the target; colours are
changed before padding, so that it enters no statistic.
"""

from typing import NamedTuple

import numpy as np
import torch
from torchvision.transforms.v2 import functional

from seglib.labels import IGNORE


class Draw(NamedTuple):
    """Uniform numbers in [0, 1) of one sample, always all of them: one option switched on changes no other's draw."""

    flip: float
    scale: float
    top: float
    left: float
    brightness: float
    contrast: float
    saturation: float


def draw(seed: int, epoch: int, index: int) -> Draw:
    return Draw(*np.random.default_rng((seed, epoch, index)).random(len(Draw._fields)).tolist())


def augment(images, targets, *, seed, epoch, indices, flip=True, scale=(1.0, 1.0), crop=None, jitter=0.0):
    """Images (B, 3, h, w) uint8 and targets (B, h, w) uint8 -> the same, transformed, of size `crop` or (h, w), on their device.

    indices: B numbers of the samples in their data set. flip: mirror half of them. scale=(low, high): enlarge by a log-uniform
    factor; crop=(h, w): cut a window of that size at random, padded with 0 and void where the sample is smaller. jitter=j:
    brightness, contrast and saturation times a factor in [1 - j, 1 + j]. The inputs are left as they are.
    """
    indices = [int(i) for i in indices]
    if not len(images) == len(targets) == len(indices) or images.shape[-2:] != targets.shape[-2:]:
        raise ValueError(f"images {tuple(images.shape)}, targets {tuple(targets.shape)} and {len(indices)} indices do not fit together")
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale={scale}: wanted is (low, high) with 0 < low <= high")
    draws = [draw(seed, epoch, i) for i in indices]
    if jitter:
        images = _jitter(images, draws, jitter)
    if flip:
        rows = torch.tensor([i + len(draws) * (one.flip < 0.5) for i, one in enumerate(draws)], device=images.device)
        images, targets = _mirrored(images, rows), _mirrored(targets, rows)
    size = tuple(crop or images.shape[-2:])
    if tuple(scale) != (1.0, 1.0) or size != tuple(images.shape[-2:]):
        pairs = [_window(*sample, scale, size) for sample in zip(images, targets, draws)]
        images, targets = (torch.stack(parts) for parts in zip(*pairs))
    return images, targets


def _mirrored(batch: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Of the samples (B, ..., w) and then their mirror images, those at `rows`. Whole rows are copied: where() goes byte by byte."""
    return torch.cat([batch, batch.flip(-1)]).index_select(0, rows)


def _jitter(images: torch.Tensor, draws: list[Draw], jitter: float) -> torch.Tensor:
    """Brightness, contrast (around the image's mean grey), saturation, in this order and rounded once. (B, 3, h, w) uint8 -> same."""

    def factor(field: str) -> torch.Tensor:
        values = [1 + jitter * (2 * getattr(one, field) - 1) for one in draws]
        return torch.tensor(values, dtype=torch.float32, device=images.device)[:, None, None]

    brightness, contrast, saturation = factor("brightness"), factor("contrast"), factor("saturation")
    weights = (0.299, 0.587, 0.114)
    sums = images.sum(dim=(-2, -1), dtype=torch.int64).double()  # (B, 3), exact: the same in any batch and on any device
    mean = (sum(w * sums[:, c] for c, w in enumerate(weights)) / images[0, 0].numel()).float()[:, None, None]
    colours = images.float()
    grey = weights[0] * colours[:, 0] + weights[1] * colours[:, 1] + weights[2] * colours[:, 2]  # (B, h, w)
    offset = brightness * (contrast * (1 - saturation) * grey + (1 - contrast) * mean)
    changed = colours * (brightness * contrast * saturation)[:, None] + offset[:, None]
    return changed.round_().clamp_(0, 255).to(torch.uint8)


def _window(image, target, one: Draw, scale, size):
    """Cut the window that fills `size` at the drawn scale, and resize it: only the pixels that stay are touched."""
    factor = float(np.exp(np.log(scale[0]) + one.scale * (np.log(scale[1]) - np.log(scale[0]))))
    top, height, low, tall = _span(image.shape[-2], size[0], factor, one.top)
    left, width, near, wide = _span(image.shape[-1], size[1], factor, one.left)
    image, target = image[:, top : top + height, left : left + width], target[top : top + height, left : left + width]
    if (tall, wide) != (height, width):
        image = functional.resize(image, [tall, wide], antialias=True)
        target = target[_nearest(height, tall, target.device)][:, _nearest(width, wide, target.device)]
    if (tall, wide) != size:
        sides = (near, size[1] - near - wide, low, size[0] - low - tall)
        image = torch.nn.functional.pad(image, sides, value=0)
        target = torch.nn.functional.pad(target, sides, value=IGNORE)
    return image, target


def _span(length: int, wanted: int, factor: float, where: float) -> tuple[int, int, int, int]:
    """Along one side: (start, extent) of the window in the image, (start, extent) of what it becomes in the output of `wanted`."""
    extent = max(1, round(wanted / factor))
    if extent <= length:
        return int(where * (length - extent + 1)), extent, 0, wanted
    filled = min(wanted, max(1, round(length * factor)))  # the image is smaller than the window: padding around it
    return 0, length, int(where * (wanted - filled + 1)), filled


def _nearest(length: int, wanted: int, device) -> torch.Tensor:
    """Indices (wanted,) of the pixel under the centre of each new one: PIL's NEAREST, without its rounding where the centre is a border."""
    return (2 * torch.arange(wanted, device=device) + 1) * length // (2 * wanted)
