"""Tables and numbers of the runs that were added: longer losses, the next higher rate, more controls, photographs of an unseen drive."""

from dataclasses import replace

import numpy as np
import pytest
from study_helpers import record
from tables_helpers import arm, evidence, lines, losses

from seglib import scores, tables
from seglib.data.camvid import CamVid
from seglib.records import Scores
from seglib.study.evidence import collect
from seglib.tables import Evidence, factors, layout, outcome, readings
from seglib.tables import evidence as read
from seglib.tables.names import name
from seglib.training import TrainConfig


def test_longer_losses_have_a_block_of_their_own():
    """Each arm against the cross-entropy of its own block, and beside the locked score of its own length."""
    short, longer = losses(0.3, 0.3, 0.5), losses(0.6, 0.4, 0.6, images=8000)
    locked = {"dice": arm(0.2), "dice-longer": arm(0.7)}
    table = tables.losses(evidence(losses=short, losses_longer=longer, confirmation=locked))
    assert [(title, len(rows)) for title, rows in table.blocks] == [("CamVid", 3), ("CamVid, longer, 8,000 shown", 3)]
    gain, again = table.columns.index("to cross-entropy"), table.columns.index("locked")
    short_rows, long_rows = ({row[0]: row for row in rows} for _, rows in table.blocks)
    assert float(short_rows["Dice"][gain].split()[0]) == pytest.approx(20, abs=2)
    assert float(long_rows["Dice"][gain].split()[0]) == pytest.approx(0, abs=2)
    assert [float(rows["Dice"][again].split()[0]) for rows in (short_rows, long_rows)] == pytest.approx([20, 70], abs=2)
    assert short_rows["cross-entropy"][gain] == long_rows["cross-entropy"][gain] == layout.EMPTY


@pytest.mark.parametrize("missing", ["losses", "losses_longer", "confirmation"])
def test_tables_take_any_part_of_the_losses(missing):
    parts = {
        "losses": losses(0.3, 0.3, 0.5),
        "losses_longer": losses(0.6, 0.4, 0.6, images=8000),
        "confirmation": {"dice-longer": arm(0.7)},
    }
    del parts[missing]
    found = evidence(**parts)
    assert len(tables.losses(found).blocks) == 1 + (missing == "confirmation")
    for make in tables.TABLES.values():
        assert tables.latex(make(found)).endswith("\\end{tabular}\n")
    written = tables.numbers(found)
    assert ("losses-longer/camvid/dice-minus-cross_entropy/miou" in written) == (missing != "losses_longer")


def test_claims_on_losses_say_which_runs_judge_them():
    short, longer = losses(0.5, 0.4, 0.4), losses(0.4, 0.4, 0.6, images=8000)
    rows = {row.id: row for row in tables.claims(evidence(losses=short, losses_longer=longer))}
    assert rows["loss"].verdict == "refuted" and rows["loss"].number.endswith("(longer)")
    rows = {row.id: row for row in tables.claims(evidence(losses=short, losses_longer={"dice": longer["dice"]}))}
    assert rows["loss"].verdict == "confirmed" and "longer" not in rows["loss"].number, "only where all three are there"
    text = tables.latex(tables.content.claim_table(evidence(losses=short, losses_longer=longer)))
    assert "(longer)" in text and text.count(r"\\") == 1 + len(rows)


@pytest.mark.parametrize(("arm_name", "words"), [
    ("dice-longer", "Dice, longer"), ("cross_entropy-longer", "cross-entropy, longer"), ("unet-longer", "U-Net, longer"),
    ("fcn8s-higher", "FCN-8s, next higher rate"), ("fcn8s-inherited", "FCN-8s, scaled rate"),
    ("unet-rejected", "U-Net, one seed's rate"),
    ("fcn8s-chosen", "FCN-8s, chosen rate"), ("fcn_baseline-ignore", "FCN baseline, ignored"),
    ("fcn8s-small-inherited", "FCN-8s, half width, scaled rate"), ("unet-coarse-skips", "U-Net without fine skips"),
    ("fcn8s-small-longer", "FCN-8s, half width, longer"), ("random-longer", "from random weights, longer"),
    ("fcn_baseline_bn", "FCN baseline, batch norm"), ("unet-10", "U-Net, 10 %"), ("dropout-10", "dropout, 10 %"),
    ("vit-class", "ViT, class"), ("longer", "longer"), ("decay-0.01", "decay 0.01"),
])  # fmt: skip
def test_arms_in_words(arm_name, words):
    assert name(arm_name) == words


