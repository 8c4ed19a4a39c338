"""Figures: drawn from made-up records, saved byte for byte alike, legible in print, and honest about what is missing."""

import errno
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglib import labels, plots, scores
from seglib.plots.style import FAMILIES, LOSSES, looks
from seglib.records import Record, Scores

POINTS = 7 - 0.51  # nothing smaller than 7 points in print, the numbers in the cells of the confusion matrix aside


def made_up(loss: str, seed: int, num_classes: int = 19, epochs: int = 12) -> Record:
    """A record with plausible curves and counts."""
    rng = np.random.default_rng([seed, len(loss)])
    rise = 1 - np.exp(-np.arange(1, epochs + 1) / 4)
    history = [
        {
            "epoch": e,
            "loss": float(3 - 2 * rise[e]),
            "lr": 1e-3,
            "grad_norm": float(2 - rise[e]),
            "val_miou": float(0.4 * rise[e] + 0.02 * rng.random()),
        }
        for e in range(epochs)
    ]
    counts = rng.integers(1, 1000, (6, num_classes, 3))
    matrix = np.hstack(
        [np.diag(rng.integers(500, 9000, num_classes)) + rng.integers(0, 90, (num_classes,) * 2), np.zeros((num_classes, 1), np.int64)]
    )
    bins = np.sort(rng.random((15, 3)), axis=1)[:, [2, 1, 0]] * 1000
    scored = Scores(matrix=matrix, tp=counts[..., 0], fp=counts[..., 1], fn=counts[..., 2], calibration=bins)
    config = {"loss": loss, "seed": seed, "model": "unet"}
    return Record(f"unet-{loss}-s{seed}", config, history, {"test": scored})


ROWS = [("flips", {"streets": (1.0, -1.0, 2.0), "CamVid": (3.0, 1.0, 4.0)}), ("crops, too", {"CamVid": (1.0, -1.0, 2.0)})]
CHANGES = {f"{title} (against the usual one)": ROWS for title in ("Transforms", "Training size", "Annotation")}
LONGER = {"Longer runs (against flips alone)": [("a tenth of train", {"streets": (-4.0, -5.0, -3.0)})]}


@pytest.fixture(scope="module")
def arms():
    return {loss: [made_up(loss, seed) for seed in range(3)] for loss in ("cross_entropy", "soft_iou", "dice")}


