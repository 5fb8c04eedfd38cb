"""From flags to plans: which models are trained, with which recipes and seeds."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from bench.data import Source, read_overlap_list, select_images
from bench.errors import UsageError, name_hint
from bench.machine import choose_device, choose_precision, device_info
from bench.models import check_fit, count_model, load_weights
from bench.plans.plan import Plan, run_name
from bench.recipes import MODELS, Recipe, make_recipe, parse_value, takes, uses
from collect.datasets import BENCH_FLAGS


def resolve_models(names: Sequence[str]) -> list[str]:
    """The models named, or all four for "all". Raises UsageError for an unknown one."""
    models = list(MODELS) if "all" in names else list(dict.fromkeys(names))
    for name in models:
        if name not in MODELS:
            raise UsageError(f"{name}: no such model; {name_hint(name, ('all', *MODELS))}")
    if not models:
        raise UsageError(f"no model given; choose from all, {', '.join(MODELS)}")
    return models


def expand_recipes(
    models: Sequence[str],
    flags: Mapping[str, Any],
    given: Mapping[str, Any],
    by_model: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[tuple[str, Recipe]]:
    """All recipes asked for, model by model.

    `flags` holds values by Recipe field; a list or a comma-separated text means several values, and every combination
    gets a recipe. The values of one model in `by_model` come before these, and those in `given`, by the user, before
    both. Raises UsageError for an unknown field, a bad value, or a field in `given` that no model uses.
    """
    for key, text in given.items():
        flag = f"--{key.replace('_', '-')}" if key in BENCH_FLAGS else f"--set {key}"
        for value in _values(key, text):
            if not any(takes(model, key, value) for model in models):
                subject = f"{flag} {value}" if any(uses(model, key) for model in models) else flag
                raise UsageError(f"{subject} has no effect on {', '.join(models)}; leave it out")
    recipes = []
    for model in models:
        choices: dict[str, list[Any]] = {}
        for layer in (flags, (by_model or {}).get(model, {}), given):
            for key in (key for key in layer if uses(model, key)):
                usable = [value for value in _values(key, layer[key]) if takes(model, key, value)]
                choices |= {key: usable} if usable else {}
        for values in itertools.product(*choices.values()):
            recipes.append((model, make_recipe(model, dict(zip(choices, values, strict=True)))))
    return list(dict.fromkeys(recipes))


def _values(key: str, text: Any) -> list[Any]:
    """The values of a field in a list or a comma-separated text."""
    return [parse_value(key, value) for value in (text if isinstance(text, list) else str(text).split(","))]


def check_networks(recipes: Sequence[tuple[str, Recipe]], num_classes: int) -> None:
    """Check that every network can be built for its image size. Raises UsageError."""
    for model, recipe in recipes:
        count_model(model, recipe, num_classes)


def check_images(recipes: Sequence[tuple[str, Recipe]], source: Source) -> None:
    """Check that every class has as many images as the recipes need. Raises UsageError."""
    for _, recipe in recipes:
        select_images(source, recipe, 1, read_overlap_list(recipe))


def make_plans(
    recipes: Sequence[tuple[str, Recipe]], seeds: int, source: Source, results: Path, device_name: str, command: str
) -> list[Plan]:
    """One plan per recipe and seed, interleaved over the seeds, each with a folder below `results`.

    Checks weights and image counts before anything runs. Raises WeightsError for weights that are not available or do
    not fit, UsageError for a class with too few images.
    """
    device = choose_device(device_name)
    check_networks(recipes, len(source.classes))
    check_images(recipes, source)
    plans = []
    for seed, (model, recipe) in itertools.product(range(1, seeds + 1), recipes):
        complete = replace(recipe, precision=choose_precision(device, recipe.precision))
        weights_sha256 = ""
        if MODELS[model].pretrained and complete.weights is not None:
            if complete.weights != "imagenet":
                complete = replace(complete, weights=str(Path(complete.weights).expanduser().resolve()))
            weights_sha256 = _checked_weights(complete, recipe.weights or "")
        about = device_info(device, complete.precision)
        name = run_name(model, complete, seed, source.sha256, weights_sha256, about.kind, about.name)
        folder = (results / source.name / name).resolve()
        plans.append(Plan(name, model, complete, seed, str(source.folder), str(folder), device.type, command))
    return plans


@cache
def _checked_weights(recipe: Recipe, wanted: str) -> str:
    """SHA-256 of a recipe's weights, after a check that they fit. `wanted` is their name as the user wrote it."""
    assert recipe.weights is not None and recipe.arch is not None
    weights = load_weights(recipe.weights, recipe.arch)
    check_fit(recipe, weights, wanted)
    return weights.sha256
