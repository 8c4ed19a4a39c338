"""What notebooks conclude beyond a difference: sentences that follow the records, and label maps measured as shapes."""

import numpy as np
import pytest

from seglib import notebook
from seglib.records import Record, Scores


def scored(value: float, seed: int = 0) -> Record:
    """A record whose test mIoU is `value`, give or take a little with the seed: two classes, 20 pictures alike."""
    hits = np.full((20, 2), round(1000 * value)) + np.random.default_rng(seed).integers(0, 9, (20, 2))
    wrong = np.full((20, 2), 500 - round(500 * value))
    matrix = np.array([[hits[:, 0].sum(), wrong[:, 0].sum()], [wrong[:, 1].sum(), hits[:, 1].sum()]])
    return Record(f"r{seed}-{value}", {}, [], {"test": Scores(matrix, hits, wrong[:, ::-1], wrong)})


def arm(value: float, seeds: int = 3) -> list[Record]:
    return [scored(value, seed) for seed in range(seeds)]


class Measured:
    """A page that has measured one data set."""

    dataset = "streets"

    def measured(self, name, compute):
        return {"floors": {"constant": 1.0, "prior": 9.5}, "data": {"forest": 17.0}} if name == "baselines-streets" else {}


def test_floors_are_those_that_were_measured():
    assert notebook.floors(Measured()) == {"prior": 9.5, "forest": 17.0} and notebook.floors(Measured(), "camvid") == {}


def test_who_stays_below_the_forest_is_named():
    arms, names = {"a": arm(0.3), "b": arm(0.1)}, {"a": "A", "b": "B"}
    guess = "A random forest that sees only a pixel's colour and row scores"
    assert notebook.under_forest(arms, 20.0, names) == f"{guess} 20.0 %: B stays below it."
    assert notebook.under_forest(arms, 5.0) == f"{guess} 5.0 %: all arms are above it."
    assert notebook.under_forest(arms, 50.0) == f"{guess} 50.0 %: all 2 arms stay below it."
    assert "have learnt too little to say much about the factor" in notebook.under_forest(arms, 50.0, factor=True)
    assert "factor" not in notebook.under_forest(arms, 20.0, factor=True)
    assert notebook.under_forest(arms, None) == notebook.under_forest({}, 5.0) == ""


def test_what_an_interval_may_hide_is_said_of_what_is_not_clear():
    arms = {"base": arm(0.3), "same": arm(0.3)[::-1], "twin": arm(0.3), "far": arm(0.6)}
    one = notebook.unseen(notebook.pick(arms, "base", "same", "far"), "base")
    assert one.startswith("A difference of less than ") and "far" not in one
    both = notebook.unseen(arms, "base", {"same": "the same"})
    assert "half an interval: the same " in both and " and twin " in both and "far" not in both
    assert notebook.unseen(notebook.pick(arms, "base", "far"), "base") == notebook.unseen({}, "base") == ""
    low, high = notebook.differences(arms, "base")["same"][1:3]
    assert f"{50 * (high - low):.1f} points" in one


