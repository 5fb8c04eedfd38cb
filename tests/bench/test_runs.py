"""A run's process as its command sees it: what is shown while it works, and what a crash leaves behind."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.data import open_source
from bench.events import EpochEnd, ImagesDone, Note, Step
from bench.records import Epoch, read_run
from bench.runs import finished_run, make_run
from bench.runs.display import show_progress
from bench.runs.runner import RunError, _crash_reason, _plan_title

EPOCH = Epoch(1, 0.5, 0.75, 0.6, 0.7, 1.25, 320.0)


def shown(plan, *events, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=terminal)
    with show_progress(console, plan) as show:
        for event in events:
            show(event)
    return out.getvalue()


def test_without_a_terminal_there_is_a_line_per_note_and_epoch(small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path)
    text = shown(plan, ImagesDone("packing images", 1, 2), Step(1, 1, 4, 100.0), Note("look out"), EpochEnd(EPOCH))
    assert text.splitlines() == [
        "  note: look out",
        "  epoch 1/2: train loss 0.500, test accuracy 70.0%, loss 0.600, 1.2 s, 320 images/s",
    ]


def test_validation_is_not_called_a_test(small_plan, tmp_path: Path) -> None:
    plan = small_plan("baseline-cnn", "two", tmp_path, epochs="auto")
    epoch = replace(EPOCH, test_loss=None, test_accuracy=None, val_loss=0.6, val_accuracy=0.7)
    assert "epoch 1: train loss 0.500, validation accuracy 70.0%" in shown(plan, EpochEnd(epoch))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ImagesDone("packing images", 1_000, 2_000), "packing images 1,000/2,000"),
        (ImagesDone("features of the frozen backbone", 5, 10), "features of the frozen backbone 5/10"),
        (Step(1, 2, 4, 100.0, 0.69, 0.5, 2), "epoch 1/2  loss 0.690  train accuracy 50.0%  100 images/s"),
        (Step(1, 2, 4, 100.0, epochs=2), "epoch 1/2  100 images/s"),
        (Step(1, 2, 4, 100.0), "epoch 1  100 images/s"),
    ],
)
def test_on_a_terminal_a_bar_describes_the_current_event(event, text: str, small_plan, tmp_path: Path) -> None:
    assert text in shown(small_plan("baseline-cnn", "two", tmp_path), event, terminal=True)


def test_a_failed_run_is_recorded_and_is_not_finished(two_classes: Path, small_plan) -> None:
    plan = small_plan("baseline-cnn", "two", two_classes, lr=100.0, clip_norm=None, warmup=0.0)
    run = make_run(plan, open_source("two", two_classes), Console(quiet=True))
    assert run.result.status == "failed"
    assert "NaN" in (run.result.reason or "")
    assert read_run(plan.folder) == run
    assert finished_run(plan) is None


def test_an_error_that_concerns_the_whole_command_is_raised_and_leaves_no_record(two_classes: Path, small_plan) -> None:
    plan = replace(small_plan("baseline-cnn", "two", two_classes), dataset=str(two_classes / "nowhere"))
    with pytest.raises(RunError, match="nowhere") as caught:
        make_run(plan, open_source("two", two_classes), Console(quiet=True))
    assert caught.value.exit_code == 2
    assert list(Path(plan.folder).iterdir()) == []


def test_a_crash_is_explained_by_its_last_line_or_by_memory(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("warning\nSegmentation fault\n")
    assert _crash_reason(1, log) == "the process ended with code 1: Segmentation fault (see worker.log in its folder)"
    assert "memory ran out; try a smaller --batch-size" in _crash_reason(-9, log)


def test_a_title_names_the_fields_in_which_runs_of_a_model_differ(small_plan, tmp_path: Path) -> None:
    plans = [small_plan("baseline-cnn", "two", tmp_path, lr=lr) for lr in (0.01, 0.02)]
    assert _plan_title(plans[1], plans) == "baseline-cnn, lr=0.02, seed 1"
    assert _plan_title(plans[0], plans[:1]) == "baseline-cnn, seed 1"
