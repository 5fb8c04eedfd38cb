"""What a run reports while it works. Standard library only."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.records import Epoch


@dataclass(frozen=True, slots=True)
class ImagesDone:
    """`work` is done for `done` of `total` images."""

    work: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Step:
    """Optimizer step `step` of `steps` in epoch `epoch` of `epochs`, None if the end is open. Loss and accuracy are
    None on a GPU, which must not wait.
    """

    epoch: int
    step: int
    steps: int
    images_per_second: float
    loss: float | None = None
    accuracy: float | None = None
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """An epoch is trained and measured."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence that the reader of the result should see."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The run ended and its record is written."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The run ended with an error; `exit_code` is the command's."""

    message: str
    exit_code: int = 1


Event = ImagesDone | Step | EpochEnd | Note
Emit = Callable[[Event], None]
