"""What the report says about tuning: the accuracy expected from several trials, who overtakes whom, and the price."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.records import read_runs, write_run
from reports.page import page
from reports.parts.tuning import part
from reports.study import compare_study, leads_by_time, leads_by_trials, load_study, tuning_curves
from reports.study.tuning import expected_best, expected_best_intervals
from tests.factories.results import TWO_CLASSES, make_dataset, make_tuning

SECONDS = {"scratch-vgg": 240.0, "frozen-vgg": 4.0, "finetuned-vgg": 150.0, "baseline-cnn": 30.0}


def tuned_results(folder: Path, accuracies: dict[str, list[float | None]]) -> Path:
    """Results of four models whose runs were tuned so."""
    make_dataset(folder, "car-bicycle", TWO_CLASSES, seeds=2)
    for place, run in read_runs(folder)[0].items():
        if run.model.name in accuracies:
            found = make_tuning(accuracies[run.model.name], SECONDS[run.model.name])
            write_run(place, replace(run, tuning=found))
    return folder


def comparison(folder: Path):
    return compare_study(load_study(folder, "car-bicycle"))


def text_of(section) -> str:
    return " ".join(section.values["sentences"])


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    rng = random.Random(3)
    baseline = [0.70, 0.74, 0.71, 0.73, 0.70, 0.72, 0.69, 0.74, 0.93, 0.72]
    scratch = [0.80 + rng.uniform(-0.01, 0.01) for _ in range(10)]
    finetuned = [0.95 + rng.uniform(-0.01, 0.01) for _ in range(10)]
    frozen = [0.93, 0.94, None, 0.935, 0.94, 0.93, 0.925, 0.94, 0.935, 0.93]
    models = ("scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn")
    return tuned_results(tmp_path / "results", dict(zip(models, (scratch, frozen, finetuned, baseline), strict=True)))


def test_the_expected_best_of_n_trials_is_that_of_dodge_et_al() -> None:
    values = [0.5, 0.9, 0.7]
    assert expected_best(values)[0] == pytest.approx(np.mean(values))
    # two draws of three: 0.5 wins 1 of 9, 0.7 wins 3 of 9, 0.9 wins 5 of 9
    assert expected_best(values)[1] == pytest.approx((0.5 + 3 * 0.7 + 5 * 0.9) / 9)
    assert expected_best([0.8, 0.8])[1] == pytest.approx(0.8)


def test_the_expected_best_agrees_with_a_simulation() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0.5, 0.9, 12)
    drawn = rng.choice(values, (20_000, 5)).max(axis=1)
    assert expected_best(values.tolist())[4] == pytest.approx(drawn.mean(), abs=0.002)


def test_the_interval_of_the_expected_best_holds_it_and_is_the_same_every_time() -> None:
    values = [0.6, 0.7, 0.72, 0.8, 0.65, 0.75]
    intervals = expected_best_intervals(values)
    assert intervals == expected_best_intervals(values)
    assert all(low <= v <= high for (low, high), v in zip(intervals, expected_best(values), strict=True))
    assert all(low < high for low, high in intervals)


def test_a_leader_from_the_first_trial_on_is_called_so(examples: Path) -> None:
    section = part(comparison(examples))
    assert "Fine-tuned VGG leads from the first trial on." in text_of(section)
    assert section.charts[0].title == "Fine-tuned VGG leads from the first trial on"


def test_a_model_that_wins_only_after_long_tuning_is_recognised(examples: Path) -> None:
    section = part(comparison(examples))
    [line] = [s for s in section.values["sentences"] if "overtakes" in s]
    assert line.startswith("Baseline CNN overtakes scratch VGG only after ")
    trials = int(line.split("after ")[1].split()[0])
    curves = {c.contender.name: c for c in tuning_curves(comparison(examples))}
    baseline, scratch = curves["Baseline CNN"].expected, curves["Scratch VGG"].expected
    assert baseline[trials - 1] <= scratch[trials - 1]
    assert baseline[trials] > scratch[trials]
    assert trials > 2


def test_at_equal_time_a_cheap_model_leads_until_an_expensive_one_has_had_a_trial(examples: Path) -> None:
    curves = [c for c in tuning_curves(comparison(examples)) if c.contender.name in ("Fine-tuned VGG", "Baseline CNN")]
    leads = leads_by_time(curves)
    assert [lead.curve.contender.name for lead in leads] == ["Baseline CNN", "Fine-tuned VGG"]
    assert leads[1].start == pytest.approx(150)
    assert [lead.curve.contender.name for lead in leads_by_trials(curves)] == ["Fine-tuned VGG"]


def test_a_leader_that_was_behind_at_first_is_named_with_the_one_before(tmp_path: Path) -> None:
    section = part(comparison(tuned_results(tmp_path, {
        "frozen-vgg": [0.90, 0.90, 0.90, 0.90], "finetuned-vgg": [0.80, 0.99, 0.85, 0.86]
    })))  # fmt: skip
    assert section.charts[0].title == "Fine-tuned VGG leads from trial 2 on, frozen VGG before"
    assert text_of(section).startswith(
        "Fine-tuned VGG leads only from trial 2 on, frozen VGG before. "
        "Other trials could change that: the intervals of frozen VGG overlap with it."
    )


def test_a_failed_trial_counts_as_guessing(examples: Path) -> None:
    [frozen] = [c for c in tuning_curves(comparison(examples)) if c.contender.name == "Frozen VGG"]
    assert frozen.accuracies[2] == 0.5
    assert frozen.expected[0] == pytest.approx(np.mean([*(a for a in frozen.accuracies if a != 0.5), 0.5]))


def test_tuning_is_part_of_the_price(examples: Path) -> None:
    section = part(comparison(examples))
    rows = {curve.contender.name: cells for curve, _, cells in section.values["rows"]}
    assert rows["Scratch VGG"][:4] == ["10", "0", "0", "40.0 min"]
    assert rows["Frozen VGG"][2] == "1"
    assert "Frozen VGG: 1.0 point above its own recipe (10 trials, 40 s)." in text_of(section)


def test_tuning_that_brought_nothing_is_called_so(tmp_path: Path) -> None:
    section = part(comparison(tuned_results(tmp_path, {"frozen-vgg": [0.95, 0.94, 0.93]})))
    assert section.values["sentences"] == ["Frozen VGG: no trial was better than its own recipe (3 trials, 12 s)."]


def test_models_with_one_trial_are_not_said_to_lead(tmp_path: Path) -> None:
    accuracies: dict[str, list[float | None]] = {
        "frozen-vgg": [0.89, 0.94, 0.93], "baseline-cnn": [0.80, 0.81], "finetuned-vgg": [0.99],
    }  # fmt: skip
    section = part(comparison(tuned_results(tmp_path, accuracies)))
    text = text_of(section)
    assert "Frozen VGG leads from the first trial on (counted up to trial 2, the last that all have)." in text
    assert "One trial says nothing about the gain from tuning: fine-tuned VGG." in text
    assert "Fine-tuned VGG leads" not in text
    assert section.charts[0].title == "Frozen VGG leads from the first trial on"


def test_without_tuning_there_is_no_section(tmp_path: Path) -> None:
    assert part(comparison(tuned_results(tmp_path, {}))) is None


def test_one_trial_makes_a_table_and_no_chart(tmp_path: Path) -> None:
    section = part(comparison(tuned_results(tmp_path, {"frozen-vgg": [0.95], "baseline-cnn": [0.7]})))
    assert section.charts == []
    assert len(section.values["rows"]) == 2


def test_the_page_shows_all_trials_with_their_values(examples: Path) -> None:
    text = page(comparison(examples))
    assert "What tuning found, and what it cost" in text
    assert "lr 0.003, weight_decay 0.0005, augment flip, batch_size 32" in text
    assert "Trials of Baseline CNN" in text
