"""The compared groups: their names, and the test images that they are judged on."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.study import statistics
from reports.study.choose import MODEL_RANKS
from reports.study.load import RunGroup, recipe_of
from reports.study.predictions import Predictions, read_group_predictions
from reports.words import clean, listed, model_name


@dataclass(frozen=True, eq=False)
class Contender:
    """A compared group, its accuracy on the `images` test images that count, and the `style` that picks its colour."""

    name: str
    style: int
    group: RunGroup
    predictions: Predictions | None
    by_seed: dict[int, float]
    images: int

    @cached_property
    def accuracies(self) -> list[float]:
        """Accuracy by seed, fractions."""
        return list(self.by_seed.values())

    @cached_property
    def accuracy(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.accuracies))

    @cached_property
    def seed_interval(self) -> statistics.Interval | None:
        """Student's t interval over its seeds."""
        return statistics.share_interval(self.accuracies)

    @cached_property
    def image_interval(self) -> statistics.Interval:
        """Wilson's interval over the test images, at the mean accuracy of the seeds."""
        return statistics.wilson(self.accuracy, self.images)

    @property
    def interval(self) -> statistics.Interval:
        """The interval to show: over seeds if there are several, else over images."""
        return self.seed_interval or self.image_interval


def weights_line(contenders: list[Contender]) -> str:
    """Which contenders start from which pretrained weights; shown beside all their results."""
    by_origin: dict[str, list[str]] = {}
    for c in contenders:
        if origin := c.group.origin:
            by_origin.setdefault(origin, []).append(c.name)
    lines = [(listed(names), "starts" if len(names) == 1 else "start", at) for at, names in by_origin.items()]
    return " ".join(f"{names} {verb} from weights {origin}." for names, verb, origin in lines)


MODEL_FIELDS = ("arch", "head", "weights")
"""Fields that the model's record gives as used, whatever the recipe asks for."""


def _value(group: RunGroup, key: str) -> object:
    model = group.example.model
    if key == "head":
        return model.head or "classifier"  # without a new head, a VGG has the paper's
    return getattr(model, key) if key in MODEL_FIELDS else group.example.recipe.get(key)


def _difference(group: RunGroup, key: str) -> str:
    value = _value(group, key)
    if key == "train_images":
        return f"{clean(value, 30)} images per class" if value else "all images"
    return clean(value, 30) if key == "arch" else f"{clean(key, 30)} {clean(value, 30)}"


def _differing_fields(groups: list[RunGroup]) -> list[str]:
    """Recipe and model fields in which groups differ."""
    keys = [*MODEL_FIELDS, *sorted({k for g in groups for k in recipe_of(g.example)} - set(MODEL_FIELDS))]
    return [k for k in keys if len({str(_value(g, k)) for g in groups}) > 1]


def names_of(groups: list[RunGroup]) -> list[str]:
    """A unique name per group: its model and what differs among groups of the model; only that if all share it."""
    names: list[str] = []
    for group in groups:
        model = model_name(group.example.model.name)
        same_model = [g for g in groups if model_name(g.example.model.name) == model]
        differences = [_difference(group, key) for key in _differing_fields(same_model)]
        if differences and len(same_model) == len(groups):
            names.append(" ".join(differences))
        else:
            names.append(f"{model} ({', '.join(differences)})" if differences else model)
    return [f"{name} #{names[:i].count(name) + 1}" if name in names[:i] else name for i, name in enumerate(names)]


def _common_mask(groups: list[RunGroup], predictions: list[Predictions | None]) -> NDArray[np.bool_] | None:
    """The test images that are new to the weights of every group; None if nothing is known or none is left."""
    pretrained = [p for g, p in zip(groups, predictions, strict=True) if p and g.example.model.weights is not None]
    masks = [p.clean for p in pretrained if p.clean is not None and not p.clean.all()]
    files = {p.files if p else () for p in predictions}
    mask = np.logical_and.reduce(masks) if masks and len(files) == 1 else None
    return mask if mask is not None and mask.any() else None


def make_contenders(groups: list[RunGroup]) -> tuple[list[Contender], NDArray[np.bool_] | None, list[str]]:
    """Contenders, best first, the mask of test images new to the weights (None: all count), and the files left out.

    Contenders are judged on all test images; `judged_on` gives their accuracy on the images of a mask.
    """
    is_one_model = len({g.example.model.name for g in groups}) == 1 and len(groups) > 1
    results = [read_group_predictions(g) for g in groups]
    contenders = []
    for position, (name, group, (predictions, _)) in enumerate(zip(names_of(groups), groups, results, strict=True)):
        style = position if is_one_model else MODEL_RANKS.get(group.example.model.name, position)
        by_seed = {r.seed: r.result.accuracy or 0.0 for r in group.runs}
        contenders.append(Contender(name, style, group, predictions, by_seed, group.example.dataset.test))
    left_out = [line for _, lines in results for line in lines]
    mask = _common_mask(groups, [predictions for predictions, _ in results])
    return sorted(contenders, key=lambda c: -c.accuracy), mask, left_out


def judged_on(contenders: list[Contender], mask: NDArray[np.bool_]) -> list[Contender]:
    """The contenders with their accuracy on the images of a mask, best first; unchanged without predictions."""
    judged = []
    for c in contenders:
        if c.predictions:
            rows = zip(c.predictions.seeds, c.predictions.correct, strict=True)
            c = replace(c, by_seed={seed: float(row[mask].mean()) for seed, row in rows}, images=int(mask.sum()))
        judged.append(c)
    return sorted(judged, key=lambda c: -c.accuracy)
