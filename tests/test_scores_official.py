"""Scores equal the official Cityscapes scorer's, cell by cell to 1e-12."""

import functools
import importlib
import math

import numpy as np
import pytest
from PIL import Image
from scores_helpers import VALID_IDS, predictions, scene

from seglib import scores
from seglib.labels import CITYSCAPES, CITYSCAPES_LABELS
from seglib.records import Scores

KINDS = tuple(predictions(np.zeros((8, 8), np.uint8)))
TABLES = ("classScores", "classInstScores", "categoryScores", "categoryInstScores")
AVERAGES = ("averageScoreClasses", "averageScoreInstClasses", "averageScoreCategories", "averageScoreInstCategories")


@pytest.fixture
def official(monkeypatch, tmp_path):
    """(list of (label_ids, instance_ids, predicted_ids)) -> the official scorer's result, from PNG files as it wants them."""
    # It calls np.in1d, which numpy 2.4 no longer has (cityscapesScripts#196).
    monkeypatch.setattr(np, "in1d", lambda a, b, invert=False: np.isin(a, b, invert=invert).ravel(), raising=False)
    module = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling", reason="cityscapesscripts is not installed")
    monkeypatch.setattr(module.args, "quiet", True)
    monkeypatch.setattr(module.args, "JSONOutput", False)

    def run(images):
        truths, predicted = [], []
        for i, (label_ids, instance_ids, predicted_ids) in enumerate(images):
            truth = tmp_path / f"a_{i:06d}_000000_gtFine_labelIds.png"
            Image.fromarray(label_ids).save(truth)
            Image.fromarray(instance_ids.astype(np.uint16)).save(str(truth).replace("labelIds", "instanceIds"))
            Image.fromarray(predicted_ids).save(tmp_path / f"a_{i:06d}_000000_pred.png")
            truths.append(str(truth))
            predicted.append(str(tmp_path / f"a_{i:06d}_000000_pred.png"))
        return module.evaluateImgLists(predicted, truths, module.args)

    return run


def assert_equal(ours, theirs):
    for table in TABLES:
        for name, value in ours[table].items():
            expected = theirs[table][name]
            assert (math.isnan(value) and math.isnan(expected)) or abs(value - expected) <= 1e-12, (table, name, value, expected)
        assert {name for name, value in theirs[table].items() if not math.isnan(value)} <= set(ours[table])
    for name in AVERAGES:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-12, nan_ok=True)


def total(images):
    counts = [scores.cityscapes(*image) for image in images]
    return sum(counts[1:], counts[0])


