"""Losses: values by hand, and against formulas written out with one-hot labels in float64."""

import functools
import math

import pytest
import torch
from losses_helpers import ALL, WEIGHTS, K, sample
from torch.nn import functional as F

from seglib import losses
from seglib.labels import IGNORE
from seglib.losses.lovasz import jaccard_steps


def log(*rows):
    """Probabilities (K, H, W) -> logits (1, K, H, W) with exactly these as softmax."""
    return torch.tensor(rows, dtype=torch.float64).clamp(min=1e-300).log().unsqueeze(0)


# Two classes on 2x2 pixels: labels 0 0 / 1 void, p of class 0 is 0.8 0.6 / 0.3 and, under void, 0.9.
LOGITS = log([[0.8, 0.6], [0.3, 0.9]], [[0.2, 0.4], [0.7, 0.1]])
TARGET = torch.tensor([[[0, 0], [1, IGNORE]]])
BY_HAND = {
    "cross_entropy": -(math.log(0.8) + math.log(0.6) + math.log(0.7)) / 3,
    # class 0: I = 1.4, sum p = 1.7, n = 2; class 1: I = 0.7, sum p = 1.3, n = 1
    "soft_iou": 1 - (1.4 / (1.7 + 2 - 1.4) + 0.7 / (1.3 + 1 - 0.7)) / 2,
    "dice": 1 - (2.8 / 3.7 + 1.4 / 2.3) / 2,
    "generalised_dice": 1 - 2 * (1.4 / 4 + 0.7) / (3.7 / 4 + 2.3),
    "cross_entropy_dice": -(math.log(0.8) + math.log(0.6) + math.log(0.7)) / 3 + 1 - (2.8 / 3.7 + 1.4 / 2.3) / 2,
    # class 0: errors 0.4 (in) 0.3 (out) 0.2 (in): steps 1/2, 1/2 - 1/3, 1/3; class 1: errors 0.4 (out) 0.3 (in) 0.2 (out): 1/2, 1/2, 0
    "lovasz": (0.4 / 2 + 0.3 / 6 + 0.2 / 3 + 0.4 / 2 + 0.3 / 2) / 2,
    "weighted_cross_entropy": -(math.log(0.8) + math.log(0.6) + 3 * math.log(0.7)) / 5,
}


@pytest.mark.parametrize("name", ALL)
def test_by_hand(name):
    loss = losses.LOSSES[name]
    loss = functools.partial(loss, weights=[1.0, 3.0]) if name.startswith("weighted") else loss
    assert loss(LOGITS, TARGET).item() == pytest.approx(BY_HAND[name], abs=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_perfect_prediction_costs_nothing(name):
    _, target = sample(0)
    logits = 1000.0 * F.one_hot(target.masked_fill(target == IGNORE, 4), K).movedim(3, 1)
    assert ALL[name](logits, target).item() == pytest.approx(0, abs=1e-6)


def dense(logits, target):
    """sum r p, sum p, sum r over the valid pixels of the whole batch, written out."""
    valid = (target != IGNORE).unsqueeze(1)
    truth = F.one_hot(target.masked_fill(target == IGNORE, 0), logits.shape[1]).movedim(3, 1) * valid
    p = logits.softmax(1) * valid
    return (truth * p).sum((0, 2, 3)), p.sum((0, 2, 3)), truth.sum((0, 2, 3)).to(p.dtype)


@pytest.mark.parametrize("seed", range(4))
def test_region_losses_equal_their_formulas(seed):
    logits, target = sample(seed)
    overlap, predicted, count = dense(logits, target)
    here = count > 0
    assert here.sum() == 3  # two classes are absent: they must count nowhere
    iou, d = (overlap / (predicted + count - overlap))[here], (2 * overlap / (predicted + count))[here]
    weight = count[here] ** -2
    generalised = 1 - 2 * (weight * overlap[here]).sum() / (weight * (predicted + count)[here]).sum()
    torch.testing.assert_close(losses.soft_iou(logits, target), 1 - iou.mean())
    torch.testing.assert_close(losses.dice(logits, target), 1 - d.mean())
    torch.testing.assert_close(losses.generalised_dice(logits, target), generalised)
    torch.testing.assert_close(losses.soft_iou(logits, target, all_classes=True), 1 - iou.sum() / K)


def test_cross_entropy_equals_torch():
    logits, target = sample(1)
    torch.testing.assert_close(losses.cross_entropy(logits, target), F.cross_entropy(logits, target, ignore_index=IGNORE))
    torch.testing.assert_close(
        ALL["weighted_cross_entropy"](logits, target), F.cross_entropy(logits, target, WEIGHTS.double(), ignore_index=IGNORE)
    )


@pytest.mark.parametrize("seed", range(4))
def test_lovasz_equals_the_paper(seed):
    """Algorithm 1 with its difference of Jaccard losses, in float64, over the valid pixels only."""
    logits, target = sample(seed)
    valid, p = target.flatten() != IGNORE, logits.softmax(1).movedim(1, 0).flatten(1)
    expected = []
    for c in target.unique().tolist()[:-1]:
        truth = (target.flatten() == c)[valid].double()
        errors, order = (truth - p[c, valid]).abs().sort(descending=True)
        truth = truth[order]
        jaccard = 1 - (truth.sum() - truth.cumsum(0)) / (truth.sum() + (1 - truth).cumsum(0))
        expected.append(torch.dot(errors, torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])))
    torch.testing.assert_close(losses.lovasz(logits, target), torch.stack(expected).mean())


