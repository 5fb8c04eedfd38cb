"""Checkpoints: what they restore, and that slow ones are saved less often."""

from pathlib import Path
from time import perf_counter

import pytest
import torch

from bench.records import Epoch
from bench.training import Checkpoint, TrainingResult

CPU = torch.device("cpu")


def test_a_checkpoint_restores_the_network_and_the_epochs_before(tmp_path: Path) -> None:
    saved, restored = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    epochs = [Epoch(1, 0.5, 0.6, 0.7, 0.8, 9.0, 10.0)]
    Checkpoint(tmp_path, perf_counter() - 60).save({"net": saved}, TrainingResult(epochs, seconds={"evaluate": 1.5}))
    trained = Checkpoint(tmp_path, perf_counter()).restore({"net": restored}, CPU)
    assert torch.equal(saved.weight, restored.weight)
    assert (trained.epochs, trained.seconds) == (epochs, {"evaluate": 1.5})
    assert 60 <= trained.earlier_seconds < 90


def test_without_a_file_nothing_is_trained_yet(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, perf_counter()).restore({}, CPU).epochs == []


def test_a_slow_checkpoint_is_saved_after_five_times_its_own_duration_and_not_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def save_for(seconds: float) -> None:
        def slow_save(_state: object, path: Path) -> None:
            nonlocal now
            now += seconds
            path.touch()

        monkeypatch.setattr("torch.save", slow_save)
        checkpoint.save({}, TrainingResult())

    monkeypatch.setattr("bench.training.checkpoint.time.perf_counter", lambda: now)
    checkpoint = Checkpoint(tmp_path, 0.0)
    save_for(0.5)
    assert checkpoint.is_due(is_last_epoch=False)
    assert checkpoint.is_due(is_last_epoch=True)
    save_for(2.0)
    now += 9.9
    assert not checkpoint.is_due(is_last_epoch=False)
    now += 0.2
    assert checkpoint.is_due(is_last_epoch=False)
    assert not checkpoint.is_due(is_last_epoch=True)
