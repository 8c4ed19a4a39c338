"""Losses: what must hold for any input (hypothesis), gradients, precision, refusals."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from losses_helpers import ALL, K, sample

from seglib import losses
from seglib.labels import IGNORE
from seglib.losses.labels import class_index

SYMMETRIC = [name for name in ALL if name != "weighted_cross_entropy"]  # weights belong to classes: no permutation
cases = st.integers(0, 10**6).map(lambda seed: sample(seed, present=1 + seed % K, void=(seed % 7) / 8))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(case=cases)
def test_range(name, case):
    value = ALL[name](*case).item()
    assert value >= 0 and (value <= 1 + 1e-9 or "cross_entropy" in name)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(case=cases, scale=st.floats(-1e4, 1e4))
def test_logits_at_void_pixels_do_not_matter(name, case, scale):
    logits, target = case
    void = (target == IGNORE).unsqueeze(1)
    other = torch.where(void, scale * torch.randn_like(logits), logits).requires_grad_()
    value = ALL[name](other, target)
    torch.testing.assert_close(value, ALL[name](logits, target), rtol=1e-10, atol=1e-12)
    value.backward()
    assert (other.grad * void == 0).all()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(case=cases)
def test_batch_order_does_not_matter(name, case):
    logits, target = case
    torch.testing.assert_close(ALL[name](logits.flip(0), target.flip(0)), ALL[name](logits, target), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SYMMETRIC)
@settings(max_examples=20, deadline=None)
@given(case=cases, order=st.permutations(range(K)))
def test_label_names_do_not_matter(name, case, order):
    logits, target = case
    table = torch.full((256,), IGNORE)
    table[torch.tensor(order)] = torch.arange(K)
    torch.testing.assert_close(ALL[name](logits[:, order], table[target]), ALL[name](logits, target), rtol=1e-10, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(case=cases)
def test_dice_jaccard_identity(case):
    """J = D / (2 - D) per class, so for the mean wherever one class is present."""
    logits, target = case
    target = target.masked_fill(target != IGNORE, 2)
    d, j = 1 - losses.dice(logits, target), 1 - losses.soft_iou(logits, target)
    torch.testing.assert_close(j, d / (2 - d), rtol=1e-10, atol=1e-12) if (target == 2).any() else None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("void", [0.0, 0.4, 1.0])
def test_gradcheck(name, void):
    logits, target = sample(5, size=4, void=void)
    assert torch.autograd.gradcheck(lambda z: ALL[name](z, target), logits.requires_grad_())


@pytest.mark.parametrize("options", [{"per_image": True}, {"all_classes": True}, {"per_image": True, "all_classes": True}])
@pytest.mark.parametrize("name", ["soft_iou", "dice"])
def test_gradcheck_of_options(name, options):
    logits, target = sample(6, size=4)
    assert torch.autograd.gradcheck(lambda z: losses.LOSSES[name](z, target, **options), logits.requires_grad_())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_all_void_costs_exactly_nothing(name, dtype):
    logits = torch.randn(2, K, 4, 4).to(dtype).requires_grad_()
    value = ALL[name](logits, torch.full((2, 4, 4), IGNORE, dtype=torch.uint8))
    value.backward()
    assert value.item() == 0 and (logits.grad == 0).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_float32(name, dtype):
    """600 x 600 pixels of one class: their sum is past float16's 65504, and past the integers bfloat16 can hold."""
    logits = torch.randn(1, K, 600, 600, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    target = torch.zeros(1, 600, 600, dtype=torch.uint8)
    with torch.autocast("cpu", torch.bfloat16):
        value = ALL[name](logits, target)
        value.backward()
    assert value.dtype == torch.float32 and logits.grad.dtype == dtype
    torch.testing.assert_close(value.double(), ALL[name](logits.double(), target), rtol=1e-4, atol=1e-5)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_float32_agrees_with_float64(name):
    logits, target = sample(7, size=64)
    torch.testing.assert_close(ALL[name](logits.float(), target).double(), ALL[name](logits, target), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))])
