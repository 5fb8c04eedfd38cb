"""The statistics against other implementations, textbook values and simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from reports.study import statistics as st


def test_t_interval_is_that_of_statsmodels() -> None:
    values = [0.91, 0.93, 0.92, 0.95, 0.90]
    assert st.t_interval(values) == pytest.approx(DescrStatsW(values).tconfint_mean())
    assert st.t_interval([0.9]) is None


def test_t_interval_covers_95_percent_of_three_seeds() -> None:
    rng = np.random.default_rng(0)
    found = [st.t_interval(list(rng.normal(0.9, 0.01, 3))) for _ in range(2000)]
    assert 0.935 <= np.mean([low <= 0.9 <= high for low, high in found]) <= 0.965


@pytest.mark.parametrize(("right", "images"), [(0, 20), (470, 500), (500, 500), (3, 7)])
def test_wilson_is_that_of_statsmodels(right: int, images: int) -> None:
    expected = proportion_confint(right, images, method="wilson")
    assert st.wilson(right / images, images) == pytest.approx(expected, abs=1e-9)


def test_newcombe_is_that_of_statsmodels() -> None:
    expected = confint_proportions_2indep(471, 500, 440, 500, method="newcomb", compare="diff")
    assert st.newcombe(440 / 500, 471 / 500, 500) == pytest.approx(expected, abs=1e-6)


def test_welch_agrees_with_scipy() -> None:
    a, b = [0.90, 0.91, 0.93, 0.90], [0.95, 0.94, 0.97]
    found = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert st.welch_interval(a, b) == pytest.approx((found.low, found.high))
    assert st.welch_interval([0.9], b) is None


@pytest.mark.parametrize(("fixed", "broken"), [(19, 11), (0, 6), (5, 5), (40, 8)])
def test_mcnemar_is_that_of_statsmodels(fixed: int, broken: int) -> None:
    expected = mcnemar([[10, fixed], [broken, 10]], exact=True).pvalue
    assert st.mcnemar(fixed, broken) == pytest.approx(expected)
    one_seed = np.array([1.0] * fixed + [-1.0] * broken + [0.0] * 30)
    approximate = mcnemar([[10, fixed], [broken, 10]], exact=False, correction=False).pvalue
    assert st.mcnemar_over_seeds(one_seed) == pytest.approx(approximate)


def test_mcnemar_of_equal_models_is_one() -> None:
    assert st.mcnemar(0, 0) == 1.0
    assert st.mcnemar_over_seeds(np.zeros(10)) == 1.0


def test_mcnemar_over_seeds_keeps_its_level_when_images_are_answered_alike() -> None:
    """Five seeds that repeat each other's answers are no more evidence than one."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1000):
        shared = rng.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.8, 0.1])
        hits += st.mcnemar_over_seeds(np.mean([shared] * 5, axis=0)) < 0.05
    assert hits / 1000 == pytest.approx(0.05, abs=0.02)


def test_holm_by_hand() -> None:
    assert st.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert st.holm([]) == []


def test_smallest_detectable_difference_is_found_four_times_in_five() -> None:
    rng, images, mixed = np.random.default_rng(2), 500, 0.1
    gap = st.smallest_detectable(images, mixed)
    fixed = rng.binomial(images, (mixed + gap) / 2, 3000)
    broken = rng.binomial(images, (mixed - gap) / 2, 3000)
    square = (fixed - broken) ** 2 / (fixed + broken)
    assert np.mean(square > stats.chi2.ppf(0.95, 1)) == pytest.approx(0.8, abs=0.05)
    assert st.images_needed(gap, mixed) == pytest.approx(images, abs=1)


def test_seeds_needed_is_the_power_of_the_paired_t_test() -> None:
    from statsmodels.stats.power import TTestPower

    needed = TTestPower().solve_power(effect_size=0.01 / 0.012, alpha=0.05, power=0.8)
    assert st.seeds_needed(0.01, 0.012) == int(np.ceil(needed))
    assert st.seeds_needed(0.0001, 0.05) is None


def test_calibration_of_a_model_that_means_what_it_says() -> None:
    rng = np.random.default_rng(3)
    said = rng.uniform(0.5, 1, 200_000)
    right = (rng.uniform(size=said.size) < said).astype(float)
    bins, error = st.calibration(said, right)
    assert error < 0.01
    assert sum(n for *_, n in bins) == said.size
    assert st.calibration(np.array([0.9, 0.9]), np.array([0.0, 0.0]))[1] == pytest.approx(0.9)


def test_coverage_takes_the_surest_first() -> None:
    answered, right = st.coverage(np.array([0.6, 0.9, 0.7]), np.array([0.0, 1.0, 1.0]))
    assert answered == pytest.approx([1 / 3, 2 / 3, 1])
    assert right == pytest.approx([1, 1, 2 / 3])


def test_pareto_front() -> None:
    assert st.pareto([5, 1, 3, 4], [0.9, 0.5, 0.8, 0.7]) == [1, 2, 0]
    assert st.pareto([1, 1], [0.5, 0.6]) == [1]


def test_prediction_interval_holds_one_more_value() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(0.9, 0.01, (2000, 5))
    inside = [low <= row[4] <= high for row in rows for low, high in [st.prediction_interval(list(row[:4]))]]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
