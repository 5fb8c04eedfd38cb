"""The statistics of a comparison, on plain numbers. Shares are fractions; 95 % intervals are (low, high)."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

Interval = tuple[float, float]
Floats = NDArray[np.float64]
LEVEL = 0.95
ALPHA = 1 - LEVEL
POWER = 0.80


def _plain(interval: Sequence[float]) -> Interval:
    low, high = interval
    return float(low), float(high)


def t_interval(values: Sequence[float], of_next_value: bool = False) -> Interval | None:
    """Student's t interval of the mean over seeds or of one more value; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    mean, half = float(np.mean(values)), float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1))
    half = half * sqrt(1 + 1 / n) if of_next_value else half / sqrt(n)
    return mean - half, mean + half


def share_interval(shares: Sequence[float]) -> Interval | None:
    """Student's t interval of a mean of shares, kept within 0 to 1."""
    interval = t_interval(shares)
    return (max(0.0, interval[0]), min(1.0, interval[1])) if interval else None


def deviation(interval: Interval, n: int) -> float:
    """The standard deviation of the `n` values behind a t interval."""
    half = (interval[1] - interval[0]) / 2
    return float(half * sqrt(n) / stats.t.ppf((1 + LEVEL) / 2, n - 1))


def welch_interval(a: Sequence[float], b: Sequence[float]) -> Interval | None:
    """Welch's interval of mean(b) - mean(a) for seeds that do not pair; None if a side has fewer than two."""
    if min(len(a), len(b)) < 2:
        return None
    if np.ptp(a) == np.ptp(b) == 0:  # Welch's degrees of freedom would be 0 / 0
        return b[0] - a[0], b[0] - a[0]
    return _plain(CompareMeans(DescrStatsW(b), DescrStatsW(a)).tconfint_diff(ALPHA, usevar="unequal"))


def wilson(share: float, images: int) -> Interval:
    """Wilson's score interval of a share of `images` (Wilson 1927)."""
    return _plain(proportion_confint(share * images, images, ALPHA, method="wilson"))


def newcombe(a: float, b: float, images: int, images_b: int | None = None) -> Interval:
    """Interval of b - a from two Wilson intervals as if unpaired (Newcombe 1998, method 10): wide, hence careful.

    `a` is a share of `images`, `b` of as many or of `images_b`.
    """
    images_b = images_b or images
    counts = (b * images_b, images_b, a * images, images)
    return _plain(confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=ALPHA))


def stratified_difference(strata: Sequence[tuple[float, int, float, int]]) -> tuple[float, Interval]:
    """Mean difference b - a over strata (a, images of a, b, images of b), and its interval.

    Weights are those of Mantel and Haenszel. Newcombe's intervals of the strata are combined by their distances from
    the differences (MOVER, Zou & Donner 2008); one stratum gives `newcombe`.
    """
    weights = np.array([n * m / (n + m) for _, n, _, m in strata])
    weights /= weights.sum()
    differences = np.array([b - a for a, _, b, _ in strata])
    lows, highs = np.array([newcombe(a, b, n, m) for a, n, b, m in strata]).T
    mean = float(weights @ differences)
    below, above = (float(np.sqrt((weights**2) @ (differences - ends) ** 2)) for ends in (lows, highs))
    return mean, (mean - below, mean + above)


def paired_interval(difference: Floats) -> Interval:
    """Interval of the mean of per-image differences (Wald, paired): how far another test set could move it."""
    return _plain(DescrStatsW(difference).zconfint_mean(ALPHA))


def mcnemar(fixed: int, broken: int) -> float:
    """Exact McNemar p-value of `fixed` against `broken` discordant images (binomial, two-sided)."""
    return float(contingency_tables.mcnemar([[0, fixed], [broken, 0]], exact=True).pvalue)


def mcnemar_over_seeds(difference: Floats) -> float:
    """McNemar's p-value when several seeds predict each image (Obuchowski 1998, images as clusters).

    `difference` is, per image, the mean over seeds of correct(b) - correct(a); one seed gives the chi-square test.
    """
    squares = float((difference**2).sum())
    return float(2 * stats.norm.sf(abs(float(difference.sum())) / sqrt(squares))) if squares else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of p-values over all pairs (Holm 1979)."""
    return [float(p) for p in multipletests(values, method="holm")[1]] if values else []


def smallest_detectable(images: int, variance: float) -> float:
    """Smallest difference that a test at the 5 % level finds in 4 of 5 tries; `variance` of the difference per image.

    For one seed this is the usual power formula of McNemar's test (Connor 1987).
    """
    return float((stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * sqrt(variance / images))


def images_needed(gap: float, variance: float) -> int:
    """Test images needed to find a difference of `gap` in 4 of 5 tries; `variance` as for `smallest_detectable`."""
    return int(np.ceil((smallest_detectable(1, variance) / gap) ** 2))


def seeds_needed(gap: float, spread: float, most: int = 100) -> int | None:
    """Seeds a paired t-test needs to find `gap` in 4 of 5 tries; `spread` is the deviation of the differences."""
    power = TTestPower().power
    enough = (n for n in range(2, most + 1) if power(gap / spread, n, ALPHA / 2, alternative="larger") >= POWER)
    return next(enough, None)


def calibration(probability: Floats, correct: Floats, bins: int = 10) -> tuple[list[tuple[float, float, int]], float]:
    """(mean confidence, accuracy, images) per filled bin, and the expected calibration error (Guo et al. 2017)."""
    where = np.minimum((probability * bins).astype(int), bins - 1)
    rows = [
        (float(probability[where == k].mean()), float(correct[where == k].mean()), int((where == k).sum()))
        for k in range(bins)
        if (where == k).any()
    ]
    return rows, sum(n * abs(p - r) for p, r, n in rows) / len(correct)


def coverage(probability: Floats, correct: Floats) -> tuple[Floats, Floats]:
    """Share of images answered, most confident first, and the accuracy on them, one entry per image."""
    order = np.argsort(-probability, kind="stable")
    number = np.arange(1, len(correct) + 1)
    return number / len(correct), np.cumsum(correct[order]) / number


def pareto(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Indices of the points that no other beats in both cost and gain, cheapest first."""
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i])):
        if not front or gains[i] > gains[front[-1]]:
            front.append(i)
    return front
