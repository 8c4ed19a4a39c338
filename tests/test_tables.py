"""Numbers, verdicts and tables: what the records say, the same bytes twice, and nothing that no record says."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from tables_helpers import arm, evidence

from seglib import scores, tables
from seglib.tables import evidence as evidence_module
from seglib.tables import layout
from seglib.tables.numbers import laid_over


def figure_6(cross_entropy=0.5, soft_iou=0.4, dice=0.4, seeds=3) -> tables.Evidence:
    scores_of = {"cross_entropy": cross_entropy, "soft_iou": soft_iou, "dice": dice}
    return evidence(losses={loss: arm(value, seeds, loss=loss) for loss, value in scores_of.items()})


def verdict(found: tables.Evidence, name: str) -> str:
    return next(row.verdict for row in tables.claims(found) if row.id == name)


def test_settings_matter_where_one_of_them_is_clearly_apart_from_its_default():
    """Every arm against the default of its kind, never the best against the worst, which chance alone sets apart; at least two."""
    base = {"adamw": arm(0.5), "onecycle": arm(0.5), "decay-0.0001": arm(0.5)}
    worse = {"sgd": arm(0.3, optimiser="sgd"), "step": arm(0.3, schedule="step")}
    assert verdict(evidence(optimisers=base | worse), "settings") == "confirmed"
    assert verdict(evidence(optimisers=base | {"sgd": worse["sgd"]}), "settings") == "open"  # one of many is expected by chance
    apart = {"adamw": arm(0.5), "onecycle": arm(0.5), "step": arm(0.5, schedule="step"), "decay-0.0001": arm(0.2, weight_decay=1e-3)}
    assert verdict(evidence(optimisers=apart), "settings") == "open"


def test_what_pretraining_is_worth_is_said_by_family():
    arms = {"unet-random": arm(0.3), "unet-pretrained": arm(0.5, init="a"), "vit-random": arm(0.3), "vit-pretrained": arm(0.3, init="b")}
    written = tables.numbers(evidence(pretraining=arms))
    told = {key: written[f"pretraining/camvid/{key}"] for key in ("clear", "clear/count", "families", "largest/arm")}
    assert told == {"clear": "U-Net", "clear/count": "1", "families": "2", "largest/arm": "U-Net"}
    assert float(written["pretraining/camvid/gain"]) == pytest.approx(10, abs=1)
    rows = tables.transfer(evidence(pretraining=arms)).blocks[0][1]
    assert [(row[0], row[3].endswith("*")) for row in rows] == [("U-Net", True), ("ViT", False)]


def test_imagenet_stands_beside_random_weights_in_both_recipes():
    arms = {"random": arm(0.3), "random-longer": arm(0.4)}
    arms |= {"imagenet": arm(0.5, init="imagenet"), "imagenet-longer": arm(0.4, init="imagenet")}
    found = tables.Evidence({("camvid", "imagenet"): arms})
    ((title, rows),) = tables.transfer(found).blocks
    assert (title, [row[0] for row in rows]) == ("ImageNet", ["EfficientNet-U-Net", "EfficientNet-U-Net, longer"])
    assert ["*" in row[3] for row in rows] == [True, False] and rows[0][3].startswith("+")
    assert float(tables.numbers(found)["imagenet/camvid/imagenet-minus-random/miou"]) == pytest.approx(20, abs=2)


def test_longer_runs_say_who_gains_and_who_has_few_seeds():
    short = {"unet": arm(0.3), "vit": arm(0.3, model="vit", width=192)}
    longer = {"unet": arm(0.5, images=8000), "vit": arm(0.35, seeds=1, model="vit", width=192, images=8000), "unet-short": arm(0.9)}
    written = tables.numbers(evidence(architectures=short, longer=longer))
    assert [written[f"longer/camvid/{key}"] for key in ("gains-most", "gains-least", "few-seeds")] == ["U-Net", "ViT", "ViT"]


def test_a_network_from_the_other_data_set_stands_beside_those_trained_here():
    moved = {"unet-from-streets": arm(0.2, dataset="streets")}
    table = tables.transfer(evidence(generalisation=moved, pretraining={"vit-random": arm(0.3), "vit-pretrained": arm(0.4, init="a")}))
    rows = {row[0]: row[1:] for row in table.blocks[0][1]}
    assert [cell == layout.EMPTY for cell in rows["U-Net"]] == [False, True, True, True]
    assert [cell == layout.EMPTY for cell in rows["ViT"]] == [True, False, False, False]
    found = tables.Evidence({("camvid", "generalisation"): moved, ("streets", "generalisation"): {"vit-from-camvid": arm(0.1)}})
    assert [row[0] for row in tables.transfer(found).blocks[0][1]] == ["U-Net", "ViT"]


def test_numbers_are_the_means_and_deviations_of_the_records():
    found = figure_6()
    written = tables.numbers(found)
    values = [100 * scores.mean_iou(made.scores["test"].matrix) for made in found.of("camvid", "losses")["dice"]]
    assert written["losses/camvid/dice/miou"] == f"{np.mean(values):.1f}"
    assert written["losses/camvid/dice/miou/sd"] == f"{np.std(values, ddof=1):.1f}"
    assert written["losses/camvid/dice/seeds"] == "3"
    mean, low, high = scores.seed_interval(values)
    assert (written["losses/camvid/dice/miou/low"], written["losses/camvid/dice/miou/high"]) == (f"{low:.1f}", f"{high:.1f}")
    assert written["losses/camvid/dice/parameters"] == "1.93"
    assert written["settings/total/runs"] == "9"
    assert written["settings/total/hours"] == f"{90 / 3600:.1f}"


def test_differences_are_paired_and_antisymmetric():
    written = tables.numbers(figure_6())
    one, other = "losses/camvid/cross_entropy-minus-dice/miou", "losses/camvid/dice-minus-cross_entropy/miou"
    assert float(written[one]) == -float(written[other]) == pytest.approx(10, abs=1)
    assert float(written[f"{one}/low"]) == -float(written[f"{other}/high"])
    assert float(written[f"{one}/low"]) <= float(written[one]) <= float(written[f"{one}/high"])


def test_numbers_can_be_compared_and_no_key_is_without_a_record():
    written = tables.numbers(figure_6())
    for key, text in written.items():
        if "/miou" in key:
            float(text)
    assert not [key for key in written if key.startswith(("void/", "floors/", "cost/"))]
    assert not [text for text in written.values() if "nan" in text.lower()]
    assert "-0.0" not in written.values()


def test_a_single_seed_has_no_deviation_but_an_interval_over_pictures():
    written = tables.numbers(figure_6(seeds=1))
    assert "losses/camvid/dice/miou/sd" not in written
    assert "losses/camvid/dice/miou/images-low" in written


def test_the_same_records_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        tables.write(figure_6(), tmp_path / name)
    written = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"numbers.tex", "overlay.tex", *(f"{name}.tex" for name in tables.TABLES)} == set(written)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in written)


def test_another_profiles_report_marks_what_it_did_not_make():
    found = figure_6()
    found.groups["streets", "losses"] = {"dice": arm(0.4, dataset="streets", loss="dice")}
    found.kept, found.profile, found.dataset = {("streets", "losses")}, "cpu", "camvid"
    written = tables.numbers(found)
    assert written["losses/streets/dice/miou"].endswith(r"\kept")
    assert not written["losses/camvid/dice/miou"].endswith(r"\kept")
    assert "cpu" in tables.writing.overlay(found)
    assert layout.KEPT in tables.losses(found).blocks[0][1][0][2]
    assert tables.writing.overlay(figure_6()).startswith("%")


@pytest.mark.parametrize(("cross_entropy", "soft_iou", "dice", "seeds", "expected"), [
    (0.5, 0.4, 0.4, 3, "confirmed"),
    (0.4, 0.5, 0.3, 3, "refuted"),  # one rival that is clearly better is enough
    (0.45, 0.45, 0.3, 3, "open"),
    (0.5, 0.4, 0.4, 2, "open"),  # two seeds settle nothing
])  # fmt: skip
def test_the_verdict_on_the_losses_follows_the_intervals(cross_entropy, soft_iou, dice, seeds, expected):
    assert verdict(figure_6(cross_entropy, soft_iou, dice, seeds), "loss") == expected


def test_data_sets_that_disagree_leave_a_claim_open():
    found = figure_6(0.5, 0.4, 0.4)
    found.groups["streets", "losses"] = {
        loss: arm(value, dataset="streets", loss=loss) for loss, value in {"cross_entropy": 0.3, "soft_iou": 0.5, "dice": 0.3}.items()
    }
    assert verdict(found, "loss") == "open"


@pytest.mark.parametrize(("entropy", "dice", "expected", "star"), [
    ((30, 31, 32), (50, 52, 51), "confirmed", True),
    ((50, 52, 51), (30, 31, 32), "refuted", True),
    ((30, 50, 40), (50, 30, 41), "open", False),
    ((30, 31), (50, 52), "open", False),  # two seeds settle nothing
])  # fmt: skip
def test_rare_classes_have_a_star_where_their_difference_is_clear(monkeypatch, entropy, dice, expected, star):
    found, rare, others = figure_6(seeds=len(dice)), {"cross_entropy": entropy, "dice": dice}, evidence_module.values

    def values(group, quantity):
        return np.array(rare[group[0].config["loss"]], float) if quantity == "rare" else others(group, quantity)

    monkeypatch.setattr(evidence_module, "values", values)
    row = next(row for row in tables.claims(found) if row.id == "rare")
    assert row.verdict == expected and ("* [" in row.number) == star and "on rare classes" in row.number


@pytest.mark.parametrize(("flip", "crop", "expected"), [(0.3, 0.3, "confirmed"), (0.5, 0.3, "refuted"), (0.4, 0.3, "open")])
def test_the_verdict_on_the_transforms(flip, crop, expected):
    arms = {"none": arm(0.4, flip=False), "flip": arm(flip), "crop": arm(crop, flip=False, crop=(96, 192), scale=(1.0, 2.0))}
    assert verdict(evidence(transforms=arms), "augmentation") == expected


@pytest.mark.parametrize(("large", "expected"), [(0.402, "confirmed"), (0.45, "refuted")])
def test_the_verdict_on_the_size(large, expected):
    arms = {"flip": arm(0.4, size=(96, 192)), "size-96x192": arm(0.4, size=(96, 192)), "size-144x288": arm(large, size=(144, 288))}
    assert verdict(evidence(transforms=arms), "size") == expected


@pytest.mark.parametrize(("whole", "expected"), [(0.4, "confirmed"), (0.6, "refuted"), (0.2, "open")])
def test_photographs_at_their_own_size_answer_for_the_size_where_there_are_any(whole, expected):
    """They take the place of the small sizes, which alone would leave the verdict to whatever they say."""
    small = {"flip": arm(0.4, size=(96, 192)), "size-96x192": arm(0.4, size=(96, 192)), "size-144x288": arm(0.6, size=(144, 288))}
    fullsize = {"size-360x480": arm(whole, size=(360, 480)), "size-192x256": arm(0.4, size=(192, 256))}
    found = evidence(transforms=small, fullsize=fullsize)
    assert verdict(found, "size") == expected
    row = next(row for row in tables.claims(found) if row.id == "size")
    assert "at 360×480, the whole, to 192×256" in row.number
    assert "360×480" in " ".join(cells[0] for _, rows in tables.details(found, camvid=True).blocks for cells in rows)


@pytest.mark.parametrize(("seeds", "expected"), [(3, "confirmed"), (2, "not supported")])
def test_swin_is_judged_by_its_longest_runs_where_they_have_all_seeds(seeds, expected):
    def families(swin, count=3, **settings):
        scores_of = dict.fromkeys(("fcn_baseline", "fcn8s", "unet", "vit"), 0.4) | {"swin": swin}
        return {name: arm(value, count, model=name, **settings) for name, value in scores_of.items()}

    found = evidence(architectures=families(0.2), longer=families(0.6, seeds, images=8000))
    assert verdict(found, "swin") == expected
    row = next(row for row in tables.claims(found) if row.id == "swin")
    assert ("(longer)" in row.number) == (seeds == 3)


@pytest.mark.parametrize(("unet", "expected"), [(0.5, "confirmed"), (0.1, "refuted")])
def test_models_work_when_they_pass_the_floor(unet, expected):
    found = evidence(architectures={"fcn_baseline": arm(0.4, model="fcn_baseline"), "unet": arm(unet)})
    found.measures["baselines-camvid"] = {"floors": {"prior": 17.0}}
    assert verdict(found, "models-work") == expected


@pytest.mark.parametrize(("seeds", "expected"), [(3, "confirmed"), (2, "refuted")])
def test_what_models_are_able_to_do_is_judged_by_their_longest_runs(seeds, expected):
    found = evidence(
        architectures={"fcn_baseline": arm(0.1, model="fcn_baseline"), "unet": arm(0.5)},
        longer={"fcn_baseline": arm(0.4, seeds, model="fcn_baseline", images=8000), "unet": arm(0.6, seeds, images=8000)},
    )
    found.measures["baselines-camvid"] = {"floors": {"prior": 20.0}, "data": {"forest": 25.0}}
    assert verdict(found, "models-work") == expected


def test_without_records_every_claim_is_open_and_every_table_is_whole():
    nothing = tables.Evidence()
    assert {row.verdict for row in tables.claims(nothing)} == {"open"}
    for make in tables.TABLES.values():
        text = tables.latex(make(nothing))
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert tables.numbers(nothing)["claims/count/open"] == str(len(tables.claims(nothing)))


def test_claims_have_an_id_each_and_say_where_they_stand():
    rows = tables.claims(tables.Evidence())
    assert len({row.id for row in rows}) == len(rows) > 10
    assert {row.section for row in rows} == {"2", "3", "4.1", "4.2"}


def test_latex_escapes_and_keeps_true_minus_signs():
    assert layout.escape("-1.5 & 10 % of a_b ±") == r"$-$1.5 \& 10 \% of a\_b $\pm$"
    assert layout.escape("@cite:jegou2017") == r"\citep{jegou2017}"
    assert layout.escape("FCN-8s, 2-core") == "FCN-8s, 2-core"


def test_markdown_and_frame_hold_the_same_cells():
    table = tables.losses(figure_6())
    frame = tables.frame(table)
    assert list(frame.columns) == table.columns
    assert len(frame) == 3
    assert all(cell in tables.markdown(table) for cell in frame.iloc[0])


def test_the_readmes_table_is_renewed_between_its_markers(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{tables.writing.BEGIN}\nold\n{tables.writing.END}\nafter\n")
    found = evidence(architectures={"unet": arm(0.5)})
    assert tables.write_readme(found, readme)
    assert not tables.write_readme(found, readme)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "U-Net" in text
    readme.write_text("no markers")
    with pytest.raises(ValueError, match=r"README\.md"):
        tables.write_readme(found, readme)


def test_published_numbers_are_those_of_the_report():
    from seglib.__main__ import ROOT

    written = dict(re.findall(r"\\newpublished\{([^}]*)\}\{([^}]*)\}", (ROOT / "report" / "published.tex").read_text()))
    for row in tables.published.ROWS:
        if row.key in written:
            assert float(written[row.key]) == row.miou, row.key


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX here: bash report/build.sh says how to install it")
def test_latex_takes_every_table_and_number(tmp_path):
    found = figure_6()
    found.groups["camvid", "architectures"] = {"unet": arm(0.5), "vit": arm(0.4, model="vit", width=192)}
    tables.write(found, tmp_path)
    inputs = "\n".join(rf"\input{{{name}}}" for name in tables.TABLES)
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage[T1]{fontenc}\\usepackage{array,booktabs,natbib,etoolbox}"
        "\\newcommand{\\newresult}[2]{\\csgdef{res@#1}{#2}}\\newcommand{\\kept}{x}\\newcommand{\\code}[1]{#1}"
        f"\\begin{{document}}\\input{{numbers}}\\input{{overlay}}{inputs}\\csuse{{res@losses/camvid/dice/miou}}\\end{{document}}"
    )
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_keys_are_lower_case_paths():
    for key in tables.numbers(figure_6()):
        assert re.fullmatch(r"[\w./+-]+", key), key


def test_a_run_lays_its_numbers_over_the_published_ones():
    """What it did not make keeps the published value with a dagger; its own numbers have their own spread, or none; words are left out."""
    published = {"a/miou": "30.0", "a/miou/sd": "1.0", "b/miou": "-2.5", "b/miou/sign": "-1", "who": "U-Net", "flag": "yes"}
    mine = {"a/miou": "10.0"}
    assert laid_over(mine, published) == {"a/miou": "10.0", "b/miou": "-2.5\\kept", "b/miou/sign": "-1\\kept"}
