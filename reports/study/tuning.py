"""What tuning found and what it cost: the accuracy expected from the best of 1, 2, ... trials of each model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.records import TrialStatus, Tuning
from reports.study.compare import Comparison
from reports.study.contenders import Contender
from reports.study.statistics import LEVEL, Floats, Interval

RESAMPLES = 2000


def expected_best(values: Sequence[float]) -> Floats:
    """The expected maximum of n = 1, 2, ... of these values, drawn with replacement (Dodge et al. 2019, eq. 8)."""
    return np.asarray(_chances(len(values)) @ np.sort(values))


def expected_best_intervals(values: Sequence[float]) -> list[Interval]:
    """Intervals of `expected_best` for each n, from a seeded bootstrap: how far other trials could move it."""
    count = len(values)
    drawn = np.random.default_rng(count).choice(np.asarray(values, float), (RESAMPLES, count))
    curves = np.sort(drawn, axis=1) @ _chances(count).T
    low, high = np.quantile(curves, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _chances(count: int) -> Floats:
    """The chance, by row n = 1, 2, ... and by rank, that the maximum of n of `count` values is the value of that rank:
    F(v)^n - F(v-)^n for the values' own distribution F.
    """
    n, rank = np.arange(1, count + 1)[:, None], np.arange(1, count + 1)[None]
    return np.asarray((rank / count) ** n - ((rank - 1) / count) ** n)


@dataclass(frozen=True)
class TuningCurve:
    """The tuning of a contender. A pruned trial counts with its last accuracy, a failed one as guessing."""

    contender: Contender
    tuning: Tuning

    @cached_property
    def accuracies(self) -> list[float]:
        """Validation accuracy by trial."""
        guess = 1 / len(self.contender.group.example.dataset.classes)
        return [guess if t.validation_accuracy is None else t.validation_accuracy for t in self.tuning.tried]

    @cached_property
    def expected(self) -> Floats:
        """The accuracy expected from the best of 1, 2, ... trials."""
        return expected_best(self.accuracies)

    @cached_property
    def intervals(self) -> list[Interval]:
        """The interval of each expected accuracy."""
        return expected_best_intervals(self.accuracies)

    @property
    def trial_seconds(self) -> float:
        """Mean time of a trial."""
        return self.tuning.seconds / max(1, len(self.tuning.tried))

    @property
    def gain(self) -> float | None:
        """Validation accuracy of the best trial minus that of the first, which had the model's own recipe."""
        first, best = self.tuning.tried[0].validation_accuracy, self.tuning.validation_accuracy
        return None if first is None or best is None else best - first

    def count(self, status: TrialStatus) -> int:
        """The number of trials that ended so."""
        return sum(t.status is status for t in self.tuning.tried)


def tuning_curves(comparison: Comparison) -> list[TuningCurve]:
    """The tuning of each contender that was tuned, in order of test accuracy."""
    tuned = [(c, c.group.example.tuning) for c in comparison.contenders]
    return [TuningCurve(c, tuning) for c, tuning in tuned if tuning is not None and tuning.tried]


@dataclass(frozen=True)
class Lead:
    """From `start` on, a number of trials or a time in seconds, `curve` is expected to be the best."""

    start: float
    curve: TuningCurve


def leads_by_trials(curves: Sequence[TuningCurve]) -> list[Lead]:
    """Who is expected to lead after 1, 2, ... trials, as far as all have trials."""
    shared = min(len(c.expected) for c in curves)
    return _leads(curves, list(range(1, shared + 1)), lambda curve, n: float(curve.expected[int(n) - 1]))


def leads_by_time(curves: Sequence[TuningCurve]) -> list[Lead]:
    """Who is expected to lead after each time at which a further trial ends; after its last trial, a model keeps what
    it has.
    """

    def after(curve: TuningCurve, seconds: float) -> float:
        trials = min(int(seconds / curve.trial_seconds + 1e-6), len(curve.expected))
        return float(curve.expected[trials - 1]) if trials else -1.0

    ends = sorted({round(n * c.trial_seconds, 6) for c in curves for n in range(1, len(c.expected) + 1)})
    return _leads(curves, ends, after)


def _leads(
    curves: Sequence[TuningCurve], starts: Sequence[float], accuracy: Callable[[TuningCurve, float], float]
) -> list[Lead]:
    leads: list[Lead] = []
    for start in starts:
        best = max(curves, key=lambda curve: accuracy(curve, start))
        if not leads or accuracy(best, start) > accuracy(leads[-1].curve, start):
            leads.append(Lead(start, best))
    return leads


def overtaking(curves: Sequence[TuningCurve]) -> list[tuple[TuningCurve, TuningCurve, int]]:
    """Pairs in which the first is expected to be behind the second after one trial but ahead from some number on."""
    found = []
    for a in curves:
        for b in curves:
            shared = min(len(a.expected), len(b.expected))
            ahead = a.expected[:shared] > b.expected[:shared]
            if a is not b and a.expected[0] < b.expected[0] and ahead[-1]:
                last_behind = int(np.flatnonzero(~ahead)[-1]) + 1
                found.append((a, b, last_behind + 1))
    return found