def test_lovasz_of_hard_predictions_is_the_jaccard_loss():
    _, target = sample(3, void=0.0)
    hard = torch.randint(0, 3, target.shape, generator=torch.Generator().manual_seed(9))
    logits = 1000.0 * F.one_hot(hard, K).movedim(3, 1)
    iou = [((hard == c) & (target == c)).sum() / ((hard == c) | (target == c)).sum() for c in range(3)]
    assert losses.lovasz(logits, target).item() == pytest.approx(1 - sum(iou).item() / 3, abs=1e-6)


def test_jaccard_steps_keep_their_digits_in_float32():
    inside = torch.rand(1_000_000, generator=torch.Generator().manual_seed(0)) < 0.37
    exact, ours = jaccard_steps(inside, torch.float64), jaccard_steps(inside)
    assert ((ours - exact).abs() / exact.clamp(min=1e-30)).max() < 1e-6
    assert exact.sum().item() == pytest.approx(1, abs=1e-9)


def test_pooled_over_the_batch_unless_asked():
    """One image all class 0, the other all class 1: pooled, each class sees the other image's false positives."""
    logits, _ = sample(0, classes=2)
    target = torch.zeros(2, 6, 6, dtype=torch.long)
    target[1] = 1
    single = [losses.dice(logits[i : i + 1], target[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(losses.dice(logits, target, per_image=True), torch.stack(single).mean())
    overlap, predicted, count = dense(logits, target)
    torch.testing.assert_close(losses.dice(logits, target), 1 - (2 * overlap / (predicted + count)).mean())
    assert abs(losses.dice(logits, target) - torch.stack(single).mean()) > 0.05
    target[0] = IGNORE  # an image without a valid pixel is no group
    torch.testing.assert_close(losses.dice(logits, target, per_image=True), single[1])


def test_absent_classes_at_uniform_logits():
    """5 of 19 classes, 31 % void, uniform logits: 0.947 with the absent ones left out, where a mean over all gives 0.241-like values."""
    target = torch.arange(5).repeat_interleave(20).view(1, 10, 10)
    target[:, :, ::3] = IGNORE
    assert losses.soft_iou(torch.zeros(1, 19, 10, 10), target).item() == pytest.approx(0.95, abs=0.01)


def test_smoothing():
    logits, target = sample(0)
    overlap, predicted, count = dense(logits, target)
    here = count > 0
    expected = 1 - ((2 * overlap + 1) / (predicted + count + 1))[here].mean()
    torch.testing.assert_close(losses.dice(logits, target, smooth=1.0), expected)


def test_gradient_scale():
    """L1 norm of dL/dlogits at uniform logits, 19 classes of which 5 present: why one learning rate for all losses is no fair test."""
    target = torch.randint(0, 5, (2, 64, 64), generator=torch.Generator().manual_seed(0))

    def norm(name, **options):
        logits = torch.zeros(2, 19, 64, 64, requires_grad=True)
        losses.LOSSES[name](logits, target, **options).backward()
        return logits.grad.abs().sum().item()

    assert norm("cross_entropy") == pytest.approx(2 * (1 - 1 / 19), rel=1e-5)  # 1.895
    assert norm("lovasz") == pytest.approx(0.100, abs=5e-4)
    # Averaged over all 19 classes as some libraries do, 0.040 and 0.022; over the 5 present, 19/5 times as much.
    assert norm("dice", all_classes=True) == pytest.approx(0.040, abs=5e-4)
    assert norm("soft_iou", all_classes=True) == pytest.approx(0.022, abs=5e-4)
    assert norm("soft_iou") == pytest.approx(norm("soft_iou", all_classes=True) * 19 / 5, rel=1e-4)


def test_median_frequency_weights():
    weights = losses.median_frequency_weights([10, 40, 0, 20])
    torch.testing.assert_close(weights, torch.tensor([2.0, 0.5, 0.0, 1.0]))
    for bad in ([0, 0], [[1, 2]], [-1, 2]):
        with pytest.raises(ValueError, match="pixel counts"):
            losses.median_frequency_weights(bad)


def test_void_as_a_class_trains_the_last_output():
    logits, target = sample(2, classes=K + 1)
    wrapped = losses.void_as_class(losses.cross_entropy, K)
    torch.testing.assert_close(wrapped(logits, target), F.cross_entropy(logits, target.masked_fill(target == IGNORE, K)))
    with pytest.raises(ValueError, match="needs logits"):
        wrapped(logits[:, :-1], target)
    with pytest.raises(ValueError, match="labels \\[5\\]"):
        wrapped(logits, target.masked_fill(target == IGNORE, K))


class TestOriginal:
    """The original study's losses, with the figures that show what is wrong with them."""

    def test_dice_is_near_constant(self):
        """Perfect, random and uniform predictions of 34 classes all cost about 1 - 1/34."""
        target = torch.randint(0, 34, (2, 32, 32), generator=torch.Generator().manual_seed(0))
        perfect = 1000.0 * F.one_hot(target, 34).movedim(3, 1)
        random = torch.randn(2, 34, 32, 32, generator=torch.Generator().manual_seed(1))
        for logits in (perfect, random, torch.zeros_like(random)):
            assert losses.original_dice(logits.float(), target).item() == pytest.approx(1 - 1 / 34, abs=0.01)

    def test_iou_of_a_perfect_prediction(self):
        """16 ids, one of them 0: 15 of 34 channels can score."""
        target = torch.arange(256).view(1, 16, 16) % 16
        perfect = 1000.0 * F.one_hot(target, 34).movedim(3, 1)
        assert 1 - losses.original_iou(perfect, target).item() == pytest.approx(15 / 34, abs=1e-6)

    def test_cross_entropy_grows_with_the_resolution(self):
        target = torch.randint(1, 34, (1, 16, 16), generator=torch.Generator().manual_seed(0))
        logits = torch.zeros(1, 34, 16, 16)
        assert losses.original_cross_entropy(logits, target).item() == pytest.approx(256 * math.log(34), rel=1e-5)
