"""The time of a run: the feature pass counts, cached or not, and no part is counted twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.records.run import Run
from reports.charts.time_breakdown import time_breakdown_chart, time_parts
from reports.study.compare import compare_study
from reports.study.learning import seconds_to_reach
from reports.study.load import load_study, parts_seconds, total_seconds, training_seconds
from tests.factories.results import FROZEN, make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A frozen run that computed its features in 14 s; its record lists another 10.3 s beside training."""
    return make_run(tmp_path, "ds", ["a", "b"], FROZEN, 1, evidence=False)


def test_the_feature_pass_counts_as_training_time(run: Run) -> None:
    assert training_seconds(run) == pytest.approx(sum(e.seconds for e in run.epochs) + 14.0)
    assert seconds_to_reach(run, 0.0) == pytest.approx(14.0 + run.epochs[0].seconds)
    assert seconds_to_reach(run, 1.0) is None


def test_features_computed_in_the_run_are_part_of_its_total(run: Run) -> None:
    assert sum(parts_seconds(run).values()) < run.cost.total_seconds
    assert total_seconds(run) == run.cost.total_seconds


def test_features_from_the_cache_are_added_to_the_total(run: Run) -> None:
    cached = replace(run, cost=replace(run.cost, total_seconds=run.cost.total_seconds - 14.0))
    assert cached.cost.total_seconds < 14.0 + 4.0
    assert total_seconds(cached) == pytest.approx(run.cost.total_seconds)


def test_a_cached_pass_shorter_than_the_rest_of_the_run_shows_in_the_sum_of_the_parts(run: Run) -> None:
    """Features and epochs fit into the total here; with evaluation and the other parts they do not."""
    cost = replace(run.cost, feature_seconds=5.0, breakdown={**(run.cost.breakdown or {}), "features": 5.0})
    cached = replace(run, cost=replace(cost, total_seconds=run.cost.total_seconds - 14.0))
    assert training_seconds(cached) < cached.cost.total_seconds
    assert total_seconds(cached) == pytest.approx(cached.cost.total_seconds + 5.0)


def test_if_some_views_came_from_the_cache_the_total_is_the_sum_of_the_parts(run: Run) -> None:
    cost = replace(run.cost, total_seconds=run.cost.total_seconds - 6.0)
    some = replace(run, cost=cost, recipe={**run.recipe, "views": 4})
    assert total_seconds(some) == pytest.approx(sum(parts_seconds(some).values()))


def test_warm_up_and_compiling_have_parts_of_their_own(run: Run, tmp_path: Path) -> None:
    (group,) = load_study(tmp_path, "ds").groups
    parts = time_parts(group)
    assert (parts["warm-up"], parts["compile"], parts["keep"]) == pytest.approx((0.7, 0.0, 2.0))
    assert sum(parts.values()) == pytest.approx(run.cost.total_seconds)
    assert parts["other"] == pytest.approx(run.cost.total_seconds - sum(parts_seconds(run).values()))


def test_the_chart_of_time_shows_warm_up(results: Path) -> None:
    chart = time_breakdown_chart(compare_study(load_study(results, "car-bicycle")))
    assert chart.id == "time-breakdown"
    assert all("warm-up 0.70 s" in values[0][1] for *_, values in chart.stops)
    assert "warm-up, compilation" in chart.caption
