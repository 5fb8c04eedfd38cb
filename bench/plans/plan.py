"""The plan of one run: what will be trained on what, and its name."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.plans.limit import TuningLimit
from bench.recipes import AUTO_ONLY, MODELS, Recipe
from bench.records import RUN_FILE, Tuning


@dataclass(frozen=True, slots=True)
class TuningOrder:
    """How much to tune a recipe, which of its fields have a value of the user, and whether to repeat finished runs.

    The time of a budget counts from the `time.monotonic()` of `start`.
    """

    limit: TuningLimit
    fixed: frozenset[str]
    fresh: bool = False
    start: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to do: `dataset` is the folder of photos, `folder` that of results; the precision is bf16 or fp32."""

    run: str
    model: str
    recipe: Recipe
    seed: int
    dataset: str
    folder: str
    device: str
    command: str
    order: TuningOrder | None = None  # to tune the recipe first
    time_limit: float | None = None  # in seconds: training ends in time
    is_trial: bool = False  # measured on validation images alone, leaves nothing
    tuning: Tuning | None = None  # how the recipe was tuned


def public_recipe(model: str, recipe: Recipe) -> dict[str, Any]:
    """The recipe fields that a model uses, as recorded: a weights file by its name, never by its path. The paper's own
    head, and what only epochs=auto uses, are not recorded otherwise: earlier runs keep their names.
    """
    used = {k: v for k, v in asdict(recipe).items() if k not in MODELS[model].unused}
    for key in ("head",) * (recipe.head is None) + AUTO_ONLY * (recipe.fixed_epochs is not None):
        used.pop(key, None)
    if used.get("weights"):
        used["weights"] = Path(used["weights"]).name
    return used


def backbone_key(plan: Plan) -> tuple[object, ...] | None:
    """What runs must have in common to share their opened dataset, weights and features; None if nothing is frozen."""
    recipe = plan.recipe
    if plan.model != "frozen-vgg" and recipe.train_from != "head":
        return None
    network = (recipe.weights, recipe.arch, recipe.width, recipe.size, recipe.head)
    return (plan.dataset, plan.device, *network, recipe.precision, recipe.deterministic, recipe.overlap_list)


def run_name(model: str, recipe: Recipe, seed: int, *conditions: str) -> str:
    """Name of a run: the same for the same model, recipe, seed and conditions (dataset, weights and device)."""
    text = json.dumps([public_recipe(model, recipe), *conditions], sort_keys=True)
    return f"{model}-{hashlib.sha256(text.encode()).hexdigest()[:8]}-s{seed}"


def fresh_copy(plan: Plan) -> Plan:
    """The plan under a name that no finished run has yet: earlier runs stay for comparison."""
    folders = [plan.folder, *(f"{plan.folder}-{n}" for n in range(2, 1000))]
    folder = next(f for f in folders if not (Path(f) / RUN_FILE).is_file())
    return replace(plan, folder=folder, run=Path(folder).name)
