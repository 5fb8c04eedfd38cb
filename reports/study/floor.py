"""The floor: the accuracy that needs no look at the content of a photo. A model is recommended only above it."""

from dataclasses import dataclass
from enum import StrEnum

from bench.records import DatasetFacts, Run
from reports.study import statistics
from reports.study.contenders import Contender

FEWEST_FOR_T = 3
"""Seeds from which Student's t interval is used; that of two is too wide for any conclusion."""


class FloorRule(StrEnum):
    """A rule that does not look at the content of a photo."""

    GUESSING = "guessing"
    MAJORITY = "majority"
    TRIVIAL = "trivial"


@dataclass(frozen=True)
class Floor:
    """The greatest accuracy of the rules, `height`, and the accuracy of each."""

    rule: FloorRule
    height: float
    accuracies: dict[FloorRule, float]

    @property
    def is_format(self) -> bool:
        """Whether size, colour and borders tell the classes apart clearly better than guessing does."""
        return self.rule is FloorRule.TRIVIAL

    @property
    def basic(self) -> float:
        """The accuracy of guessing or of the most common class, the greater of the two."""
        return max(v for rule, v in self.accuracies.items() if rule is not FloorRule.TRIVIAL)


def floor_of(run: Run, facts: DatasetFacts | None) -> Floor:
    """The floor of a run's dataset. The trivial rule names it only if it is clearly above the other two.

    Without stored facts, the test images of each class come from the run's confusion matrix.
    """
    accuracies = {FloorRule.GUESSING: 1 / len(run.dataset.classes)}
    if run.result.confusion:
        by_class = [sum(row) for row in run.result.confusion]
        accuracies[FloorRule.MAJORITY] = max(by_class) / max(1, sum(by_class))
    for rule in (FloorRule.MAJORITY, FloorRule.TRIVIAL):
        if facts and rule in facts.floors:
            accuracies[rule] = facts.floors[rule]
    trivial = accuracies.get(FloorRule.TRIVIAL, 0.0)
    majority = accuracies.get(FloorRule.MAJORITY, 0.0)
    name = FloorRule.MAJORITY if majority > accuracies[FloorRule.GUESSING] else FloorRule.GUESSING
    if statistics.wilson(trivial, run.dataset.test)[0] > accuracies[name]:
        name = FloorRule.TRIVIAL
    return Floor(name, max(accuracies.values()), accuracies)


def floor_interval(contender: Contender) -> statistics.Interval:
    """The interval over images that must lie above the floor.

    A model without pretrained weights has seen no test image, so all of them count, also where the others are judged
    on a part.
    """
    group = contender.group
    if group.example.model.weights is None:
        return statistics.wilson(group.accuracy, group.example.dataset.test)
    return contender.image_interval


def is_above_over_seeds(contender: Contender, height: float) -> bool:
    """Whether other seeds would hardly fall to this accuracy; of two seeds the worse one counts, over images."""
    if len(contender.by_seed) >= FEWEST_FOR_T and contender.seed_interval:
        return contender.seed_interval[0] > height
    return statistics.wilson(min(contender.accuracies), contender.images)[0] > height


def is_shown_above(contender: Contender, floor: Floor) -> bool:
    """Whether a contender is shown to do better than the floor, over images and over seeds."""
    return floor_interval(contender)[0] > floor.height and is_above_over_seeds(contender, floor.height)
