"""Tuning with real trainings: what a trial uses and leaves, how tuning continues, and the runs with the winner."""

import io
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.data import open_source
from bench.errors import UsageError, VggbenchError
from bench.events import EpochEnd, Event
from bench.experiment import try_recipe
from bench.plans import Plan, TuningOrder, make_plans, parse_limit
from bench.recipes import make_recipe
from bench.records import Epoch, StopReason, TrialStatus, read_run
from bench.runs import finished_run, make_runs
from bench.tuning import check_budget, seconds_ahead, tune_plans, tuning_text
from bench.tuning.space import LogRange
from bench.tuning.study import TuningStudy
from bench.tuning.tune import StopTrialError, TrialWatch, trial_plan, tuning_jobs
from collect.sources.synthetic.drawing import draw

SMALL = {"size": 32, "epochs": 2, "batch_size": 8, "precision": "fp32"}
FIXED = frozenset(SMALL)


def plans_of(data: Path, results: Path, tune: object = 3, budget: object = None, seeds: int = 1, **values: object):
    """The source and the plans of a small baseline CNN to be tuned."""
    source = open_source(next(iter(sorted(p.name for p in data.iterdir()))), data)
    recipe = make_recipe("baseline-cnn", {**SMALL, **values})
    plans = make_plans([("baseline-cnn", recipe)], seeds, source, results, "cpu", "bench run")
    limit = parse_limit(tune, budget)
    assert limit is not None
    return source, [replace(plan, order=TuningOrder(limit, FIXED)) for plan in plans]


def tuned(source, plans) -> tuple[list[Plan], str]:
    out = io.StringIO()
    chosen = tune_plans(plans, source, Console(file=out, width=200))
    return chosen, out.getvalue()


def trial_accuracies(plan: Plan) -> list[tuple[float, float]]:
    """Validation loss and accuracy by epoch of one trial."""
    events: list[Event] = []
    try_recipe(trial_plan(plan), events.append)
    epochs = [e.epoch for e in events if isinstance(e, EpochEnd)]
    assert all(e.test_accuracy is None and e.test_loss is None for e in epochs)
    return [(e.val_loss, e.val_accuracy) for e in epochs]


