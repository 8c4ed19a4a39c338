"""From an image of any size to its label map: whole, in windows, or averaged over mirrored and rescaled copies."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F

from seglib.data import building
from seglib.labels import IGNORE

GRID = 32  # pixels: windows start at multiples of every family's coarsest stride, so that each sees the same grid as the whole image


def normalise(images: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
    """uint8 (B, 3, H, W) -> (B, 3, H, W) as `model` wants it: [0, 1], minus its mean, by its std, in the dtype of its weights."""
    dtype = next(model.parameters()).dtype
    mean, std = (torch.tensor(values, dtype=dtype, device=images.device).view(3, 1, 1) for values in (model.mean, model.std))
    return images.to(dtype).div_(255).sub_(mean).div_(std)


def resized(image: torch.Tensor, size) -> torch.Tensor:
    """(3, H, W) uint8 -> (3, h, w) uint8, bilinear with antialiasing, as the cache resizes training images. size=None leaves it."""
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
        raise ValueError(f"image is {image.dtype} {tuple(image.shape)}: expected uint8 (3, H, W)")
    if size is None or tuple(size) == tuple(image.shape[-2:]):
        return image
    return building.resize_image(image, size)


@torch.no_grad()
def forward(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """uint8 (B, 3, h, w) -> float32 or float64 logits (B, K, h, w). ValueError where a logit is not finite: its argmax would be class 0."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=getattr(model, "precision", "float32") == "bfloat16"):
            output = model(normalise(images.to(device), model))
    finally:
        model.train(training)
    output = output if output.dtype == torch.float64 else output.float()
    if not torch.isfinite(output).all():
        raise ValueError("the model's logits are not finite: its weights are damaged, or training diverged")
    return output


def logits(model, image, *, size=None, window=None, overlap=0, flip=False, scales=(1.0,)) -> torch.Tensor:
    """Logits (K, h, w) of one image (3, H, W) uint8 at `size` (None: its own), on the model's device.

    window=(h, w): the image is cut into windows that share `overlap` pixels, for images too large for memory. flip: mean with the
    mirrored image, mirrored back. scales: mean over the image at these multiples of its size, each resized back.
    """
    image = resized(image, size)
    height, width = image.shape[-2:]
    total = 0
    for scale in scales:
        scaled = resized(image, (round(height * scale), round(width * scale)))
        for mirrored in (False, True) if flip else (False,):
            view = scaled.flip(-1) if mirrored else scaled
            output = forward(model, view[None])[0] if window is None else _windows(model, view, window, overlap)
            output = output.flip(-1) if mirrored else output
            total = total + (output if scale == 1 else stretch(output, (height, width)))
    return total / (len(scales) * (2 if flip else 1))


def stretch(maps: torch.Tensor, size) -> torch.Tensor:
    """(K, h, w) -> (K, *size), bilinear with pixel centres aligned."""
    return F.interpolate(maps[None], size=tuple(size), mode="bilinear", align_corners=False)[0]


def _windows(model, image: torch.Tensor, window, overlap: int) -> torch.Tensor:
    """Logits (K, H, W) put together from windows; of two that share pixels, each gives the half that is farther from its own edge.

    Exact where half the overlap is at least the model's reach and (window - overlap) a multiple of its stride: fcn_baseline reaches
    11 pixels and has stride 8.
    """
    height, width = image.shape[-2:]
    spans = [list(_spans(length, min(size, length), overlap)) for length, size in zip((height, width), window)]
    output = None
    for (top, bottom, first_row, last_row), (left, right, first_column, last_column) in itertools.product(*spans):
        part = forward(model, image[None, :, top:bottom, left:right])[0]
        if output is None:
            output = part.new_empty(len(part), height, width)
        rows, columns = slice(first_row - top, last_row - top), slice(first_column - left, last_column - left)
        output[:, first_row:last_row, first_column:last_column] = part[:, rows, columns]
    return output


def _spans(length: int, window: int, overlap: int):
    """(start, end, first kept, end of kept) of the windows along one axis; the kept parts tile it. ValueError for too large an overlap.

    The last window starts early enough to be no smaller than the others, and on the grid, so it is up to GRID - 1 pixels larger.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"overlap={overlap}: must be at least 0 and less than the window's {window} pixels")
    final = (length - window) // GRID * GRID
    starts = [*range(0, final, window - overlap), final]
    ends = [start + window for start in starts[:-1]] + [length]
    cuts = [0, *((end + start) // 2 for end, start in zip(ends, starts[1:])), length]
    yield from zip(starts, ends, cuts, cuts[1:])


def decide(maps: torch.Tensor, size, num_classes: int, every: int = 4):
    """Logits (K, h, w) -> labels (H, W) uint8 at `size`, and the confidence of every `every`-th pixel of both axes, float32.

    Logits are upsampled bilinearly one class at a time with a running maximum: never more than a few maps of `size` in memory. Outputs
    beyond `num_classes` (void as a class) become IGNORE.
    """
    size = tuple(size)
    best, large = (torch.full(size, fill, dtype=maps.dtype, device=maps.device) for fill in (-torch.inf, 0.0))
    labels, better = (torch.zeros(size, dtype=torch.uint8, device=maps.device) for _ in range(2))
    sampled = []
    for index, single in enumerate(maps):
        # Into the same memory every time: fresh pages for each map would cost several times the arithmetic.
        torch.ops.aten.upsample_bilinear2d.out(single[None, None], size, False, None, None, out=large[None, None])
        sampled.append(large[::every, ::every].clone())
        # Labels come in rising order, so the larger one is the later one: twenty times as fast as filling under a mask.
        torch.gt(large, best, out=better.view(torch.bool))
        torch.maximum(labels, better.mul_(index if index < num_classes else IGNORE), out=labels)
        torch.maximum(best, large, out=best)
    sampled = torch.stack(sampled)
    confidence = (sampled.amax(0) - sampled.logsumexp(0)).exp_()
    return labels, confidence.float()


def predict(model, image, *, size=None, **options) -> tuple[np.ndarray, np.ndarray]:
    """(3, H, W) uint8 -> labels (H, W) uint8 train ids (IGNORE where void was predicted) and confidence (H, W) float32 in [0, 1].

    size: what the image is resized to for the model (None: its own); logits come back to the image's own size before the argmax.
    options: those of `logits` (window, overlap, flip, scales).
    """
    num_classes = scored_classes(model)
    maps = logits(model, image, size=size, **options)
    labels, confidence = decide(maps, image.shape[-2:], num_classes, every=1)
    return labels.cpu().numpy(), confidence.cpu().numpy()


def scored_classes(model) -> int:
    """Classes that are scored: `model.scored` where void was trained as one more class, else all outputs."""
    return getattr(model, "scored", model.num_classes)


def stretched_mask(model, image, *, size) -> np.ndarray:
    """Labels (H, W) uint8 the original study's way: argmax at `size`, then the mask is stretched (nearest) to the image's own size."""
    labels, _ = decide(logits(model, image, size=size), size, scored_classes(model))
    return stretch_nearest(labels.cpu().numpy(), image.shape[-2:])


def stretch_nearest(labels: np.ndarray, size) -> np.ndarray:
    """(h, w) -> (H, W), each pixel takes the label whose centre is nearest."""
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(size, labels.shape))
    return labels[rows.astype(np.intp)[:, None], columns.astype(np.intp)[None, :]]
