"""The state of an unfinished run, saved after an epoch, so that a killed run continues with the same random state."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from bench.records import Epoch, Training

CHECKPOINT_FILE = ".checkpoint.pt"
SLOW_SAVE_SECONDS = 1.0  # a checkpoint that takes longer is saved less often:
TRAINING_PER_SAVE = 5.0  # once this multiple of its saving time has passed since the last one
Stateful = nn.Module | torch.optim.Optimizer | LRScheduler


@dataclass(slots=True)
class TrainingResult:
    """The outcome of training: the epochs, the test logits after the last one, seconds by part, notes on how the
    forward pass was compiled, and how training ended.

    `earlier_seconds` is the time that an interrupted run spent before it continued, up to its last saved epoch.
    """

    epochs: list[Epoch] = field(default_factory=list)
    logits: Tensor = field(default_factory=lambda: torch.empty(0))
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    earlier_seconds: float = 0.0
    training: Training | None = None


class Checkpoint:
    """The checkpoint file of a run that started at the `time.perf_counter()` of `run_start`.

    Without a folder nothing is saved.
    """

    def __init__(self, folder: Path | None, run_start: float) -> None:
        self._path, self._run_start = folder / CHECKPOINT_FILE if folder else None, run_start
        self._saved_at, self._save_seconds = run_start, 0.0

    def restore(self, parts: Mapping[str, Stateful], device: torch.device) -> TrainingResult:
        """Load the saved state into `parts` and return the training so far; nothing is trained if there is no file."""
        if self._path is None or not self._path.is_file():
            return TrainingResult()
        state = torch.load(self._path, map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return TrainingResult(
            epochs=[Epoch(**e) for e in state["epochs"]], seconds=state["seconds"], earlier_seconds=state["elapsed"]
        )

    def is_due(self, is_last_epoch: bool) -> bool:
        """Whether to save after this epoch: always if saving is fast, else rarely, and never after the last epoch."""
        if self._path is None or self._save_seconds < SLOW_SAVE_SECONDS:
            return self._path is not None
        since_last = time.perf_counter() - self._saved_at
        return not is_last_epoch and since_last > TRAINING_PER_SAVE * self._save_seconds

    def save(self, parts: Mapping[str, Stateful], trained: TrainingResult) -> None:
        """Write the state of `parts` and the training so far atomically."""
        assert self._path is not None
        start = time.perf_counter()
        state = {
            **{name: part.state_dict() for name, part in parts.items()},
            "epochs": [asdict(e) for e in trained.epochs],
            "seconds": trained.seconds,
            "elapsed": trained.earlier_seconds + start - self._run_start,
        }
        unfinished = self._path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self._path)
        self._saved_at = time.perf_counter()
        self._save_seconds = self._saved_at - start

    def delete(self) -> None:
        """Remove the file of a finished run."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
