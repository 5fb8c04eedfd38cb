"""The one decision of a comparison: what the title, the list, the tables, the charts and the exports say."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from reports.study.contenders import Contender
from reports.study.floor import FEWEST_FOR_T, Floor, floor_interval, is_shown_above
from reports.study.pairs import Pair

TOLERABLE_LOSS = 0.05
"""A cheaper model that is tied with the best is advised only if it is shown to be at most this much worse."""
NEAR_FLOOR = 0.10
"""No model has learned the task if the best is shown to be less than this above the floor."""
CHEAPER = 1.05
"""How many times faster a model must train to count as cheaper."""
PairOf = Callable[[Contender, Contender], Pair]


class Outcome(StrEnum):
    """What the runs show."""

    NOTHING = "no run has finished"
    UNFAIR = "no contender can be judged"
    BELOW_FLOOR = "no model does better than the floor"
    UNSURE = "no model is shown to do better than the floor"
    ALONE = "one model can be recommended, and no other is comparable"
    CLEAR = "one model is better than all others"
    TIED = "tied models, one of which is advised"
    UNDECIDED = "tied models that may still be far apart"
    FEW_CLEAN = "too few clean test images to decide"


class Lack(StrEnum):
    """What a comparison needs before it can decide."""

    IMAGES = "test images"
    SEEDS = "seeds"


@dataclass(frozen=True)
class Decision:
    """`named` are the best model and all tied with it, best first; `choice` is the recommended one, None if none is.

    Both hold only models that are shown to do better than the floor. `lack` is what prevents a decision, `doubt` how
    much worse than the best a cheaper tied model may be.
    """

    outcome: Outcome
    floor: Floor | None = None
    named: tuple[Contender, ...] = ()
    choice: Contender | None = None
    lack: Lack | None = None
    doubt: float | None = None

    @property
    def best(self) -> Contender | None:
        """The model of highest accuracy among those that can be recommended."""
        return self.named[0] if self.named else None


def possible_loss(pair: Pair) -> tuple[float, Lack]:
    """How much worse than `b` the contender `a` of a pair may be, and what would narrow it down."""
    over_seeds = pair.seeds[1] if pair.seeds and pair.seed_count >= FEWEST_FOR_T else 0.0
    return max((pair.images[1], Lack.IMAGES), (over_seeds, Lack.SEEDS))


def recommend(candidates: list[Contender], pair: PairOf, floor: Floor) -> Decision:
    """The decision among contenders that are above the floor, best first."""
    best, *others = candidates
    named = (best, *(c for c in others if not pair(c, best).is_clear))
    if len(named) == 1:
        return Decision(Outcome.CLEAR if others else Outcome.ALONE, floor, named, best)
    cheaper = [c for c in named[1:] if CHEAPER * c.group.training_seconds < best.group.training_seconds]
    losses = {c: possible_loss(pair(c, best)) for c in cheaper}
    as_good = [c for c in cheaper if losses[c][0] <= TOLERABLE_LOSS]
    if not cheaper or as_good:
        choice = min(as_good, key=lambda c: c.group.training_seconds, default=best)
        return Decision(Outcome.TIED, floor, named, choice)
    doubt, lack = min(losses.values())
    return Decision(Outcome.UNDECIDED, floor, named, None, lack, doubt)


def _no_model_above(best: Contender, floor: Floor) -> Decision:
    low, high = floor_interval(best)
    if high <= floor.height + NEAR_FLOOR:
        return Decision(Outcome.BELOW_FLOOR, floor)
    return Decision(Outcome.UNSURE, floor, lack=Lack.IMAGES if low <= floor.height else Lack.SEEDS)


def decide(fair: list[Contender], pair: PairOf, floor: Floor) -> Decision:
    """The decision among the contenders that can be compared, best first."""
    if not fair:
        return Decision(Outcome.UNFAIR, floor)
    above = [c for c in fair if is_shown_above(c, floor)]
    return recommend(above, pair, floor) if above else _no_model_above(fair[0], floor)
