"""Which groups of a study are compared, and why each other one is not."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reports.study.conditions import (
    CONDITION_NAMES,
    NOTED_CONDITIONS,
    Signature,
    breadth,
    differences,
    effort,
    newest,
    signature,
    unlike,
)
from reports.study.load import RunGroup, Study, device_key
from reports.words import MODEL_NAMES, clean

MOST_CONTENDERS = 8
MODEL_RANKS = {model: rank for rank, model in enumerate(MODEL_NAMES)}


class ExclusionReason(StrEnum):
    """Why a group is not one of the contenders."""

    OTHER_DATASET = "another state of the dataset"
    OTHER_DEVICE = "another device"
    OTHER_IMAGES = "another number of training images"
    OTHER_CONDITIONS = "other conditions"
    OTHER_RECIPE = "another recipe of the same model"


@dataclass(frozen=True)
class Exclusion:
    """Why a group is not one of the contenders, and what it has instead."""

    reason: ExclusionReason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason.value


class Circumstances(NamedTuple):
    """What all groups of a comparison have in common: device, images to train on, conditions."""

    device: tuple[object, ...]
    images: int
    conditions: Signature

    def holds(self, group: RunGroup) -> bool:
        """Whether a group ran on this device with these images."""
        return (device_key(group.example), group.example.dataset.train) == (self.device, self.images)


@dataclass(frozen=True)
class Choice:
    """The groups to compare, the conditions of the comparison, and for each other group why it is excluded."""

    groups: list[RunGroup]
    conditions: Signature
    excluded: dict[RunGroup, Exclusion]


def _data_key(group: RunGroup) -> tuple[object, ...]:
    dataset = group.example.dataset
    return dataset.manifest_sha256, dataset.test


def _models(groups: list[RunGroup]) -> set[str]:
    return {g.example.model.name for g in groups}


def _main_data(finished: list[RunGroup]) -> list[RunGroup]:
    """The groups of one state of the dataset: that with most models, then the newest."""
    by_data: dict[object, list[RunGroup]] = defaultdict(list)
    for g in finished:
        by_data[_data_key(g)].append(g)
    return max(by_data.values(), key=lambda groups: (len(_models(groups)), max(map(newest, groups))))


def _best_circumstances(groups: list[RunGroup]) -> Circumstances:
    """The comparison that the verdict uses. Never decided by accuracy.

    Candidates share device, images and conditions, and lack at most one of the models that the fullest one has (but
    have two if that one has). Of these the one with most training images, then the better trained one (tuning, then
    epochs), then the one with most models, seeds, the largest images, then the newest.
    """
    candidates: list[tuple[Circumstances, list[RunGroup]]] = []
    for g in groups:
        mine = Circumstances(device_key(g.example), g.example.dataset.train, signature(g.example))
        if all(mine != known for known, _ in candidates):
            members = [h for h in groups if mine.holds(h) and not differences(h.example, mine.conditions)]
            candidates.append((mine, members))
    most = max(len(_models(members)) for _, members in candidates)
    fewest = max(most - 1, min(most, 2))

    def rank(candidate: tuple[Circumstances, list[RunGroup]]) -> tuple[object, ...]:
        where, members = candidate
        choices = sum(where.conditions[key] is not None for key in NOTED_CONDITIONS)
        compared, models = _represent(members, where), len(_models(members))
        return where.images, effort(compared), models, choices, breadth(compared), max(map(newest, members))

    return max((c for c in candidates if len(_models(c[1])) >= fewest), key=rank)[0]


def _represent(groups: list[RunGroup], where: Circumstances) -> list[RunGroup]:
    """A group for each model: that with most of the conditions, then the better trained, then the newest."""
    by_model: dict[str, list[RunGroup]] = defaultdict(list)
    for g in groups:
        by_model[g.example.model.name].append(g)

    def rank(group: RunGroup) -> tuple[object, ...]:
        return -len(differences(group.example, where.conditions)), effort([group]), breadth([group]), newest(group)

    return [max(members, key=rank) for members in by_model.values()]


def _exclusion(group: RunGroup, data: RunGroup, where: Circumstances) -> Exclusion:
    """Why a group is not compared."""
    run = group.example
    if _data_key(group) != _data_key(data):
        return Exclusion(ExclusionReason.OTHER_DATASET, f"manifest {clean(run.dataset.manifest_sha256[:12])}")
    if device_key(run) != where.device:
        device = f"{clean(run.device.name, 60)}, {clean(run.device.precision, 20)}"
        return Exclusion(ExclusionReason.OTHER_DEVICE, device)
    if run.dataset.train != where.images:
        return Exclusion(ExclusionReason.OTHER_IMAGES, f"{run.dataset.train:,} instead of {where.images:,}")
    others = unlike(run, where.conditions, (*CONDITION_NAMES, *NOTED_CONDITIONS))
    if others:
        return Exclusion(ExclusionReason.OTHER_CONDITIONS, "; ".join(map(str, others)))
    return Exclusion(ExclusionReason.OTHER_RECIPE)


def choose(study: Study) -> Choice:
    """The groups to compare, best known models first: one for each model, or all recipes if there is one model."""
    finished = [g for g in study.groups if g.runs]
    if not finished:
        return Choice([], {}, {})
    alike = _main_data(finished)
    where = _best_circumstances(alike)
    same = [g for g in alike if where.holds(g)]
    if len(_models(alike)) == 1:
        chosen = sorted(same, key=lambda g: (len(differences(g.example, where.conditions)), newest(g)))
        chosen = chosen[:MOST_CONTENDERS]
    else:
        chosen = _represent(same, where)
    excluded = {g: _exclusion(g, alike[0], where) for g in finished if g not in chosen}
    ranked = sorted(chosen, key=lambda g: (MODEL_RANKS.get(g.example.model.name, 9), newest(g)))
    return Choice(ranked, where.conditions, excluded)
