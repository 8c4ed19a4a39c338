"""Training: what a run computes, how it is named, how it goes on after an interruption."""

import dataclasses
import math
import os
import signal

import numpy as np
import pytest
import torch
from training_helpers import config, load, weights_digest

from seglib import data, training
from seglib.training import batches, optimisation


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(data, "load", load)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, record) of one finished run."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", load)
        return folder, training.train(config(), folder=folder, progress=False)


def test_onecycle_is_torchs():
    parameter = torch.nn.Parameter(torch.zeros(1))
    for steps in (7, 40, 200):
        optimiser = torch.optim.AdamW([parameter], lr=1)
        reference = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
        for step in range(steps):
            lr, momentum = optimisation.rates(config(lr=3e-3), step, steps, 10)
            assert math.isclose(lr, optimiser.param_groups[0]["lr"], rel_tol=1e-9)
            assert math.isclose(momentum, optimiser.param_groups[0]["betas"][0], rel_tol=1e-9)
            optimiser.step()
            if step + 1 < steps:
                reference.step()


def test_other_schedules():
    def lr(step, **settings):
        return optimisation.rates(config(lr=1.0, **settings), step, 100, 10)[0]

    assert lr(99, schedule="constant") == 1
    assert lr(0, schedule="constant", warmup=0.1) == pytest.approx(0.1) and lr(9, schedule="constant", warmup=0.1) == 1
    assert lr(50, schedule="polynomial") == pytest.approx(0.5**0.9)
    assert [lr(s, schedule="step", gamma=0.1, step_epochs=2) for s in (19, 20, 40)] == pytest.approx([1, 0.1, 0.01])


def test_order_changes_every_epoch_and_drops_another_image():
    plan = batches.Plan(config(epochs=3), 18)
    assert (plan.batch, plan.steps_per_epoch, plan.steps) == (4, 4, 12)
    epochs = [np.concatenate([plan.indices(step, 0) for step in range(4 * e, 4 * e + 4)]) for e in range(3)]
    assert all(len(set(epoch)) == 16 for epoch in epochs)
    assert len({tuple(sorted(set(range(18)) - set(epoch))) for epoch in epochs}) > 1


def test_budget_of_images_cuts_the_last_epoch():
    assert batches.Plan(config(images=50), 18).steps == 12
    small = batches.Plan(config(batch_size=64, images=64), 18)
    assert (small.batch, small.steps) == (18, 3)
    accumulated = batches.Plan(config(accumulate=2), 18)
    assert (accumulated.images_per_step, accumulated.steps_per_epoch) == (8, 2)


def test_subsets_are_nested_and_seeded():
    quarter, half = (set(batches.subset(0, part, 100)) for part in (0.25, 0.5))
    assert len(quarter) == 25 and quarter < half
    assert set(batches.subset(1, 0.25, 100)) != quarter


def test_processes_share_a_batch():
    whole = batches.Plan(config(), 18)
    parts = [batches.Plan(config(), 18, rank, 2) for rank in (0, 1)]
    for step in range(whole.steps):
        assert sorted(whole.indices(step, 0)) == sorted(np.concatenate([part.indices(step, 0) for part in parts]))
    with pytest.raises(ValueError, match="3 processes"):
        batches.Plan(config(), 18, 0, 3)


def test_appended_copies_double_the_epoch():
    settings = config(augmentation="append", crop=(32, 32), batch_size=36, flip=True)
    source = batches.Source(load("camvid", "train", size=(32, 48)), "cpu")
    plan = batches.Plan(settings, len(source))
    batch = batches.make_batch(settings, source, plan, 0, 0)
    assert plan.items == 36 and batch.images.shape == (36, 3, 32, 32)
    assert sorted(batch.names) == sorted(2 * source.names)


