"""The comparison of a study: the contenders, their pairs, what is unfair, and the one decision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bench.records import DatasetFacts, Run
from reports.study import statistics
from reports.study.choose import Choice, Exclusion, choose
from reports.study.conditions import CONDITION_NAMES, SEEN_IMAGES, UnfairCondition, unlike
from reports.study.contenders import Contender, judged_on, make_contenders
from reports.study.decide import Decision, Lack, Outcome, decide, recommend
from reports.study.floor import Floor, floor_of, is_shown_above
from reports.study.load import RunGroup, Study
from reports.study.pairs import Pair, make_pair
from reports.study.pictures import Gallery, read_gallery
from reports.study.predictions import Predictions

WIDE = 0.10
"""Clean test images are too few if the best accuracy on them is uncertain by more than this either way."""


@dataclass(frozen=True)
class CleanPart:
    """The test images that are new to the weights, too few to decide: the contenders judged on them, by name."""

    images: int
    contenders: dict[str, Contender]


@dataclass(frozen=True)
class Comparison:
    """The contenders of a study, best first, all their pairs, and what is excluded or unfair and why.

    `clean_images` counts the test images that are new to the weights if only these are judged. `few_clean` are such
    images if they are too few to decide; the accuracies are then those on all test images.
    """

    study: Study
    choice: Choice
    contenders: list[Contender]
    pairs: dict[tuple[str, str], Pair]
    unfair: dict[str, list[UnfairCondition]]
    left_out: tuple[str, ...]
    clean_images: int | None = None
    few_clean: CleanPart | None = None

    @property
    def excluded(self) -> dict[RunGroup, Exclusion]:
        """Why each other group is not a contender."""
        return self.choice.excluded

    def pair(self, a: Contender, b: Contender) -> Pair:
        """The pair in the direction `b` against `a`."""
        return self.pairs.get((a.name, b.name)) or self.pairs[(b.name, a.name)].reversed()

    def unfair_text(self, contender: Contender) -> str:
        """The unfair conditions of a contender in words, empty if there are none."""
        return "; ".join(map(str, self.unfair.get(contender.name, ())))

    @cached_property
    def fair(self) -> list[Contender]:
        """The contenders without an unfair condition, best first."""
        return [c for c in self.contenders if c.name not in self.unfair]

    @cached_property
    def floor(self) -> Floor | None:
        """The accuracy that needs no look at the photos; None without a contender."""
        return floor_of(self.contenders[0].group.example, self.facts) if self.contenders else None

    @cached_property
    def above_floor(self) -> list[Contender]:
        """The fair contenders that are shown to do better than the floor, best first. Only these are recommended."""
        return [c for c in self.fair if self.floor and is_shown_above(c, self.floor)]

    @cached_property
    def decision(self) -> Decision:
        """What the runs show. Every part of a report, every table and the list take it from here."""
        if self.floor is None:
            return Decision(Outcome.NOTHING)
        decision = decide(self.fair, self.pair, self.floor)
        if self.few_clean and decision.best and decision.best.group.example.model.weights is not None:
            return replace(decision, outcome=Outcome.FEW_CLEAN, choice=None, lack=Lack.IMAGES)
        return decision

    def decide_among(self, candidates: Sequence[Contender]) -> Decision | None:
        """The decision among some contenders that are above the floor; None if there is none."""
        rest = [c for c in self.above_floor if c in candidates]
        return recommend(rest, self.pair, self.floor) if rest and self.floor else None

    @property
    def best(self) -> Contender | None:
        """The most accurate contender that can be recommended."""
        return self.decision.best

    @property
    def tied(self) -> tuple[Contender, ...]:
        """The best and all that are statistically tied with it, in order of accuracy."""
        return self.decision.named

    @cached_property
    def with_predictions(self) -> list[tuple[Contender, Predictions]]:
        """The contenders whose predictions are stored."""
        return [(c, c.predictions) for c in self.contenders if c.predictions is not None]

    @property
    def run(self) -> Run | None:
        """A run of the dataset that is compared on; None if no record can be used."""
        groups = [*(c.group for c in self.contenders), *self.study.groups]
        return groups[0].example if groups else None

    @property
    def facts(self) -> DatasetFacts | None:
        """The stored facts about the dataset that is compared on."""
        return self.study.facts.get(self.run.dataset.manifest_sha256) if self.run else None

    @cached_property
    def gallery(self) -> Gallery:
        """All readable pictures of the contenders and of the dataset."""
        return read_gallery(self.study, self.contenders, self.facts)


def _is_contaminated(contender: Contender) -> bool:
    """Whether a contender is judged on test images that may have been in the pretraining set of its weights."""
    group = contender.group
    if group.example.model.weights is None or contender.images != group.example.dataset.test:
        return False
    return any(r.result.clean_images is not None and r.result.clean_images < r.dataset.test for r in group.runs)


def _unfair_conditions(contenders: list[Contender], choice: Choice) -> dict[str, list[UnfairCondition]]:
    """Contenders whose conditions are not those of the comparison; pretraining overlap is one."""
    reasons = {}
    for c in contenders:
        found = unlike(c.group.example, choice.conditions, tuple(CONDITION_NAMES))
        found += [SEEN_IMAGES] if _is_contaminated(c) else []
        if found:
            reasons[c.name] = found
    return reasons


def _all_pairs(contenders: list[Contender], mask: NDArray[np.bool_] | None) -> list[Pair]:
    """All pairs, the worse against the better, with their p-values corrected."""
    pairs = [make_pair(worse, better, mask) for better, worse in combinations(contenders, 2)]
    corrected = iter(statistics.holm([p.raw_p for p in pairs if p.raw_p is not None]))
    return [replace(pair, p=None if pair.raw_p is None else next(corrected)) for pair in pairs]


def _compare(
    study: Study, choice: Choice, contenders: list[Contender], mask: NDArray[np.bool_] | None, files: list[str]
) -> Comparison:
    unfair = _unfair_conditions(contenders, choice)
    pairs = {
        (p.a.name, p.b.name): replace(p, is_fair=unfair.keys().isdisjoint((p.a.name, p.b.name)))
        for p in _all_pairs(contenders, mask)
    }
    count = None if mask is None else int(mask.sum())
    return Comparison(study, choice, contenders, pairs, unfair, (*study.left_out, *files), count)


def _without_seen_images(comparison: Comparison) -> Comparison:
    """The comparison as if images that the weights have seen were fair."""
    kept = {name: [u for u in found if u != SEEN_IMAGES] for name, found in comparison.unfair.items()}
    unfair = {name: found for name, found in kept.items() if found}
    pairs = {names: replace(p, is_fair=unfair.keys().isdisjoint(names)) for names, p in comparison.pairs.items()}
    return replace(comparison, unfair=unfair, pairs=pairs)


def compare_study(study: Study) -> Comparison:
    """Compare the groups of a study with each other; reads the predictions of the contenders.

    If it is known which test images are new to the weights, only these are judged, unless they are too few: they leave
    a decision open for lack of images, or the best accuracy on them is uncertain by more than WIDE either way.
    """
    choice = choose(study)
    contenders, mask, files = make_contenders(choice.groups)
    whole = _compare(study, choice, contenders, None, files)
    if mask is None:
        return whole
    on_clean = _compare(study, choice, judged_on(contenders, mask), mask, files)
    low, high = on_clean.contenders[0].image_interval
    if on_clean.decision.lack is not Lack.IMAGES and high - low <= 2 * WIDE:
        return on_clean
    clean = CleanPart(int(mask.sum()), {c.name: c for c in on_clean.contenders})
    return replace(_without_seen_images(whole), few_clean=clean)
