"""The statistics of a comparison, on plain numbers. Shares are fractions; 95 % intervals are (low, high)."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Interval = tuple[float, float]
Floats = NDArray[np.float64]
LEVEL = 0.95
POWER = 0.80


def t_interval(values: Sequence[float]) -> Interval | None:
    """Student's t interval of a mean over seeds; None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / sqrt(len(values)))
    return mean - half, mean + half


def share_interval(shares: Sequence[float]) -> Interval | None:
    """Student's t interval of a mean of shares, kept within 0 to 1."""
    found = t_interval(shares)
    return (max(0.0, found[0]), min(1.0, found[1])) if found else None


def deviation(interval: Interval, n: int) -> float:
    """The standard deviation of the `n` values behind a t interval."""
    half = (interval[1] - interval[0]) / 2
    return float(half * sqrt(n) / stats.t.ppf((1 + LEVEL) / 2, n - 1))


def welch_interval(a: Sequence[float], b: Sequence[float]) -> Interval | None:
    """Welch's interval of mean(b) - mean(a) for seeds that do not pair; None for fewer than two on a side."""
    if min(len(a), len(b)) < 2:
        return None
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    middle = float(np.mean(b) - np.mean(a))
    if va + vb == 0:
        return middle, middle
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * sqrt(va + vb))
    return middle - half, middle + half


def wilson(share: float, images: int) -> Interval:
    """Wilson's score interval of a share of `images` (Wilson 1927)."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (share + z * z / (2 * images)) / (1 + z * z / images)
    half = z * sqrt(share * (1 - share) / images + z * z / (4 * images**2)) / (1 + z * z / images)
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(a: float, b: float, images: int) -> Interval:
    """Interval of b - a from two Wilson intervals as if unpaired (Newcombe 1998, method 10): wide, hence careful."""
    (al, ah), (bl, bh) = wilson(a, images), wilson(b, images)
    return b - a - sqrt((b - bl) ** 2 + (ah - a) ** 2), b - a + sqrt((bh - b) ** 2 + (a - al) ** 2)


def paired_interval(difference: Floats) -> Interval:
    """Interval of the mean of per-image differences (Wald, paired): how far another test set could move it."""
    mean, half = float(difference.mean()), 1.96 * float(difference.std(ddof=1)) / sqrt(len(difference))
    return mean - half, mean + half


def mcnemar(fixed: int, broken: int) -> float:
    """Exact McNemar p-value of `fixed` against `broken` discordant images (binomial, two-sided)."""
    return float(stats.binomtest(fixed, fixed + broken, 0.5).pvalue) if fixed + broken else 1.0


def mcnemar_over_seeds(difference: Floats) -> float:
    """McNemar's p-value where each image was answered by several seeds (Obuchowski 1998, images as clusters).

    `difference` is, per image, the mean over seeds of right(b) - right(a); one seed gives the plain chi-square test.
    """
    squares = float((difference**2).sum())
    return float(2 * stats.norm.sf(abs(float(difference.sum())) / sqrt(squares))) if squares else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of p-values over all pairs (Holm 1979)."""
    if not values:
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(values, method="holm")[1]]


def smallest_detectable(images: int, variance: float) -> float:
    """Smallest difference that a test at the 5 % level finds in 4 of 5 tries.

    `variance` is that of the per-image difference; of one seed it is the share of images that only one model has right
    (less the squared difference), so this is the usual power formula of McNemar's test (Connor 1987).
    """
    return float((stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * sqrt(variance / images))


def images_needed(gap: float, variance: float) -> int:
    """Test images needed to find a difference of `gap` in 4 of 5 tries; `variance` as for `smallest_detectable`."""
    return int(np.ceil((smallest_detectable(1, variance) / gap) ** 2))


def seeds_needed(gap: float, spread: float, most: int = 100) -> int | None:
    """Seeds a paired t-test needs to find `gap` in 4 of 5 tries; `spread` is the deviation of the differences."""
    for n in range(2, most + 1):
        shift, edge = gap / spread * sqrt(n), stats.t.ppf((1 + LEVEL) / 2, n - 1)
        if stats.nct.sf(edge, n - 1, shift) >= POWER:
            return n
    return None


def calibration(probability: Floats, right: Floats, bins: int = 10) -> tuple[list[tuple[float, float, int]], float]:
    """(mean confidence, share right, images) for each filled bin of equal width, and the expected calibration error.

    The error is the mean gap of confidence and accuracy, weighted by images (Guo et al. 2017).
    """
    where = np.minimum((probability * bins).astype(int), bins - 1)
    rows = [
        (float(probability[where == k].mean()), float(right[where == k].mean()), int((where == k).sum()))
        for k in range(bins)
        if (where == k).any()
    ]
    return rows, sum(n * abs(p - r) for p, r, n in rows) / len(right)


def coverage(probability: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Share of images answered, surest first, and the share right among them, one entry per image."""
    order = np.argsort(-probability, kind="stable")
    number = np.arange(1, len(right) + 1)
    return number / len(right), np.cumsum(right[order]) / number


def prediction_interval(values: Sequence[float]) -> Interval | None:
    """Where one more value of the same kind would fall; None for fewer than two values."""
    if len(values) < 2:
        return None
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) * sqrt(1 + 1 / len(values)))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def pareto(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Indices of the points that no other beats in both cost and gain, cheapest first."""
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i])):
        if not front or gains[i] > gains[front[-1]]:
            front.append(i)
    return front
