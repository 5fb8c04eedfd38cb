"""Accuracy against images and time: learning curves, their crossings, time to an accuracy, curves still rising."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise

import numpy as np

from bench.records import Epoch, Run, StopReason
from reports.study import statistics
from reports.study.compare import Comparison
from reports.study.contenders import Contender
from reports.study.load import RunGroup, device_key, recipe_of

RISE = 0.01
"""Gain in accuracy over the last third of the epochs from which a curve counts as still rising."""


@dataclass(frozen=True)
class Crossing:
    """Images per class at which `b` overtakes `a`; between `low` and `high` the seeds do not show which leads."""

    a: Contender
    b: Contender
    images: float
    low: float | None
    high: float | None


def _family_key(group: RunGroup) -> str:
    run = group.example
    rest = {k: v for k, v in recipe_of(run).items() if k != "train_images"}
    parts = [run.model.name, run.model.arch, run.model.weights, run.model.head, rest, device_key(run)]
    return json.dumps([*parts, run.dataset.manifest_sha256, run.dataset.test], sort_keys=True, default=str)


def curves(comparison: Comparison) -> dict[str, list[RunGroup]]:
    """For each contender with a learning curve, by name, its groups for each number of images, fewest first."""
    by_key: dict[str, list[RunGroup]] = defaultdict(list)
    for g in sorted((g for g in comparison.study.groups if g.runs), key=lambda g: g.images_per_class):
        by_key[_family_key(g)].append(g)
    families = {c.name: by_key[_family_key(c.group)] for c in comparison.contenders}
    return {name: groups for name, groups in families.items() if len(groups) > 1}


def _gap(a: RunGroup, b: RunGroup) -> tuple[float, statistics.Interval | None]:
    seeds = sorted({r.seed for r in a.runs} & {r.seed for r in b.runs})
    by_seed = [{r.seed: r.result.accuracy or 0.0 for r in g.runs} for g in (a, b)]
    return b.accuracy - a.accuracy, statistics.t_interval([by_seed[1][s] - by_seed[0][s] for s in seeds])


def _crossing(a: Contender, b: Contender, left: list[RunGroup], right: list[RunGroup]) -> Crossing | None:
    pairs = {g.images_per_class: [g] for g in left}
    for g in right:
        pairs.setdefault(g.images_per_class, []).append(g)
    rows = [(n, *_gap(*pair)) for n, pair in sorted(pairs.items()) if len(pair) == 2]
    for (n0, gap0, _), (n1, gap1, _) in pairwise(rows):
        if gap0 * gap1 < 0:
            share = gap0 / (gap0 - gap1)
            images = math.exp(math.log(n0) + share * (math.log(n1) - math.log(n0)))
            before = [n for n, gap, ci in rows if n <= n0 and ci and gap0 * gap > 0 and ci[0] * ci[1] > 0]
            after = [n for n, gap, ci in rows if n >= n1 and ci and gap1 * gap > 0 and ci[0] * ci[1] > 0]
            pair = (a, b) if gap1 > 0 else (b, a)
            return Crossing(*pair, images, max(before, default=None), min(after, default=None))
    return None


def crossings(comparison: Comparison) -> list[Crossing]:
    """Where learning curves cross: on a straight line in log images between the two sizes around the change of sign."""
    groups = curves(comparison)
    pairs = combinations([c for c in comparison.contenders if c.name in groups], 2)
    return [x for a, b in pairs if (x := _crossing(a, b, groups[a.name], groups[b.name]))]


def elapsed(run: Run) -> list[float]:
    """Training seconds at the end of each epoch, a feature pass included."""
    return [float(t) for t in np.cumsum([e.seconds for e in run.epochs]) + (run.cost.feature_seconds or 0.0)]


class Measured(StrEnum):
    """The images that the accuracy of every epoch is measured on."""

    TEST = "test"
    VALIDATION = "validation"

    def of(self, epoch: Epoch) -> float | None:
        """The accuracy of an epoch on these images."""
        return epoch.test_accuracy if self is Measured.TEST else epoch.val_accuracy


def measured_on(groups: Sequence[RunGroup]) -> Measured | None:
    """The images that all epochs of all groups are measured on; None if they differ or nothing is recorded."""
    epochs = [e for g in groups for run in g.runs for e in run.epochs]
    return next((m for m in Measured if epochs and all(m.of(e) is not None for e in epochs)), None)


def seconds_to_reach(run: Run, accuracy: float, measured: Measured = Measured.TEST) -> float | None:
    """Training seconds until the end of the first epoch with that accuracy; None if never."""
    pairs = zip(elapsed(run), run.epochs, strict=True)
    return next((t for t, e in pairs if (a := measured.of(e)) is not None and a >= accuracy), None)


def accuracy_within(group: RunGroup, seconds: float, measured: Measured = Measured.TEST) -> float | None:
    """Mean accuracy at the last epoch that ended within so many training seconds; None if a seed had none."""
    accuracies = []
    for run in group.runs:
        pairs = zip(elapsed(run), run.epochs, strict=True)
        ended = [a for t, e in pairs if t <= seconds and (a := measured.of(e)) is not None]
        if not ended:
            return None
        accuracies.append(ended[-1])
    return float(np.mean(accuracies))


def late_gain(group: RunGroup) -> float | None:
    """The gain of a group's mean accuracy over its last third of epochs.

    None if the curve is flat by then, or if training chose its own length (epochs=auto): why it ended is recorded.
    """
    measured = measured_on([group])
    if measured is None or any(run.training and run.training.stop is not StopReason.EPOCHS for run in group.runs):
        return None
    rows = [[a for e in run.epochs if (a := measured.of(e)) is not None] for run in group.runs]
    length = min(map(len, rows), default=0)
    if length < 3:
        return None
    mean = np.mean([row[:length] for row in rows], axis=0)
    gain = float(mean[-1] - mean[-1 - max(1, length // 3)])
    return gain if gain >= RISE and mean[-1] >= mean.max() else None
