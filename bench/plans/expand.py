"""From flags to plans: which models with which recipes and seeds, and how long they will take on this device."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from bench.data import Source, read_overlap_list, select_images
from bench.errors import UsageError
from bench.machine import choose_device, choose_precision, device_info, measured_throughput
from bench.models import check_fit, count_model, load_weights
from bench.plans.plan import Plan, run_name
from bench.recipes import MODELS, Recipe, make_recipe, parse_value, uses
from collect.datasets import BENCH_FLAGS

PROCESS_SECONDS = 6.0


def resolve_models(names: Sequence[str]) -> list[str]:
    """The models named, all four for "all". Raises UsageError for an unknown one."""
    chosen = list(MODELS) if "all" in names else list(dict.fromkeys(names))
    for name in chosen:
        if name not in MODELS:
            raise UsageError(f"{name}: no such model; choose from all, {', '.join(MODELS)}")
    if not chosen:
        raise UsageError(f"name a model: all, {', '.join(MODELS)}")
    return chosen


def expand(models: Sequence[str], flags: Mapping[str, Any], given: Mapping[str, Any]) -> list[tuple[str, Recipe]]:
    """All recipes asked for, model by model. `flags` are values by Recipe field, a comma-separated text standing for
    several; those in `given` were named on the command line.

    Raises UsageError for an unknown field, or one that was given and that none of the models uses.
    """
    for key in given:
        parse_value(key, str(given[key]).split(",")[0])
        if not any(uses(model, key) for model in models):
            flag = f"--{key.replace('_', '-')}" if key in BENCH_FLAGS else f"--set {key}"
            raise UsageError(f"{flag}: none of {', '.join(models)} uses it")
    found: list[tuple[str, Recipe]] = []
    for model in models:
        keys = [key for key in flags if uses(model, key)]
        choices = [[parse_value(key, v) for v in str(flags[key]).split(",")] for key in keys]
        for values in itertools.product(*choices):
            entry = (model, make_recipe(model, dict(zip(keys, values, strict=True))))
            if entry not in found:
                found.append(entry)
    return found


def make_plans(
    recipes: Sequence[tuple[str, Recipe]],
    seeds: int,
    source: Source,
    dataset: str,
    data: Path,
    results: Path,
    device_name: str,
    command: str,
) -> list[Plan]:
    """One plan per recipe and seed, interleaved over the seeds. Checks weights and image counts before anything runs.

    Raises WeightsError for weights that cannot be had or don't fit, UsageError for a class with too few images.
    """
    device = choose_device(device_name)
    made = []
    for seed, (model, recipe) in itertools.product(range(1, seeds + 1), recipes):
        ready = replace(recipe, precision=choose_precision(device, recipe.precision))
        weights_hash = ""
        if seed == 1:
            count_model(model, ready, len(source.classes))
            select_images(source, ready, seed, read_overlap_list(ready))
        if MODELS[model].pretrained and ready.weights is not None:
            if ready.weights != "imagenet":
                ready = replace(ready, weights=str(Path(ready.weights).expanduser().resolve()))
            weights_hash = _checked_weights(ready, recipe.weights or "")
        about = device_info(device, ready.precision)
        name = run_name(model, ready, seed, source.sha256, weights_hash, about.kind, about.name)
        folder = str((results / source.name / name).resolve())
        made.append(Plan(name, model, ready, seed, dataset, str(data), folder, device.type, command))
    return made


@cache
def _checked_weights(recipe: Recipe, wanted: str) -> str:
    """SHA-256 of a recipe's weights, once they were found to fit."""
    assert recipe.weights is not None and recipe.arch is not None
    weights = load_weights(recipe.weights, recipe.arch)
    check_fit(recipe, weights, wanted)
    return weights.sha256


def estimate_seconds(plan: Plan, source: Source) -> float:
    """About how long a plan will take: its FLOPs over this device's measured rate for convolutions, and its process."""
    chosen = select_images(source, plan.recipe, plan.seed)
    counted = count_model(plan.model, plan.recipe, len(source.classes))
    train, test = len(chosen.train), len(chosen.test) + len(chosen.extra)
    backbone = counted.prefix_flops_per_image * (train * plan.recipe.views + test)
    head = plan.recipe.epochs * (train * counted.train_flops_per_image + test * counted.train_flops_per_image / 3)
    rate = measured_throughput(plan.device, plan.recipe.precision).conv_tflops * 1e12
    return PROCESS_SECONDS + (backbone + head) / rate


def smaller_size(plans: Sequence[Plan], source: Source, seconds: float) -> int | None:
    """The largest usual image size below the plans' own with which all of them take at most `seconds`; None if none."""
    for size in (192, 160, 128, 96, 64, 48, 32):
        smaller = [replace(p, recipe=replace(p.recipe, size=size)) for p in plans]
        if all(size < p.recipe.size for p in plans) and sum(estimate_seconds(p, source) for p in smaller) <= seconds:
            return size
    return None
