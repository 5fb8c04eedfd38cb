"""How much disk the runs of a command take."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.errors import VggbenchError
from bench.models import count_model
from bench.plans.plan import Plan
from collect.datasets import size_text

FLOAT_BYTES = 4
MOMENTS = {"sgd": 1, "adamw": 2}  # values that an optimizer keeps per trained parameter


def disk_bytes(plans: Sequence[Plan], num_classes: int) -> tuple[int, int]:
    """What the runs keep, which is mostly their weights, and what the largest run takes in addition while it trains.

    A checkpoint holds what is trained and the optimizer's state; while it is replaced, there are two.
    """
    kept, checkpoints = 0, [0]
    for plan in plans:
        counts = count_model(plan.model, plan.recipe, num_classes)
        kept += FLOAT_BYTES * counts.parameters_total
        values = counts.parameters_trainable * (1 + MOMENTS[plan.recipe.optimizer])
        checkpoints.append(2 * FLOAT_BYTES * values)
    return kept, max(checkpoints)


def disk_line(kept: int, beside: int, results: Path) -> str:
    """How much disk the runs will take, in words. Raises VggbenchError if there is less."""
    existing = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    line = f"Disk: about {size_text(kept)} in {results}/, and up to {size_text(beside)} more while a run trains"
    if free < kept + beside:
        raise VggbenchError(
            f"{line}, but only {size_text(free)} are free; `bench clean` shows what can be freed, --results takes "
            "another disk, and --width 0.25 makes the VGGs 16 times smaller"
        )
    return f"{line}."
