"""Scores: values by hand, against sklearn, properties, floors and ceilings, intervals, refusals."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores_helpers import pair
from sklearn.metrics import confusion_matrix, jaccard_score

from seglib import scores
from seglib.records import Scores
from seglib.scores.baselines import subsample
from seglib.scores.intervals import t_quantile

MATRIX = np.array([[6, 2, 0, 0], [1, 3, 0, 1], [0, 0, 0, 0]])  # 3 classes, the third absent; one pixel predicted void


def test_by_hand():
    assert scores.iou(MATRIX)[:2].tolist() == [6 / 9, 3 / 7]
    assert np.isnan(scores.iou(MATRIX)[2])
    assert scores.mean_iou(MATRIX) == pytest.approx((6 / 9 + 3 / 7) / 2)
    assert scores.pixel_accuracy(MATRIX) == pytest.approx(9 / 13)
    assert scores.class_accuracy(MATRIX) == pytest.approx((6 / 8 + 3 / 5) / 2)
    assert scores.frequency_weighted_iou(MATRIX) == pytest.approx(8 / 13 * 6 / 9 + 5 / 13 * 3 / 7)
    assert [counts.tolist() for counts in scores.image_counts(MATRIX)] == [[6, 3, 0], [1, 2, 0], [2, 2, 0]]


def test_a_class_that_is_only_predicted_scores_0():
    assert scores.iou(np.array([[3, 1], [0, 0]])).tolist() == [0.75, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_confusion_and_iou_equal_sklearn(seed):
    target, prediction = pair(seed)
    matrix = scores.confusion(target, prediction, 5)
    valid = target != 255
    assert np.array_equal(matrix[:, :5], confusion_matrix(target[valid], prediction[valid], labels=range(5)))
    assert matrix[:, 5].sum() == 0 and matrix.sum() == valid.sum()
    here = ~np.isnan(scores.iou(matrix))
    expected = jaccard_score(target[valid], prediction[valid], labels=range(5), average=None, zero_division=0)
    np.testing.assert_allclose(scores.iou(matrix)[here], expected[here], atol=1e-12)


def test_void_truth_counts_nowhere_and_predicted_void_is_a_miss():
    target, prediction = pair(0)
    other = np.where(target == 255, (prediction + 1) % 5, prediction)
    assert np.array_equal(scores.confusion(target, prediction, 5), scores.confusion(target, other, 5))
    for void in (255, 5):  # 5: the argmax of a net with a void class
        dropped = prediction.copy()
        dropped[3:5] = void
        matrix = scores.confusion(target, dropped, 5)
        assert matrix[:, 5].sum() == (target[3:5] != 255).sum()
        assert np.array_equal(matrix.sum(1), scores.confusion(target, prediction, 5).sum(1))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, list])
def test_anything_asarray_takes(kind):
    target, prediction = pair(1)
    expected = scores.confusion(target, prediction, 5)
    cast = (lambda a: a.tolist()) if kind is list else (lambda a: a.astype(kind))
    assert np.array_equal(scores.confusion(cast(target), cast(prediction), 5), expected)


def test_pairs_do_not_wrap():
    """18 * 19 is 86 in uint8."""
    assert scores.confusion(np.uint8([18]), np.uint8([18]), 19)[18, 18] == 1


def test_categories():
    matrix = np.zeros((19, 20), np.int64)
    matrix[0, 1] = 4  # road taken for sidewalk: both flat
    matrix[13, 14] = 3  # car for truck: both vehicle
    matrix[11, 13] = 2  # person for car
    values = dict(zip(("flat", "construction", "object", "nature", "sky", "human", "vehicle"), scores.category_iou(matrix)))
    assert values["flat"] == 1 and values["human"] == 0 and values["vehicle"] == pytest.approx(3 / 5) and np.isnan(values["sky"])
    with pytest.raises(ValueError, match="19 classes of Cityscapes"):
        scores.category_iou(np.eye(11, dtype=int))


def brute_band(labels, c, width):
    """Cheng et al.'s own way for one class: the mask less its erosion, the image's outside counting as background."""
    mask = np.pad((labels == c).astype(np.uint8), 1)
    return (mask - cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=width))[1:-1, 1:-1] > 0


@pytest.mark.parametrize(("seed", "width"), [(0, 1), (1, 2), (2, 5)])
def test_boundary_counts_equal_one_erosion_per_class(seed, width):
    target, prediction = pair(seed, size=(40, 60), void=0.02, wrong=0.1)
    target, prediction = (np.asarray(a).repeat(3, 0).repeat(3, 1) for a in (target, prediction))
    counts = scores.boundary_counts(target, prediction, 5, width=width)
    valid = target != 255
    for c in range(5):
        truth, predicted = (brute_band(a, c, width) & valid for a in (target, prediction))
        assert counts[:, c].tolist() == [(truth & predicted).sum(), (predicted & ~truth).sum(), (truth & ~predicted).sum()]


def test_boundary_iou_sees_what_iou_forgives():
    target = np.zeros((200, 400), np.uint8)
    target[50:150, 100:300] = 1
    shifted = np.roll(target, 3, 1)
    result = scores.accumulate([Scores(scores.confusion(target, shifted, 2), boundary=scores.boundary_counts(target, shifted, 2, 2))])
    assert scores.mean_iou(result.matrix) > 0.95 and scores.boundary_iou(result)[1] < 0.6
    assert scores.boundary_width((1024, 2048)) == 11


def test_image_mean_is_not_the_data_set_mean():
    """An easy image of one class and a hard one of two."""
    easy = scores.count(np.zeros((4, 4), int), np.zeros((4, 4), int), 19)
    target = np.repeat([[0], [1]], 8, axis=1)
    hard = scores.count(target, 1 - target, 19)
    result = scores.accumulate([easy, hard])
    assert scores.mean_image_iou(result) == pytest.approx(0.5)
    assert scores.mean_iou(result.matrix) == pytest.approx((16 / 32 + 0) / 2)
    assert result.tp.shape == (2, 19) and result.tp.sum() == 16


def test_calibration():
    target = np.zeros((10, 10), np.uint8)
    prediction = np.where(np.arange(100).reshape(10, 10) < 80, 0, 1)
    bins = scores.calibration_counts(target, prediction, np.full((10, 10), 0.9))
    assert scores.calibration_error(Scores(MATRIX, calibration=bins)) == pytest.approx(0.1)
    assert bins.shape == (15, 3) and bins[:, 0].sum() == 100 and bins[:, 2].sum() == 80
    target[0] = 255
    assert scores.calibration_counts(target, prediction, np.ones((10, 10)))[14].tolist() == [90, 90, 70]
    for wrong in (np.nan, -0.1, 1.5):
        with pytest.raises(ValueError, match="confidence"):
            scores.calibration_counts(target, prediction, np.full((10, 10), wrong))


def split(images=12, classes=19, seed=0, wrong=0.4):
    return scores.accumulate(scores.count(*pair(seed * 1000 + i, classes, wrong=wrong), classes) for i in range(images))


def test_accumulate_adds_and_keeps_the_order():
    parts = [scores.count(*pair(i, 19), 19) for i in range(3)]
    result = scores.accumulate(parts)
    assert np.array_equal(result.matrix, sum(part.matrix for part in parts))
    assert np.array_equal(result.tp[1], parts[1].tp[0])
    assert result.instance_tp is None and result.calibration is None
    assert np.array_equal(scores.accumulate([scores.accumulate(parts[:2]), parts[2]]).fn, result.fn)


def test_bootstrap_equals_a_loop():
    result = split()
    draws = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), size=50)
    values = []
    for row in draws:
        hits, wrong, missed = ((row[:, None] * part).sum(0) for part in (result.tp, result.fp, result.fn))
        values.append(np.nanmean(hits / (hits + wrong + missed)))
    assert scores.bootstrap(result, n=50, seed=3) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))
    low, high = scores.bootstrap(result)
    assert low < scores.mean_iou(result.matrix) < high


def test_bootstrap_covers():
    """The interval holds the truth about as often as it says (30 small data sets of 40 images of one population)."""
    truth = scores.mean_iou(scores.accumulate([split(40, seed=s, wrong=0.3) for s in range(100, 110)]).matrix)
    inside = [low <= truth <= high for low, high in (scores.bootstrap(split(40, seed=s, wrong=0.3), n=200) for s in range(30))]
    assert sum(inside) >= 22


def test_paired_bootstrap():
    a, b = split(wrong=0.3), split(wrong=0.4)
    difference, low, high, p = scores.paired_bootstrap(a, b)
    assert difference == pytest.approx(scores.mean_iou(a.matrix) - scores.mean_iou(b.matrix))
    assert 0 < low < difference < high and p < 0.01
    assert scores.paired_bootstrap(a, a) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="same images"):
        scores.paired_bootstrap(a, split(5))


def test_bootstrap_of_several_runs_is_that_of_their_mean():
    """Every run sees the same resample: the interval of one run twice is that of the run, and runs are not added up before the ratio."""
    one, other, base = split(seed=1, wrong=0.2), split(seed=2, wrong=0.6), split(seed=3, wrong=0.4)
    mean = np.mean([scores.mean_iou(run.matrix) for run in (one, other)])
    assert scores.paired_bootstrap([one, other], base)[0] == pytest.approx(mean - scores.mean_iou(base.matrix))
    assert mean != pytest.approx(scores.mean_iou(scores.pool([one, other]).matrix), abs=1e-4)
    assert scores.bootstrap([one, one]) == pytest.approx(scores.bootstrap(one))
    low, high = scores.bootstrap([one, other])
    assert low < mean < high
    draws = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=1000)
    parts = [[draws @ part for part in (run.tp, run.fp, run.fn)] for run in (one, other)]
    each = np.mean([tp / (tp + fp + fn) for tp, fp, fn in parts], axis=0)
    np.testing.assert_allclose(scores.class_bootstrap([one, other]), np.percentile(each, [2.5, 97.5], axis=0))
    with pytest.raises(ValueError, match="no run"):
        scores.bootstrap([])
    with pytest.raises(ValueError, match=r"same images.*\(12, 19\), \(5, 19\)"):
        scores.bootstrap([one, split(5)])


def test_welch_is_that_of_a_text_book():
    """By hand: means 20 and 15, variances 4 and 1 of 4 and 3 seeds; 4.67 degrees of freedom, rounded down to 4."""
    a, b = 20 + np.array([-1, 1, -1, 1]) * np.sqrt(3), 15 + np.array([-1, 0, 1])
    difference, low, high = scores.welch_difference(a, b)
    error = np.sqrt(4 / 4 + 1 / 3)
    assert difference == pytest.approx(5) and (low, high) == (pytest.approx(5 - 2.7764 * error), pytest.approx(5 + 2.7764 * error))
    assert np.isnan(scores.welch_difference([1.0], b)[1:]).all()
    assert scores.welch_difference([2.0, 2.0], [1.0, 1.0]) == (1, 1, 1)


def test_over_seeds_skips_what_a_seed_lacks():
    assert scores.over_seeds([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]]).tolist()[:2] == [2, 4]
    assert np.isnan(scores.over_seeds([[np.nan], [np.nan]])).all()


def test_seed_interval():
    mean, low, high = scores.seed_interval([1.0, 2.0, 3.0])
    assert (mean, high - mean) == (2.0, pytest.approx(4.3027 / np.sqrt(3))) and low == pytest.approx(4 - high)
    assert np.isnan(scores.seed_interval([5.0])[1:]).all()
    assert scores.paired_difference([2, 4, 6], [1, 2, 3]) == pytest.approx(scores.seed_interval([1, 2, 3]))
    quantiles = [t_quantile(n) for n in (1, 2, 10, 30, 31, 60, 1000)]
    assert quantiles == pytest.approx([12.7062, 4.3027, 2.2281, 2.0423, 2.0395, 2.0003, 1.9623], abs=2e-4)
    for wrong in ([], [[1.0]]):
        with pytest.raises(ValueError, match="at least one seed"):
            scores.seed_interval(wrong)
    with pytest.raises(ValueError, match="same seeds"):
        scores.paired_difference([1, 2], [1])


def test_constant_class():
    targets = [np.array([[0, 0, 1, 255]]), np.array([[1, 1, 2, 2]])]
    best, matrix = scores.constant_class(targets, 3)
    assert best == 1 and matrix.tolist() == [[0, 2, 0, 0], [0, 3, 0, 0], [0, 2, 0, 0]]


def test_pixel_prior():
    train = [np.array([[0, 1], [2, 255]]), np.array([[0, 1], [1, 255]]), np.array([[0, 0], [1, 2]])]
    matrix = scores.pixel_prior(train, [np.array([[0, 1], [1, 2]])], 3)
    assert scores.mean_iou(matrix) == 1
    enlarged = np.array([[0, 1], [1, 2]]).repeat(4, 0).repeat(4, 1)
    assert scores.mean_iou(scores.pixel_prior(train, [enlarged], 3)) == 1


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_subsample_takes_the_majority(factor):
    target, _ = pair(4, size=(24, 40))
    result = subsample(target, factor, 5)
    for y, x in itertools.product(range(0, 24, factor), range(0, 40, factor)):
        block = target[y : y + factor, x : x + factor]
        votes = np.bincount(block[block != 255], minlength=5)
        assert (result[y : y + factor, x : x + factor] == (votes.argmax() if votes.any() else 255)).all()


def test_ceilings_fall_with_the_factor():
    targets = [pair(i, size=(64, 128), void=0)[0] for i in range(3)]
    targets = [cv2.resize(target, (256, 128), interpolation=cv2.INTER_NEAREST) for target in targets]
    values = [scores.mean_iou(scores.subsampled_truth(targets, factor, 5)) for factor in (1, 2, 4, 8, 16, 32)]
    assert values[0] == 1 and all(a >= b for a, b in itertools.pairwise(values)) and values[-1] < 0.6


class TestOriginal:
    """The original study's scores, with what is wrong with them."""

    def test_a_perfect_prediction_of_16_ids_scores_44(self):
        target = np.arange(256).reshape(16, 16) % 16
        assert scores.original_iou(target, target) == pytest.approx(15 / 34)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10**6))
    def test_its_iiou_is_never_below_its_iou(self, seed):
        target, prediction = pair(seed, 8, void=0)
        assert scores.original_iiou(target, prediction) >= scores.original_iou(target, prediction)