def test_a_class_that_no_group_finds_is_named_and_groups_keep_their_colour():
    found = np.array([0.5, 0.0, 0.3])
    few, more = {"b": (found,) * 3}, {"a": (found,) * 3, "b": (found,) * 3}
    figure = plots.per_class(
        {"one": (more, ("road", "train", "sky"), np.array([0.5, 0.1, 0.4])), "two": (few, ("x", "y", "z"), np.ones(3) / 3)}
    )
    one, two = figure.axes
    assert one.texts[0].get_text() == "never found: train" and len(one.get_yticks()) == 2
    colors = [[bar.lines[0].get_color() for bar in axis.containers] for axis in (one, two)]
    assert colors[1] == colors[0][1:] and [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def gallery(arms) -> dict:
    """Every kind of figure that is drawn from records or arrays."""
    table, rng = labels.CITYSCAPES, np.random.default_rng(0)
    truth = rng.integers(0, 19, (8, 16)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    truth[:8] = labels.IGNORE
    guess = np.where(rng.random(truth.shape) < 0.7, truth, 3).astype(np.uint8)
    image = rng.integers(0, 255, (3, 64, 128), dtype=np.uint8)
    matrix = arms["dice"][0].scores["test"].matrix
    share = rng.dirichlet(np.ones(19) * 0.3)
    value = np.clip(scores.iou(matrix), 0, 1)
    triple = (value, value - 0.05, np.minimum(value + 0.05, 1))
    models = dict.fromkeys(("U-Net", "FCN-8s", "ViT", "Swin V2", "FCN baseline"), triple)
    return {
        "annotations": plots.annotations([(image, truth, truth)], table),
        "sheet": plots.contact_sheet([image] * 6),
        "frequencies": plots.class_frequencies({"streets": share, "Cityscapes": share[::-1]}, table.names),
        "losses": plots.losses({"streets": arms, "camvid": arms}, {"streets": 19, "camvid": 11}),
        "learning": plots.learning(arms, 19),
        "learning further": plots.learning(arms, 19, "short", {"longer": arms, "CamVid": {"dice": arms["dice"]}}),
        "gradients": plots.gradients(arms),
        "classes": plots.per_class({"streets": (models, table.names, share), "none": ({}, table.names, share)}),
        "confusion": plots.confusion({"streets": (matrix, table.names), "CamVid": (matrix[:11, :12], table.names[:11])}),
        "gain": plots.gain_by_frequency({"Dice": value - 0.5, "soft IoU": np.stack([0.5 - value, value])}, share, table.names, "points"),
        "reliability": plots.reliability({name: found[0].scores["test"].calibration for name, found in arms.items()}),
        "cost": plots.cost({name: (0.3 + i / 20, 1 + i, 10**i) for i, name in enumerate(models)}, [("parameters, M", True), ("ms", True)]),
        "forest": plots.forest([("Dice", -0.03, -0.05, -0.01), ("soft IoU", 0.01, -0.02, 0.04)], "points"),
        "changes": plots.changes([("short runs", CHANGES), ("short runs", CHANGES), ("after 8,000 presentations", LONGER)], "points"),
        "bars": plots.bars({"a": {"all": (0.5, 0.4, 0.6), "thin": (0.2, 0.1, 0.3)}, "b": {"all": (0.4, 0.3, 0.5)}}, "IoU, %"),
        "examples": plots.examples([("best", image, truth, guess), ("worst", image, truth, guess)], table),
        "scenes": plots.scenes({name: (image, truth, dict.fromkeys(models, ("45 %", guess))) for name in ("best", "worst")}, table),
        "label_maps": plots.label_maps({name: dict.fromkeys(models, ("45 %", guess)) for name in ("best", "worst")}, table),
        "by_model": plots.by_model(image, truth, dict.fromkeys(models, guess), table),
        "photograph": plots.photograph(image, guess, rng.random(truth.shape), table),
        "areas": plots.areas({"a.jpg": share, "b.jpg": share[::-1]}, table.names),
        "lines": plots.lines({"Dice": {1e-3: [0.2, 0.3], 1e-2: [0.4]}}, "learning rate", "mIoU, %"),
        "panels": plots.panels({"short": {"a": {0.01: [0.2]}}, "full": {"a": {0.1: [0.3, 0.4]}, "b": {1.0: [0.1]}}}, "rate", "mIoU, %"),
        "stages": plots.stages({"CamVid": {"U-Net": {"short": [0.2, 0.3], "alone": [], "long": [0.4]}}}, "mIoU, %"),
        "effects": plots.main_effects({"lr": {"0.001": [0.1, 0.2], "0.01": [0.3]}, "gamma": {"1": [0.2], "0.1": [0.3]}}, "mIoU, %"),
        "halving": plots.halving({"a": [(10, 0.1), (20, 0.2), (40, 0.3)], "b": [(10, 0.05)]}, "images", "mIoU, %"),
        "maps": plots.maps({"one": rng.random((8, 16)), "two": rng.random((8, 16))}),
        "attention": plots.attention(image, {"block 1": rng.random((4, 8))}, (0.3, 0.6)),
        "functions": plots.functions([("Loss", "p", "loss", {"a": (np.arange(5), np.arange(5))})]),
        "descent": plots.descent(lambda x, y: x**2 + 9 * y**2, {"a": np.array([[4.0, 1.0], [2.0, 0.5], [1.0, 0.1]])}),
        "windows": plots.windows(image, 2, 1, (4, 8)),
    }  # fmt: skip


def texts(figure):
    """Every text that is drawn."""
    figure.canvas.draw()
    return [
        text for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")) if text.get_visible() and text.get_text().strip()
    ]


def test_every_figure_is_legible_at_the_width_of_the_page(arms, tmp_path):
    for name, figure in gallery(arms).items():
        assert figure.get_size_inches()[0] * 2.54 == pytest.approx(plots.style.WIDTH), name
        assert min(text.get_fontsize() for text in texts(figure)) >= POINTS if texts(figure) else True, name
        for axis in figure.axes:
            assert not axis.lines or axis.get_xlabel() or axis.get_ylabel() or axis.get_title(), name


def test_saved_twice_is_the_same_bytes_and_carries_the_hash(arms, tmp_path, monkeypatch):
    found = [record for records in arms.values() for record in records]
    contents = []
    for folder in ("one", "two"):
        monkeypatch.setenv("SEGLIB_OUTPUT", str(tmp_path / folder))
        path = plots.save(plots.gradients(arms), "07-losses-gradients", found)
        assert path == tmp_path / folder / "figures" / "07-losses-gradients.pdf"
        contents.append((path.read_bytes(), path.with_suffix(".png").read_bytes()))
        assert sorted(p.name for p in path.parent.iterdir()) == ["07-losses-gradients.pdf", "07-losses-gradients.png"]
    assert contents[0] == contents[1]
    pdf, expected = contents[0][0], f"sha256:{plots.records_hash(found)}"
    assert expected.encode() in pdf and b"unet-dice-s2" in pdf and b"CreationDate" not in pdf
    assert Image.open(tmp_path / "one" / "figures" / "07-losses-gradients.png").text["Keywords"] == expected
    assert b"/FontType 42" in pdf or b"/Type0" in pdf


def test_the_hash_knows_every_count_and_no_order(arms):
    found = [record for records in arms.values() for record in records]
    whole = plots.records_hash(found)
    assert plots.records_hash(found[::-1]) == whole and plots.records_hash(found * 2) == whole
    assert plots.records_hash(found[1:]) != whole
    changed = made_up("dice", 0)
    before = plots.records_hash([changed])
    changed.scores["test"].fp[3, 2] += 1
    assert plots.records_hash([changed]) != before
    assert re.fullmatch("[0-9a-f]{64}", whole)


def test_band_spans_the_seeds(arms):
    figure = plots.curves({"Dice": arms["dice"]}, [("val_miou", "Score", "mIoU, %", 100.0, {})])
    _, values = plots.series(arms["dice"], "val_miou")
    path = figure.axes[0].collections[0].get_paths()[0].vertices
    assert path[:, 1].max() == pytest.approx(100 * values.max()) and path[:, 1].min() == pytest.approx(100 * values[:, 0].min())


def test_curves_run_along_the_images_shown():
    record = made_up("dice", 0)
    for row in record.history:
        row["images"] = 480 * (row["epoch"] + 1)
    axis = plots.curves({"Dice": [record]}, [("val_miou", "Score", "mIoU, %", 1.0, {})], along="images").axes[0]
    assert axis.lines[0].get_xdata()[0] == 480 and axis.get_xlabel() == "images shown"


def test_no_line_crosses_an_empty_stage():
    points = {"U-Net": {"a": [0.2], "b": [0.3, 0.5], "c": [0.6]}, "ViT": {"a": [0.1], "b": [], "c": [0.2]}}
    means = [line for line in plots.stages({"": points}, "mIoU, %").axes[0].lines if line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in means] == [[20, 40, 60], pytest.approx([10, np.nan, 20], nan_ok=True)]
    points["ViT"].pop("b")
    means = [line for line in plots.stages({"": points}, "mIoU, %").axes[0].lines if line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in means] == [[20, 40, 60], [10, 20]], "what a label lacks is stepped over"
    assert np.diff(means[1].get_xdata()).tolist() == [2]


def test_descent_starts_every_path_at_step_0():
    figure = plots.descent(lambda x, y: x**2 + y**2, {"a": np.array([[3.0, 4.0], [0.0, 1.0]]), "b": np.array([[3.0, 4.0], [1.0, 0.0]])})
    assert [line.get_ydata().tolist() for line in figure.axes[1].lines] == [[25, 1], [25, 1]]


def test_camvid_is_drawn_in_the_colours_of_cityscapes():
    shown, names = labels.as_cityscapes(labels.CAMVID), labels.CAMVID.names
    for own, twin in (("car", "car"), ("pavement", "sidewalk"), ("tree", "vegetation")):
        assert shown.colors[names.index(own)].tolist() == labels.CITYSCAPES.colors[labels.CITYSCAPES.names.index(twin)].tolist()
    assert labels.CAMVID.colors[names.index("pavement")].tolist() == [0, 0, 192], "the table that writes files keeps its own"


def test_unmeasured_epochs_are_left_out():
    record = made_up("dice", 0)
    record.history[3]["val_miou"] = None
    figure = plots.curves({"Dice": [record]}, [("val_miou", "Score", "mIoU, %", 1.0, {})])
    assert 3 not in figure.axes[0].lines[0].get_xdata()


def test_error_map_shows_void_wrong_and_right():
    truth, guess = np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 2]], np.uint8)
    shown = plots.error_map(truth, guess)
    assert (shown[0, 2] == 0).all() and shown[0, 0].min() > 0.8 and shown[0, 1, 0] > 2 * shown[0, 1, 2]


