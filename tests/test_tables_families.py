"""The main table and its details: which runs stand where, in which order, under which columns, and what is bold."""

import numpy as np
import pytest
from tables_helpers import arm, evidence, lines

from seglib import tables
from seglib.tables import Evidence, layout
from seglib.tables import evidence as read


def bold(table: tables.Table, title: str = "") -> list[str]:
    """The first cells of the rows with a bold cell, which is the mIoU."""
    rows = lines(table, title).values()
    assert not [cell for row in rows for i, cell in enumerate(row) if cell.startswith(layout.BEST) and table.columns[i] != "mIoU"]
    return [row[0] for row in rows if row[1].startswith(layout.BEST)]


def seeds(*mious: float, **settings) -> list:
    """One arm whose seeds are far apart."""
    return [arm(miou, 4, **settings)[seed] for seed, miou in enumerate(mious)]


def test_the_main_table_shows_the_longest_runs_alone_with_the_floors_on_top():
    short = {"fcn_baseline": arm(0.2, model="fcn_baseline"), "unet": arm(0.5)}
    floors = {"baselines-camvid": {"floors": {"prior": 97.0}, "data": {"forest": 98.0}}}
    for longer, head, networks in (
        ({}, "floors and short recipe, 2,400 shown", ["FCN baseline", "U-Net"]),
        ({"unet": arm(0.6, images=8000)}, "floors and longer recipe, 8,000 shown", ["U-Net"]),
    ):
        found = evidence(architectures=short, longer=longer, imagenet={"random-longer": arm(0.3, model="unet_lite0")})
        found.measures |= floors
        ((title, rows),) = tables.architectures(found).blocks
        assert title == head
        assert [row[0] for row in rows] == ["prior per position", "forest on colour and row", *networks]
        assert [row[1] for row in rows[:2]] == ["97.0", "98.0"] and set(rows[0][2:]) == {layout.EMPTY}


def test_a_profiles_own_short_runs_stand_above_published_longer_ones():
    """Else a reader's runs would show in the details alone."""
    found = evidence(architectures={"unet": arm(0.3)}, longer={"unet": arm(0.5, images=8000)})
    found.kept = {("camvid", "longer")}
    assert [title for title, _ in tables.architectures(found).blocks] == [
        "short recipe, 2,400 shown", "longer recipe, 8,000 shown",
    ]  # fmt: skip
    found.kept |= {("camvid", "architectures")}
    assert [title for title, _ in tables.architectures(found).blocks] == ["longer recipe, 8,000 shown"]


def test_bold_is_the_best_of_a_block_and_what_is_not_clearly_below_it():
    """Swin V2 is below FCN-8s by more than pictures alone leave to chance, but its seeds are far apart; ViT's and U-Net's are not."""
    longer = {
        "fcn8s": arm(0.6, model="fcn8s", images=8000),
        "unet": arm(0.5, images=8000),
        "vit": arm(0.3, model="vit", images=8000),
        "swin": seeds(0.4, 0.65, 0.55, model="swin", images=8000),
    }
    table = tables.architectures(evidence(longer=longer))
    assert read.paired(longer["swin"], longer["fcn8s"])[2] < 0, "pictures alone would call it worse"
    assert bold(table, "longer recipe") == ["FCN-8s", "Swin V2"]
    assert layout.latex(table).count(r"\textbf{") == 2 and "@best" not in layout.frame(table).to_string()


def test_floors_and_a_row_alone_are_never_bold():
    found = evidence(architectures={"fcn_baseline": arm(0.2, model="fcn_baseline"), "unet": arm(0.5)})
    found.measures["baselines-camvid"] = {"floors": {"prior": 97.0}}
    assert bold(tables.architectures(found)) == ["U-Net"], "the best of the networks, not of the floors"
    assert bold(tables.architectures(evidence(longer={"unet": arm(0.5)}))) == [], "nothing to be better than"


def test_of_single_seeds_pictures_alone_tell_who_leads():
    assert read.leaders([arm(0.3, 1), arm(0.5, 1), arm(0.5, 1, model="vit")]) == [False, True, True]