def test_words_are_joined():
    assert [notebook.joined(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_kinds_of_class_bring_the_whole_difference():
    gain, share = np.array([0.1, 0.3, np.nan, 0.5, 0.2]), np.array([0.005, 0.03, 0.04, 0.9, 0.0])
    parts = notebook.from_kinds(gain[:4], share[:4])
    assert parts == pytest.approx({"below 1 %": 0.1 / 3, "of 1 to 5 %": 0.1, "above 5 %": 0.5 / 3})
    assert sum(parts.values()) == pytest.approx(np.nanmean(gain[:4]))


def test_a_class_is_named_only_where_every_seed_agrees():
    each = np.array([[0.02, 0.03, -0.02, 0.0], [0.01, -0.001, -0.03, 0.2], [0.01, 0.09, -0.005, 0.2]])
    assert notebook.steady(each, +1).tolist() == [0] and notebook.steady(each, -1).tolist() == [2]
    assert notebook.steady(each, +1, 0.02).tolist() == [] and notebook.steady(each, -1, 0.01).tolist() == [2]


def test_bands_of_seeds_are_apart_or_overlap():
    low, high = arm(0.2), arm(0.6)
    assert notebook.apart_by_seeds(high, low) == 1 and notebook.apart_by_seeds(low, high) == -1
    assert notebook.apart_by_seeds(high, [*low, scored(0.9)]) == 0


def test_patches_are_connected_areas_of_one_class():
    maps = np.zeros((1, 4, 6), np.uint8)
    maps[0, :, 2] = 1  # cuts the zeros in two: 8 pixels left, 12 right
    maps[0, 0, 4] = 1
    assert notebook.patches(maps).tolist() == [11, 8, 4, 1]


def test_steps_of_a_grid_are_told_from_outlines_anywhere():
    blocks = np.random.default_rng(0).integers(0, 5, (2, 6, 8), dtype=np.uint8).repeat(10, 1).repeat(10, 2)
    on, chance = notebook.on_grid(blocks, (6, 8))
    assert on == 1 and chance == pytest.approx((5 * 2 * 80 * 1 + 7 * 2 * 60) / (59 * 80 + 79 * 60), abs=0.1) and chance < 0.4
    off, _ = notebook.on_grid(np.roll(blocks, (5, 5), (1, 2))[:, 6:-6, 6:-6], (6, 8))
    assert off < 0.5
    assert np.isnan(notebook.on_grid(np.zeros((1, 8, 8), np.uint8), (2, 2))[0])


def test_habits_of_a_network_show_in_its_maps():
    rng = np.random.default_rng(0)
    blocks, blobs = (rng.integers(0, 5, (2, 144 // side, 192 // side), dtype=np.uint8).repeat(side, 1).repeat(side, 2) for side in (8, 48))
    dots = rng.integers(0, 5, (2, 144, 192), dtype=np.uint8)
    maps = {"FCN baseline": blocks, "ViT": np.roll(blobs, 4, (1, 2)), "U-Net": dots}
    said = notebook.habits(maps, (144, 192))
    assert said.startswith("Of FCN baseline's outlines 100 % lie on the grid of its steps of 8 pixels, where chance puts ")
    assert "no other network more than" in said and "it decides block by block (notebook 03). Half of ViT's areas are larger" in said
    assert notebook.habits({"FCN baseline": dots, "ViT": dots, "U-Net": dots}, (144, 192)) == "", "what does not show is not said"


def test_what_no_network_finds_is_listed_with_what_it_is_called():
    truth = np.zeros((1, 10, 10), np.uint8)
    truth[0, :2], truth[0, 2, :5], truth[0, 9] = 1, 2, 255
    maps = {"a": np.zeros((1, 10, 10), np.uint8), "b": np.where(truth == 2, 2, 0).astype(np.uint8)}
    assert notebook.lost(maps, truth, ("road", "fence", "pole")) == [(0, "fence", pytest.approx(20 / 90), "road")]
    assert notebook.lost(maps, truth, ("road", "fence", "pole"), least=0.3) == []


def test_who_leads_is_said_with_whom_it_cannot_be_told_from():
    arms = {"a": arm(0.3), "b": arm(0.6), "c": arm(0.6)[::-1]}
    assert notebook.leads(notebook.pick(arms, "a", "b"), {"b": "B"}).startswith("B leads with ")
    assert notebook.leads(notebook.pick(arms, "a", "b")).endswith("(sd 0.0 over 3 seeds), told apart from all others")
    assert "not told apart from c" in notebook.leads(arms)


def test_a_gain_is_told_by_kind_and_by_the_classes_all_seeds_agree_on():
    names, share = ("road", "sky", "pole", "bike"), np.array([0.6, 0.35, 0.04, 0.005])
    each = np.array([[0.0, -0.03, 0.05, 0.01], [0.01, -0.02, 0.07, 0.03]])
    said = notebook.gained("Dice", each, share, names)
    assert said.startswith("**Dice** moves mIoU by +1.5 points: +0.5 by classes below 1 % of the pixels (+2.0 each), ")
    assert "+1.5 by classes of 1 to 5 %" in said and "-0.5 by classes above 5 %" in said
    assert said.endswith("gains on pole and bike, and pays on sky.")
    assert notebook.promised(each, share) == "Rare classes gain in every seed, as promised; that it pays on none does not hold."
    each[0, 3], each[0, 1] = -0.01, 0.01
    assert notebook.gained("Dice", each, share, names).endswith("gains on pole, and pays on no class.")
    assert notebook.promised(each, share) == "That rare classes gain does not show in every seed; a price shows on none."
    assert notebook.promised(each[:, :3], share[:3]) == ""


def test_almost_identical_is_within_a_point_as_in_the_claims():
    assert notebook.alike((0.002, -0.005, 0.008)).startswith("almost identical")
    assert notebook.alike((0.04, 0.02, 0.06, 0.001)).startswith("not almost identical") and "not" in notebook.alike((-0.04, -0.06, -0.02))
    assert (
        notebook.alike((0.004, -0.005, 0.02))
        == notebook.alike((0.02, 0.004, 0.04))
        == "neither almost identical nor surely more than 1 point apart"
    )


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((0.025, 0.016, 0.035), (0.010, 0.002, 0.018), "the sign is confirmed, the size is not"),
        ((0.025, 0.016, 0.035), (0.020, 0.002, 0.038), "sign and size are confirmed"),
        ((0.025, 0.016, 0.035), (0.010, -0.002, 0.018), "the sign is not confirmed"),
        ((0.025, 0.016, 0.035), (-0.010, -0.02, -0.001), "the sign turns"),
        ((0.025, -0.01, 0.035, 0.5), (0.010, 0.002, 0.018, 0.1), "now it is clear"),
        ((0.025, -0.01, 0.035), (0.010, -0.002, 0.018), "it stays open"),
    ],
)
def test_a_second_measurement_confirms_or_does_not(first, second, words):
    assert notebook.confirmed(first, second) == words


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((0.025, 0.016, 0.035), (0.010, 0.002, 0.018), "clear at both lengths"),
        ((0.025, 0.016, 0.035), (-0.010, -0.02, -0.001), "clear at both lengths, with the sign turned"),
        ((0.025, 0.016, 0.035), (0.010, -0.002, 0.018), "clear after the shorter runs only"),
        ((0.025, -0.01, 0.035, 0.5), (-0.010, -0.02, -0.001, 0.1), "clear after the longer runs only"),
        ((0.025, -0.01, 0.035), (0.010, -0.002, 0.018), "clear at neither length"),
    ],
)
def test_a_difference_is_clear_at_one_length_or_at_both(first, second, words):
    assert notebook.at_both(first, second) == words


def test_a_lead_survives_what_is_made_alike_or_does_not():
    clear, open_, turned = (0.02, 0.01, 0.03), (0.02, -0.01, 0.03), (-0.02, -0.03, -0.01)
    words = [notebook.survives(clear, other) for other in (clear, open_, turned)]
    assert words == ["the lead survives", "the lead is no longer clear", "the lead turns"]
    none = "there is no clear lead to explain"
    assert notebook.survives(open_, open_) == notebook.survives(turned, turned) == notebook.survives(turned, open_) == none
    assert notebook.survives(open_, turned) == f"{none}, and it is clearly behind then"
    assert notebook.survives(turned, clear) == notebook.survives(open_, clear) == f"{none}, and it is clearly ahead then"


def test_only_runs_that_continue_the_short_ones_are_longer_ones():
    """A profile that has no longer runs is shown the published ones, of another network: they are left out, arm by arm."""

    def runs(seeds, **settings):
        return [Record(f"r{seed}", {"width": 8, "lr": 0.1, "images": 2400, "seed": seed} | settings, [], {}) for seed in range(seeds)]

    short = {"dice": runs(5), "soft_iou": runs(5, loss="soft_iou"), "cross_entropy": runs(5)}
    other = {"soft_iou": runs(3, images=8000, loss="dice"), "lovasz": runs(3), "cross_entropy": runs(3, width=4)}
    long = {"dice": runs(3, images=8000), **other}
    assert list(notebook.prolonged(short, long)) == ["dice"] and len(notebook.prolonged(short, long)["dice"]) == 3
    assert notebook.prolonged(short, {"dice": runs(3, images=8000, a_new_setting=1)}), "older records do not know every setting"
    assert notebook.prolonged(short, {"dice": runs(3, images=8000, lr=0.01)}), "a rate of their own"
    assert notebook.prolonged(short, {}) == notebook.prolonged({}, long) == {}


def test_the_price_of_a_point_counts_from_the_blind_guess():
    """Counted from zero a fast network that knows next to nothing is cheapest; without one above the guess nothing has a price."""
    told, short = notebook.price({"fast": (11.0, 2.0), "good": (30.0, 10.0), "blind": (9.0, 1.0)}, 10.0)
    assert "fast 2.0 ms, good 0.5 ms; cheapest with good, dearest with fast, 4 times as much." in told
    assert "Counted from zero blind would be cheapest (0.11 ms)" in told
    assert short == "A point above the prior is cheapest with good (0.5 ms per image), dearest with fast (2.0 ms)."
    assert notebook.price({"a": (9.0, 1.0), "b": (0.0, 1.0)}, 10.0)[0] == "No network scores more than the prior, so a point has no price."