def test_a_light_line_parts_dark_classes_and_no_others():
    road, car, truck = (labels.CITYSCAPES.names.index(name) for name in ("road", "car", "truck"))
    shown = plots.predictions.outlined(np.array([[road, road, car, car, truck, truck]]), labels.CITYSCAPES)
    assert (shown == 235).all(axis=2)[0].nonzero()[0].tolist() == [7, 8] and shown.shape == (2, 12, 3)


def test_void_is_black_over_a_picture_as_in_every_label_map():
    image, target = np.full((3, 1, 2), 255, np.uint8), np.array([[0, labels.IGNORE]], np.uint8)
    shown = plots.overlay(image, target, labels.CITYSCAPES)
    assert shown[0, 1].max() < 60 < shown[0, 0].max(), "white under void"
    for fine, words in ((target, ["road", "void"]), (np.zeros_like(target), ["road"])):
        figure = plots.annotations([(image, fine, fine)], labels.CITYSCAPES)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == words


def test_rule_takes_best_median_and_worst_and_never_nan():
    assert plots.by_rule(np.array([0.2, np.nan, 0.9, 0.1, 0.5])) == {"best": 2, "median": 4, "worst": 3}


def test_confusion_rows_are_shares_of_the_truth():
    figure = plots.confusion({"": (np.array([[8, 2, 0], [0, 0, 0]]), ["a", "b"])})
    drawn = figure.axes[0].collections[0].get_array()
    assert np.asarray(drawn).ravel()[:2].tolist() == [80, 20] and np.isnan(np.ma.filled(drawn, np.nan)).ravel()[2:].all()