def ten_scenes(kind):
    for seed in range(10):
        label_ids, instances = scene(seed)
        yield label_ids, instances, predictions(label_ids, seed)[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_random_scenes(official, kind):
    images = list(ten_scenes(kind))
    counts = total(images)
    theirs = official(images)
    assert counts.matrix.sum() == sum(label_ids.size for label_ids, _, _ in images)
    assert np.array_equal(counts.matrix, theirs["confMatrix"])
    assert_equal(scores.cityscapes_scores(counts), theirs)


@functools.cache  # a scene takes seconds to draw, and every kind of prediction is tested on the same ones
def street(seed, size):
    return importlib.import_module("seglib.data.streets").draw(seed, size=size)


def compare_streets(official, kind, number, size):
    drawn = [street(seed, size) for seed in range(number)]
    images = [(s.label_ids, s.instance_ids, predictions(s.label_ids, seed)[kind]) for seed, s in enumerate(drawn)]
    theirs = official(images)
    assert_equal(scores.cityscapes_scores(total(images)), theirs)
    if kind in ("truth", "class missing"):  # a shift brings void ids onto valid pixels, which no train id stands for
        assert_equal(from_train_ids(images), theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_street_scenes(official, kind):
    """Two of the embedded street scenes here, 50 of them with --all."""
    compare_streets(official, kind, 2, (128, 256))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_street_scenes(official, kind):
    compare_streets(official, kind, 50, (512, 1024))


def from_train_ids(images):
    """The same scores by the way of training: train ids, Scores, iou and friends. Equal where no void id is predicted on a valid pixel."""
    counted = []
    for label_ids, instance_ids, predicted_ids in images:
        target, prediction = CITYSCAPES.from_file[label_ids], CITYSCAPES.from_file[predicted_ids]
        # Nothing is known of what lies under void: a net predicts some class there, and it must not matter.
        prediction = np.where(prediction == 255, 3, prediction).astype(np.uint8)
        counted.append(scores.count(target, prediction, 19, instances=instance_ids))
    result = scores.accumulate(counted)
    return named(result)


def named(result: Scores):
    names = CITYSCAPES.names
    categories = ("flat", "construction", "object", "nature", "sky", "human", "vehicle")
    values = {
        "classScores": dict(zip(names, scores.iou(result.matrix))),
        "classInstScores": dict(zip(names, scores.instance_iou(result))),
        "categoryScores": dict(zip(categories, scores.category_iou(result.matrix))),
        "categoryInstScores": dict(zip(categories, scores.category_instance_iou(result))),
    }
    return values | {average: scores.mean(list(values[table].values())) for average, table in zip(AVERAGES, TABLES)}


@pytest.mark.parametrize("kind", ["truth", "shifted", "class missing"])
def test_train_ids_give_the_official_scores(official, kind):
    """On scenes of the 19 classes only, the counts of a training run give the same numbers as the 34 ids."""
    images = []
    for seed in range(6):
        label_ids, instances = scene(seed, ids=VALID_IDS)
        for ignored in (29, 30):  # caravan and trailer
            label_ids[label_ids == ignored], instances[instances // 1000 == ignored] = 26, 26
        images.append((label_ids, instances, predictions(label_ids, seed)[kind]))
    assert_equal(from_train_ids(images), official(images))


ROAD = np.full((8, 16), 7, np.uint8)


def with_pixels(base, **pixels):
    """A copy of `base` with single pixels set: y_x=value."""
    changed = base.copy()
    for place, value in pixels.items():
        changed[tuple(int(n) for n in place[1:].split("_"))] = value
    return changed


ADVERSARIAL = {
    "instances of one pixel": (with_pixels(ROAD, p0_0=26, p1_1=24), with_pixels(ROAD * 1, p0_0=26), with_pixels(ROAD, p0_0=26)),
    "a group is no instance": (np.full_like(ROAD, 26), np.full(ROAD.shape, 26), ROAD),
    "number 0 is an instance": (np.full_like(ROAD, 24), np.full(ROAD.shape, 24000), ROAD),
    "a caravan predicted on a car": (np.full_like(ROAD, 26), np.full(ROAD.shape, 26001), np.full_like(ROAD, 29)),
    "a car predicted on a trailer": (np.full_like(ROAD, 30), np.full(ROAD.shape, 30001), np.full_like(ROAD, 26)),
    "an instance under another label": (ROAD, np.full(ROAD.shape, 26001), np.full_like(ROAD, 26)),
    "a void instance": (np.full_like(ROAD, 5), np.full(ROAD.shape, 5001), ROAD),
    "all void": (np.zeros_like(ROAD), np.zeros(ROAD.shape, int), ROAD),
    "one class": (ROAD, ROAD.astype(int), ROAD),
    "all void predicted": (ROAD, ROAD.astype(int), np.zeros_like(ROAD)),
}


@pytest.mark.parametrize("case", ADVERSARIAL)
def test_adversarial(official, case):
    label_ids, instances, predicted_ids = ADVERSARIAL[case]
    if case == "instances of one pixel":
        instances = np.where(label_ids > 23, label_ids.astype(int) * 1000 + 1, label_ids)
    images = [(label_ids, np.asarray(instances), predicted_ids)]
    assert_equal(scores.cityscapes_scores(total(images)), official(images))


def test_all_adversarial_images_together(official):
    images = [(a, np.asarray(b), c) for a, b, c in ADVERSARIAL.values()]
    assert_equal(scores.cityscapes_scores(total(images)), official(images))


def test_iiou_is_at_most_iou_for_a_net_that_favours_large_objects():
    """One large car found, one small car missed: the small one weighs as much."""
    target = np.zeros((20, 40), np.uint8)
    instances = np.zeros(target.shape, np.int32)
    target[:, :20], instances[:, :20] = 13, 26001
    target[:2, 30:32], instances[:2, 30:32] = 13, 26002
    prediction = np.where(instances == 26001, 13, 0)
    result = scores.accumulate([scores.count(target, prediction, 19, instances=instances)])
    assert scores.iou(result.matrix)[13] == pytest.approx(400 / 404)
    assert scores.instance_iou(result)[13] == pytest.approx(0.5)


def test_refusals():
    labels = np.full((4, 4), 7, np.uint8)
    with pytest.raises(ValueError, match="label id 255 is not in the table"):
        scores.cityscapes(labels, labels, np.full((4, 4), 255, np.uint8))
    with pytest.raises(ValueError, match="instance 7001: the class 'road' has no instances"):
        scores.cityscapes(labels, np.full((4, 4), 7001), labels)
    with pytest.raises(ValueError, match="instance 40001 belongs to no id"):
        scores.cityscapes(labels, np.full((4, 4), 40001), labels)
    with pytest.raises(ValueError, match="differ in shape"):
        scores.cityscapes(labels, labels, labels[:2])
    with pytest.raises(ValueError, match="differ in shape"):
        scores.cityscapes(labels, labels[:2], labels)


def test_label_ids_are_what_the_server_scores():
    train_ids = np.arange(19, dtype=np.uint8)
    assert scores.label_ids(train_ids).tolist() == list(VALID_IDS)
    assert scores.label_ids(np.array([255, 19])).tolist() == [0, 0]
    by_train_id = {row.train_id: row.id for row in CITYSCAPES_LABELS if row.train_id != 255}
    assert [by_train_id[k] for k in range(19)] == scores.label_ids(train_ids).tolist()
    with pytest.raises(ValueError, match="ends at 18"):
        scores.label_ids(np.array([20]))