def factorial() -> Evidence:
    """Every factor whose models have a base each, in the order of an index, which is that of the letters."""
    void = {
        f"{model}-{policy}": arm(0.3, model=model, void=policy) for model in ("fcn8s", "fcn_baseline") for policy in ("class", "ignore")
    }
    data = {f"vit-{share}": arm(0.3, model="vit", fraction=share / 100) for share in (10, 100, 25)}
    rates = {"unet-chosen": arm(0.5), "unet-higher": arm(0.3, lr=0.5)}
    rates |= {"fcn8s-chosen": arm(0.4, model="fcn8s"), "fcn8s-higher": arm(0.4, model="fcn8s", lr=0.5)}
    families = {"fcn8s": arm(0.4, model="fcn8s", width=16), "fcn8s-small": arm(0.3, model="fcn8s"), "vit": arm(0.3, model="vit")}
    families |= {"fcn_baseline": arm(0.2, model="fcn_baseline"), "fcn_baseline_bn": arm(0.4, model="fcn_baseline_bn")}
    return evidence(void=void, data=data, rates=rates, architectures=families)


def test_every_reference_stands_once_before_what_is_compared_with_it():
    blocks = dict(tables.ablations(factorial()).blocks)
    first = {title.split(" (")[0]: [row[0] for row in rows] for title, rows in blocks.items() if rows}
    assert first == {
        "Void as a class": ["FCN baseline, ignored", "FCN baseline, class", "FCN-8s, ignored", "FCN-8s, class"],
        "Share of train": ["ViT, 100 %", "ViT, 10 %", "ViT, 25 %"],
        "Controls": ["FCN baseline", "FCN baseline, batch norm", "FCN-8s", "FCN-8s, half width"],
        "Learning rate": ["FCN-8s, chosen rate", "FCN-8s, next higher rate", "U-Net, chosen rate", "U-Net, next higher rate"],
    }
    table = tables.ablations(factorial())
    bases = [row for _, rows in table.blocks for row in rows if row[3] == layout.EMPTY]
    assert len(bases) == 7 and all(row[2] != layout.EMPTY for row in bases), "a reference has a score and no difference"
    assert lines(table, "Learning")["U-Net, next higher rate"][3].startswith("-"), "the change less its base"
    assert lines(table, "Controls")["FCN baseline, batch norm"][3].startswith("+")


def test_a_change_without_its_reference_is_not_printed():
    alone = {"unet-higher": arm(0.3, lr=0.5), "vit-chosen": arm(0.3, model="vit")}
    assert [row[0] for _, rows in tables.ablations(evidence(rates=alone)).blocks for row in rows] == ["no records yet"]
    assert [title for title, _ in tables.changes(factorial()).items()] == [
        title for title, rows in tables.ablations(factorial()).blocks if rows
    ]
    assert all("chosen" not in words for rows in tables.changes(factorial()).values() for words, _ in rows)


def photographs(seen: float, unseen: float, count: int = 233, labels: str = "camvid") -> list:
    """A record of CamVid's test photographs: of 100 pixels a class `seen` are right in the first 62 photographs, `unseen` in the others."""
    right = np.where(np.arange(count) < 62, seen, unseen).astype(np.int64)[:, None] * np.ones(11, np.int64)
    wrong = 100 - right
    matrix = np.diag(right.sum(0)) + np.roll(np.diag(wrong.sum(0)), 1, axis=1)
    made = arm(0.3, 1)
    made[0].scores["test"] = Scores(np.pad(matrix, ((0, 0), (0, 1))), right, np.roll(wrong, 1, axis=1), wrong, labels=labels)
    return made