@pytest.mark.parametrize("name", ALL)
def test_deterministic_algorithms(name, device, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # bmm asks for it, as every linear layer does
    logits, target = sample(8, size=16)
    logits, target = logits.float().to(device), target.to(device)
    torch.use_deterministic_algorithms(True)
    try:
        gradients = []
        for _ in range(2):
            z = logits.clone().requires_grad_()
            ALL[name](z, target).backward()
            gradients.append(z.grad)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("name", [name for name in ALL if name != "lovasz"])
def test_sums_pool_over_processes(name):
    """Two processes with half the batch each, joined by `reduce`, hold the loss of the whole batch and, together, its gradient."""
    logits, target = sample(9, batch=4)
    whole = logits.clone().requires_grad_()
    ALL[name](whole, target).backward()
    halves, sent = (slice(0, 2), slice(2, 4)), {}
    for i, part in enumerate(halves):  # what each process would send
        ALL[name](logits[part], target[part], reduce=lambda sums, i=i: sent.setdefault(i, sums))
    for i, part in enumerate(halves):
        z = logits[part].clone().requires_grad_()
        value = ALL[name](z, target[part], reduce=lambda sums, i=i: sums + sent[1 - i])
        value.backward()
        torch.testing.assert_close(value, ALL[name](logits, target))
        torch.testing.assert_close(z.grad, whole.grad[part])


def test_lovasz_takes_reduce_and_stays_on_its_process():
    logits, target = sample(9)
    assert losses.lovasz(logits, target, reduce=lambda sums: sums * 0) == losses.lovasz(logits, target)


@pytest.mark.parametrize("name", ALL)
def test_wrong_labels_are_refused(name):
    logits, target = sample(0)
    target[0, 0, 0] = K
    with pytest.raises(ValueError, match=f"labels \\[{K}\\] lie outside"):
        ALL[name](logits, target)
    with pytest.raises(ValueError, match="lie outside"):
        ALL[name](logits, target.to(torch.uint8))
    target[0, 0, 0] = -1
    with pytest.raises(ValueError, match="labels \\[-1\\]"):
        ALL[name](logits, target)


@pytest.mark.parametrize("name", ALL)
def test_nan_logits_never_become_a_number(name):
    """NaN at a valid pixel makes the loss NaN, which stops training with the files' names; it must not vanish in a sort or a mask."""
    logits, target = sample(0, void=0.0)
    logits[0, 1, 2, 2] = torch.nan
    assert ALL[name](logits, target).isnan()


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        (torch.zeros(2, K, 4, 4), torch.zeros(2, 4, 5, dtype=torch.long), "do not match"),
        (torch.zeros(2, K, 4), torch.zeros(2, 4, dtype=torch.long), "do not match"),
        (torch.zeros(2, K, 4, 4), torch.zeros(2, 4, 4), "integer labels"),
        (torch.zeros(2, K, 4, 4, dtype=torch.long), torch.zeros(2, 4, 4, dtype=torch.long), "floating point"),
        (torch.zeros(1, 256, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), "no label for void"),
    ],
)
def test_wrong_shapes_and_types_are_refused(logits, target, message):
    with pytest.raises(ValueError, match=message):
        losses.soft_iou(logits, target)


def test_weights_are_asked_for_and_checked():
    logits, target = sample(0)
    with pytest.raises(ValueError, match="median_frequency_weights"):
        losses.weighted_cross_entropy(logits, target)
    with pytest.raises(ValueError, match="as many"):
        losses.weighted_cross_entropy(logits, target, weights=[1.0, 2.0])
    with pytest.raises(ValueError, match="per_image"):
        losses.dice(logits, target, per_image=True, reduce=lambda sums: sums)


def test_the_callers_labels_are_left_alone():
    logits, target = sample(0)
    before = target.clone()
    class_index(logits, target)
    assert torch.equal(target, before)


def test_uint8_and_int64_labels_agree():
    logits, target = sample(0)
    for name in ALL:
        assert ALL[name](logits, target) == ALL[name](logits, target.to(torch.uint8)) == ALL[name](logits, target.int())