def test_batches_do_not_depend_on_where_the_images_lie(monkeypatch):
    dataset = load("camvid", "train", size=(32, 48))
    settings = config(scale=(0.7, 1.4), jitter=0.2)
    resident = batches.Source(dataset, "cpu")
    monkeypatch.setattr(batches, "_room", lambda device: 0)
    streamed = batches.Source(dataset, "cpu")
    assert resident.resident is not None and streamed.resident is None
    plan = batches.Plan(settings, 18)
    for (a, [one]), (b, [other]) in zip(batches.stream(settings, resident, plan, 3), batches.stream(settings, streamed, plan, 3)):
        assert a == b and torch.equal(one.images, other.images) and torch.equal(one.targets, other.targets) and one.names == other.names


def test_record(trained):
    folder, record = trained
    assert record.name == training.run_name(config()) and (folder / f"{record.name}.json").exists()
    assert [row["epoch"] for row in record.history] == [1, 2] and record.history[-1]["step"] == 8
    keys = {"epoch", "step", "images", "loss", "lr", "grad_norm", "val_miou", "val_loss", "val_iou", "seconds"}
    assert set(record.history[0]) == keys
    assert set(record.scores) == {"val", "test"} and record.scores["test"].tp.shape == (3, 11)
    assert record.scores["test"].matrix.sum() == sum((load("", "test", size=(32, 48)).truth(i)[0] != 255).sum() for i in range(3))
    assert record.cost["images"] == 32 and record.environment["device"].startswith("CPU")
    assert set(record.config) == {field.name for field in dataclasses.fields(training.TrainConfig)}
    again = training.train(config(), folder=folder, progress=False)
    assert again.history == record.history and np.array_equal(again.scores["val"].matrix, record.scores["val"].matrix)


def test_same_seed_same_record_twice(trained, tmp_path):
    folder, record = trained
    again = training.train(config(), folder=tmp_path, progress=False)
    strip = [{k: v for k, v in row.items() if k != "seconds"} for row in record.history]
    assert strip == [{k: v for k, v in row.items() if k != "seconds"} for row in again.history]
    assert weights_digest(folder, record.name) == weights_digest(tmp_path, record.name)
    other = training.train(config(seed=1), folder=tmp_path, progress=False)
    assert weights_digest(tmp_path, other.name) != weights_digest(tmp_path, record.name)


@pytest.mark.parametrize("settings", [{}, {"model": "vit", "width": 64, "depth": 1, "dropout": 0.1, "ema": 0.9, "select": "best"}])
def test_stop_and_resume_is_bit_exact(tmp_path, monkeypatch, settings):
    """SIGTERM and Ctrl-C in the middle of epochs; the run goes on from the step it had reached."""
    settings = config(accumulate=2, jitter=0.2, images=48, **settings)
    whole = training.train(settings, folder=tmp_path / "whole", progress=False)
    stops = iter([(2, signal.SIGTERM), (3, signal.SIGINT)])
    real, pending = optimisation.rates, [next(stops)]

    def rates(config, step, *rest):
        if pending and step == pending[0][0]:
            os.kill(os.getpid(), pending.pop()[1])
            pending.extend(stop for stop in [next(stops, None)] if stop)
        return real(config, step, *rest)

    monkeypatch.setattr(optimisation, "rates", rates)
    for _ in range(2):
        with pytest.raises(training.Stopped, match="is saved after step"):
            training.train(settings, folder=tmp_path / "parts", progress=False)
    parts = training.train(settings, folder=tmp_path / "parts", progress=False)
    assert weights_digest(tmp_path / "parts", parts.name) == weights_digest(tmp_path / "whole", whole.name)
    for one, other in zip(parts.history, whole.history):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_load_model_gives_the_model_that_was_scored(trained):
    folder, record = trained
    model, settings = training.load_model(folder, record.name)
    assert settings == training.resolve(config()) and not model.training
    from seglib import evaluation

    again = evaluation.evaluate(model, load("", "test", size=(32, 48)), size=(32, 48))
    assert np.array_equal(again.matrix, record.scores["test"].matrix)
    with pytest.raises(FileNotFoundError, match="train the run again"):
        training.load_model(folder, "unet-absent")