def test_the_unseen_drive_is_the_photographs_behind_the_first_62():
    right, wrong = 171 * 40, 171 * 60
    assert read.values(photographs(90, 40), "unseen")[0] == pytest.approx(100 * right / (right + 2 * wrong))
    whole = read.values(photographs(70, 70), "miou")[0]
    assert read.values(photographs(70, 70), "unseen")[0] == pytest.approx(whole), "as the mIoU where all photographs are alike"
    assert read.values(photographs(10, 70), "unseen")[0] == pytest.approx(whole), "the first 62 count for nothing"


@pytest.mark.parametrize("other", [{"count": 232}, {"count": 40}, {"labels": "cityscapes"}])
def test_other_pictures_have_no_unseen_drive(other):
    assert np.isnan(read.values(photographs(90, 40, **other), "unseen")).all()


def test_details_have_a_column_for_the_unseen_drive_where_it_was_scored():
    found = evidence(architectures={"unet": photographs(90, 40)})
    table = tables.details(found, camvid=True)
    assert table.blocks[0][1][0][table.columns.index("unseen drive")] == "25.0"
    assert tables.numbers(found)["architectures/camvid/unet/unseen"] == "25.0"
    assert "unseen drive" not in tables.details(evidence(architectures={"unet": arm(0.3)}), camvid=True).columns


def test_the_test_photographs_behind_the_first_62_are_of_a_drive_that_training_lacks(camvid_root):
    test = [picture.split("_")[0] for picture in CamVid(camvid_root, "test").names]
    assert len(test) == read.PHOTOGRAPHS and test[: read.SHARED] == ["0001TP"] * 62 and test[read.SHARED :] == ["Seq05VD"] * 171
    train = {picture.split("_")[0] for picture in CamVid(camvid_root, "train").names}
    assert "0001TP" in train and "Seq05VD" not in train


def test_changes_are_judged_together_and_against_chance():
    base = {f"{model}-chosen": arm(0.4, model=model) for model in ("unet", "vit", "swin")}
    one = {"unet-higher": arm(0.2, lr=0.5)}
    for model, step in (("vit", 0.1), ("swin", 0.05)):  # seeds far apart
        configs = [TrainConfig(dataset="camvid", width=8, model=model, lr=0.5, seed=seed) for seed in range(3)]
        one[f"{model}-higher"] = [record(config, 0.3, 0.4 + step * (config.seed - 1)) for config in configs]
    groups = base | one
    found = dict(factors.totals(evidence(rates=groups), "camvid"))
    told = {key: found[f"changes/camvid/rates/{key}"] for key in ("total", "clear", "holm", "null")}
    pairs = [[read.values(groups[f"{model}-{end}"], "miou") for end in ("higher", "chosen")] for model in ("unet", "vit", "swin")]
    chance = [0.6745 * np.sqrt(sum(values.var(ddof=1) / len(values) for values in pair)) for pair in pairs]
    assert told == {"total": "3", "clear": "1", "holm": "1", "null": f"{np.median(chance):.1f}"} and 1 < float(told["null"]) < 3
    assert read.p(groups, "unet-higher", "unet-chosen") == max(
        read.paired(groups["unet-higher"], groups["unet-chosen"])[3], scores.welch_p(*pairs[0])
    )


def test_what_is_clear_alone_may_fall_among_many(monkeypatch):
    base = {f"{model}-chosen": arm(0.4, model=model) for model in ("unet", "vit", "swin")}
    groups = base | {
        "unet-higher": arm(0.2, lr=0.5),
        "vit-higher": arm(0.4, model="vit", lr=0.5),
        "swin-higher": arm(0.4, model="swin", lr=0.5),
    }
    for p, holm in ((0.016, "1"), (0.02, "none")):
        monkeypatch.setattr(read, "p", lambda groups, a, b, p=p: p if a == "unet-higher" else 0.9)
        found = dict(factors.totals(evidence(rates=groups), "camvid"))
        assert (found["changes/camvid/rates/clear"], found["changes/camvid/rates/holm"]) == ("1", holm)


def test_one_seed_has_no_chance_and_never_holds():
    found = dict(factors.totals(evidence(rates={"unet-chosen": arm(0.4, 1), "unet-higher": arm(0.1, 1, lr=0.5)}), "camvid"))
    assert found["changes/camvid/rates/holm"] == found["changes/camvid/rates/clear"] == "none"
    assert "changes/camvid/rates/null" not in found


