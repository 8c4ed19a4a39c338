"""What the tests of the losses share: all losses by name, and random batches."""

import functools

import torch

from seglib import losses
from seglib.labels import IGNORE

K = 5
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 4.0, 1.5])
ALL = losses.LOSSES | {"weighted_cross_entropy": functools.partial(losses.weighted_cross_entropy, weights=WEIGHTS)}


def sample(seed, batch=2, size=6, classes=K, present=3, void=0.3):
    """Random logits and labels of `present` of the classes, a share of them void."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, classes, size, size, generator=generator, dtype=torch.float64)
    target = torch.randint(0, present, (batch, size, size), generator=generator)
    target[torch.rand(target.shape, generator=generator) < void] = IGNORE
    return logits, target
