"""The conditions of a run: what must agree for a fair comparison, and how well trained a comparison is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bench.records import Run
from reports.study.load import RunGroup
from reports.words import clean


class Condition(StrEnum):
    """What should agree between models: recipe fields, the tuning, and that the test images are new to the weights."""

    SIZE = "size"
    EPOCHS = "epochs"
    TUNING = "tuning"
    VALIDATION = "val_fraction"
    HOLDOUT = "holdout_clean"
    ARCHITECTURE = "arch"
    WIDTH = "width"
    UNSEEN_IMAGES = "unseen_images"


CONDITION_NAMES = {
    Condition.SIZE: "image size",
    Condition.EPOCHS: "epochs",
    Condition.TUNING: "tuning",
    Condition.VALIDATION: "share kept for validation",
    Condition.HOLDOUT: "images withheld",
}
"""Conditions that make a comparison unfair if they differ."""
NOTED_CONDITIONS = {Condition.ARCHITECTURE: "architecture", Condition.WIDTH: "width"}
"""Conditions that decide which recipe represents a model; a difference is noted."""
MOST_EPOCHS = float("inf")


def architecture(run: Run) -> str | None:
    """The architecture of a run, None for a model that has only one."""
    if "arch" in run.recipe:
        return run.model.arch if run.recipe["arch"] else None
    return run.model.arch if run.model.arch.startswith("vgg") else None


def condition(run: Run, key: Condition) -> object:
    """The value of a condition. For epochs the rule: `auto`, or the number. None: the run has no such thing."""
    match key:
        case Condition.TUNING:
            return run.tuning.limit if run.tuning else None
        case Condition.ARCHITECTURE:
            return architecture(run)
        case Condition.WIDTH:
            return run.recipe.get("width", 1.0) if architecture(run) else None
    return run.recipe.get(key)


def condition_text(value: object) -> str:
    """The value of a condition as text."""
    return "none" if value is None else clean(value, 30)


Signature = dict[Condition, object]
"""The conditions of a comparison; architecture and width are None if no model has a choice."""


def signature(run: Run) -> Signature:
    """All conditions of a run that its recipe decides."""
    return {key: condition(run, key) for key in (*CONDITION_NAMES, *NOTED_CONDITIONS)}


def differences(run: Run, of: Signature) -> list[Condition]:
    """The conditions in which a run differs from a signature; architecture and width only if the model has a choice."""
    mine = signature(run)
    found = [k for k, v in of.items() if mine[k] != v and not (k in NOTED_CONDITIONS and None in (mine[k], v))]
    # epochs=auto needs validation images, so that their share follows from the epochs
    return [k for k in found if k is not Condition.VALIDATION or Condition.EPOCHS not in found]


def newest(group: RunGroup) -> str:
    """When the latest run of a group was made, ISO 8601."""
    return max(run.created for run in group.runs)


def _number(value: object) -> float:
    """A recipe value to rank by; `auto` is above every number."""
    return MOST_EPOCHS if value == "auto" else float(value) if isinstance(value, int | float) else 0.0


def effort(groups: Sequence[RunGroup]) -> tuple[float, float]:
    """How long groups that share their conditions were tuned and trained: trials, then epochs; higher is better."""
    runs = [g.example for g in groups]
    tuning = float(np.mean([r.tuning.trials if r.tuning else 0 for r in runs]))
    return tuning, min(_number(r.recipe.get("epochs")) for r in runs)


def breadth(groups: Sequence[RunGroup]) -> tuple[float, float]:
    """The mean number of seeds of groups that share their conditions, then their image size; higher is better."""
    return float(np.mean([len(g.runs) for g in groups])), _number(groups[0].example.recipe.get("size"))


@dataclass(frozen=True)
class UnfairCondition:
    """A condition in which a contender differs from the comparison: its value and that of the comparison."""

    condition: Condition
    value: str = ""
    usual: str = ""

    def __str__(self) -> str:
        if self.condition is Condition.UNSEEN_IMAGES:
            return "test images may have been in the pretraining set"
        return f"{(CONDITION_NAMES | NOTED_CONDITIONS)[self.condition]} {self.value} instead of {self.usual}"


SEEN_IMAGES = UnfairCondition(Condition.UNSEEN_IMAGES)


def unlike(run: Run, of: Signature, keys: Sequence[Condition]) -> list[UnfairCondition]:
    """The conditions among `keys` in which a run differs from a signature."""
    mine = signature(run)
    return [
        UnfairCondition(k, condition_text(mine[k]), condition_text(of[k])) for k in differences(run, of) if k in keys
    ]
