"""What the report's sentences say of an arm beyond its scores, and the closed form of the losses' first gradients."""

import numpy as np
import pytest
import torch
from study_helpers import record

from seglib import losses, records
from seglib.study import evidence, store
from seglib.tables import gradients, layout, readings
from seglib.training import TrainConfig

SHARES = np.array([0.5, 0.25, 0.125, 0.125])


@pytest.mark.parametrize("name", ["cross_entropy", "dice", "soft_iou"])
def test_the_closed_form_is_what_the_losses_own_gradient_measures(name):
    target = torch.repeat_interleave(torch.arange(4), torch.tensor([32, 16, 8, 8])).view(1, 8, 8)
    logits = torch.zeros(1, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    losses.LOSSES[name](logits, target).backward()
    assert gradients.gradient_sizes(SHARES)[name] == pytest.approx(float(logits.grad.abs().sum()), rel=1e-5)


def test_a_class_without_pixels_does_not_count():
    assert gradients.gradient_sizes([*SHARES, 0.0]) == gradients.gradient_sizes(SHARES)


def test_confusions_are_shares_of_the_true_class_and_void_is_none():
    matrix = np.array([[8, 2, 0, 0], [6, 1, 3, 10], [0, 0, 5, 0]])
    found = readings.confusions(matrix, ["a", "b", "c"])
    assert found[0] == (pytest.approx(6 / 20), "b", "a")
    assert found[1] == (pytest.approx(2 / 10), "a", "b")


def test_rank_correlation_by_hand():
    assert readings.rank_correlation(np.array([1, 2, 3]), np.array([5.0, 6.0, 7.0])) == pytest.approx(1)
    assert readings.rank_correlation(np.array([1, 2, 3]), np.array([7.0, 6.0, 5.0])) == pytest.approx(-1)
    assert readings.rank_correlation(np.array([1, 2, 2]), np.array([5.0, 6.0, 6.0])) == pytest.approx(1)


def test_the_rise_is_that_of_the_last_quarter():
    made = record(TrainConfig(dataset="camvid", width=8), 0.3, 0.4)
    made.history = [{"val_miou": value} for value in (0.0, 0.1, None, 0.2, 0.3, 0.3, 0.35, 0.36, 0.36)]
    assert readings.rise(made) == pytest.approx(1.0)
    made.history = made.history[:2]
    assert readings.rise(made) is None


def test_a_winner_at_the_end_of_its_grid_is_named():
    swept = {"dice": [record(TrainConfig(dataset="camvid", width=8, lr=lr), 0.3, 0.4) for lr in (1e-3, 3e-3, 1e-2)]}
    assert readings.at_the_edge(swept, {"dice": 1e-2}) == ["Dice"]
    assert readings.at_the_edge(swept, {"dice": 3e-3}) == []


def test_columns_of_dashes_are_left_out():
    table = layout.Table(["a", "b", "c"], [("", [["x", layout.EMPTY, "1"], [layout.EMPTY, layout.EMPTY, "2"]])])
    assert layout.filled(table) == layout.Table(["a", "c"], [("", [["x", "1"], [layout.EMPTY, "2"]])], "lr")


def test_single_runs_stand_beside_the_experiments(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "RESULTS", tmp_path)
    made = record(TrainConfig(dataset="camvid", width=16), 0.3, 0.4)
    records.save(made, tmp_path / "camvid" / "headline" / f"{made.name}.json")
    found = evidence.collect("published", "camvid")
    assert [single.name for single in found.of("camvid", "headline")["unet"]] == [made.name]
    assert len(found.groups) == 1
