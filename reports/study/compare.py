"""How far apart two contenders are, whether that is more than luck, and whether the comparison is fair."""

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bench.records import DatasetFacts, Run
from reports.study import statistics
from reports.study.contenders import Contender, Exclusion, choose, make_contenders
from reports.study.load import RunGroup, Study
from reports.study.pictures import Gallery, read_gallery
from reports.study.predictions import Predictions
from reports.words import clean


class Condition(StrEnum):
    """What must agree for a fair comparison: recipe fields, and that the test images are new to the weights."""

    SIZE = "size"
    EPOCHS = "epochs"
    VALIDATION = "val_fraction"
    HOLDOUT = "holdout_clean"
    UNSEEN_IMAGES = "unseen_images"


CONDITION_NAMES = {
    Condition.SIZE: "image size",
    Condition.EPOCHS: "epochs",
    Condition.VALIDATION: "share kept for validation",
    Condition.HOLDOUT: "images withheld",
}


@dataclass(frozen=True)
class UnfairCondition:
    """A condition in which a contender differs from most others: its value and the usual one."""

    condition: Condition
    value: str = ""
    usual: str = ""

    def __str__(self) -> str:
        if self.condition is Condition.UNSEEN_IMAGES:
            return "test images may have been in the pretraining set"
        return f"{CONDITION_NAMES[self.condition]} {self.value} instead of {self.usual}"


SEEN_IMAGES = UnfairCondition(Condition.UNSEEN_IMAGES)


@dataclass(frozen=True)
class Pair:
    """`b` against `a`: differences are accuracy of b minus accuracy of a, fractions.

    `seeds` is the t interval over `seed_count` seeds, `images` the one over test images, `fixed` and `broken` index the
    images of the first common seed that only b or only a gets right, `p` is McNemar's after Holm, `variance` that of
    the difference per image. The difference of an unfair pair proves nothing.
    """

    a: Contender
    b: Contender
    difference: float
    seeds: statistics.Interval | None
    seed_count: int
    images: statistics.Interval
    variance: float | None = None
    fixed: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    raw_p: float | None = None
    p: float | None = None
    is_fair: bool = True

    @property
    def is_beyond_images(self) -> bool:
        """Whether another test set of this size would hardly reverse the order."""
        if self.p is not None:
            return self.p < statistics.ALPHA
        return self.images[0] > 0 or self.images[1] < 0

    @property
    def is_beyond_seeds(self) -> bool | None:
        """Whether other seeds would hardly reverse the order; None if there is one seed only."""
        return None if self.seeds is None else self.seeds[0] > 0 or self.seeds[1] < 0

    @property
    def is_clear(self) -> bool:
        """Whether one of the two is better as far as seeds and images can show."""
        return self.is_fair and self.is_beyond_images and self.is_beyond_seeds is not False

    @property
    def interval(self) -> statistics.Interval:
        """The interval to quote: over seeds if there are several, else over images."""
        return self.seeds or self.images

    def reversed(self) -> "Pair":
        """The same pair as `a` against `b`."""
        seeds = (-self.seeds[1], -self.seeds[0]) if self.seeds else None
        images, change = (-self.images[1], -self.images[0]), -self.difference
        turned = replace(self, a=self.b, b=self.a, fixed=self.broken, broken=self.fixed)
        return replace(turned, difference=change, seeds=seeds, images=images)


@dataclass(frozen=True)
class Comparison:
    """The contenders of a study, best first, all their pairs, and what is excluded or unfair and why."""

    study: Study
    contenders: list[Contender]
    pairs: dict[tuple[str, str], Pair]
    unfair: dict[str, list[UnfairCondition]]
    excluded: dict[RunGroup, Exclusion]
    left_out: tuple[str, ...]
    clean_images: int | None = None

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

    @property
    def best(self) -> Contender | None:
        """The fair contender of highest mean accuracy."""
        return self.fair[0] if self.fair else None

    @cached_property
    def tied(self) -> list[Contender]:
        """The best and all that are statistically tied with it, in order of accuracy."""
        return [c for c in self.fair if c is self.best or not self.pair(c, self.fair[0]).is_clear]

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


def _unfair_conditions(contenders: list[Contender]) -> dict[str, list[UnfairCondition]]:
    """Contenders whose conditions are not those of most others; pretraining overlap is one."""
    reasons: dict[str, list[UnfairCondition]] = {}
    for condition in CONDITION_NAMES if contenders else ():
        values = [str(c.group.example.recipe.get(condition)) for c in contenders]
        usual = Counter(values).most_common(1)[0][0]
        for c, value in zip(contenders, values, strict=True):
            if value != usual:
                unfair = UnfairCondition(condition, clean(value, 30), clean(usual, 30))
                reasons.setdefault(c.name, []).append(unfair)
    for c in contenders:
        if _is_contaminated(c):
            reasons.setdefault(c.name, []).append(SEEN_IMAGES)
    return reasons


def _pair(a: Contender, b: Contender, mask: NDArray[np.bool_] | None) -> Pair:
    common = sorted(set(a.by_seed) & set(b.by_seed))
    if len(common) == len(a.by_seed) == len(b.by_seed):
        seeds, count = statistics.t_interval([b.by_seed[s] - a.by_seed[s] for s in common]), len(common)
    else:
        seeds = statistics.welch_interval(a.accuracies, b.accuracies)
        count = min(len(a.by_seed), len(b.by_seed))
    images = statistics.newcombe(a.accuracy, b.accuracy, min(a.images, b.images))
    pair = Pair(a, b, b.accuracy - a.accuracy, seeds, count, images)
    x, y = a.predictions, b.predictions
    shared = [s for s in x.seeds if s in y.seeds] if x and y and x.files == y.files else []
    if not x or not y or not shared or len(x.files) < 2:
        return pair
    kept = np.ones(len(x.files), bool) if mask is None else mask
    correct = [(x.correct[x.seeds.index(s), kept], y.correct[y.seeds.index(s), kept]) for s in shared]
    places, (first_a, first_b) = np.flatnonzero(kept), correct[0]
    fixed, broken = (tuple(places[w].tolist()) for w in (first_b > first_a, first_a > first_b))
    change = np.mean([q - p for p, q in correct], axis=0)
    p = statistics.mcnemar(len(fixed), len(broken)) if len(correct) == 1 else statistics.mcnemar_over_seeds(change)
    paired = statistics.paired_interval(change)
    return replace(pair, images=paired, variance=float(change.var()), fixed=fixed, broken=broken, raw_p=p)


def compare_study(study: Study) -> Comparison:
    """Compare the groups of a study with each other; reads the predictions of the contenders."""
    chosen, excluded = choose(study)
    contenders, mask, files = make_contenders(chosen)
    unfair = _unfair_conditions(contenders)
    pairs = [_pair(worse, better, mask) for better, worse in combinations(contenders, 2)]
    corrected = iter(statistics.holm([p.raw_p for p in pairs if p.raw_p is not None]))
    by_name = {}
    for pair in pairs:
        names = (pair.a.name, pair.b.name)
        p = None if pair.raw_p is None else next(corrected)
        by_name[names] = replace(pair, p=p, is_fair=unfair.keys().isdisjoint(names))
    count = None if mask is None else int(mask.sum())
    return Comparison(study, contenders, by_name, unfair, excluded, (*study.left_out, *files), count)
