"""What the report's sentences say of an arm beyond its scores, and the closed form of the losses' first gradients."""

import numpy as np
import pytest
import torch
from study_helpers import record

from seglib import losses, records, scores, tables
from seglib.study import evidence, store
from seglib.tables import Evidence, cards, factors, gradients, layout, outcome, readings, wording
from seglib.tables import evidence as read
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


def arm(miou: float, seeds: int = 3, **options) -> list:
    return [record(TrainConfig(dataset="camvid", width=8, images=2400, seed=seed, **options), 0.3, miou) for seed in range(seeds)]


def test_one_seed_has_no_interval_over_seeds():
    groups = {"a": arm(0.3, 1), "b": arm(0.4, 1, loss="dice")}
    assert np.isnan(read.over_seeds(groups, "a", "b")).all()
    _, low, high = read.widest(groups, "b", "a")
    assert 0 < low < high, "of one seed the interval over pictures alone"


def test_single_runs_of_another_recipe_are_not_mixed_in():
    old, new = arm(0.2, 1), arm(0.4, 3, lr=0.01)
    found = Evidence(groups={("camvid", "headline"): {"unet": [*old, *new]}}).of("camvid", "headline")["unet"]
    assert [made.name for made in found] == [made.name for made in new]


def test_changes_are_counted_and_one_seed_is_never_clear():
    arms = {"none": arm(0.3), "flip": arm(0.5, flip=True, jitter=0.1), "crop": arm(0.3, jitter=0.2), "size-9x9": arm(0.6, size=(9, 9))}
    strange = [record(TrainConfig(dataset="camvid", width=8, images=2400, seed=9, jitter=0.3), 0.3, 0.9)]
    found = dict(factors.totals(Evidence(groups={("camvid", "transforms"): arms | {"crop-append": strange}}), "camvid"))
    assert (found["changes/camvid/data/total"], found["changes/camvid/data/clear"]) == ("4", "2")
    assert found["changes/camvid/data/largest/arm"] == "flips replace" and 15 < float(found["changes/camvid/data/largest/points"]) < 25
    assert not any("training" in key for key in found), "no optimiser was compared"
    sizes = [abs(read.widest(arms | {"crop-append": strange}, one, "none" if one != "size-9x9" else "flip")[0])
             for one in ("flip", "crop", "size-9x9", "crop-append")]  # fmt: skip
    assert found["changes/camvid/data/median"] == f"{np.median(sizes):.1f}"
    spreads = [read.values(arms[one], "miou").std(ddof=1) for one in ("flip", "none", "crop", "size-9x9")]
    assert found["changes/camvid/data/seed-sd"] == f"{np.median(spreads):.1f}", "every arm once; the single run has no deviation"


def test_a_factor_starts_with_its_base_under_the_name_it_has_there():
    usual = arm(0.3)
    arms = {"none": arm(0.3, flip=False), "flip": usual, "size-9x9": arm(0.6, size=(9, 9)), "size-8x8": usual}
    found = Evidence(groups={("camvid", "transforms"): arms})
    assert factors.of_factor(found, ["camvid"], "transforms", "none") == ["none", "flip"]
    assert factors.of_factor(found, ["camvid"], "transforms", "flip") == ["size-8x8", "size-9x9"]
    assert factors.of_factor(found, ["camvid"], "annotation", "fine") == []
    title, rows = next(block for block in tables.ablations(found).blocks if block[0].startswith("Training size"))
    assert rows[0][0] == "size 8×8" and rows[0][3] == "–" and rows[1][3] != "–"


def test_single_runs_scored_elsewhere_are_no_runs_of_that_data_set():
    here, there = arm(0.4, 3), [record(TrainConfig(dataset="streets", width=8, images=900), 0.3, 0.4)]
    found = Evidence(groups={("camvid", "headline"): {"unet": here, "unet-from-streets": there}})
    assert set(found.trained("camvid", "headline")) == {"unet"} and len(found.of("camvid", "headline")) == 2
    row = next(row for row in outcome(found).blocks[0][1] if row[0] == "single runs")
    assert "1 arm, 3 seeds" in row[-1]


def test_families_in_the_same_order_on_both_data_sets_are_said_to_be():
    def families(**miou):
        return {model: [record(TrainConfig(dataset="camvid", model=model, width=8), 0.3, value)] for model, value in miou.items()}

    one, other = families(unet=0.4, swin=0.2), families(unet=0.2, swin=0.4)
    for second, expected in ((one, "yes"), (other, None), ({}, None)):
        groups = {("streets", "architectures"): one, ("camvid", "architectures"): second}
        assert wording.of_report(Evidence(groups=groups)).get("architectures/same-order") == expected


def test_the_largest_gains_are_named_with_their_points():
    base, other = arm(0.3), arm(0.3)
    for made in other:
        matrix = made.scores["test"].matrix
        matrix[2, :] = matrix[:, 2] = 0
        matrix[2, 2] = 1000
    found = dict(readings.gains(other, base))
    assert found["gain-1/class"] == "pole"
    assert float(found["gain-1/points"]) > 20
    assert {"gain-2/class", "gain-1/share", "gain-rarest"} <= set(found)


