"""The statistics against other implementations, stored values, formulas from papers and simulation."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import DescrStatsW

from reports.study import statistics

FORMER = [
    (lambda: statistics.t_interval([0.91, 0.93, 0.92]), (0.895158622882, 0.944841377118)),
    (lambda: statistics.welch_interval([0.90, 0.91, 0.93, 0.90], [0.95, 0.94, 0.97]), (0.012615753004, 0.074050913663)),
    (lambda: statistics.welch_interval([0.9, 0.9], [0.95, 0.95]), (0.05, 0.05)),
    (lambda: statistics.wilson(0.94, 500), (0.915638936875, 0.957651643519)),
    (lambda: statistics.wilson(0.0, 20), (0.0, 0.161125158053)),
    (lambda: statistics.wilson(0.8625, 133), (0.793734031987, 0.910913527539)),
    (lambda: statistics.newcombe(0.88, 0.942, 500), (0.026852511929, 0.097875401255)),
    (lambda: statistics.newcombe(1.0, 0.5, 7), (-0.797628306394, -0.037255290704)),
    (lambda: [statistics.mcnemar(*n) for n in ((19, 11), (0, 6), (40, 8))], (0.200488422066, 0.03125, 3.305267e-06)),
    (lambda: [statistics.seeds_needed(*n) for n in ((0.01, 0.012), (0.05, 0.001))], (14, 2)),
]


@pytest.mark.parametrize(("compute", "expected"), FORMER)
def test_results_agree_with_the_former_formulas(compute: Callable[[], Sequence[float]], expected: tuple) -> None:
    """Values stored from the formulas written out by hand, before SciPy and statsmodels computed them."""
    assert compute() == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_paired_interval_agrees_with_the_former_formula_as_printed() -> None:
    difference = np.array([1.0] * 19 + [-1.0] * 11 + [0.0] * 470)
    former = (-0.005446328142, 0.037446328142)  # with 1.96 instead of 1.95996
    assert [f"{100 * v:+.2f}" for v in statistics.paired_interval(difference)] == [f"{100 * v:+.2f}" for v in former]


def test_t_interval_is_that_of_statsmodels() -> None:
    values = [0.91, 0.93, 0.92, 0.95, 0.90]
    assert statistics.t_interval(values) == pytest.approx(DescrStatsW(values).tconfint_mean())
    assert statistics.t_interval([0.9]) is None


def test_t_interval_covers_95_percent_of_three_seeds() -> None:
    rng = np.random.default_rng(0)
    found = [statistics.t_interval(list(rng.normal(0.9, 0.01, 3))) for _ in range(2000)]
    assert 0.935 <= np.mean([low <= 0.9 <= high for low, high in found]) <= 0.965


@pytest.mark.parametrize(("right", "images"), [(0, 20), (470, 500), (500, 500), (3, 7)])
def test_wilson_is_the_formula_of_the_paper(right: int, images: int) -> None:
    z, share = stats.norm.ppf(0.975), right / images
    middle = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z * np.sqrt(share * (1 - share) / images + z**2 / (4 * images**2)) / (1 + z**2 / images)
    assert statistics.wilson(share, images) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_one_stratum_gives_newcombes_interval() -> None:
    difference, interval = statistics.stratified_difference([(0.9, 300, 0.96, 200)])
    assert difference == pytest.approx(0.06)
    assert interval == pytest.approx(statistics.newcombe(0.9, 0.96, 300, 200))


def test_the_stratified_interval_holds_the_true_difference_in_95_of_100_cases() -> None:
    rng, hits = np.random.default_rng(1), 0
    sizes = ((0.80, 120, 0.88, 40), (0.95, 60, 0.98, 90))  # the weights of the strata are 30 and 36
    truth = (30 * 0.08 + 36 * 0.03) / 66
    for _ in range(400):
        drawn = [(rng.binomial(n, a) / n, n, rng.binomial(m, b) / m, m) for a, n, b, m in sizes]
        low, high = statistics.stratified_difference(drawn)[1]
        hits += low <= truth <= high
    assert 0.93 <= hits / 400 <= 0.98


def test_newcombe_combines_two_wilson_intervals() -> None:
    a, b = 440 / 500, 471 / 500
    (al, ah), (bl, bh) = statistics.wilson(a, 500), statistics.wilson(b, 500)
    expected = b - a - np.hypot(b - bl, ah - a), b - a + np.hypot(bh - b, a - al)
    assert statistics.newcombe(a, b, 500) == pytest.approx(expected, abs=1e-6)


def test_welch_agrees_with_scipy() -> None:
    a, b = [0.90, 0.91, 0.93, 0.90], [0.95, 0.94, 0.97]
    found = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert statistics.welch_interval(a, b) == pytest.approx((found.low, found.high))
    assert statistics.welch_interval([0.9], b) is None


@pytest.mark.parametrize(("fixed", "broken"), [(19, 11), (0, 6), (5, 5), (40, 8)])
def test_mcnemar_is_a_binomial_test_and_over_one_seed_the_chi_square_test(fixed: int, broken: int) -> None:
    assert statistics.mcnemar(fixed, broken) == pytest.approx(stats.binomtest(fixed, fixed + broken).pvalue)
    one_seed = np.array([1.0] * fixed + [-1.0] * broken + [0.0] * 30)
    approximate = mcnemar([[10, fixed], [broken, 10]], exact=False, correction=False).pvalue
    assert statistics.mcnemar_over_seeds(one_seed) == pytest.approx(approximate)


def test_mcnemar_of_equal_models_is_one() -> None:
    assert statistics.mcnemar(0, 0) == 1.0
    assert statistics.mcnemar_over_seeds(np.zeros(10)) == 1.0


def test_mcnemar_over_seeds_keeps_its_level_if_all_seeds_predict_the_same() -> None:
    """Five seeds with the same predictions are no more evidence than one."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1000):
        shared = rng.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.8, 0.1])
        hits += statistics.mcnemar_over_seeds(np.mean([shared] * 5, axis=0)) < 0.05
    assert hits / 1000 == pytest.approx(0.05, abs=0.02)


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([]) == []