def test_test_images_cannot_influence_a_trial(two_classes: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "two"
    shutil.copytree(two_classes / "two", other)
    for name in ("car", "bicycle"):  # other drawings, under each other's name
        for i, file in enumerate(sorted((other / "test" / name).iterdir())):
            file.write_bytes(draw("bicycle" if name == "car" else "car", 99, i))
    accuracies = []
    for data in (two_classes, other.parent):
        _, [plan] = plans_of(data, tmp_path / "results", deterministic=True)
        accuracies.append(trial_accuracies(plan))
    assert accuracies[0] == accuracies[1]
    assert len(accuracies[0]) == 2


def test_a_trial_leaves_nothing_in_its_folder(two_classes: Path, tmp_path: Path) -> None:
    _, [plan] = plans_of(two_classes, tmp_path / "results")
    trial_accuracies(plan)
    assert not (tmp_path / "results").exists()


def test_tuning_tries_recipes_and_the_runs_take_the_best(two_classes: Path, tmp_path: Path) -> None:
    source, plans = plans_of(two_classes, tmp_path / "results", seeds=2)
    chosen, text = tuned(source, plans)
    lines = text.splitlines()
    assert lines[0] == "[1/1] tuning baseline-cnn: lr, weight_decay, augment"
    assert [line.split(":")[0] for line in lines[1:4]] == [f"  trial {n}/3" for n in (1, 2, 3)]
    tuning = chosen[0].tuning
    assert tuning is not None and tuning == chosen[1].tuning
    assert [t.number for t in tuning.tried] == [1, 2, 3]
    own = plans[0].recipe
    assert tuning.tried[0].values == {"lr": own.lr, "weight_decay": own.weight_decay, "augment": own.augment}
    complete = [t for t in tuning.tried if t.status is TrialStatus.COMPLETE]
    assert tuning.validation_accuracy == max(t.validation_accuracy for t in complete)
    assert chosen[0].recipe == replace(own, **tuning.chosen)
    assert chosen[0].recipe.val_fraction == own.val_fraction  # the final runs train on all of train
    assert [p.name for p in (tmp_path / "results" / "two").iterdir()] == ["tuning"]
    [study] = (tmp_path / "results" / "two" / "tuning").iterdir()
    assert [p.name for p in study.iterdir()] == ["study.sqlite"]

    runs = make_runs(chosen, source, Console(quiet=True))
    assert [run.tuning for run in runs] == [tuning, tuning]
    record = read_run(chosen[0].folder)
    assert record.tuning == tuning
    assert {k: record.recipe[k] for k in tuning.chosen} == tuning.chosen
    assert any(note.startswith("tuned: 3 trials on validation images") for note in record.notes)
    assert seconds_ahead(plans, source) == (0, 0)

    again, text = tuned(source, plans)
    assert again == chosen
    assert "trial 1/3:" not in text
    assert all(finished_run(plan) is not None for plan in again)
    assert all(finished_run(plan) is None for plan in plans)  # untuned, it is another run
    more, text = tuned(*plans_of(two_classes, tmp_path / "results", tune=4, seeds=2))
    assert "trial 4/4:" in text and "trial 3/4:" not in text
    assert more[0].run != chosen[0].run
    fewer, _ = tuned(*plans_of(two_classes, tmp_path / "results", tune=2))
    assert fewer[0].tuning is not None and fewer[0].tuning.tried == tuning.tried[:2]


def test_a_trial_that_diverges_fails_and_the_others_go_on(two_classes: Path, tmp_path: Path) -> None:
    source, plans = plans_of(two_classes, tmp_path, tune=2, lr=100.0, clip_norm=None, warmup=0.0)
    [chosen], text = tuned(source, plans)
    assert "failed: the loss became NaN or infinite in epoch 1" in text
    assert chosen.tuning is not None
    assert chosen.tuning.tried[0].status is TrialStatus.FAILED
    assert chosen.tuning.tried[0].validation_accuracy is None


def test_a_frozen_model_is_tuned_on_cached_features_and_augmented_views(
    two_classes: Path, tmp_path: Path, pretrained: Path
) -> None:
    source = open_source("two", two_classes)
    recipe = make_recipe("frozen-vgg", {**SMALL, "arch": "vgg11_bn", "width": 0.1, "weights": str(pretrained)})
    [plan] = make_plans([("frozen-vgg", recipe)], 1, source, tmp_path, "cpu", "bench run")
    [chosen], _ = tuned(source, [replace(plan, order=TuningOrder(parse_limit(4, None), FIXED))])
    assert chosen.tuning is not None
    assert all((t.values["augment"] == "none") == (t.values["views"] == 1) for t in chosen.tuning.tried)
    assert {t.values["views"] for t in chosen.tuning.tried} == {1, 4}
    assert all(t.status is not TrialStatus.FAILED for t in chosen.tuning.tried)


def epoch_end(number: int, accuracy: float) -> EpochEnd:
    return EpochEnd(Epoch(number, 0.5, 0.5, None, None, 1.0, 10.0, 0.5, accuracy))


def watched(study: TuningStudy, accuracies: list[float], epochs: int | str = 5, deadline: float | None = None):
    """The trial of these accuracies: it goes on to the last epoch, or stops with StopTrialError."""
    started, values = study.start()
    watch = TrialWatch(started, make_recipe("baseline-cnn", {"epochs": epochs}), deadline)
    try:
        for number, accuracy in enumerate(accuracies, 1):
            watch.see(epoch_end(number, accuracy), lambda event: None)
        study.finish(started, values, TrialStatus.COMPLETE, watch.accuracies, 1.0)
    except StopTrialError:
        study.finish(started, values, TrialStatus.PRUNED, watch.accuracies, 1.0)
    return study.trials()[-1]


def study_of(folder: Path) -> TuningStudy:
    recipe = make_recipe("baseline-cnn", {})
    return TuningStudy(folder / "study.sqlite", "baseline-cnn", {"lr": LogRange(0.001, 0.1)}, {"lr": recipe.lr}, ())


def test_a_trial_behind_the_others_is_stopped_after_it_had_two_epochs(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    for _ in range(4):
        assert watched(study, [0.6, 0.7, 0.8, 0.85, 0.9]).status is TrialStatus.COMPLETE
    stopped = watched(study, [0.5, 0.5, 0.5, 0.9, 0.95])
    assert (stopped.status, stopped.validation_accuracy) == (TrialStatus.PRUNED, 0.5)
    late = watched(study, [0.6, 0.7, 0.8, 0.85, 0.5])
    assert late.status is TrialStatus.COMPLETE  # its last epoch is trained anyway


def test_a_trial_without_time_left_is_stopped(tmp_path: Path) -> None:
    stopped = watched(study_of(tmp_path), [0.6, 0.7], deadline=time.monotonic())
    assert (stopped.status, stopped.validation_accuracy) == (TrialStatus.PRUNED, 0.6)


def test_a_budget_ends_in_time_final_runs_included(two_classes: Path, tmp_path: Path) -> None:
    auto = {"epochs": "auto", "min_steps": 2000, "max_steps": 1_000_000}  # alone, a training would take minutes
    start = time.monotonic()
    source, plans = plans_of(two_classes, tmp_path, tune=3, budget="40s", **auto)
    check_budget(plans, source)
    assert tuning_text(plans, source) == "40s for 1 recipe: 3 trials and the run with the best."
    fewest, most = seconds_ahead(plans, source)
    assert 0 < fewest <= most <= 40
    chosen, _ = tuned(source, plans)
    [run] = make_runs(chosen, source, Console(quiet=True))
    assert time.monotonic() - start < 40
    assert run.training is not None and run.training.stop is StopReason.TIME
    assert run.tuning is not None and run.tuning.limit == "3, 40s"
    assert [plan.run for plan in tuned(source, plans)[0]] == [chosen[0].run]


@pytest.mark.parametrize(("epochs", "trials"), [(2, 1), (3, 2)])
def test_trials_without_time_for_three_epochs_end_tuning(
    two_classes: Path, tmp_path: Path, epochs: int, trials: int
) -> None:
    limit = {"epochs": "auto", "min_steps": 1, "patience": 1, "max_steps": 4}
    source, plans = plans_of(two_classes, tmp_path, tune=2, budget="10m", **limit)
    [job] = tuning_jobs(plans, source).values()
    study = job._open_study()
    trial, values = study.start()
    for epoch in range(1, epochs + 1):
        trial.report(0.7, epoch)
    study.finish(trial, values, TrialStatus.COMPLETE, [0.7] * epochs, 50.0)
    out = io.StringIO()
    assert len(job.run(Console(file=out, width=200))) == trials
    assert ("no more trials: each has time for only 2 epochs" in out.getvalue()) == (trials == 1)


def test_a_budget_that_is_too_short_for_a_trial_and_a_run_is_an_error_before_the_start(
    two_classes: Path, tmp_path: Path
) -> None:
    source, plans = plans_of(two_classes, tmp_path, tune=None, budget="2s", seeds=3)
    with pytest.raises(UsageError, match=r"--budget: too short: each recipe gets 2s, but a trial and 3 final runs"):
        check_budget(plans, source)


def test_a_fixed_number_of_epochs_that_does_not_fit_in_the_budget_is_an_error(
    two_classes: Path, tmp_path: Path
) -> None:
    source, plans = plans_of(two_classes, tmp_path, tune=None, budget="4s", epochs=100_000)
    with pytest.raises(VggbenchError, match="one run of baseline-cnn takes longer than its share of the time"):
        tuned(source, plans)


def test_tuning_a_model_whose_fields_all_have_values_is_an_error(two_classes: Path, tmp_path: Path) -> None:
    source, [plan] = plans_of(two_classes, tmp_path)
    assert plan.order is not None
    order = replace(plan.order, fixed=FIXED | {"lr", "weight_decay", "augment"})
    with pytest.raises(UsageError, match="nothing to tune for baseline-cnn"):
        check_budget([replace(plan, order=order)], source)
