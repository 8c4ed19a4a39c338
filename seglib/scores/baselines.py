"""Floors and ceilings: what a score is worth before any network is trained (Cordts et al. 2016, Table 3)."""

from collections.abc import Iterable

import numpy as np

from seglib.labels import IGNORE
from seglib.scores.counts import as_bytes, confusion


def constant_class(targets: Iterable, num_classes: int) -> tuple[int, np.ndarray]:
    """Floor: the best single class for every pixel. Truths (H, W) -> (class, matrix (K, K+1))."""
    pixels = sum(np.bincount(as_bytes(target, "target").ravel(), minlength=256) for target in targets)
    _some(pixels)
    best = int(pixels[:num_classes].argmax())
    matrix = np.zeros((num_classes, num_classes + 1), np.int64)
    matrix[:, best] = pixels[:num_classes]
    return best, matrix


def pixel_prior(train_targets: Iterable, test_targets: Iterable, num_classes: int) -> np.ndarray:
    """Floor: at each position the class most often seen there in train. Truths of one size (H, W) -> matrix (K, K+1) on test."""
    seen = None
    for target in train_targets:
        target = as_bytes(target, "target")
        if seen is None:
            seen = np.zeros((num_classes, *target.shape), np.uint16)
        for k in np.unique(target[target != IGNORE]):
            seen[k] += target == k
    _some(seen)
    prior = seen.argmax(0).astype(np.uint8)
    return _some(sum(confusion(target, _fit(prior, np.shape(target)), num_classes) for target in test_targets))


def subsampled_truth(targets: Iterable, factor: int, num_classes: int) -> np.ndarray:
    """Ceiling: the truth reduced by `factor` (each block becomes its most frequent class) and enlarged again -> matrix (K, K+1)."""
    return _some(sum(confusion(target, subsample(target, factor, num_classes), num_classes) for target in targets))


def subsample(target, factor: int, num_classes: int) -> np.ndarray:
    """(H, W) -> (H, W): each factor x factor block set to its majority, void only where the block is all void. Edge blocks are smaller."""
    target = as_bytes(target, "target")
    h, w = target.shape
    rows, columns = -(-h // factor), -(-w // factor)
    padded = np.pad(target, ((0, rows * factor - h), (0, columns * factor - w)), constant_values=IGNORE)
    blocks = padded.reshape(rows, factor, columns, factor)
    best, majority = np.zeros((rows, columns), np.int64), np.full((rows, columns), IGNORE, np.uint8)
    for k in np.unique(target[target != IGNORE]):
        votes = (blocks == k).sum((1, 3))
        majority = np.where(votes > best, k, majority).astype(np.uint8)
        best = np.maximum(best, votes)
    return majority.repeat(factor, 0).repeat(factor, 1)[:h, :w]


def on_grid(truth, grid: tuple[int, int], num_classes: int) -> np.ndarray:
    """(H, W) labels -> (H, W): every cell of a grid (rows, columns) set to its most frequent class, void only where all of it is void."""
    truth = as_bytes(truth, "truth")
    rows, columns = (np.arange(length) * cells // length for length, cells in zip(truth.shape, grid))
    cell = rows[:, None] * grid[1] + columns
    votes = np.bincount((cell * 256 + truth).ravel(), minlength=256 * grid[0] * grid[1]).reshape(-1, 256)[:, :num_classes]
    best = np.where(votes.any(1), votes.argmax(1), IGNORE).astype(np.uint8)
    return best[cell]


def gridded_truth(targets: Iterable, grid: tuple[int, int], num_classes: int) -> np.ndarray:
    """Ceiling: the truth decided cell by cell on a grid (rows, columns) and enlarged again -> matrix (K, K+1)."""
    return _some(sum(confusion(target, on_grid(target, grid, num_classes), num_classes) for target in targets))


def _fit(labels: np.ndarray, shape) -> np.ndarray:
    """Nearest, centre-aligned resize of (H, W) labels."""
    if labels.shape == tuple(shape):
        return labels
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(shape, labels.shape))
    return labels[rows[:, None], columns]


def _some(counts):
    if counts is None or isinstance(counts, int):
        raise ValueError("no images to score: the data set is empty")
    return counts
