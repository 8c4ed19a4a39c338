"""What label maps look like, measured: areas of one class, steps of a grid, and what either owes to the network that drew them."""

import cv2
import numpy as np
import torch

from seglib.labels import IGNORE

STEP, TOKEN = 8, 16  # pixels of the network's input: a step of the baseline's last map, and the side of a ViT's patch


def patches(maps: np.ndarray) -> np.ndarray:
    """Pixels of every connected area of one class in label maps (n, H, W), largest first."""
    found = []
    for labels in np.asarray(maps, np.uint8):
        for k in np.unique(labels):
            found += cv2.connectedComponentsWithStats((labels == k).astype(np.uint8), connectivity=4)[2][1:, cv2.CC_STAT_AREA].tolist()
    return np.sort(found)[::-1]


def on_grid(maps: np.ndarray, cells: tuple[int, int]) -> tuple[float, float]:
    """Of the places where neighbours in label maps (n, H, W) differ, the share within a pixel of a border of `cells` (rows, columns), and
    the share of all places that lie there: what chance would give."""
    changed, near = [], []
    for axis, count in zip((1, 2), cells, strict=True):
        lines = np.moveaxis(np.asarray(maps), axis, -1)
        length = lines.shape[-1]
        borders = np.arange(1, count) * length / count
        close = np.abs(np.arange(1, length)[:, None] - borders).min(axis=1) <= 1
        changed.append((lines[..., 1:] != lines[..., :-1]).reshape(-1, length - 1))
        near.append(np.broadcast_to(close, changed[-1].shape))
    differ, close = (np.concatenate([part.ravel() for part in parts]) for parts in (changed, near))
    return float(close[differ].mean()) if differ.any() else float("nan"), float(close.mean())


def habits(maps: dict[str, np.ndarray], size: tuple[int, int], blocky: str = "FCN baseline", blobby: str = "ViT") -> str:
    """How the maps {network: (n, H, W)}, made at input `size` (h, w), show the baseline's steps and the ViT's tokens, in sentences; what
    does not show is not said."""
    said = []
    shares = {name: on_grid(found, (-(-size[0] // STEP), -(-size[1] // STEP))) for name, found in maps.items()}
    rest = max((share for name, (share, _) in shares.items() if name != blocky), default=0.0)
    if blocky in maps and shares[blocky][0] > 1.5 * max(rest, shares[blocky][1]):
        on, chance = shares[blocky]
        said.append(
            f"Of {blocky}'s outlines {100 * on:.0f} % lie on the grid of its steps of {STEP} pixels, where chance puts "
            f"{100 * chance:.0f} % and no other network more than {100 * rest:.0f} %: it decides block by block (notebook 03)."
        )
    tokens = size[0] * size[1] / TOKEN**2
    half = {name: float(np.median(patches(found))) * tokens / found[0].size for name, found in maps.items()}
    rest = max((value for name, value in half.items() if name != blobby), default=0.0)
    if blobby in maps and half[blobby] > 1.5 * rest:
        said.append(
            f"Half of {blobby}'s areas are larger than {half[blobby]:.1f} of its tokens of {TOKEN} x {TOKEN} pixels, no other network's "
            f"half than {rest:.2f}: it draws blobs (notebook 05)."
        )
    return " ".join(said)


def lost(maps: dict[str, np.ndarray], truth: np.ndarray, names: tuple[str, ...], least: float = 0.02, found: float = 0.1) -> list[tuple]:
    """What no network finds: (scene, class, its share of the scene, what it is called most) of the classes with at least `least` of the
    labelled pixels of a scene of which every map has less than `found`. maps {network: (n, H, W)}, truth (n, H, W)."""
    rows = []
    for i, scene in enumerate(truth):
        for k in range(len(names)):
            here = scene == k
            share = here.sum() / max((scene != IGNORE).sum(), 1)
            if share >= least and all((one[i][here] == k).mean() < found for one in maps.values()):
                called = np.bincount(np.concatenate([one[i][here] for one in maps.values()]), minlength=len(names))
                rows.append((i, names[k], float(share), names[int(called[: len(names)].argmax())]))
    return rows


def edges(truth: np.ndarray, width: int = 2) -> np.ndarray:
    """(n, h, w) labels -> bool: within `width` pixels of another label, void included."""
    maps = torch.from_numpy(np.asarray(truth, np.float32))[:, None]
    side = 2 * width + 1
    largest, smallest = (sign * torch.nn.functional.max_pool2d(sign * maps, side, 1, width) for sign in (1, -1))
    return (largest != smallest)[:, 0].numpy()


def edge_share(truth: np.ndarray) -> float:
    """The share of the labelled pixels that lie near an outline."""
    return float(edges(truth)[truth != IGNORE].mean())


def share_near_edges(truth: np.ndarray, prediction: np.ndarray) -> float:
    """The share of the wrong pixels that lie near an outline; NaN without an error."""
    wrong = (truth != prediction) & (truth != IGNORE)
    return float(edges(truth)[wrong].mean()) if wrong.any() else float("nan")
