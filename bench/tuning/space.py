"""What is tuned for each model: the few Recipe fields that matter for it, and the values to try."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.recipes import CHOICES, Recipe

TUNED_FIELDS: dict[str, tuple[str, ...]] = {
    "scratch-vgg": ("lr", "weight_decay", "augment", "batch_size"),
    "frozen-vgg": ("lr", "weight_decay", "augment", "batch_size"),
    "finetuned-vgg": ("lr", "backbone_lr", "weight_decay", "augment", "batch_size"),
    "baseline-cnn": ("lr", "weight_decay", "augment", "batch_size"),
}
FACTORS = {"lr": (0.1, 10.0), "weight_decay": (0.1, 10.0)}  # on the recipe's own value
BACKBONE_LR = (0.03, 1.0)
BATCH_SIZES = (16, 32, 64, 128)
VIEWS = 4  # cached augmented versions of each image where a trial of the frozen model augments


@dataclass(frozen=True, slots=True)
class LogRange:
    """Any number from `low` to `high`, each order of magnitude as likely as the next."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some values."""

    values: tuple[Any, ...]


Space = Mapping[str, LogRange | OneOf]


def search_space(model: str, recipe: Recipe, fixed: Collection[str], train_images: int) -> Space:
    """What to try for a model whose own recipe is `recipe`, which is part of the space.

    A field in `fixed` has the user's value. Batches larger than half of the train images are not tried.
    """
    space: dict[str, LogRange | OneOf] = {}
    for key in TUNED_FIELDS[model]:
        if key in fixed:
            continue
        if key in FACTORS:
            low, high = (float(f"{factor * getattr(recipe, key):.3g}") for factor in FACTORS[key])
            space[key] = LogRange(low, high)
        elif key == "backbone_lr":
            space[key] = LogRange(*BACKBONE_LR)
        elif key == "batch_size":
            sizes = {n for n in BATCH_SIZES if n <= train_images / 2} | {recipe.batch_size}
            space[key] = OneOf(tuple(sorted(sizes)))
        elif augmentations := _augmentations(model, recipe, fixed):
            space[key] = OneOf(augmentations)
    return space


def _augmentations(model: str, recipe: Recipe, fixed: Collection[str]) -> tuple[str, ...]:
    """The augmentations that fit the rest of the recipe: cached features need several views for one."""
    if model == "frozen-vgg" and "views" in fixed:
        return tuple(a for a in CHOICES["augment"] if a != "none") if recipe.views > 1 else ()
    return CHOICES["augment"] if recipe.train_from in (None, "block1") else ()


def complete_values(model: str, values: Mapping[str, Any], fixed: Collection[str]) -> dict[str, Any]:
    """The values with those that follow from them: augmented features of a frozen backbone are cached views."""
    if model == "frozen-vgg" and "augment" in values and "views" not in fixed:
        return {**values, "views": 1 if values["augment"] == "none" else VIEWS}
    return dict(values)


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with these values."""
    return replace(recipe, **values)
