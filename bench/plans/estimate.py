"""How long a plan will take on this device, estimated before anything is trained."""

from collections.abc import Sequence
from dataclasses import replace

from bench.data import Source, select_images
from bench.machine import measured_throughput
from bench.models import count_model
from bench.plans.plan import Plan, backbone_key
from bench.recipes import Recipe

RUN_SECONDS = 1.0  # to start, and to write pictures and weights
REPORT_SECONDS = 4.0
SMALLER_SIZES = (192, 160, 128, 96, 64, 48, 32)


def estimate_seconds(plan: Plan, source: Source, longest: bool = False, has_features: bool = False) -> float:
    """Estimated seconds of a plan: its FLOPs over this device's measured rate for convolutions, plus its start and end.

    For the fewest epochs that it can train, or the most. With `has_features` an earlier run has computed the features.
    """
    share = plan.recipe.val_fraction or 0.0
    chosen = select_images(source, replace(plan.recipe, val_fraction=0.0), plan.seed)  # to carve takes longer
    counts = count_model(plan.model, plan.recipe, len(source.classes))
    validation, test = round(share * len(chosen.train)), len(chosen.test) + len(chosen.extra)
    train, views, measured = len(chosen.train) - validation, plan.recipe.views, validation or test
    features = train * views + validation + test
    if has_features:
        features = train * views if views > 1 else 0  # augmented views differ between seeds
    epochs = _epoch_range(plan.recipe, train)[longest]
    head = epochs * (train * counts.train_flops_per_image + measured * counts.train_flops_per_image / 3)
    rate = measured_throughput(plan.device, plan.recipe.precision).conv_tflops * 1e12
    return RUN_SECONDS + (counts.prefix_flops_per_image * features + head) / rate


def _epoch_range(recipe: Recipe, train: int) -> tuple[float, float]:
    """The fewest and the most epochs that a recipe can train on `train` images."""
    if recipe.fixed_epochs is not None:
        return recipe.fixed_epochs, recipe.fixed_epochs
    steps = max(1, train // recipe.batch_size)
    return max(1.0, recipe.min_steps / steps), max(1.0, recipe.max_steps / steps)


def estimate_range(plans: Sequence[Plan], source: Source) -> list[tuple[float, float]]:
    """The fewest and the most seconds of each plan. The first of those that share a backbone computes the features."""
    known: set[object] = set()
    ranges = []
    for plan in plans:
        key = backbone_key(plan)
        has_features = key is not None and key in known
        known.add(key)
        fewest, most = (estimate_seconds(plan, source, longest, has_features) for longest in (False, True))
        ranges.append((fewest, most))
    return ranges


def smaller_size(plans: Sequence[Plan], source: Source, seconds: float) -> int | None:
    """The largest usual size, in px and below the plans' own, at which they take at most `seconds`; None if none."""
    for size in SMALLER_SIZES:
        smaller = [replace(p, recipe=replace(p.recipe, size=size)) for p in plans]
        if all(size < p.recipe.size for p in plans) and sum(m for _, m in estimate_range(smaller, source)) <= seconds:
            return size
    return None