def test_refusals():
    target, prediction = pair(0)
    with pytest.raises(ValueError, match="differ in shape"):
        scores.confusion(target, prediction[1:], 5)
    with pytest.raises(ValueError, match=r"prediction holds labels \[7\]"):
        scores.confusion(target, np.where(prediction == 0, 7, prediction), 5)
    with pytest.raises(ValueError, match=r"target holds labels \[5\]"):
        scores.confusion(np.where(target == 0, 5, target), prediction, 5)
    with pytest.raises(ValueError, match="from -1 to"):
        scores.confusion(target.astype(int) - 1, prediction, 5)
    with pytest.raises(ValueError, match="expected integer labels"):
        scores.confusion(target, prediction.astype(float), 5)
    with pytest.raises(ValueError, match="data set is empty"):
        scores.accumulate([])
    with pytest.raises(ValueError, match="data set is empty"):
        scores.constant_class([], 5)
    with pytest.raises(ValueError, match="data set is empty"):
        scores.subsampled_truth([], 2, 5)
    with pytest.raises(ValueError, match="data set is empty"):
        scores.pixel_prior([], [target], 5)
    with pytest.raises(ValueError, match="different label tables"):
        scores.accumulate([Scores(MATRIX), Scores(MATRIX, labels="camvid")])
    with pytest.raises(ValueError, match="not 5"):
        scores.count(target, prediction, 5)
    with pytest.raises(ValueError, match="expected a matrix"):
        scores.iou(np.zeros((3, 2)))
    empty = Scores(MATRIX)
    for score in (scores.instance_iou, scores.category_instance_iou, scores.boundary_iou, scores.mean_image_iou, scores.calibration_error):
        with pytest.raises(ValueError, match="these scores have no"):
            score(empty)
    with pytest.raises(ValueError, match="counts per image"):
        scores.bootstrap(empty)
    with pytest.raises(ValueError, match="19 classes of Cityscapes"):
        scores.instance_sums(target, target, prediction, 5)


def test_an_empty_matrix_is_undefined_not_zero():
    nothing = np.zeros((3, 4), int)
    assert np.isnan([scores.mean_iou(nothing), scores.pixel_accuracy(nothing), scores.class_accuracy(nothing)]).all()
    assert np.isnan(scores.frequency_weighted_iou(nothing))
