"""Every family of the study, at its CPU width, learns two street scenes by heart from random weights."""

import pytest
import torch
import torch.nn.functional as F

from seglib import models

WIDTHS = {"fcn_baseline": 16, "fcn8s": 16, "unet": 16, "vit": 192, "swin": 48}


@pytest.fixture(scope="module")
def scenes():
    """Two scenes at 64x96: images (2, 3, 64, 96) normalised, targets (2, 64, 96) of the street scenes' train ids."""
    from seglib import data

    dataset = data.load("streets", "train", size=(64, 96), limit=2)
    samples = [dataset[i] for i in range(2)]
    images = torch.stack([sample.image for sample in samples]).float()
    mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    return (images - mean) / std, torch.stack([sample.target for sample in samples]).long()


@pytest.mark.parametrize("name", WIDTHS)
def test_two_scenes_are_learned_by_heart(scenes, name):
    images, target = scenes
    torch.manual_seed(0)
    model = models.build(name, 19, width=WIDTHS[name])
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    first = None
    for _ in range(800):
        loss = F.cross_entropy(model(images), target, ignore_index=255)
        first = first or loss.item()
        if loss.item() < first / 10:
            return
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    pytest.fail(f"{name}: the loss fell from {first:.3f} to {loss.item():.3f} only")
