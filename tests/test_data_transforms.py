"""Joint transforms: the same for a sample in any batch, labels stay labels, images and labels stay aligned, padding is 0 and void."""

import numpy as np
import pytest
import torch
from PIL import Image

from seglib.data import transforms
from seglib.data.transforms import augment

EVERYTHING = {"flip": True, "scale": (0.5, 2.0), "crop": (40, 56), "jitter": 0.4}


def batch(count: int = 6, height: int = 48, width: int = 64):
    """Images whose colour tells the label: label k has the colour (10 k, 255 - 10 k, 5 k)."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 19, (count, height // 16, width // 16), dtype=np.uint8).repeat(16, 1).repeat(16, 2)
    targets = torch.from_numpy(blocks)
    return colours(targets), targets


def colours(targets):
    k = targets.to(torch.int64)
    return torch.stack([10 * k, 255 - 10 * k, 5 * k], 1).to(torch.uint8)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sample_is_transformed_alike_in_any_batch_and_order(threads):
    images, targets = batch()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = augment(images, targets, seed=3, epoch=2, indices=range(10, 16), **EVERYTHING)
        order = [4, 0, 5]
        part = augment(images[order], targets[order], seed=3, epoch=2, indices=[10 + i for i in order], **EVERYTHING)
        alone = augment(images[2:3], targets[2:3], seed=3, epoch=2, indices=[12], **EVERYTHING)
    finally:
        torch.set_num_threads(before)
    for one, some, single in zip(whole, part, alone):
        assert torch.equal(one[order], some) and torch.equal(one[2:3], single)


def test_seed_epoch_and_index_each_change_the_draw():
    draws = {transforms.draw(*key) for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]}
    assert len(draws) == 4 and transforms.draw(1, 2, 3) == transforms.draw(1, 2, 3)


def test_nothing_asked_nothing_done_and_inputs_stay():
    images, targets = batch()
    kept = images.clone(), targets.clone()
    same = augment(images, targets, seed=0, epoch=0, indices=range(6), flip=False)
    assert torch.equal(same[0], images) and torch.equal(same[1], targets)
    augment(images, targets, seed=0, epoch=0, indices=range(6), **EVERYTHING)
    assert torch.equal(images, kept[0]) and torch.equal(targets, kept[1])


def test_flips_half_of_the_samples_image_and_labels_together():
    images, targets = batch()
    flipped = 0
    for epoch in range(100):
        new_images, new_targets = augment(images, targets, seed=0, epoch=epoch, indices=range(6))
        assert torch.equal(new_images, colours(new_targets))
        for i in range(6):
            mirrored = torch.equal(new_targets[i], targets[i].flip(-1))
            assert mirrored or torch.equal(new_targets[i], targets[i])
            flipped += mirrored
    assert 240 <= flipped <= 360  # 600 draws, five standard deviations


@pytest.mark.parametrize("scale, crop", [((0.5, 0.9), None), ((1.1, 2.0), None), ((0.5, 2.0), (40, 72)), ((1.0, 1.0), (64, 32))])
def test_scaled_images_and_labels_stay_aligned(scale, crop):
    """Away from the borders between labels the colour is exactly its label's; no label appears that was not there."""
    images, targets = batch()
    size, checked = crop or (48, 64), 0
    for epoch in range(5):
        new_images, new_targets = augment(images, targets, seed=1, epoch=epoch, indices=range(6), scale=scale, crop=crop)
        assert new_images.shape == (6, 3, *size) and new_targets.shape == (6, *size)
        for image, target, old in zip(new_images, new_targets, targets):
            assert set(target.unique().tolist()) <= set(old.unique().tolist()) | {255}
            windows = target.unfold(0, 7, 1).unfold(1, 7, 1).flatten(2)  # a pixel and three on each side
            inside = (windows == windows[..., :1]).all(-1)
            expected = torch.where(target == 255, 0, colours(target[None])[0])
            assert torch.equal(image[:, 3:-3, 3:-3][:, inside], expected[:, 3:-3, 3:-3][:, inside])
            checked += int(inside.sum())
    assert checked > 1000


def test_padding_is_black_and_void_and_enters_no_statistic():
    """A white image shrunk by half: a quarter is the image, the rest 0 and void; contrast around its own mean leaves it white."""
    images, targets = torch.full((4, 3, 40, 40), 200, dtype=torch.uint8), torch.full((4, 40, 40), 3, dtype=torch.uint8)
    kinds = {"scale": (0.5, 0.5), "flip": False}
    plain, labels = augment(images, targets, seed=0, epoch=0, indices=range(4), **kinds)
    assert (labels == 3).sum() == 4 * 20 * 20 and set(labels.unique().tolist()) == {3, 255}
    assert (plain[:, 0][labels == 3] == 200).all() and (plain[:, 0][labels == 255] == 0).all()
    changed, labels = augment(images, targets, seed=0, epoch=0, indices=range(4), jitter=0.5, **kinds)
    assert (changed[:, 0][labels == 255] == 0).all()
    for i in range(4):  # grey and flat: only brightness can change it
        brightness = 1 + 0.5 * (2 * transforms.draw(0, 0, i).brightness - 1)
        inside = changed[i][:, labels[i] == 3]
        assert (inside.float() - min(255, 200 * brightness)).abs().max() <= 0.51


def test_jitter_by_hand_and_around_the_mean():
    images, targets = batch()
    one = transforms.draw(5, 6, 2)
    b, c, s = (1 + 0.4 * (2 * value - 1) for value in (one.brightness, one.contrast, one.saturation))
    x = images[2].double().numpy() * b
    mean = (np.array([0.299, 0.587, 0.114]) @ x.reshape(3, -1)).mean()
    x = c * x + (1 - c) * mean
    grey = np.tensordot([0.299, 0.587, 0.114], x, 1)
    expected = np.clip(s * x + (1 - s) * grey, 0, 255)
    got, labels = augment(images[2:3], targets[2:3], seed=5, epoch=6, indices=[2], flip=False, jitter=0.4)
    assert np.abs(got[0].numpy() - expected).max() <= 0.51 and torch.equal(labels, targets[2:3])


def test_nearest_is_pils_but_for_its_rounding_at_ties():
    for length, wanted in [(1024, 144), (2048, 192), (360, 96), (7, 20), (5, 5), (10, 3)]:
        column = np.arange(length, dtype=np.int32)[None]
        expected = np.array(Image.fromarray(column).resize((wanted, 1), Image.Resampling.NEAREST))[0]
        got, centres = transforms._nearest(length, wanted, "cpu").numpy(), (2 * np.arange(wanted) + 1) * length
        tie = centres % (2 * wanted) == 0  # the centre lies on the border of two pixels
        assert (got == centres // (2 * wanted)).all() and (got == expected)[~tie].all() and np.abs(got - expected).max() <= 1


def test_wrong_arguments_are_named():
    images, targets = batch()
    with pytest.raises(ValueError, match="do not fit"):
        augment(images, targets, seed=0, epoch=0, indices=[1])
    with pytest.raises(ValueError, match="scale"):
        augment(images, targets, seed=0, epoch=0, indices=range(6), scale=(2.0, 0.5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_labels_are_equal_and_colours_within_one():
    images, targets = batch()
    here = augment(images, targets, seed=0, epoch=0, indices=range(6), **EVERYTHING)
    there = augment(images.cuda(), targets.cuda(), seed=0, epoch=0, indices=range(6), **EVERYTHING)
    assert there[0].is_cuda and torch.equal(there[1].cpu(), here[1])
    assert (there[0].cpu().int() - here[0].int()).abs().max() <= 1