def test_settings_end_with_all_runs_each_counted_once():
    twice, alone = arm(0.3, lr=0.1), arm(0.4, lr=0.5)
    for made in (*twice, *alone):
        made.cost["seconds"] = 360.0
    found = evidence(architectures={"unet": twice}, rates={"unet-chosen": twice, "unet-higher": alone}, losses_longer=losses(0.3, 0.3, 0.4))
    table = tables.settings(found)
    assert [row[-2:] for row in table.blocks[0][1]] == [["3", "0.3"], ["6", "0.6"], ["9", "0.0"]]
    assert [row[0] for row in table.blocks[0][1]] == ["architectures", "rates", "losses, longer"]
    assert table.blocks[-1] == ("", [["all runs", "each counted once", "", "", "", "", "15", "0.6"]])
    written = tables.numbers(found)
    assert [written[f"settings/total/{key}"] for key in ("runs", "hours")] == ["15", "0.6"]
    assert (written["settings/shared/runs"], written["settings/shared/hours"]) == ("3", "0.3")
    assert "optimiser" not in table.blocks[0][0] and "batch 8" in table.blocks[0][0]
    assert tables.settings(Evidence()).blocks[0][1][0][0] == "no records yet"


def test_settings_name_every_width_of_a_family():
    families = {"fcn8s": arm(0.4, model="fcn8s", width=16), "fcn8s-small": arm(0.3, model="fcn8s"), "unet": arm(0.3)}
    assert tables.settings(evidence(longer=families)).blocks[0][1][0][1].startswith("FCN-8s 16 and 8, U-Net 8; ")


def test_the_plan_holds_what_was_added():
    rows = lines(outcome(evidence(losses_longer=losses(0.3, 0.3, 0.4), rates={"unet-chosen": arm(0.3), "unet-higher": arm(0.3, lr=0.5)})))
    assert rows["losses, longer"][1:] == ["added: 4 losses, 8,000 presentations", "not run", "3 arms, 3 seeds, 0.0 h"]
    assert rows["rates"][1:] == ["added: 5 families at the next higher rate", "not run", "2 arms, 3 seeds, 0.0 h"]
    assert rows["architectures"][1] == "5 families, 2 controls; added: 3 more"
    assert rows["longer"][1].endswith("9 controls; rates upwards, and one below the lowest")


def controls(found: dict[str, list]) -> dict[str, list]:
    """Controls with the best and the worst score, a single seed, and a rate at the edge of its sweep."""
    return found | {
        "fcn8s-small": arm(0.9, 1, model="fcn8s", width=4, lr=0.03),
        "fcn_baseline_bn": arm(0.01, 1, model="fcn_baseline_bn", lr=0.03),
    }


def test_controls_are_no_families():
    """What a sentence says of the families is the same with the controls and without them, best, worst, single or at the edge."""
    short = {"fcn8s": arm(0.3, model="fcn8s"), "unet": arm(0.5), "fcn_baseline": arm(0.2, model="fcn_baseline")}
    longer = {
        "fcn8s": arm(0.5, model="fcn8s", images=8000),
        "unet": arm(0.6, images=8000),
        "fcn_baseline": arm(0.21, model="fcn_baseline", images=8000),
    }
    swept = {"unet": [record(TrainConfig(dataset="camvid", width=8, lr=lr), 0.3, 0.4) for lr in (1e-4, 1e-3, 1e-2)]}
    edge = {"fcn8s-small": [record(TrainConfig(dataset="camvid", width=4, lr=lr), 0.3, 0.4) for lr in (0.001, 0.003, 0.01, 0.03)]}
    found = []
    for families, tried, more in (
        (short, swept, longer),
        (controls(short), swept | edge, longer | {f"fcn8s-small{end}": arm(0.05, 1, images=8000) for end in ("", "-inherited")}),
    ):
        groups = {(place, what): arms for place in ("streets", "camvid") for what, arms in (("architectures", families), ("longer", more))}
        made = Evidence(groups=groups, sweeps={("camvid", "architectures"): tried})
        made.measures["baselines-camvid"] = {"floors": {"prior": 30.0}, "data": {"forest": 25.0}}
        written = tables.numbers(made)
        keys = [key for key in written if key.count("/") == 2 and key.split("/")[0] in ("architectures", "longer", "claims", "changes")]
        found.append({key: written[key] for key in (*keys, "architectures/same-order")})
        assert {
            "longer/camvid/gains-most",
            "longer/camvid/gains-least",
            "architectures/camvid/below-forest",
            "architectures/camvid/rates",
        } <= set(keys)
    assert found[0] == found[1]
    assert found[0]["claims/models-work/verdict"] == "refuted", "a rate of a control at the edge does not soften it"


