"""What test images that are also in train do to the accuracy and to the order of the models."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bench.records import DatasetFacts
from reports.study import statistics
from reports.study.compare import Comparison
from reports.study.contenders import Contender
from reports.study.predictions import Predictions


@dataclass(frozen=True)
class LeakEffect:
    """Accuracy of a contender on all test images, on the leaked ones and on the others; mean over seeds.

    `difference` is leaked minus others within classes, None if no class has both; `interval` is its interval. `excess`
    is what the leak adds to the accuracy on all images, None if a class has no image that is not leaked. `correct` is
    the share of seeds that are right, per image that is not leaked.
    """

    contender: Contender
    overall: float
    leaked: float
    unleaked: float
    difference: float | None
    interval: statistics.Interval | None
    excess: float | None
    correct: NDArray[np.float64]


@dataclass(frozen=True)
class Reversal:
    """Two contenders whose order changes without the leaked images: `ahead` then leads by `difference`."""

    ahead: Contender
    behind: Contender
    difference: float
    interval: statistics.Interval


@dataclass(frozen=True)
class LeakStudy:
    """The effects by accuracy on all test images, (leaked, other) images by class index, and changes of the order."""

    effects: list[LeakEffect]
    by_class: dict[int, tuple[int, int]]
    reversals: list[Reversal]

    @property
    def leaked_images(self) -> int:
        """Test images that are also in train."""
        return sum(leaked for leaked, _ in self.by_class.values())

    @property
    def unleaked_images(self) -> int:
        """Test images that are not in train."""
        return sum(others for _, others in self.by_class.values())

    @property
    def unmeasured_classes(self) -> list[int]:
        """Classes of which every test image is leaked."""
        return [k for k, (_, others) in self.by_class.items() if others == 0]

    @property
    def ranking(self) -> list[LeakEffect]:
        """The effects by accuracy on the images that are not leaked."""
        return sorted(self.effects, key=lambda effect: -effect.unleaked)


def _leak_mask(facts: DatasetFacts, predictions: Predictions, test_images: int) -> NDArray[np.bool_]:
    """Which of the test images are leaked; what is predicted beyond them are images withheld from train."""
    leaked = {*(facts.leaked or ()), *(facts.nearly_leaked or ())}
    return np.array([file in leaked for file in predictions.files[:test_images]], bool)


def _count_by_class(truth: NDArray[np.int32], mask: NDArray[np.bool_]) -> dict[int, tuple[int, int]]:
    return {int(k): (int((mask & (truth == k)).sum()), int((~mask & (truth == k)).sum())) for k in np.unique(truth)}


def _effect(contender: Contender, predictions: Predictions, mask: NDArray[np.bool_]) -> LeakEffect:
    correct, truth = predictions.correct[:, : len(mask)].mean(0), predictions.truth[: len(mask)]
    counts = _count_by_class(truth, mask)
    strata = {
        k: (float(correct[~mask & (truth == k)].mean()), others, float(correct[mask & (truth == k)].mean()), leaked)
        for k, (leaked, others) in counts.items()
        if leaked and others
    }
    difference, interval = statistics.stratified_difference(list(strata.values())) if strata else (None, None)
    excess = None
    if all(others for _, others in counts.values()):
        excess = sum(leaked * (b - a) for a, _, b, leaked in strata.values()) / len(mask)
    leaked, unleaked = float(correct[mask].mean()), float(correct[~mask].mean())
    return LeakEffect(contender, float(correct.mean()), leaked, unleaked, difference, interval, excess, correct[~mask])


def _reversals(effects: list[LeakEffect]) -> list[Reversal]:
    reversals = []
    for first, second in combinations(effects, 2):
        if first.overall > second.overall and second.unleaked > first.unleaked:
            change = second.correct - first.correct
            interval = statistics.paired_interval(change)
            reversals.append(Reversal(second.contender, first.contender, float(change.mean()), interval))
    return reversals


def leak_study(comparison: Comparison) -> LeakStudy | None:
    """The effect of the leaked test images; None without leaks, without a list of them, or without predictions."""
    facts, rows = comparison.facts, comparison.with_predictions
    if not facts or not facts.leaked_images or facts.leaked is None or not rows:
        return None
    masks = [_leak_mask(facts, p, c.group.example.dataset.test) for c, p in rows]
    usable = [(c, p, mask) for (c, p), mask in zip(rows, masks, strict=True) if mask.any() and not mask.all()]
    if not usable:
        return None
    effects = sorted((_effect(*row) for row in usable), key=lambda effect: -effect.overall)
    _, predictions, mask = usable[0]
    return LeakStudy(effects, _count_by_class(predictions.truth[: len(mask)], mask), _reversals(effects))
