"""Whole runs on drawn images: they learn, are recorded, continue bit for bit, and stop if the loss diverges."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import bench.experiment as experiment
from bench.data import open_source
from bench.events import EpochEnd, Event, ImagesDone, Note, Step
from bench.experiment import run
from bench.outcome import record_failure
from bench.recipes import MODELS
from bench.records import RunStatus, StopReason, read_pictures, read_predictions, read_run
from bench.training import CHECKPOINT_FILE


def silent(event: Event) -> None:
    pass


@pytest.mark.parametrize("model", ["scratch-vgg", "baseline-cnn"])
def test_networks_learn_an_easy_dataset(model: str, easy: Path, small_plan) -> None:
    record = run(small_plan(model, "easy", easy, epochs=4, dropout=0.0, lr=0.02), silent)
    assert record.result.status is RunStatus.DONE
    assert record.result.accuracy >= 0.9
    assert record.epochs[-1].train_loss < record.epochs[0].train_loss


def test_the_record_of_a_run_is_complete_and_read_back_equal(
    three_classes: Path, small_plan, tmp_path: Path, pretrained: Path
) -> None:
    folder = tmp_path / "run"
    record = run(small_plan("frozen-vgg", "three", three_classes, weights=str(pretrained)), silent)
    assert read_run(folder) == record
    assert read_run(folder).result.status is RunStatus.DONE
    assert next(iter(json.loads((folder / "run.json").read_text()))) == "schema"
    assert record.model.name in MODELS
    assert str(tmp_path) not in json.dumps(record.recipe)
    assert record.model.weights == "random numbers"
    assert record.model.parameters_trainable < record.model.parameters_total
    predictions = read_predictions(folder, record)
    assert len(predictions) == 18
    correct = sum(p.truth == p.predicted for p in predictions)
    assert record.result.accuracy == pytest.approx(correct / 18)
    assert sum(record.result.confusion[i][i] for i in range(3)) == correct
    pictures = read_pictures(folder, record)
    assert {"sample", "activation", "filters"} <= {p.kind for p in pictures}
    assert all((folder / "pictures" / p.picture).is_file() for p in pictures)
    assert not (folder / CHECKPOINT_FILE).exists()


def test_a_run_reports_packing_features_steps_epochs_and_notes(
    two_classes: Path, small_plan, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    events: list[Event] = []
    record = run(small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained)), events.append)
    assert ImagesDone("packing images", 64, 64) in events
    assert ImagesDone("backbone features", 64, 64) in events
    assert [(e.epoch, e.step) for e in events if isinstance(e, Step)] == [(e, s) for e in (1, 2) for s in range(1, 7)]
    assert [e.epoch for e in events if isinstance(e, EpochEnd)] == record.epochs
    assert [e.text for e in events if isinstance(e, Note)] == record.notes


AUTO = {"epochs": "auto", "val_fraction": 0.25, "min_steps": 20, "patience": 12, "max_steps": 60, "dropout": 0.0}


def test_epochs_auto_stops_by_validation_and_measures_the_test_images_once(easy: Path, small_plan) -> None:
    record = run(small_plan("baseline-cnn", "easy", easy, lr=0.02, **AUTO), silent)
    assert (record.dataset.train, record.dataset.validation, record.dataset.test) == (96, 24, 32)
    assert all(e.val_accuracy is not None and e.test_accuracy is None for e in record.epochs)
    assert record.training is not None
    assert record.training.stop in (StopReason.FLAT, StopReason.CEILING)
    assert record.training.steps == 9 * len(record.epochs)  # 72 images, batches of 8
    assert 20 <= record.training.steps <= 60
    assert record.training.decay_step is not None
    assert 0 < record.training.decay_step < record.training.steps
    assert record.result.accuracy >= 0.9


@pytest.mark.parametrize("model", MODELS)
def test_test_images_influence_no_choice(model: str, easy: Path, small_plan, tmp_path: Path, pretrained: Path) -> None:
    shutil.copytree(easy / "easy", tmp_path / "data" / "other")
    for path in (tmp_path / "data" / "other" / "test").rglob("*.png"):
        shutil.copy(easy / "easy" / "test" / "red" / "0.png", path)
    values = {**AUTO, "weights": str(pretrained), "deterministic": True}
    whole = run(small_plan(model, "easy", easy, "whole", **values), silent)
    other = run(small_plan(model, "other", tmp_path / "data", "other", **values), silent)
    assert [(e.train_loss, e.val_loss) for e in whole.epochs] == [(e.train_loss, e.val_loss) for e in other.epochs]
    assert whole.training == other.training
    states = [load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "other")]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert whole.result.accuracy != other.result.accuracy
    torch.use_deterministic_algorithms(False)


class Killed(Exception):  # noqa: N818
    """Simulates a kill between two epochs."""


@pytest.mark.parametrize("model", MODELS)
def test_a_killed_run_continues_bit_for_bit(
    model: str, two_classes: Path, small_plan, tmp_path: Path, pretrained: Path
) -> None:
    values = {"epochs": 3, "weights": str(pretrained), "deterministic": True}
    whole = run(small_plan(model, "two", two_classes, "whole", **values), silent)

    def kill(event: Event) -> None:
        if isinstance(event, Step) and event.epoch == 3:
            raise Killed

    broken = small_plan(model, "two", two_classes, "broken", **values)
    with pytest.raises(Killed):
        run(broken, kill)
    assert (tmp_path / "broken" / CHECKPOINT_FILE).is_file()
    continued = run(broken, silent)
    for a, b in zip(whole.epochs, continued.epochs, strict=True):
        assert (a.train_loss, a.test_loss, a.test_accuracy) == (b.train_loss, b.test_loss, b.test_accuracy)
    assert read_predictions(tmp_path / "whole", whole) == read_predictions(tmp_path / "broken", continued)
    assert continued.cost.total_seconds > sum(e.seconds for e in continued.epochs)
    assert any("continued after an interruption" in note for note in continued.notes)
    torch.use_deterministic_algorithms(False)


def test_a_run_killed_while_its_learning_rate_falls_ends_at_the_same_step(easy: Path, small_plan) -> None:
    whole = run(small_plan("baseline-cnn", "easy", easy, "whole", **AUTO), silent)

    def kill(event: Event) -> None:
        if isinstance(event, Step) and event.epoch == whole.epochs[-1].epoch:
            raise Killed

    broken = small_plan("baseline-cnn", "easy", easy, "broken", **AUTO)
    with pytest.raises(Killed):
        run(broken, kill)
    continued = run(broken, silent)
    assert continued.training == whole.training
    assert [(e.train_loss, e.val_loss) for e in whole.epochs] == [(e.train_loss, e.val_loss) for e in continued.epochs]


def test_an_infinite_loss_fails_the_run_and_names_the_step(two_classes: Path, small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", two_classes, lr=100.0, clip_norm=None, warmup=0.0)
    record = run(plan, silent)
    assert record.result.status is RunStatus.FAILED
    assert "NaN or infinite in epoch" in record.result.reason
    assert "step" in record.result.reason
    assert read_run(tmp_path / "run").result.accuracy is None


def test_nan_in_a_later_epoch_keeps_the_epochs_before(easy: Path, small_plan, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = []
    original = experiment.initial_network
    monkeypatch.setattr(experiment, "initial_network", lambda inputs: networks.append(original(inputs)) or networks[0])

    def spoil(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch.epoch == 2:
            with torch.no_grad():
                networks[0].whole[0].weight.fill_(float("nan"))

    record = run(small_plan("baseline-cnn", "easy", easy, epochs=3), spoil)
    assert record.result.status is RunStatus.FAILED
    assert "epoch 3, step 1" in record.result.reason
    assert [e.epoch for e in record.epochs] == [1, 2]


def test_the_record_of_a_crashed_run_differs_only_in_what_was_measured(
    two_classes: Path, small_plan, pretrained: Path
) -> None:
    plan = small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained))
    done = run(plan, silent)
    failed = record_failure(plan, open_source("two", two_classes), "out of memory")
    assert failed.result == replace(failed.result, status=RunStatus.FAILED, reason="out of memory")
    assert failed == read_run(Path(plan.folder))
    for name in ("run", "dataset", "model", "recipe", "seed", "code", "command"):
        assert getattr(failed, name) == getattr(done, name), name


def test_a_head_that_trains_first_keeps_its_momentum(two_classes: Path, small_plan, pretrained: Path) -> None:
    values = {"weights": str(pretrained), "freeze_epochs": 1, "backbone_lr": 1.0, "optimizer": "sgd"}
    record = run(small_plan("finetuned-vgg", "two", two_classes, **values), silent)
    assert record.result.status is RunStatus.DONE


def test_a_run_with_a_good_test_accuracy_is_not_stalled(
    easy: Path, small_plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The train loss of a single epoch is an average over its steps, which start at chance."""
    plan = small_plan("baseline-cnn", "easy", easy, epochs=4, dropout=0.0, lr=0.02)
    assert run(plan, silent).result.accuracy >= 0.9
    monkeypatch.setattr("bench.outcome.result.is_stalled", lambda *_: True)
    again = run(replace(plan, folder=plan.folder + "-again"), silent)
    assert again.result.status is RunStatus.DONE


def test_a_run_that_does_not_learn_is_stalled(three_classes: Path, small_plan) -> None:
    record = run(small_plan("scratch-vgg", "three", three_classes, arch="vgg16", init="default", lr=1e-6), silent)
    assert record.result.status is RunStatus.STALLED
    assert "no better than guessing" in record.result.reason
    assert any("the signal dies" in note for note in record.notes)


def test_a_frozen_backbone_keeps_its_weights_and_batch_norm_statistics(
    two_classes: Path, small_plan, tmp_path: Path, pretrained: Path
) -> None:
    run(small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained)), silent)
    before, after = load_file(pretrained), load_file(tmp_path / "run" / "weights.safetensors")
    features = [k for k in before if k.startswith("features")]
    assert features
    assert all(torch.equal(before[k], after[k]) for k in features)