def test_a_claim_about_a_control_says_that_the_control_has_one_seed():
    families = {"unet": arm(0.5), "vit": arm(0.4, model="vit"), "unet-no-skips": arm(0.3, 1, skips=False)}
    rows = {row.id: row for row in tables.claims(evidence(architectures=families))}
    assert rows["skips"].verdict == "open" and rows["skips"].number.endswith("(one seed)")
    assert "one seed" not in rows["swin"].number


def factors_longer(*mious: float) -> dict[str, list]:
    """Arms that are different runs, as their settings differ."""
    options = {"flip": {}, "flip-crop": {"crop": (96, 192)}, "no-skips": {"skips": False}, "tenth": {"fraction": 0.1}}
    options["void"] = {"void": "class"}
    return {name: arm(miou, images=8000, **chosen) for miou, (name, chosen) in zip(mious, options.items())}


def test_longer_factors_stand_in_one_block_against_the_usual_run():
    found = evidence(factors_longer=factors_longer(0.4, 0.5, 0.2, 0.3), optimisers={"adamw": arm(0.3), "sgd": arm(0.2, lr=0.5)})
    (title, rows), *_ = [block for block in tables.ablations(found, "data").blocks if block[0].startswith("Longer runs")]
    difference = {row[0]: row[3] for row in rows}
    assert list(difference) == ["flips replace", "flips and crops", "without skips", "a tenth of train"]
    values = [float(words.split()[0].replace("−", "-")) for words in list(difference.values())[1:]]
    assert values == pytest.approx([10, -20, -10], abs=2)
    assert not [block for block in tables.ablations(found, "training").blocks if block[0].startswith("Longer runs") and block[1]]
    written = tables.numbers(found)
    assert (written["changes/camvid/longer/total"], written["changes/camvid/longer/clear"]) == ("2", "2"), "skips change the model"


@pytest.mark.parametrize(("without", "verdict"), [(0.2, "confirmed"), (0.5, "refuted")])
def test_the_claim_on_skips_is_judged_by_the_longer_runs(without, verdict):
    short = {"unet": arm(0.3), "unet-no-skips": arm(0.3, skips=False)}
    rows = {row.id: row for row in tables.claims(evidence(architectures=short, factors_longer=factors_longer(0.4, 0.4, without, 0.4)))}
    assert rows["skips"].verdict == verdict and rows["skips"].number.endswith("(longer)")
    rows = {row.id: row for row in tables.claims(evidence(architectures=short))}
    assert rows["skips"].verdict == "open" and "longer" not in rows["skips"].number


@pytest.mark.parametrize(("longer", "verdict"), [(0.3, "confirmed"), (0.5, "refuted"), (0.4, "open")])
def test_the_claim_on_void_asks_the_longer_runs_too(longer, verdict):
    short = {f"unet-{policy}": arm(0.3, void=policy) for policy in ("ignore", "class")}
    row = {row.id: row for row in tables.claims(evidence(void=short, factors_longer=factors_longer(0.4, 0.4, 0.4, 0.4, longer)))}["void"]
    assert row.verdict == verdict and "small U-Net, longer," in row.number
    assert "longer" not in {row.id: row for row in tables.claims(evidence(void=short))}["void"].number


def test_the_longer_mixture_stands_with_the_other_losses_beside_cross_entropy():
    longer = losses(0.4, 0.3, 0.6, images=8000) | {"cross_entropy_dice": arm(0.5, loss="cross_entropy_dice", images=8000)}
    found = evidence(losses=losses(0.3, 0.3, 0.3), losses_longer=longer)
    title, rows = tables.losses(found).blocks[-1]
    assert title.startswith("CamVid, longer") and [row[0] for row in rows] == ["cross-entropy", "soft IoU", "Dice", "cross-entropy + Dice"]


