"""Checkpoints: what they restore, and that slow ones are saved less often."""

import errno
import io
import shutil
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import pytest
import torch

from bench.events import Event, Note
from bench.records import Epoch
from bench.training import CHECKPOINT_FILE, Checkpoint, TrainingResult
from tests.bench.damage import DAMAGES, Damage

CPU = torch.device("cpu")


EPOCHS = [Epoch(n, 0.5, 0.6, 0.7, 0.8, 9.0, 10.0) for n in (1, 2, 3)]


def saved_network(folder: Path) -> torch.nn.Linear:
    """A network, which is saved after three epochs as the checkpoint of a run in `folder`."""
    network = torch.nn.Linear(3, 2)
    Checkpoint(folder, perf_counter() - 60).save({"net": network}, TrainingResult(EPOCHS, seconds={"evaluate": 1.5}))
    return network


def restored(folder: Path, most_epochs: int | None = None) -> tuple[torch.nn.Linear, TrainingResult, list[str]]:
    """A network with what the checkpoint in `folder` restores, the training so far, and notes."""
    network, events = torch.nn.Linear(3, 2), list[Event]()
    trained = Checkpoint(folder, perf_counter()).restore({"net": network}, CPU, most_epochs, events.append)
    return network, trained, [event.text for event in events if isinstance(event, Note)]


def test_a_checkpoint_restores_the_network_and_the_epochs_before(tmp_path: Path) -> None:
    saved = saved_network(tmp_path)
    network, trained, notes = restored(tmp_path, most_epochs=3)
    assert torch.equal(saved.weight, network.weight)
    assert (trained.epochs, trained.seconds) == (EPOCHS, {"evaluate": 1.5})
    assert 60 <= trained.earlier_seconds < 90
    assert notes == []
    assert [p.name for p in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_without_a_file_nothing_is_trained_yet(tmp_path: Path) -> None:
    assert restored(tmp_path)[1].epochs == []


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_named_and_training_starts_again(damage: Damage, tmp_path: Path) -> None:
    saved = saved_network(tmp_path)
    damage(tmp_path / CHECKPOINT_FILE)
    network, trained, [note] = restored(tmp_path)
    assert not torch.equal(saved.weight, network.weight)
    assert (trained.epochs, trained.earlier_seconds) == ([], 0.0)
    assert note.startswith(f"{tmp_path / CHECKPOINT_FILE}: damaged") and note.endswith(
        "; it is made again: training starts with epoch 1"
    )


def test_a_checkpoint_of_more_epochs_or_of_another_run_is_not_used(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    saved_network(tmp_path / "one")
    _, trained, [note] = restored(tmp_path / "one", most_epochs=2)
    assert trained.epochs == []
    assert note.endswith(": 3 epochs of one, not of this run; it is made again: training starts with epoch 1")
    shutil.copy(tmp_path / "one" / CHECKPOINT_FILE, tmp_path / "two")
    _, trained, [note] = restored(tmp_path / "two")
    assert trained.epochs == []
    assert "3 epochs of one, not of this run" in note


def test_a_checkpoint_of_an_older_version_is_not_used(tmp_path: Path) -> None:
    torch.save({"epochs": [], "seconds": {}, "elapsed": 0.0}, tmp_path / CHECKPOINT_FILE)
    _, trained, [note] = restored(tmp_path)
    assert trained.epochs == []
    assert "damaged, or written by another version" in note


def test_a_full_disk_names_the_checkpoint_and_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = saved_network(tmp_path)
    monkeypatch.setattr("bench.training.checkpoint.write_sealed", full_after(1000))
    with pytest.raises(OSError) as caught:
        saved_network(tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert torch.equal(restored(tmp_path)[0].weight, saved.weight)


def full_after(most: int):
    """As write_sealed, but only so many bytes fit on the disk."""

    class SmallDisk(io.RawIOBase):
        size = 0

        def writable(self) -> bool:
            return True

        def write(self, content: object) -> int:
            self.size += memoryview(content).nbytes
            if self.size > most:
                raise OSError(errno.ENOSPC, "No space left on device")
            return memoryview(content).nbytes

    return lambda *_: nullcontext(SmallDisk())


def test_a_slow_checkpoint_is_saved_after_five_times_its_own_duration_and_not_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def save_for(seconds: float) -> None:
        def slow_save(_state: object, _out: object) -> None:
            nonlocal now
            now += seconds

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
