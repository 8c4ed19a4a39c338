"""Every equation of the report, computed as it is printed there, against the code that the numbers come from."""

import math

import numpy as np
import pytest
import torch
from study_helpers import record

from seglib import labels, losses, models, scores, training
from seglib.models import cost
from seglib.study import sweeps
from seglib.tables import evidence
from seglib.training import optimisation

K = 4


@pytest.fixture
def batch():
    """Logits (2, K, 5, 6) and labels (2, 5, 6) with void and one absent class; p, r (N, K) over the valid pixels."""
    torch.manual_seed(3)
    logits, target = torch.randn(2, K, 5, 6, dtype=torch.float64) * 2, torch.randint(0, K - 1, (2, 5, 6))
    target[:, :2, :3] = labels.IGNORE
    valid = (target != labels.IGNORE).flatten()
    p = logits.softmax(1).movedim(1, -1).reshape(-1, K)[valid].numpy()
    y = target.flatten()[valid].numpy()
    return logits, target, p, y, np.eye(K)[y], sorted(set(y.tolist()))


def test_receptive_field():
    for dilations, expected in (((1, 1, 1), 22), ((1, 2, 8), 82)):
        # three times a convolution and a pooling; 2x2 transposed convolutions of stride 2 add nothing
        layers = [layer for d in dilations for layer in ((3, d, 1), (2, 1, 2))]
        r = 1 + sum(d * (k - 1) * math.prod(s for *_, s in layers[:i]) for i, (k, d, _) in enumerate(layers))
        field = cost.receptive_field(models.build("fcn_baseline", 3, width=4, dilations=dilations), (128, 128))
        assert r == field.height == field.width == expected


def swin_attention():
    """One window attention of our Swin with random parameters, and a window of tokens (1, N, C)."""
    torch.manual_seed(0)
    attention = models.build("swin", 3, width=48).eval().encoder.layers_0.blocks[0].attn
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.copy_(torch.randn_like(parameter) / 4)
    return attention, torch.randn(1, math.prod(attention.window_size), attention.dim)


def log_spaced(offset, window):
    """The coordinates that the bias network is given, as printed."""
    delta = offset / (window - 1)
    return np.sign(delta) * np.log2(1 + 8 * np.abs(delta)) / np.log2(8)


def test_log_spaced_bias():
    attention, _ = swin_attention()
    window = attention.window_size[0]
    expected = log_spaced(np.arange(1 - window, window), window)
    np.testing.assert_allclose(attention.relative_coords_table[0, :, 0, 0], expected, atol=1e-6)
    np.testing.assert_allclose(attention.relative_coords_table[0, 0, :, 1], expected, atol=1e-6)


def test_attention():
    torch.manual_seed(2)
    vit = models.build("vit", 3, width=128).eval()
    attention, x = vit.encoder.blocks[0].attn, torch.randn(1, 7, 128)
    q, k, v = attention.qkv(x)[0].reshape(7, 3, 2, 64).permute(1, 2, 0, 3)  # two heads of 64 channels
    mixed = (torch.softmax(q @ k.mT / math.sqrt(64), -1) @ v).permute(1, 0, 2).reshape(7, 128)
    torch.testing.assert_close(attention(x)[0], attention.proj(mixed), rtol=1e-4, atol=1e-5)


def test_cosine_attention():
    attention, x = swin_attention()
    window, heads = attention.window_size[0], attention.num_heads
    bias = torch.cat([attention.q_bias, torch.zeros_like(attention.q_bias), attention.v_bias])
    q, k, v = (x @ attention.qkv.weight.T + bias)[0].reshape(window**2, 3, heads, -1).permute(1, 2, 0, 3)
    row, column = np.divmod(np.arange(window**2), window)
    offsets = [torch.tensor(log_spaced(a[:, None] - a[None], window)).float() for a in (row, column)]
    b = 16 * torch.sigmoid(attention.cpb_mlp(torch.stack(offsets, -1))).permute(2, 0, 1)
    tau = 1 / attention.logit_scale.clamp(max=math.log(100)).exp()
    cosine = torch.nn.functional.cosine_similarity(q[:, :, None], k[:, None], dim=-1)
    mixed = (torch.softmax(cosine / tau + b, -1) @ v).permute(1, 0, 2).reshape(window**2, -1)
    torch.testing.assert_close(attention(x)[0], attention.proj(mixed), rtol=1e-4, atol=1e-5)


def test_cross_entropy(batch):
    logits, target, p, y, _, _ = batch
    picked = -np.log(p[np.arange(len(y)), y])
    assert losses.cross_entropy(logits, target).item() == pytest.approx(picked.mean())
    w = np.array([0.5, 1.0, 2.0, 3.0])
    assert losses.weighted_cross_entropy(logits, target, w).item() == pytest.approx((w[y] * picked).sum() / w[y].sum())