@pytest.mark.parametrize(("rates", "verdict"), [((0.003, 0.01, 0.03), "refuted"), ((0.003, 0.01), "not supported")])
def test_a_longer_loss_at_the_last_rate_tried_refutes_nothing(rates, verdict):
    found = evidence(losses=losses(0.3, 0.3, 0.3, lr=0.01), losses_longer=losses(0.4, 0.3, 0.6, images=8000, lr=0.01))
    found.sweeps["camvid", "losses-longer"] = {"dice": [arm(0.5, 1, loss="dice", images=8000, lr=lr)[0] for lr in rates]}
    assert {row.id: row.verdict for row in tables.claims(found)}["loss"] == verdict


def test_the_model_card_has_the_narrow_networks_without_a_published_width():
    measures = {
        "models": {"models": {"unet": {"parameters": 31.0, "gflops": 868.0, "gflops-full": 3088.0}}},
        "speed": {"models": {"unet-small": {"gflops": 0.4, "milliseconds": 9.0, "training-milliseconds": 30.0}}},
    }
    found = evidence(architectures={"unet": arm(0.4, width=16)}, losses=losses(0.3, 0.3, 0.3))
    found.measures.update(measures)
    card = lines(tables.cost(found))
    assert list(card) == ["U-Net", "U-Net, width 8"]
    assert card["U-Net, width 8"][1:4] == [layout.EMPTY] * 3 and card["U-Net, width 8"][-3:] == ["0.4", "9", "30"]


def test_rates_tried_at_the_length_of_the_runs_stand_with_the_full_ones():
    own = arm(0.4, images=8000, lr=0.01)
    beside = [record(TrainConfig(dataset="camvid", width=8, images=8000, lr=lr), val, 0.3) for lr, val in ((0.003, 0.25), (0.03, 0.36))]
    found = evidence(longer={"unet": own})
    found.sweeps["camvid", "longer"] = {"unet": [own[0], *beside]}
    (row,) = [row for title, rows in tables.rates(found).blocks for row in rows if title.startswith("longer")]
    assert row[1:] == ["0.003: 25.0, 0.01: 30.0, 0.03: 36.0", "0.01"], "no column of short candidates"


def test_short_runs_that_change_a_factor_are_counted_together():
    hours = [replace(one, cost={"seconds": 3600}) for one in arm(0.4)]
    found = evidence(transforms={"flip": hours, "none": hours}, losses=losses(0.3, 0.4, 0.5))
    written = tables.numbers(found)
    assert (written["settings/factors/runs"], written["settings/factors/hours"]) == ("3", "3.0"), "shared runs once"
    assert "settings/inherited/runs" not in written


def test_our_best_stand_below_the_published_ones():
    longer = {"unet": arm(0.5, images=8000), "fcn8s": arm(0.4, model="fcn8s", images=8000), "cnn_j": arm(0.9, model="cnn_j", images=8000)}
    starts = {"imagenet-longer": arm(0.6, model="unet_lite0", init="imagenet", images=8000)}
    found = evidence(longer=longer, imagenet=starts)
    without, with_ours = (tables.others(one).blocks[0][1] for one in (Evidence(), found))
    ours = [row[3:] for row in with_ours if row not in without]
    means = [f"{read.values(arms, 'miou').mean():.1f}" for arms in (longer["unet"], starts["imagenet-longer"])]
    assert ours == [["U-Net, ours", "random", means[0]], ["EfficientNet-U-Net, ours", "ImageNet-1k", means[1]]]


def test_classes_by_frequency_share_all_pixels():
    one = arm(0.4)[0]
    groups = readings.by_frequency(one)
    labels = [label for names, _ in groups.values() for label in names]
    pixels = one.scores["test"].matrix.sum(1)
    assert len(labels) == len(set(labels)) == (pixels > 0).sum()
    assert sum(share for _, share in groups.values()) == pytest.approx(100)
    assert groups["rare"][0] == [label for label in labels if label in readings.kinds(one)["rare"]]
    written = tables.numbers(evidence(architectures={"unet": arm(0.4)}))
    assert written["classes/camvid/by-frequency/frequent/share"] == f"{groups['frequent'][1]:.1f}"