def test_confusion_has_the_most_frequent_class_first_and_its_whole_diagonal():
    figure = plots.confusion({"": (np.array([[1, 9, 0, 0], [0, 85, 15, 0], [7, 0, 41, 2]]), ["a", "b", "c"])})
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["b", "c", "a"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["b", "c", "a", "void"]
    *cells, word = [number.get_text() for number in axis.texts]
    assert cells == ["85", "15", "", "", "", "82", "", "", "90", "", "10", ""], "off the diagonal from 15 on"
    assert word.startswith("predicted")


def test_the_rows_of_the_confusion_matrix_do_not_touch():
    """At the height that two panels have, with 19 classes."""
    panel = np.eye(19, 20), labels.CITYSCAPES.names
    figure = plots.confusion({"streets": panel, "CamVid": (np.eye(11, 12), labels.CAMVID.names)})
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(above.y0 > below.y1 for above, below in zip(boxes, boxes[1:]))
    assert figure.get_size_inches()[1] * 25.4 <= 78, "as high as it is printed"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.bars({}, "x"),
        lambda: plots.losses({"streets": {}}, {}),
        lambda: plots.lines({}, "x", "y"),
        lambda: plots.learning({}, 19),
    ],
)
def test_nothing_to_show_is_said(draw):
    assert "no records" in draw().axes[0].texts[0].get_text()


def test_plots_import_nothing_above_them():
    for path in Path(plots.__file__).parent.glob("*.py"):
        assert not re.search(
            r"seglib(\.| import )(training|evaluation|study|models|data)\b", path.read_text().replace("seglib.plots.data", "")
        ), path


