"""What only a CUDA device can show: no waiting inside an epoch, and compiled steps that learn."""

from pathlib import Path

import pytest
import torch

from bench.events import Event, Step
from bench.experiment import run
from bench.plans import Plan
from bench.recipes import make_recipe
from bench.records import RunStatus

# Torch warns that its sync debug mode is a prototype, and compilers emit warnings of their own.
pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
    pytest.mark.filterwarnings("default"),
]

SMALL = {"size": 32, "width": 0.1, "epochs": 3, "batch_size": 8, "precision": "bf16", "lr": 0.005}


def _plan(model: str, dataset: str, data: Path, folder: Path, **values: object) -> Plan:
    recipe = make_recipe(model, {**SMALL, **values})
    return Plan(folder.name, model, recipe, 1, str(data / dataset), str(folder), "cuda", "bench run")


@pytest.mark.parametrize("augment", ["flip", "flip-rotate", "crop"])
@pytest.mark.parametrize("model", ["scratch-vgg", "baseline-cnn"])
def test_no_step_of_an_epoch_waits_for_the_device(model: str, augment: str, two_classes: Path, tmp_path: Path) -> None:
    steps: list[int] = []

    def forbid_waiting(event: Event) -> None:
        if isinstance(event, Step):
            steps.append(event.step)
            torch.cuda.set_sync_debug_mode("default" if event.step == event.steps else "error")

    try:
        run(_plan(model, "two", two_classes, tmp_path / "r", augment=augment, compile="off"), forbid_waiting)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(steps) == 3 * 6


@pytest.mark.parametrize("compile", ["auto", "on", "off"])
def test_it_learns_however_it_is_compiled(compile: str, easy: Path, tmp_path: Path) -> None:
    record = run(_plan("baseline-cnn", "easy", easy, tmp_path / "r", compile=compile, dropout=0.0, lr=0.02), _silent)
    assert record.result.accuracy >= 0.9


def test_cached_features_train_on_the_device(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    record = run(
        _plan("frozen-vgg", "two", two_classes, tmp_path / "r", weights=str(pretrained), arch="vgg11_bn"), _silent
    )
    assert record.result.status is RunStatus.DONE
    assert record.cost.peak_memory_bytes > 0


def _silent(event: Event) -> None:
    pass