def test_losses_of_figure_6_stand_first_and_all_that_ran_below(monkeypatch):
    for quantity in ("iiou", "boundary", "rare", "calibration"):
        monkeypatch.setitem(read.SCORES, quantity, lambda record: 7.0)
    groups = {"weighted_cross_entropy": arm(0.2, loss="weighted_cross_entropy")} | losses(0.3, 0.4, 0.5)
    table = tables.losses(evidence(losses=groups, confirmation={"dice": arm(0.4)}))
    assert list(lines(table)) == ["cross-entropy", "soft IoU", "Dice", "weighted cross-entropy"]
    columns = ["Loss", "rate", "mIoU", "over pictures", "locked", "to cross-entropy", "accuracy", "iIoU"]
    assert table.columns == [*columns, "boundary", "thin", "rare", "calibration"] and len(table.spec) == len(table.columns)
    assert lines(table)["Dice"][columns.index("to cross-entropy")].startswith("+19.8")


def test_controls_of_the_longer_runs_have_numbers_and_are_no_families():
    """Half of FCN-8s at both rates, U-Net without its finest skips: differences to all arms, a row of rates, and no place in `moved`."""
    longer = {"unet": arm(0.5, images=8000), "unet-coarse-skips": arm(0.4, images=8000, fine_skips=False)}
    longer |= {"fcn8s-small": arm(0.45, model="fcn8s", images=8000, lr=0.02), "fcn8s-small-inherited": arm(0.3, model="fcn8s", images=8000)}
    found = evidence(architectures={"unet": arm(0.3)}, longer=longer)
    tried = [record(TrainConfig(dataset="camvid", model="fcn8s", width=8, images=8000, lr=lr), 0.3, 0.4) for lr in (0.01, 0.02)]
    found.sweeps["camvid", "longer"] = {"fcn8s-small": tried}
    written = tables.numbers(found)
    told = {"unet-minus-unet-coarse-skips": 10, "fcn8s-small-minus-unet": -5, "fcn8s-small-minus-fcn8s-small-inherited": 15}
    for pair, points in told.items():
        assert float(written[f"longer/camvid/{pair}/miou"]) == pytest.approx(points, abs=2)
    assert {key for key in written if key.split("/")[0] == "longer" and key.count("/") == 2 and "pictures" not in key} == set()
    assert written["settings/inherited/runs"] == "3"
    assert lines(tables.rates(found), "longer")["FCN-8s, half width"][-1] == "0.02", "the rate of the runs under the plain name"
    assert "FCN-8s 8, U-Net 8" in lines(tables.settings(found))["longer"][1]


ORDER = ("confirmed", "refuted", "not supported", "open")


def test_every_claim_in_short_repeats_a_number_of_its_long_answer():
    """By verdict; a claim that was not tested has dashes. The published records leave none without a number on both sets."""
    found = evidence(losses=losses(0.3, 0.3, 0.5), annotation={"fine": arm(0.4), "coarse": arm(0.3, annotation="coarse")})
    short, rows = tables.TABLES["claims"](found), {row.id: row for row in tables.claims(found)}
    assert [row[-1] for _, block in short.blocks for row in block] == sorted((row.verdict for row in rows.values()), key=ORDER.index)
    told = lines(short)
    dice = told["cross-entropy is better (4.2)"]
    assert dice[1:] == ["cross-entropy − Dice", rows["loss"].answers["camvid"].split(", ")[1].split(" to ")[0], "refuted"]
    assert dice[2].endswith("*") and told["fine annotation is valuable (2)"][2].startswith("+")
    assert told["skips are crucial (tested: help) (3)"][2:] == [layout.EMPTY, "open"]
    published = tables.TABLES["claims"](collect("published", "streets"))
    words = {row.id for row in tables.claims(found)}
    empty = [(row[0], row[2:4]) for _, block in published.blocks for row in block if layout.EMPTY in row[2:4]]
    assert len(lines(published)) == len(words) and [cells for _, cells in empty if cells[0] == layout.EMPTY] == []
    assert {what for what, _ in empty} == {"fine annotation is valuable (2)", "ViT's cost grows rapidly (3)"}, "these need no photographs"
