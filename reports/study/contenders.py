"""Which groups of a study meet, under what names, and on which test images they are judged."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.study import statistics as st
from reports.study.load import Answers, Group, Study, device_key, read_answers, recipe_of
from reports.words import MODEL_NAMES, clean

MOST_CONTENDERS = 8


@dataclass(frozen=True)
class Contender:
    """A group that the report speaks of by name; `style` picks its colour, dash and mark.

    `by_seed` is the accuracy it is judged by and `images` the test images behind it: all of them, or the clean ones.
    """

    name: str
    style: int
    group: Group
    answers: Answers | None
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

    @property
    def origin(self) -> str | None:
        """Where its pretrained weights come from, as recorded."""
        weights = self.group.any.model.weights
        return clean(weights) if weights else None

    @cached_property
    def interval(self) -> st.Interval | None:
        """Student's t interval over its seeds."""
        return st.share_interval(self.accuracies)

    @cached_property
    def image_interval(self) -> st.Interval:
        """Wilson's interval over the test images, at the mean accuracy of the seeds."""
        return st.wilson(self.accuracy, self.images)


PARTS = ("arch", "head", "weights")
"""Fields that the record of the model gives as they were, whatever the recipe says."""


def _value(group: Group, key: str) -> object:
    return getattr(group.any.model, key) if key in PARTS else group.any.recipe.get(key)


def _told(group: Group, key: str) -> str:
    value = _value(group, key)
    if key == "train_images":
        return f"{clean(value, 30)} images per class" if value else "all images"
    return clean(value, 30) if key == "arch" else f"{clean(key, 30)} {clean(value, 30)}"


def _differs(groups: list[Group]) -> list[str]:
    """Recipe and model fields in which groups differ."""
    keys = [*PARTS, *sorted({k for g in groups for k in recipe_of(g.any)} - set(PARTS))]
    return [k for k in keys if len({str(_value(g, k)) for g in groups}) > 1]


def names_of(groups: list[Group]) -> list[str]:
    """A name for each group: its model's, with what sets it apart where that is not enough.

    Groups that are all of one model are named by what sets them apart alone.
    """
    plain = [clean(MODEL_NAMES.get(g.any.model.name, g.any.model.name), 60) for g in groups]
    names = []
    for name, group in zip(plain, groups, strict=True):
        twins = [g for other, g in zip(plain, groups, strict=True) if other == name]
        told = [_told(group, key) for key in _differs(twins)]
        alone = " ".join(told) if told and len(twins) == len(groups) else ""
        names.append(alone or (f"{name} ({', '.join(told)})" if told else name))
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        seen[name] += 1
        names[i] = f"{name} #{seen[name]}" if seen[name] > 1 else name
    return names


def newest(group: Group) -> str:
    """When the latest run of a group was made, ISO 8601."""
    return max(run.created for run in group.runs)


def choose(study: Study) -> tuple[list[Group], dict[int, str]]:
    """The groups to hold against each other, and for each other one why it stands apart.

    One device and one state of the data: those with most models, then the newest. All training images. Of several
    recipes of a model the one with most seeds, then the newest: never the one with the best test accuracy.
    """
    usable = [g for g in study.groups if g.runs]
    rooms: dict[object, list[Group]] = {}
    for g in usable:
        rooms.setdefault((g.any.dataset.manifest_sha256, g.any.dataset.test, device_key(g.any)), []).append(g)
    if not rooms:
        return [], {}
    room = max(rooms.values(), key=lambda gs: (len({g.any.model.name for g in gs}), max(map(newest, gs))))
    first, most = room[0].any, max(g.any.dataset.train for g in room)
    apart: dict[int, str] = {}
    for g in usable:
        run = g.any
        if run.dataset.manifest_sha256 != first.dataset.manifest_sha256 or run.dataset.test != first.dataset.test:
            apart[id(g)] = f"another state of the dataset: manifest {clean(run.dataset.manifest_sha256[:12])}"
        elif device_key(run) != device_key(first):
            apart[id(g)] = f"another device: {clean(run.device.name, 60)}, {clean(run.device.precision, 20)}"
        elif run.dataset.train != most:
            apart[id(g)] = "fewer training images"
    full = [g for g in room if id(g) not in apart]
    by_model: dict[str, list[Group]] = {}
    for g in sorted(full, key=lambda g: (len(g.runs), newest(g)), reverse=True):
        by_model.setdefault(g.any.model.name, []).append(g)
    chosen = full[:MOST_CONTENDERS] if len(by_model) == 1 else [groups[0] for groups in by_model.values()]
    apart |= {id(g): "another recipe of the same model" for g in full if g not in chosen}
    return chosen, apart


def _clean_mask(group: Group, answers: Answers | None) -> NDArray[np.bool_] | None:
    """Which test images are new to the weights of a group; None where all are, or nothing is known."""
    if group.any.model.weights is None or answers is None or answers.clean is None or answers.clean.all():
        return None
    return answers.clean


def contenders_of(chosen: list[Group], left_out: list[str]) -> tuple[list[Contender], NDArray[np.bool_] | None]:
    """Contenders of the chosen groups, best first, and the mask of the test images that they are judged on.

    The mask takes out images of the pretraining set; None where nothing is known, or nothing is to be taken out.
    """
    order = list(MODEL_NAMES)
    single = len({g.any.model.name for g in chosen}) == 1 and len(chosen) > 1
    answers = [read_answers(g, left_out) for g in chosen]
    masks = [m for g, a in zip(chosen, answers, strict=True) if (m := _clean_mask(g, a)) is not None]
    files = {a.files if a else () for a in answers}
    mask = np.logical_and.reduce(masks) if masks and len(files) == 1 else None
    if mask is not None and not mask.any():
        mask = None
    made = []
    for position, (name, group, said) in enumerate(zip(names_of(chosen), chosen, answers, strict=True)):
        model = group.any.model.name
        style = position if single or model not in order else order.index(model)
        by_seed, images = {r.seed: r.result.accuracy or 0.0 for r in group.runs}, group.any.dataset.test
        if mask is not None and said:
            images = int(mask.sum())
            by_seed = {seed: float(row[mask].mean()) for seed, row in zip(said.seeds, said.right, strict=True)}
        made.append(Contender(name, style, group, said, by_seed, images))
    return sorted(made, key=lambda c: -c.accuracy), mask