def test_words_are_listed():
    assert [wording.listed(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_models_below_the_forest_are_named():
    found = Evidence(groups={("camvid", "architectures"): {"unet": arm(0.5), "vit": arm(0.2, model="vit")}})
    found.measures["baselines-camvid"] = {"data": {"forest": 25.0}}
    written = tables.numbers(found)
    assert written["architectures/camvid/below-forest"] == "ViT"
    assert "architectures/camvid/near-forest" not in written


def test_a_refutation_at_the_edge_of_the_grid_is_only_not_supported():
    groups = {loss: arm(value, loss=loss, lr=0.03) for loss, value in {"cross_entropy": 0.3, "soft_iou": 0.4, "dice": 0.5}.items()}
    swept = {"dice": [record(TrainConfig(dataset="camvid", width=8, lr=lr, loss="dice"), 0.3, 0.4) for lr in (0.003, 0.01, 0.03)]}
    found = Evidence(groups={("camvid", "losses"): groups}, sweeps={("camvid", "losses"): swept})
    assert next(row.verdict for row in tables.claims(found) if row.id == "loss") == "not supported"
    assert tables.numbers(found)["claims/count/not-supported"] == "1"


def test_the_plan_says_what_was_not_run():
    table = outcome(Evidence(groups={("camvid", "losses"): {"dice": arm(0.3)}}))
    rows = {row[0]: row for row in table.blocks[0][1]}
    assert rows["losses"][2:] == ["not run", "1 arm, 3 seeds, 0.0 h"]
    assert rows["void"][2:] == ["not run"] * 2


def test_generalised_dice_leaves_its_weight_to_the_rare_classes():
    assert gradients.left_to_the_frequent([0.5, 0.4, 0.08, 0.02, 0.0]) == pytest.approx((0.98, 17 / 67))


def test_headings_stand_over_their_columns():
    text = layout.latex(layout.Table(["a", "b", "c"], [("", [["1", "2", "3"]])], over=(("", 1), ("both", 2))))
    assert r"\multicolumn{2}{c}{both}" in text
    assert r"\cmidrule(lr){2-3}" in text


def test_published_rows_stand_in_two_lists():
    table = cards.others(Evidence())
    assert all(len(row) == 6 for row in table.blocks[0][1])
    assert not [row for row in table.blocks[0][1] if "prior" in row[0]]


def test_a_cell_of_the_grid_takes_its_most_frequent_class():
    truth = np.array([[0, 0, 1, 1], [0, 2, 255, 255]], np.uint8)
    assert scores.on_grid(truth, (1, 2), 3).tolist() == [[0, 0, 1, 1]] * 2
    assert scores.on_grid(truth, (2, 4), 3).tolist() == truth.tolist()
    assert scores.iou(scores.gridded_truth([truth], (1, 2), 3)).tolist() == [3 / 4, 1, 0]  # the 2 is called 0; void counts for nothing


def test_full_runs_of_a_sweep_stand_apart_and_the_comparisons_rate_is_the_chosen_one():
    short = [record(TrainConfig(dataset="camvid", width=8, lr=lr, images=480), val, 0.4) for lr, val in ((0.01, 0.1), (0.03, 0.2))]
    full = [record(TrainConfig(dataset="camvid", width=8, lr=lr, images=2400), val, 0.4) for lr, val in ((0.01, 0.4), (0.03, 0.3))]
    groups, sweeps = ({("camvid", "losses"): {"dice": found}} for found in ([full[0]], [*short, *full]))
    table = tables.rates(Evidence(groups=groups, sweeps=sweeps))
    assert table.blocks[0][1] == [["Dice", "0.01: 10.0, 0.03: 20.0", "0.01: 40.0, 0.03: 30.0", "0.01"]]


def test_settling_counts_the_full_runs_of_figure_6_alone():
    base = {"dataset": "camvid", "width": 8}
    short, full = ([record(TrainConfig(**base, lr=lr, images=n), 0.4, 0.4) for lr in (0.01, 0.03)] for n in (480, 2400))
    place = ("camvid", "losses")
    found = Evidence(groups={place: {"dice": full[:1]}}, sweeps={place: {"dice": [*short, *full], "lovasz": full}})
    assert tables.numbers(found)["settings/settling/runs"] == "2"


def test_schedules_and_regularisers_are_compared_with_their_own_base():
    bases = {arm: factors.compared_with("optimisers", arm) for arm in ("sgd", "step", "decay-0.01", "dropout-10")}
    assert bases == {"sgd": "adamw", "step": "onecycle", "decay-0.01": "decay-0.0001", "dropout-10": "decay-0.0001"}


def test_a_run_that_two_experiments_show_is_counted_once_in_all():
    twice, alone = arm(0.3), arm(0.4, lr=0.5)
    found = Evidence(groups={("camvid", "transforms"): {"none": twice, "flip": alone}, ("camvid", "data"): {"unet-100": twice}})
    written = tables.numbers(found)
    assert (written["settings/shared/runs"], written["settings/shared/hours"]) == ("3", "0.0")
    assert written["settings/total/runs"] == "6"


def test_the_model_card_takes_the_network_that_tests_imagenet_from_its_experiment():
    measures = {"models": {"models": {"unet_lite0": {"parameters": 5.4, "gflops": 30.0, "gflops-full": 110.0}}}}
    table = tables.cost(Evidence(groups={("camvid", "imagenet"): {"imagenet": arm(0.5, model="unet_lite0")}}, measures=measures))
    assert [row[0] for _, rows in table.blocks for row in rows] == ["EfficientNet-U-Net"]


def test_the_first_and_the_last_loss_are_told():
    told = dict(readings.of_arm(arm(0.3)))
    assert (told["loss-first"], told["loss-last"]) == ("1.00", "0.50")
