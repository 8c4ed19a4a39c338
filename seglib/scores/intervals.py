"""Uncertainty of a score: over images by bootstrap, over seeds by Student's t."""

from collections.abc import Sequence

import numpy as np

from seglib.records import Scores
from seglib.scores.measures import over_seeds, ratio

Seeds = Scores | Sequence[Scores]  # the counts of one run, or of several runs of one recipe on the same images


def _runs(scores: Seeds) -> list[Scores]:
    """The runs of one recipe. ValueError where their images are not as many, or have no counts of their own."""
    runs = [scores] if isinstance(scores, Scores) else list(scores)
    shapes = [None if run.tp is None else run.tp.shape for run in runs]
    if not runs:
        raise ValueError("no run to resample: the arm is empty")
    if None in shapes or not shapes[0][0]:
        raise ValueError(f"a bootstrap needs counts per image, and at least one image; got (images, classes) {shapes}")
    if len(set(shapes)) > 1:
        raise ValueError(f"a comparison needs the same images in every run; got (images, classes) {shapes}")
    return runs


def _class_ious(run: Scores, draws: np.ndarray) -> np.ndarray:
    """Class IoU of each resampled split: draws (n, N) how often each image is taken -> (n, K)."""
    # Counts stay below 2^53, so float64 products are exact, and run as one matrix product.
    hits, wrong, missed = (draws @ part.astype(np.float64) for part in (run.tp, run.fp, run.fn))
    return ratio(hits, hits + wrong + missed)


def _resampled(runs: list[Scores], draws: np.ndarray) -> np.ndarray:
    """Mean IoU of each resampled split, mean over the runs -> (n,)."""
    return np.mean([np.nanmean(_class_ious(run, draws), axis=1) for run in runs], axis=0)


def _draws(runs: list[Scores], n: int, seed: int) -> np.ndarray:
    """(n, N) float64: n resamples of the N images with replacement, as how often each image comes up."""
    images = len(runs[0].tp)
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=n).astype(np.float64)


def bootstrap(scores: Seeds, n: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval (low, high) of the mean IoU over resampled images (Efron 1979); of several runs, of their mean.

    Images of one drive resemble each other, so the true interval is wider.
    """
    runs = _runs(scores)
    low, high = np.percentile(_resampled(runs, _draws(runs, n, seed)), [2.5, 97.5])
    return float(low), float(high)


def class_bootstrap(scores: Seeds, n: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """As `bootstrap`, of every class's IoU: low and high (K,), NaN for a class that is nowhere."""
    runs = _runs(scores)
    draws = _draws(runs, n, seed)
    each = np.stack([_class_ious(run, draws) for run in runs])  # (runs, n, K)
    values = over_seeds(each)
    found = np.isfinite(values).any(axis=0)
    low, high = np.full((2, values.shape[1]), np.nan)
    low[found], high[found] = np.nanpercentile(values[:, found], [2.5, 97.5], axis=0)
    return low, high


def paired_bootstrap(a: Seeds, b: Seeds, n: int = 1000, seed: int = 0) -> tuple[float, float, float, float]:
    """Mean IoU of a less that of b on the same images: (difference, low, high, p), resampling images for both at once.

    Of several runs a side the difference is that of their means; every run sees the same resample. p is two-sided: twice the smaller
    share of resamples on one side of 0, at least 1/n. ValueError where the images are not as many.
    """
    first, second = _runs(a), _runs(b)
    _runs([*first, *second])
    whole, draws = np.ones((1, len(first[0].tp))), _draws(first, n, seed)
    values = _resampled(first, draws) - _resampled(second, draws)
    low, high = np.percentile(values, [2.5, 97.5])
    p = 2 * min((values <= 0).mean(), (values >= 0).mean())
    difference = (_resampled(first, whole) - _resampled(second, whole))[0]
    return float(difference), float(low), float(high), float(np.clip(p, 1 / n, 1))


# 97.5 % quantile of Student's t for 1 ... 30 degrees of freedom; beyond, the series below is exact to 1e-3.
_T = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314,
      2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423]  # fmt: skip


def t_quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t."""
    return _T[freedom - 1] if freedom <= len(_T) else 1.95996 + 2.3722 / freedom + 2.8225 / freedom**2


def seed_interval(values) -> tuple[float, float, float]:
    """Scores of several seeds -> (mean, low, high), the 95 % interval of the mean by Student's t. One seed has no interval: NaN."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("seed_interval needs the scores of at least one seed")
    centre = float(values.mean())
    if len(values) == 1:
        return centre, float("nan"), float("nan")
    half = t_quantile(len(values) - 1) * float(values.std(ddof=1)) / np.sqrt(len(values))
    return centre, float(centre - half), float(centre + half)


def t_p(t: float, freedom: int) -> float:
    """Two-sided p of Student's t: the closed form for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle, odd = np.arctan(abs(t) / freedom**0.5), freedom % 2
    sine, cosine = np.sin(angle), np.cos(angle)
    term = cosine if odd else 1.0
    series = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom, 2):
        term *= (k - 1) / k * cosine**2
        series += term
    within = 2 / np.pi * (angle + sine * series) if odd else sine * series
    return float(np.clip(1 - within, 0, 1))


def _welch(a, b) -> tuple[float, float, int]:
    """Scores of two recipes over their seeds -> (difference of the means, its standard error, Welch's degrees of freedom (1947), rounded
    down): the recipes may vary unlike each other. The error is NaN where one of them has a single seed."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    difference = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return difference, float("nan"), 1
    parts = np.array([x.var(ddof=1) / len(x) for x in (a, b)])
    error = float(parts.sum())
    freedom = error**2 / float((parts**2 / [len(a) - 1, len(b) - 1]).sum()) if error > 0 else 1.0
    return difference, error**0.5, max(1, int(freedom + 1e-9))


def welch_difference(a, b) -> tuple[float, float, float]:
    """Scores of two recipes over their seeds -> (difference of the means, low, high), 95 % by Student's t with Welch's degrees of
    freedom, rounded down. NaN ends where one of them has a single seed."""
    difference, error, freedom = _welch(a, b)
    half = t_quantile(freedom) * error
    return difference, difference - half, difference + half


def welch_p(a, b) -> float:
    """Two-sided p of the difference of two recipes' means over their seeds, below 0.05 where the interval of `welch_difference` excludes
    0. NaN where one of them has a single seed."""
    difference, error, freedom = _welch(a, b)
    return t_p(abs(difference) / error if error else np.inf if difference else 0.0, freedom)


def null_difference(a, b) -> float:
    """The size that the difference of two recipes' means over their seeds exceeds half of the time if the recipes do not differ: 0.6745
    standard errors. NaN where one of them has a single seed."""
    return 0.6745 * _welch(a, b)[1]


def holm(p, level: float = 0.05) -> np.ndarray:
    """p (n,) of n comparisons -> (n,) bool: those that hold at `level` for all of them together (Holm 1979). NaN never holds."""
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")  # NaN comes last
    kept = np.zeros(len(p), bool)
    kept[order] = np.logical_and.accumulate(p[order] <= level / np.arange(len(p), 0, -1))
    return kept


def paired_difference(a, b) -> tuple[float, float, float]:
    """Scores of two recipes under the same seeds -> (mean difference a - b, low, high), 95 % by Student's t over the pairs."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} against {b.shape} scores: a paired difference needs the same seeds on both sides")
    return seed_interval(a - b)
