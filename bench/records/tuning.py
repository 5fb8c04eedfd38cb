"""How the recipe of a run was tuned: a part of its record. Standard library only."""

from dataclasses import dataclass, field
from enum import StrEnum

Setting = str | int | float | bool | None
"""The value of a recipe field."""


class TrialStatus(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"  # stopped early: it was behind the others, or its time was up
    FAILED = "failed"  # its loss became NaN, or its process crashed


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe tried on the validation images; for a pruned one, `validation_accuracy` is that of its last epoch."""

    number: int
    values: dict[str, Setting]
    status: TrialStatus
    validation_accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the recipe of a run was tuned: `trials` were made in `seconds`; `chosen` are the values of the best one,
    `validation_accuracy` is its accuracy, and `tried` lists all in their order. `limit` is the flag's value: 20, 1h.

    If no trial was complete, nothing is chosen: the recipe keeps its own values.
    """

    trials: int
    seconds: float
    chosen: dict[str, Setting]
    validation_accuracy: float | None
    limit: str
    tried: list[Trial] = field(default_factory=list)