def test_a_full_disk_names_the_figure_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, **_):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("SEGLIB_OUTPUT", str(tmp_path))
    figure = plots.blank()
    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(OSError, match="figures/shape.pdf"):
        plots.save(figure, "shape")
    assert not list((tmp_path / "figures").iterdir())


def test_a_family_looks_the_same_in_every_figure():
    assert looks(["ViT", "U-Net"]) == {"ViT": 3, "U-Net": 2}
    assert looks(["a", "U-Net", "b"]) == {"a": 5, "U-Net": 2, "b": 6}, "beside a family nothing borrows a family's look"
    assert looks(["a", "b"]) == {"a": 0, "b": 1}
    many = looks([*FAMILIES, *map(str, range(9))])
    assert len(set(many.values())) == len(many)  # no two alike until colours repeat, then another index all the same


def test_curves_of_families_have_their_looks_in_every_panel():
    panels = [("", "x", "y", {name: (np.arange(3), np.arange(3)) for name in names}) for names in (["ViT", "a"], ["b", "a", "Swin V2"])]
    one, two = (axis.lines for axis in plots.functions(panels).axes)
    assert [line.get_color() for line in (one[0], two[2])] == [plots.COLORS[FAMILIES.index(name)] for name in ("ViT", "Swin V2")]
    assert one[1].get_color() == two[1].get_color() != two[0].get_color()


def test_a_loss_looks_the_same_in_every_figure(arms):
    assert looks(["Dice", "cross-entropy"]) == {"Dice": 2, "cross-entropy": 0} and set(looks(LOSSES).values()) == set(range(len(LOSSES)))
    assert set(LOSSES) == set(plots.LOSS_NAMES.values())
    some = {name: arms[name] for name in ("dice", "cross_entropy")}
    drawn = plots.losses({"streets": some}, {"streets": 19}).axes[0].lines[:2]
    assert [line.get_color() for line in drawn] == [plots.COLORS[2], plots.COLORS[0]]
    gain = plots.gain_by_frequency({"Dice": np.array([0.1, 0.2])}, np.array([0.4, 0.6]), ("a", "b"), "points").axes[0].containers[0]
    assert gain.lines[0].get_color() == plots.COLORS[2]


def test_panels_without_a_common_label_have_legends_of_their_own():
    family, loss = ({label: {"a": [0.1], "b": [0.2]} for label in labels} for labels in (("U-Net", "ViT"), ("Dice", "soft IoU")))
    figure = plots.stages({"short": family, "longer": family, "losses": loss}, "mIoU", levels={"short": {"prior": 9.0}})
    named = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    assert named == [["U-Net", "ViT", "prior"], ["Dice", "soft IoU"]]
    assert [any(list(line.get_ydata()) == [9.0, 9.0] for line in axis.lines) for axis in figure.axes] == [True, False, False]
    assert len(plots.stages({"short": family, "longer": family}, "mIoU").legends) == 1


def test_a_wide_interval_is_cut_and_stretches_no_axis():
    rows = [(f"row {i}", {"streets": (0.5, -1.0, 2.0)}) for i in range(20)]
    figure = plots.changes([("", {"few": [("wild", {"streets": (-3.0, -40.0, 1.0)})], "many": rows})], "points")
    left, right = figure.axes[0].get_xlim()
    assert -5 < left < -3 and right == -left, "every difference is in view, the widest interval is not"
    assert [line.get_marker() for line in figure.axes[0].lines].count("<") == 1
    assert "goes on" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert "goes on" not in [text.get_text() for text in plots.changes([("", {"many": rows})], "points").legends[0].get_texts()]


def test_changes_of_two_data_sets_hide_each_other_nowhere():
    axes = plots.changes([("short runs", CHANGES), ("", {}), ("longer", LONGER)], "points").axes
    assert len(axes) == 2, "an empty column has no panel"
    assert [axis.texts[0].get_text() for axis in axes] == ["short runs", "longer"]
    dots = {line.get_marker(): [] for line in axes[0].lines if line.get_marker() in ("o", "s")}
    for line in axes[0].lines:
        if line.get_marker() in dots:
            dots[line.get_marker()].append(line.get_ydata()[0])
    rows = [place for place, label in zip(axes[0].get_yticks(), axes[0].get_yticklabels()) if label.get_text() == "flips"]
    titles = [text.xy[1] for text in axes[0].texts[1:]]
    assert [row - dot for row, dot in zip(rows, dots["o"])] == [pytest.approx(0.19)] * 3, "streets above"
    assert [dot - row for row, dot in zip(rows, dots["s"][::2])] == [pytest.approx(0.19)] * 3, "CamVid below"
    assert titles[1] - rows[0] == pytest.approx(2.5), "half a line of air before a group"