def test_median_frequency_weights():
    counts = np.array([600, 300, 80, 20])
    f = counts / counts.sum()
    np.testing.assert_allclose(losses.median_frequency_weights(counts), np.median(f) / f, rtol=1e-6)


def test_dice_and_soft_iou(batch):
    logits, target, p, _, r, present = batch
    d = 2 * (r * p).sum(0) / (r.sum(0) + p.sum(0))
    j = (r * p).sum(0) / (r + p - r * p).sum(0)
    np.testing.assert_allclose(j, d / (2 - d))
    assert losses.dice(logits, target).item() == pytest.approx(1 - d[present].mean())
    assert losses.soft_iou(logits, target).item() == pytest.approx(1 - j[present].mean())
    mixture = losses.cross_entropy(logits, target) + losses.dice(logits, target)
    assert losses.cross_entropy_dice(logits, target).item() == pytest.approx(mixture.item())


def test_mixture(batch):
    logits, target, p, y, r, present = batch
    entropy = -np.log(p[np.arange(len(y)), y]).mean()
    dice = 1 - np.mean([2 * (r[:, k] * p[:, k]).sum() / (r[:, k] + p[:, k]).sum() for k in present])
    assert losses.cross_entropy_dice(logits, target).item() == pytest.approx(entropy + dice)


def test_generalised_dice(batch):
    logits, target, p, _, r, present = batch
    v = r[:, present].sum(0) ** -2.0
    ratio = (v * (r * p).sum(0)[present]).sum() / (v * (r + p).sum(0)[present]).sum()
    assert losses.generalised_dice(logits, target).item() == pytest.approx(1 - 2 * ratio)


def test_lovasz(batch):
    logits, target, p, _, r, present = batch

    def jaccard_loss(wrong, truth):
        """1 - IoU when the pixels in `wrong` are misclassified: missed where they are of the class, added where not."""
        missed, added = (truth * wrong).sum(), ((1 - truth) * wrong).sum()
        return 1 - (truth.sum() - missed) / (truth.sum() + added)

    total = 0.0
    for c in present:
        m, wrong, before = np.abs(r[:, c] - p[:, c]), np.zeros(len(p)), 0.0
        for i in np.argsort(-m):
            wrong[i] = 1
            total += m[i] * (jaccard_loss(wrong, r[:, c]) - before)
            before = jaccard_loss(wrong, r[:, c])
    assert losses.lovasz(logits, target).item() == pytest.approx(total / len(present))


