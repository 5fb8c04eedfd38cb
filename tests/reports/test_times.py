"""Where the time goes: the feature pass counts whether it was made or found, and no part hides in another."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import Run
from reports.charts.prices import time_parts
from reports.charts.select import cost_charts
from reports.study.compare import compare
from reports.study.learning import reached
from reports.study.load import load
from reports.study.times import parts_seconds, total_seconds, training_seconds
from tests.factories.results import FROZEN, make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A frozen run that made its features: 14 s of them, and 10.3 s that its record accounts for beside training."""
    return make_run(tmp_path, "ds", ["a", "b"], FROZEN, 1, evidence=False)


def test_the_feature_pass_counts_as_training_time(run: Run) -> None:
    assert training_seconds(run) == pytest.approx(sum(e.seconds for e in run.epochs) + 14.0)
    assert reached(run, 0.0) == pytest.approx(14.0 + run.epochs[0].seconds)
    assert reached(run, 1.0) is None


def test_features_made_in_the_run_are_in_its_total_already(run: Run) -> None:
    assert sum(parts_seconds(run).values()) < run.cost.total_seconds
    assert total_seconds(run) == run.cost.total_seconds


def test_features_found_in_the_cache_are_added_to_the_total(run: Run) -> None:
    found = replace(run, cost=replace(run.cost, total_seconds=run.cost.total_seconds - 14.0))
    assert found.cost.total_seconds < 14.0 + 4.0
    assert total_seconds(found) == pytest.approx(run.cost.total_seconds)


def test_a_cached_pass_shorter_than_the_rest_of_the_run_is_told_by_the_other_parts(run: Run) -> None:
    """Features alone, or features and epochs, fit into the total here; with evaluating and the other parts not."""
    cost = replace(run.cost, feature_seconds=5.0, breakdown={**(run.cost.breakdown or {}), "features": 5.0})
    found = replace(run, cost=replace(cost, total_seconds=run.cost.total_seconds - 14.0))
    assert training_seconds(found) < found.cost.total_seconds
    assert total_seconds(found) == pytest.approx(found.cost.total_seconds + 5.0)


def test_where_some_views_were_found_only_the_parts_are_sure(run: Run) -> None:
    cost = replace(run.cost, total_seconds=run.cost.total_seconds - 6.0)
    some = replace(run, cost=cost, recipe={**run.recipe, "views": 4})
    assert total_seconds(some) == pytest.approx(sum(parts_seconds(some).values()))


def test_warm_up_and_compiling_have_parts_of_their_own(run: Run, tmp_path: Path) -> None:
    (group,) = load(tmp_path, "ds").groups
    parts = time_parts(group)
    assert (parts["warm-up"], parts["compile"], parts["keep"]) == pytest.approx((0.7, 0.0, 2.0))
    assert sum(parts.values()) == pytest.approx(run.cost.total_seconds)
    assert parts["other"] == pytest.approx(run.cost.total_seconds - sum(parts_seconds(run).values()))


def test_the_chart_of_time_shows_warm_up(results: Path) -> None:
    chart = cost_charts(compare(load(results, "car-bicycle")))[-1]
    assert chart.id == "time-breakdown"
    assert all("warming up 0.70 s" in values[0][1] for *_, values in chart.stops)
    assert "warming up, compiling" in chart.caption
