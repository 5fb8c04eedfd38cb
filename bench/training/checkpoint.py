"""The state of an unfinished run, saved after an epoch, so that a killed run continues with the same random state."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from bench.cache import HEADER_BYTES, Report, open_sealed, write_sealed
from bench.events import Emit, Note
from bench.records import CHECKPOINT_FILE, Epoch, Training

CHECKPOINT_FORMAT = "vggbench.checkpoint/1"
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

    def restore(
        self, parts: Mapping[str, Stateful], device: torch.device, most_epochs: int | None, emit: Emit
    ) -> TrainingResult:
        """Load the saved state into `parts` and return the training so far.

        Nothing is trained yet if there is no file, or one that cannot be of this run, which is then reported.
        """
        state = self._read(device, most_epochs, lambda line: emit(Note(f"{line}: training starts with epoch 1")))
        if state is None:
            return TrainingResult()
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return TrainingResult(
            epochs=[Epoch(**e) for e in state["epochs"]], seconds=state["seconds"], earlier_seconds=state["elapsed"]
        )

    def _read(self, device: torch.device, most_epochs: int | None, report: Report) -> dict[str, Any] | None:
        if self._path is None:
            return None
        about = open_sealed(self._path, CHECKPOINT_FORMAT, report)
        if about is None:
            return None
        if about["run"] != self._path.parent.name or about["epochs"] > (most_epochs or about["epochs"]):
            report(f"{self._path}: {about['epochs']} epochs of {about['run']}, not of this run; it is made again")
            return None
        with self._path.open("rb") as file:
            file.seek(HEADER_BYTES)
            state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
        return state

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
        about = {"run": self._path.parent.name, "epochs": len(trained.epochs)}
        with write_sealed(self._path, CHECKPOINT_FORMAT, about) as out, _disk_errors():
            torch.save(state, out)
        self._saved_at = time.perf_counter()
        self._save_seconds = self._saved_at - start

    def delete(self) -> None:
        """Remove the file of a finished run."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise the OSError that torch.save hides behind a RuntimeError of its own."""
    try:
        yield
    except RuntimeError as err:
        if isinstance(err.__context__, OSError):
            raise err.__context__ from None
        raise