def test_no_word_leaves_the_page(arms):
    """Titles count for nothing when the panels are laid out."""
    drawn = gallery(arms)
    for name in ("changes", "classes", "confusion", "examples", "label_maps", "learning further", "scenes", "stages"):
        figure, page = drawn[name], drawn[name].bbox
        figure.draw_without_rendering()
        words = [text for axis in figure.axes for text in (*axis.texts, axis.title, axis.xaxis.label, axis.yaxis.label)]
        for text in (text for text in (*words, *(text for legend in figure.legends for text in legend.get_texts())) if text.get_text()):
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, (name, text.get_text())


def test_learning_curves_of_further_runs_have_the_loss_of_the_first_of_them(arms):
    """Three panels of scores, then two of losses, each on an axis of its own under its own name; the chance line is the first's alone."""
    tall = [made_up("cross_entropy_dice", seed) for seed in range(3)]
    for record in tall:
        record.history[0]["loss"] = 8.0
    usual, summed = {"U-Net": arms["cross_entropy"]}, {"U-Net": tall}
    figure = plots.learning(usual, 19, "streets, short", {"streets, longer": summed, "CamVid, longer": summed})
    *_, nats, longer = figure.axes
    assert [axis.get_title() for axis in (nats, longer)] == ["loss,\nshort", "loss,\nlonger"]
    assert [axis.get_ylabel() for axis in (nats, longer)] == ["nats per pixel", "cross-entropy + Dice"]
    assert np.log(19) < nats.get_ylim()[1] < 1.3 * np.log(19) < 8 < longer.get_ylim()[1] and longer.get_ylim()[0] == 0
    assert all(axis.yaxis.get_tick_params()["labelleft"] for axis in (nats, longer)), "an axis without numbers"
    assert [len(axis.lines) for axis in (nats, longer)] == [2, 1]
    assert figure.get_size_inches()[1] * 2.54 == pytest.approx(5.8), "as high as it is printed"
    assert plots.learning(usual, 19, "short", {"longer": arms}).axes[-1].get_ylabel() == "loss", "of several losses none is named"
    assert len(plots.learning(arms, 19).axes) == 2


def test_markers_of_one_class_stand_apart_and_in_their_row():
    some = {name: (np.full(9, 0.5),) * 3 for name in ("U-Net", "FCN-8s", "ViT")}
    few = {name: (np.full(2, 0.5),) * 3 for name in some}
    axes = plots.per_class({"nine": (some, list("abcdefghi"), np.ones(9)), "two": (few, ("x", "y"), np.ones(2))}).axes
    for axis, rows in zip(axes, (9, 2), strict=True):
        places = np.array([bar.lines[0].get_ydata()[0] for bar in axis.containers])
        assert (np.diff(places) * 9 / rows).tolist() == pytest.approx([1 / 3] * 2) and abs(places).max() < 0.5


def test_only_classes_that_can_be_seen_are_in_the_legend_of_examples():
    truth = np.zeros((64, 128), np.uint8)
    guess = truth.copy()
    guess[:8], guess[8, :3] = 13, 17
    figure = plots.examples([("best", np.zeros((3, 64, 128), np.uint8), truth, guess)], labels.CITYSCAPES)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["road", "car", "right", "wrong"]
    assert [axis.get_title() for axis in figure.axes] == ["best", "truth", "prediction", "error"]


def words_of(figure) -> list[tuple[str, str]]:
    """(at the left, above) of each panel."""
    return [(axis.get_ylabel(), axis.get_title()) for axis in figure.axes]