def test_smallest_detectable_difference_is_found_four_times_in_five() -> None:
    rng, images, mixed = np.random.default_rng(2), 500, 0.1
    gap = statistics.smallest_detectable(images, mixed)
    fixed = rng.binomial(images, (mixed + gap) / 2, 3000)
    broken = rng.binomial(images, (mixed - gap) / 2, 3000)
    square = (fixed - broken) ** 2 / (fixed + broken)
    assert np.mean(square > stats.chi2.ppf(0.95, 1)) == pytest.approx(0.8, abs=0.05)
    assert statistics.images_needed(gap, mixed) == pytest.approx(images, abs=1)


def test_seeds_needed_is_the_power_of_the_paired_t_test() -> None:
    from statsmodels.stats.power import TTestPower

    needed = TTestPower().solve_power(effect_size=0.01 / 0.012, alpha=0.05, power=0.8)
    assert statistics.seeds_needed(0.01, 0.012) == int(np.ceil(needed))
    assert statistics.seeds_needed(0.0001, 0.05) is None


def test_a_model_whose_confidence_is_its_accuracy_has_no_calibration_error() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, 200_000)
    right = (rng.uniform(size=confidence.size) < confidence).astype(float)
    bins, error = statistics.calibration(confidence, right)
    assert error < 0.01
    assert sum(n for *_, n in bins) == confidence.size
    assert statistics.calibration(np.array([0.9, 0.9]), np.array([0.0, 0.0]))[1] == pytest.approx(0.9)


def test_coverage_takes_the_most_confident_first() -> None:
    answered, right = statistics.coverage(np.array([0.6, 0.9, 0.7]), np.array([0.0, 1.0, 1.0]))
    assert answered == pytest.approx([1 / 3, 2 / 3, 1])
    assert right == pytest.approx([1, 1, 2 / 3])


def test_pareto_front() -> None:
    assert statistics.pareto([5, 1, 3, 4], [0.9, 0.5, 0.8, 0.7]) == [1, 2, 0]
    assert statistics.pareto([1, 1], [0.5, 0.6]) == [1]


def test_the_prediction_interval_contains_one_more_value() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(0.9, 0.01, (2000, 5))
    intervals = [statistics.t_interval(list(row[:4]), of_next_value=True) for row in rows]
    inside = [low <= row[4] <= high for row, (low, high) in zip(rows, intervals, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
