"""How far apart two contenders are, whether that is more than luck, and whether they may be compared at all."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.study import statistics as st
from reports.study.contenders import Contender, choose, contenders_of, newest
from reports.study.load import Group, Study
from reports.words import MODEL_NAMES, clean

ALPHA = 0.05


@dataclass(frozen=True)
class Pair:
    """`b` against `a`: differences are accuracy of b minus accuracy of a, fractions.

    `seeds` is the t interval over `seed_count` seeds, `images` the one over test images, `fixed` and `broken` count the
    images of the first common seed that only b or only a has right, `p` is McNemar's after Holm, `variance` that of the
    difference per image. `blocked` says why the two may not be compared.
    """

    a: Contender
    b: Contender
    difference: float
    seeds: st.Interval | None
    seed_count: int
    images: st.Interval
    variance: float | None
    fixed: tuple[int, ...]
    broken: tuple[int, ...]
    raw_p: float | None
    p: float | None = None
    blocked: str | None = None

    @property
    def beyond_images(self) -> bool:
        """Whether another test set of this size would hardly turn the difference round."""
        if self.p is not None:
            return self.p < ALPHA
        return self.images[0] > 0 or self.images[1] < 0

    @property
    def beyond_seeds(self) -> bool | None:
        """Whether other seeds would hardly turn it round; None where one seed cannot tell."""
        return None if self.seeds is None else self.seeds[0] > 0 or self.seeds[1] < 0

    @property
    def clear(self) -> bool:
        """Whether one of the two is better as far as seeds and images can tell."""
        return not self.blocked and self.beyond_images and self.beyond_seeds is not False

    @property
    def interval(self) -> st.Interval:
        """The interval to quote: over seeds where there are several, else over images."""
        return self.seeds or self.images


@dataclass(frozen=True)
class Comparison:
    """The contenders of a study, best first, all their pairs and what stands apart and why."""

    study: Study
    contenders: list[Contender]
    pairs: dict[tuple[str, str], Pair]
    unfair: dict[str, str]
    apart: dict[int, str]
    clean_images: int | None = None

    def pair(self, a: Contender, b: Contender) -> Pair:
        """The pair in the direction `b` against `a`."""
        if found := self.pairs.get((a.name, b.name)):
            return found
        p = self.pairs[(b.name, a.name)]
        seeds = (-p.seeds[1], -p.seeds[0]) if p.seeds else None
        images, change = (-p.images[1], -p.images[0]), -p.difference
        return replace(p, a=a, b=b, difference=change, seeds=seeds, images=images, fixed=p.broken, broken=p.fixed)

    @cached_property
    def best(self) -> Contender | None:
        """The contender of highest mean accuracy among those compared fairly."""
        return next((c for c in self.contenders if c.name not in self.unfair), None)

    @cached_property
    def tied(self) -> list[Contender]:
        """The best and all that cannot be told from it, in order of accuracy."""
        best = self.best
        fair = [c for c in self.contenders if c.name not in self.unfair]
        return [c for c in fair if best and (c is best or not self.pair(c, best).clear)]


def _contaminated(group: Group) -> bool:
    """Whether a group's record says that test images may have been in the pretraining set of its weights."""
    return group.any.model.weights is not None and any(
        r.result.clean_images is not None and r.result.clean_images < r.dataset.test for r in group.runs
    )


# What must agree for a fair race, in the words of the audit.
BUDGET = {
    "size": "image size",
    "epochs": "epochs",
    "val_fraction": "share kept for validation",
    "holdout_clean": "images withheld",
}


def _unfair(contenders: list[Contender]) -> dict[str, str]:
    """Contenders whose conditions are not those of most others, with the reason; pretraining overlap is one."""
    reasons: dict[str, list[str]] = {}
    for key, words in BUDGET.items():
        values = [c.group.any.recipe.get(key) for c in contenders]
        usual = Counter(map(str, values)).most_common(1)[0][0]
        for c, value in zip(contenders, values, strict=True):
            if str(value) != usual:
                reasons.setdefault(c.name, []).append(f"{words} {clean(value, 30)} instead of {clean(usual, 30)}")
    for c in contenders:
        if c.images == c.group.any.dataset.test and _contaminated(c.group):
            reasons.setdefault(c.name, []).append("test images may have been in the pretraining set")
    return {name: "; ".join(words) for name, words in reasons.items()}


def _pair(a: Contender, b: Contender, mask: NDArray[np.bool_] | None) -> Pair:
    common = sorted(set(a.by_seed) & set(b.by_seed))
    paired = len(common) == len(a.by_seed) == len(b.by_seed)
    change = [b.by_seed[s] - a.by_seed[s] for s in common]
    seeds = st.t_interval(change) if paired else st.welch_interval(a.accuracies, b.accuracies)
    difference, test = b.accuracy - a.accuracy, min(a.images, b.images)
    images, fixed, broken, variance, p = st.newcombe(a.accuracy, b.accuracy, test), (), (), None, None
    x, y = a.answers, b.answers
    shared = [s for s in x.seeds if s in y.seeds] if x and y and x.files == y.files else []
    if x and y and shared and len(x.files) > 1:
        kept = np.ones(len(x.files), bool) if mask is None else mask
        rows = [(x.right[x.seeds.index(s), kept], y.right[y.seeds.index(s), kept]) for s in shared]
        where, (first_a, first_b) = np.flatnonzero(kept), rows[0]
        fixed, broken = (tuple(where[w].tolist()) for w in (first_b > first_a, first_a > first_b))
        change_by_image = np.mean([q - p for p, q in rows], axis=0)
        images = st.paired_interval(change_by_image)
        variance = float(change_by_image.var())
        p = st.mcnemar(len(fixed), len(broken)) if len(rows) == 1 else st.mcnemar_over_seeds(change_by_image)
    return Pair(
        a, b, difference, seeds, len(common) if paired else min(len(a.by_seed), len(b.by_seed)),
        images, variance, fixed, broken, p,
    )  # fmt: skip


def compare(study: Study) -> Comparison:
    """Hold the groups of a study against each other; reads the predictions of those that are named."""
    chosen, apart = choose(study)
    order = list(MODEL_NAMES)
    chosen.sort(key=lambda g: (order.index(g.any.model.name) if g.any.model.name in order else 9, newest(g)))
    contenders, mask = contenders_of(chosen, study.left_out)
    unfair = _unfair(contenders) if contenders else {}
    pairs = [_pair(b, a, mask) for i, a in enumerate(contenders) for b in contenders[i + 1 :]]
    adjusted = iter(st.holm([p.raw_p for p in pairs if p.raw_p is not None]))
    made = {}
    for p in pairs:
        blocked = "; ".join(f"{c.name}: {unfair[c.name]}" for c in (p.a, p.b) if c.name in unfair)
        holm = next(adjusted) if p.raw_p is not None else None
        made[(p.a.name, p.b.name)] = replace(p, p=holm, blocked=blocked or None)
    return Comparison(study, contenders, made, unfair, apart, None if mask is None else int(mask.sum()))
