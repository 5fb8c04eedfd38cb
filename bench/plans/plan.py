"""The plan of one run: what will be trained on what, its name, and how it travels to the process that does it."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.recipes import MODELS, Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to be made; `recipe.precision` is already bf16 or fp32."""

    run: str
    model: str
    recipe: Recipe
    seed: int
    dataset: str
    data: str
    folder: str
    device: str
    command: str

    def to_json(self) -> str:
        """As text for another process."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        values = json.loads(text)
        return Plan(**{**values, "recipe": Recipe(**values["recipe"])})


def public_recipe(model: str, recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe that a model uses, as recorded: a weights file by its name, never its path."""
    used = {k: v for k, v in asdict(recipe).items() if k not in MODELS[model].unused}
    if used.get("weights"):
        used["weights"] = Path(used["weights"]).name
    return used


def run_name(model: str, recipe: Recipe, seed: int, *conditions: str) -> str:
    """Name of a run, the same for the same model, recipe, seed and conditions (dataset, weights and device)."""
    text = json.dumps([public_recipe(model, recipe), *conditions], sort_keys=True)
    return f"{model}-{hashlib.sha256(text.encode()).hexdigest()[:8]}-s{seed}"


def fresh_copy(plan: Plan) -> Plan:
    """The plan under a name that no finished run has yet: the earlier runs stay, to be compared with."""
    taken = [plan.folder, *(f"{plan.folder}-{n}" for n in range(2, 1000))]
    folder = next(f for f in taken if not (Path(f) / "run.json").is_file())
    return replace(plan, folder=folder, run=Path(folder).name)
