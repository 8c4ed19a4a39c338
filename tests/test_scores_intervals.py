"""Tests of a difference over seeds: p by Student's t, Welch's p, what chance alone gives, and Holm's correction, against scipy."""

import numpy as np
import pytest
from scipy import stats

from seglib import scores
from seglib.scores.intervals import t_p, t_quantile


@pytest.mark.parametrize("freedom", [*range(1, 12), 30, 57])
@pytest.mark.parametrize("t", [0.0, 0.3, -1.7, 4.3, 40.0])
def test_p_of_student_is_scipys(t, freedom):
    assert t_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30])
def test_p_and_quantile_agree(freedom):
    assert t_p(t_quantile(freedom), freedom) == pytest.approx(0.05, abs=1e-5)


def test_welch_p_is_that_of_a_text_book():
    """Means 20 and 15, variances 4 and 1 of 4 and 3 seeds: t = 5 / sqrt(4 / 3) with 4.67 degrees of freedom, rounded down to 4."""
    a, b = 20 + np.array([-1, 1, -1, 1]) * np.sqrt(3), 15 + np.array([-1, 0, 1])
    assert scores.welch_p(a, b) == scores.welch_p(b, a) == pytest.approx(2 * stats.t.sf(5 / np.sqrt(4 / 3), 4))
    assert scores.welch_p(a, b) >= stats.ttest_ind(a, b, equal_var=False).pvalue, "rounded down is the careful side"
    assert np.isnan(scores.welch_p([1.0], b))
    assert scores.welch_p([2.0, 2.0], [1.0, 1.0]) == 0 and scores.welch_p([2.0, 2.0], [2.0, 2.0]) == 1


def test_welch_p_says_what_the_interval_says():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(shift, 1, 3), rng.normal(0, 2, 5)) for shift in np.linspace(0, 8, 60)]
    outside = [not low <= 0 <= high for _, low, high in (scores.welch_difference(*pair) for pair in pairs)]
    assert outside == [scores.welch_p(*pair) < 0.05 for pair in pairs] and 5 < sum(outside) < 55


def test_chance_exceeds_the_null_difference_half_of_the_time():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 4.0, 7.0, 9.0])
    assert scores.null_difference(a, b) == pytest.approx(0.6745 * np.sqrt(1 / 3 + 6 / 4))
    draws = np.random.default_rng(0).normal(0, [np.sqrt(1 / 3), np.sqrt(6 / 4)], (20_000, 2))
    assert (abs(draws[:, 0] - draws[:, 1]) > scores.null_difference(a, b)).mean() == pytest.approx(0.5, abs=0.015)
    assert np.isnan(scores.null_difference([1.0], b))


@pytest.mark.parametrize(("p", "kept"), [
    ([0.01, 0.02, 0.03], [True, True, True]),  # 0.05 / 3, / 2, / 1
    ([0.03, 0.01, 0.04], [False, True, False]),  # 0.03 misses 0.05 / 2, and what follows falls with it
    ([0.02, 0.02, 0.001], [True, True, True]),
    ([0.02, 0.02, 0.02], [False, False, False]),
    ([0.001, np.nan], [True, False]),  # a comparison without a p counts, and never holds
    ([0.03, np.nan], [False, False]),
    ([], []),
])  # fmt: skip
def test_holm_by_hand(p, kept):
    assert scores.holm(p).tolist() == kept