def test_details_hold_every_run_of_the_main_table_and_the_rest():
    found = evidence(architectures={"unet": arm(0.3)}, longer={"unet": arm(0.5), "unet-short": arm(0.4)}, imagenet={"imagenet": arm(0.6)})
    main, every = ([row[:2] for _, rows in table.blocks for row in rows] for table in (
        tables.architectures(found), tables.details(found, camvid=True)
    ))  # fmt: skip
    assert [row[0] for row in main] == ["U-Net"] and [row for row in every if row in main] == main
    assert [row[0] for row in every if row not in main] == ["U-Net", "U-Net, settings alone", "ImageNet's"]


def test_details_are_two_tables_camvid_has_its_own():
    groups = {
        (place, what): {"unet": arm(0.4, dataset=place, images=images)}
        for place in ("cityscapes", "camvid", "streets")
        for what, images in (("architectures", 1600), ("longer", 8000))
    }
    groups["camvid", "longer"] |= {"unet-short": arm(0.3, lr=0.5)}
    groups["camvid", "imagenet"] = {"random": arm(0.3, model="unet_lite0")}
    titles = [[title for title, _ in tables.TABLES[table](Evidence(groups=groups)).blocks] for table in ("details", "detailscamvid")]
    recipes = ("short recipe, 1,600 shown", "longer recipe, 8,000 shown")
    assert titles[0] == [f"{place}, {words}" for place in ("streets", "Cityscapes") for words in recipes]
    assert titles[1] == [f"CamVid, {words}" for words in (*recipes, "other runs", "EfficientNet-U-Net")]


def test_details_have_the_columns_of_short_runs_that_the_main_table_left_out(monkeypatch):
    """Only CamVid has an unseen drive; categories, instances and locked scenes are those of streets. No column is without a value."""
    for quantity, labels in (("iiou", "cityscapes"), ("unseen", "camvid"), ("boundary", ""), ("rare", ""), ("calibration", "")):
        score = lambda record, labels=labels: 7.0 if labels in ("", record.scores["test"].labels) else np.nan  # noqa: E731
        monkeypatch.setitem(read.SCORES, quantity, score)
    streets = {"dataset": "streets", "width": 8}
    found = Evidence(groups={
        ("streets", "architectures"): {"unet": arm(0.3, **streets)}, ("streets", "longer"): {"unet": arm(0.5, **streets, images=8000)},
        ("streets", "confirmation"): {"unet": arm(0.25, **streets)}, ("camvid", "architectures"): {"unet": arm(0.4)},
    })  # fmt: skip
    table, other = tables.details(found), tables.details(found, camvid=True)
    first, last = ["Model", "mIoU", "over seeds", "over pictures"], ["boundary", "thin", "rare", "calibration", "lost"]
    assert table.columns == [*first, "locked", "accuracy", "category", "iIoU", *last]
    assert other.columns == [*first, "unseen drive", "accuracy", *last]
    row = dict(zip(table.columns, lines(table, "streets, short")["U-Net"]))
    told = {key.removeprefix("architectures/streets/unet/"): text for key, text in tables.numbers(found).items()}
    assert row["over seeds"] == f"[{told['miou/low']}, {told['miou/high']}]"
    assert row["over pictures"] == f"[{told['miou/images-low']}, {told['miou/images-high']}]"
    assert row["category"] == told["category"] and row["locked"][:2] == "25"
    assert lines(table, "streets, longer")["U-Net"][table.columns.index("locked")] == layout.EMPTY
    assert table.spec.startswith(r">{\raggedright\arraybackslash}p{42mm}") and len(table.spec.split("}")[-1]) == len(table.columns) - 1


def test_locked_scenes_stand_beside_the_scores_that_choices_have_seen():
    found = evidence(
        architectures={"unet": arm(0.3)}, longer={"unet": arm(0.5, images=8000), "unet-inherited": arm(0.4, images=8000, lr=0.5)},
        losses={"cross_entropy": arm(0.3), "dice": arm(0.4, loss="dice")},
        confirmation={"unet": arm(0.25), "unet-longer": arm(0.45), "unet-inherited-longer": arm(0.35), "dice": arm(0.35)},
    )  # fmt: skip
    table = tables.details(found, camvid=True)
    column = table.columns.index("locked")
    assert [float(rows[0][column].split()[0]) for _, rows in table.blocks] == pytest.approx([25, 45, 35], abs=1)
    table = tables.losses(found)
    column = table.columns.index("locked")
    assert [row[column][:2] for row in table.blocks[0][1]] == ["–", "35"]
    column = table.columns.index("to cross-entropy")
    assert [row[column][0] for row in table.blocks[0][1]] == ["–", "+"], "Dice less cross-entropy"
    table = tables.architectures(found)
    assert float(lines(table)["U-Net"][table.columns.index("locked")].split()[0]) == pytest.approx(45, abs=1)
    assert "locked" not in tables.architectures(evidence(architectures={"unet": arm(0.3)})).columns


