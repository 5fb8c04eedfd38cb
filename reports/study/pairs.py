"""How far apart two contenders are, and whether that is more than luck."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reports.study import statistics
from reports.study.contenders import Contender


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


def make_pair(a: Contender, b: Contender, mask: NDArray[np.bool_] | None) -> Pair:
    """The pair of two contenders on the test images of a mask (None: all), before any correction."""
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