def test_what_a_row_or_a_column_shows_is_written_once():
    truth, image = np.zeros((64, 128), np.uint8), np.zeros((3, 64, 128), np.uint8)
    figure = plots.examples([(name, image, truth, truth) for name in ("best", "worst")], labels.CITYSCAPES)
    assert [title for _, title in words_of(figure)] == ["best", "truth", "prediction", "error", "worst", "", "", ""]
    assert figure.get_size_inches()[1] * 25.4 <= 62, "as high as it is printed"
    maps = {rule: {name: (f"{rule} {name}", truth) for name in ("U-Net", "ViT")} for rule in ("best", "worst")}
    drawn = words_of(plots.label_maps(maps, labels.CITYSCAPES))
    assert drawn == [("U-Net", "best\nbest U-Net"), ("", "worst\nworst U-Net"), ("ViT", "best ViT"), ("", "worst ViT")]
    drawn = words_of(plots.scenes({rule: (image, truth, found) for rule, found in maps.items()}, labels.CITYSCAPES))
    assert [left for left, _ in drawn[::2]] == ["picture", "truth", "U-Net", "ViT"] and not any(left for left, _ in drawn[1::2])
    assert [above for _, above in drawn] == ["best", "worst", "", "", "best U-Net", "worst U-Net", "best ViT", "worst ViT"]


def test_a_sweep_shows_what_was_chosen_and_how_many_seeds_say_so():
    runs = {"short runs": {"Dice": {0.01: [0.1], 0.1: [0.2]}}, "full runs": {"Dice": {0.01: [0.3, 0.5], 0.1: [0.2]}, "other": {1.0: [0.1]}}}
    axes = plots.panels(runs, "rate", "mIoU", chosen={"Dice": 0.01}).axes
    star = next(line for line in axes[0].lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.01, pytest.approx(40)), "of the last runs that have the rate"
    assert [text.get_text() for text in axes[0].texts] == ["2"] and not [line for line in axes[1].lines if line.get_marker() == "*"]


def test_what_halving_drops_is_counted_and_what_stays_is_named():
    figure = plots.halving({"a": [(10, 0.1), (20, 0.2)], "b": [(10, 0.05)], "c": [(10, 0.04)]}, "images", "mIoU")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "dropped before the last round (2 of 3 settings)"]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["10\n3 settings", "20\n1 settings"]


def test_levels_and_true_shares_are_marked():
    shares = {"a.jpg": np.array([0.9, 0.1, 0.0]), "b.jpg": np.array([0.7, 0.3, 0.0])}
    axis = plots.areas(shares, ("x", "y", "z"), {"a.jpg": np.array([0.5, 0.3, 0.2])}).axes[0]
    diamonds = next(line for line in axis.lines if line.get_marker() == "D")
    assert diamonds.get_xdata() == pytest.approx([50, 30, 20]) and "diamond" in axis.get_xlabel()
    assert "diamond" not in plots.areas(shares, ("x", "y", "z")).axes[0].get_xlabel()
    across = plots.bars({"a": {"b": (0.1, 0.1, 0.1)}}, "mIoU", levels={"forest": 17.0}).axes[0]
    assert any(list(line.get_ydata()) == [17.0, 17.0] for line in across.lines)
    assert [text.get_text() for text in across.figure.legends[0].get_texts()] == ["a", "forest"]


def test_a_title_stands_above_what_is_shown():
    assert plots.titled(plots.bars({"a": {"b": (0.1, 0.1, 0.1)}}, "mIoU"), "short").get_suptitle() == "short"
    assert plots.titled(plots.blank(), "short").get_suptitle() == ""


def test_a_column_that_nobody_has_is_left_out_and_still_cuts_the_line():
    some, all_of_it = {"short": [0.1], "recipe": [], "longer": [0.3]}, {"short": [0.1], "recipe": [0.2], "longer": [0.3]}
    figure = plots.stages({"streets": {"U-Net": some}, "CamVid": {"U-Net": all_of_it}}, "mIoU")
    assert [[label.get_text() for label in axis.get_xticklabels()] for axis in figure.axes] == [
        ["short", "longer"],
        ["short", "recipe", "longer"],
    ]
    assert [int(np.isnan(axis.lines[0].get_ydata()).sum()) for axis in figure.axes] == [1, 0]