def test_longer_runs_at_another_rate_and_controls_stand_among_the_other_runs():
    longer = {"fcn8s": arm(0.5, model="fcn8s", images=8000, lr=0.5), "fcn8s-inherited": arm(0.4, model="fcn8s", images=8000)}
    longer |= {"fcn8s-short": arm(0.3, model="fcn8s", lr=0.2), "unet-coarse-skips": arm(0.4, images=8000, fine_skips=False)}
    longer |= {f"fcn8s-small{end}": arm(0.35, model="fcn8s", width=4, images=8000) for end in ("", "-inherited")}
    found = evidence(architectures={"fcn8s": arm(0.3, model="fcn8s")}, longer=longer)
    assert list(lines(tables.architectures(found))) == ["FCN-8s"]
    assert list(lines(tables.details(found, camvid=True), "CamVid, other runs")) == [
        "FCN-8s, scaled rate, 8,000 shown", "U-Net without fine skips, 8,000 shown", "FCN-8s, half width, 8,000 shown",
        "FCN-8s, half width, scaled rate, 8,000 shown", "FCN-8s, settings alone",
    ]  # fmt: skip
    written = tables.numbers(found)
    assert written["longer/camvid/moved"] == "FCN-8s" and written["settings/inherited/runs"] == "6"


def test_the_details_have_every_start_and_the_main_table_none():
    starts = {f"{name}{end}": arm(0.4, model="unet_lite0", init=name) for name in ("random", "imagenet") for end in ("", "-longer")}
    found = evidence(architectures={"unet": arm(0.3)}, imagenet=starts, fullsize={"size-9x9": arm(0.4, size=(9, 9))})
    rows = ["random weights", "ImageNet's", "random weights, longer", "ImageNet's, longer", "ImageNet's, at 9×9, 2,400"]
    assert list(lines(tables.details(found, camvid=True), "CamVid, EfficientNet-U-Net")) == rows
    assert list(lines(tables.architectures(found))) == ["U-Net"]


def test_the_main_table_lays_data_sets_side_by_side(monkeypatch):
    """A row for each model, a dash where a set has none of it, each set's best in bold, no column without a value, and one
    interval: over seeds on CamVid, whose pictures come from few drives, elsewhere over pictures."""
    monkeypatch.setitem(read.SCORES, "iiou", lambda record: 7.0 if record.scores["test"].labels == "cityscapes" else np.nan)
    streets = {"dataset": "streets", "images": 8000}
    found = Evidence(groups={
        ("streets", "longer"): {"fcn8s": arm(0.5, model="fcn8s", **streets), "unet": arm(0.3, **streets)},
        ("camvid", "longer"): {"unet": arm(0.5, images=8000), "vit": arm(0.3, model="vit", images=8000)},
    })  # fmt: skip
    table = tables.architectures(found)
    own = table.over[1][1]
    heads = table.columns[1 : 1 + own], table.columns[1 + own :]
    assert table.over == (("", 1), ("streets", own), ("CamVid", len(heads[1]))) and table.spec.count("r") == len(table.columns) - 1
    assert [{"over pictures", "over seeds"} & {*some} for some in heads] == [{"over pictures"}, {"over seeds"}]
    assert "iIoU" in heads[0] and "iIoU" not in heads[1]
    rows = lines(table, "longer recipe, 8,000 shown")
    assert list(rows) == ["FCN-8s", "U-Net", "ViT"]
    assert rows["FCN-8s"][1].startswith(layout.BEST) and rows["U-Net"][1 + own].startswith(layout.BEST)
    assert rows["ViT"][1 : 1 + own] == [layout.EMPTY] * own and rows["FCN-8s"][1 + own :] == [layout.EMPTY] * len(heads[1])
    assert not rows["ViT"][1 + own].startswith(layout.BEST)