@pytest.mark.parametrize("schedule", ["step", "polynomial", "onecycle"])
def test_schedules(schedule):
    config = training.TrainConfig(schedule=schedule, lr=0.2, gamma=0.5, step_epochs=10)
    steps, per_epoch = 300, 10
    for t in (0, 7, 89, 150, 299):
        rate, _ = optimisation.rates(config, t, steps, per_epoch)
        if schedule == "onecycle":
            peak, start, end = 0.3 * steps - 1, 0.2 / 25, 0.2 / 250_000
            u = t / peak if t <= peak else (t - peak) / (steps - 1 - peak)
            a, b = (start, 0.2) if t <= peak else (0.2, end)
            assert rate == pytest.approx(b + (a - b) * (1 + math.cos(math.pi * u)) / 2)
        else:
            assert rate == pytest.approx(0.2 * (0.5 ** (t // per_epoch // 10) if schedule == "step" else (1 - t / steps) ** 0.9))


@pytest.mark.parametrize(("n", "m", "c"), [(36, 4, 120), (7, 3, 10)])
def test_halving_budget(n, m, c):
    spent = sum(candidates * images for candidates, images in sweeps.halving(n, m, c))
    assert spent == sum(math.ceil(n / 2**i) * 2**i * c for i in range(m))
    assert m * n * c <= spent < m * n * c + c * 2**m


def test_scores():
    m = np.array([[50, 3, 2, 1], [4, 20, 0, 0], [0, 0, 0, 0]])  # three classes, the last absent but predicted twice; last column void
    tp, fp, fn = [50, 20, 0], [4, 3, 2], [6, 4, 0]
    iou = [t / (t + f + n) for t, f, n in zip(tp, fp, fn)]
    np.testing.assert_allclose(scores.iou(m), iou)
    assert scores.mean_iou(m) == pytest.approx(sum(iou) / 3)
    assert scores.pixel_accuracy(m) == pytest.approx(70 / 80)


def test_category_iou():
    m = np.random.default_rng(0).integers(0, 100, (19, 19))
    group = [labels.CATEGORIES.index(row.category) for row in sorted(labels.CITYSCAPES_LABELS, key=lambda row: row.train_id)[:19]]
    for g, found in enumerate(scores.category_iou(m)):
        inside = np.array(group) == g
        tp, fp, fn = m[inside][:, inside].sum(), m[~inside][:, inside].sum(), m[inside][:, ~inside].sum()
        assert found == pytest.approx(tp / (tp + fp + fn))


def test_instance_iou():
    person, car = 11, 13
    target = np.zeros((8, 8), np.uint8)
    instances = np.zeros((8, 8), np.int32)
    for number, (rows, columns) in enumerate([(slice(0, 2), slice(0, 2)), (slice(4, 8), slice(0, 4))]):
        target[rows, columns], instances[rows, columns] = person, 24_000 + number
    prediction = target.copy()
    prediction[0, 0], prediction[4, 0:3], prediction[0, 6:8] = car, 0, person
    size = labels.AVERAGE_INSTANCE_SIZE["person"]
    hits, missed = size / 4 * 3 + size / 16 * 13, size / 4 * 1 + size / 16 * 3
    found = scores.instance_iou(scores.count(target, prediction, 19, instances=instances))[person]
    assert found == pytest.approx(hits / (hits + 2 + missed))


def test_bootstrap():
    rng = np.random.default_rng(1)
    pair = []
    for quality in (0.9, 0.5):
        truth = rng.integers(0, 11, (12, 9, 9)).astype(np.uint8)
        guess = np.where(rng.random(truth.shape) < quality, truth, rng.integers(0, 11, truth.shape)).astype(np.uint8)
        pair.append(scores.accumulate(scores.count(t, g, 11, labels="camvid") for t, g in zip(truth, guess)))
    draws = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=1000)  # how often each picture is taken

    def resampled(found):
        tp, fp, fn = (draws @ part for part in (found.tp, found.fp, found.fn))
        return (tp / (tp + fp + fn)).mean(1)

    theta = np.sort(resampled(pair[0]))
    low, high = scores.bootstrap(pair[0])
    assert theta[24] <= low <= theta[25] and theta[974] <= high <= theta[975]
    assert scores.bootstrap(pair) == pytest.approx(tuple(np.percentile((resampled(pair[0]) + resampled(pair[1])) / 2, [2.5, 97.5])))
    delta = resampled(pair[0]) - resampled(pair[1])
    _, below, above, p = scores.paired_bootstrap(*pair)
    np.testing.assert_allclose([below, above], np.percentile(delta, [2.5, 97.5]))
    assert p == max(1 / 1000, 2 / 1000 * min((delta <= 0).sum(), (delta >= 0).sum()))


def near_contour(labels_, k, width):
    """The pixels of class k within `width` of a pixel of another class, or of the picture's edge: by looking at every window."""
    inside = np.pad(labels_ == k, width)
    rows, columns = np.nonzero(labels_ == k)
    near = np.zeros(labels_.shape, bool)
    for i, j in zip(rows, columns):
        near[i, j] = not inside[i : i + 2 * width + 1, j : j + 2 * width + 1].all()
    return near


def test_boundary_and_calibration():
    rng = np.random.default_rng(2)
    truth, guess = (rng.integers(0, 11, (4, 6)).repeat(60, 0).repeat(60, 1).astype(np.uint8) for _ in range(2))
    confidence = rng.random(truth.shape).astype(np.float32)
    found = scores.count(truth, guess, 11, labels="camvid", confidence=confidence)
    width = round(5 / 1000 * math.hypot(*truth.shape))
    for k, value in enumerate(scores.boundary_iou(found)):
        t, p = near_contour(truth, k, width), near_contour(guess, k, width)
        assert value == pytest.approx((t & p).sum() / (t | p).sum())
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = [abs((truth == guess)[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).sum() for b in range(15)]
    assert scores.calibration_error(found) == pytest.approx(sum(gaps) / truth.size, abs=1e-6)


def test_seed_interval():
    groups = {
        arm: [record(training.TrainConfig(dataset="camvid", seed=seed, loss=arm), 0.3, miou) for seed in range(n)]
        for arm, miou, n in (("dice", 0.5, 3), ("soft_iou", 0.4, 2), ("cross_entropy", 0.3, 4))
    }
    x = [evidence.values(groups[arm], "miou") for arm in groups]
    va, vb = x[0].var(ddof=1) / 3, x[1].var(ddof=1) / 2
    nu = math.floor((va + vb) ** 2 / (va**2 / 2 + vb**2 / 1))
    half = {1: 12.7062, 2: 4.3027, 3: 3.1824}[nu] * math.sqrt(va + vb)
    low, high = evidence.over_seeds(groups, "dice", "soft_iou")
    assert (low, high) == (pytest.approx(x[0].mean() - x[1].mean() - half), pytest.approx(x[0].mean() - x[1].mean() + half))


def test_interval_of_a_mean():
    x = [30.0, 31.0, 35.0]
    half = 4.3027 * math.sqrt(np.var(x, ddof=1) / 3)
    assert scores.seed_interval(x) == pytest.approx((32.0, 32.0 - half, 32.0 + half), abs=1e-3)
