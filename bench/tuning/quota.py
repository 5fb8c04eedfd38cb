"""What one recipe may spend on tuning: each gets the same number of trials, or the same share of the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.plans import TuningLimit, time_text
from bench.recipes import Recipe
from bench.records import Trial
from bench.tuning.study import best_trial

FINAL_SHARE = 0.5  # at most this part of the time is kept for the final runs
FEWEST_TRIALS = 4  # a trial may take so much of the rest that this number of trials fits
FINAL_FACTOR = 1.3  # a final run against a trial: it may train on more images, is tested and leaves pictures
AFTER_TRAINING, END_SECONDS = 0.05, 3.0  # of a final run: the test, pictures and weights
MOST_FAILURES = 5  # trials, none of them complete, after which no more are made
NEAR_LIMIT = 0.8  # a trial that took this part of its limit may have been stopped by it


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `trials`, and `seconds` for the trials and the final runs, one for each of `seeds`.

    With epochs=auto, training ends in time. With a fixed number of epochs (`has_fixed_length`) it takes what it takes.
    `used` are seconds that go to neither: opening the data, its facts, the report.
    """

    trials: int | None
    seconds: float | None
    seeds: int
    has_fixed_length: bool = False
    used: float = 0.0

    @property
    def text(self) -> str:
        """The quota as a condition of the runs that are made under it."""
        if self.seconds is None:
            return f"{self.trials} trials"
        return f"{self.trials or 'any'} trials, {time_text(round(self.seconds))}, {self.seeds} seeds"

    def allows_another(self, trials: Sequence[Trial]) -> bool:
        """Whether one more trial fits after these."""
        if self.trials is not None and len(trials) >= self.trials:
            return False
        if best_trial(trials) is None and len(trials) >= MOST_FAILURES:
            return False
        left = self.seconds_for_trial(trials)
        return left is None or not trials or median(t.seconds for t in trials) <= left

    def seconds_for_trial(self, trials: Sequence[Trial]) -> float | None:
        """How long the next trial may take after these before it is stopped; None without a limit."""
        if self.seconds is None:
            return None
        return self.seconds - self.used - _spent(trials) - self._kept(self.seconds - self.used, trials)

    def time_limit_of_trial(self, trials: Sequence[Trial]) -> float | None:
        """The time limit of the next trial's training: several trials must fit; None without a limit."""
        left = self.seconds_for_trial(trials)
        return (
            None if self.seconds is None or left is None else min(left, self._most_per_trial(self.seconds - self.used))
        )

    def seconds_for_final_run(self, trials: Sequence[Trial]) -> float | None:
        """The time limit of each final run's training after these trials; None without a limit."""
        if self.seconds is None:
            return None
        whole = (self.seconds - self.used - _spent(trials)) / self.seeds
        return max(0.0, (1 - AFTER_TRAINING) * whole - END_SECONDS)

    def _most_per_trial(self, seconds: float) -> float:
        return (1 - FINAL_SHARE) * seconds / FEWEST_TRIALS

    def _kept(self, seconds: float, trials: Sequence[Trial]) -> float:
        """What is kept for the final runs."""
        best = best_trial(trials)
        if self.has_fixed_length:
            needed = FINAL_FACTOR * self.seeds
            return needed * best.seconds if best else seconds * needed / (1 + needed)
        if best is None or best.seconds > NEAR_LIMIT * self._most_per_trial(seconds):
            return FINAL_SHARE * seconds
        return min(FINAL_SHARE * seconds, FINAL_FACTOR * self.seeds * best.seconds)


def divide(limit: TuningLimit, recipe: Recipe, recipes: int, seeds: int, used: float = 0.0) -> Quota:
    """The quota of one of `recipes`; all get the same. `used` are the seconds of all that go to no trial and no run."""
    seconds = None if limit.seconds is None else limit.seconds / recipes
    return Quota(limit.trials, seconds, seeds, recipe.fixed_epochs is not None, used / recipes)


def _spent(trials: Sequence[Trial]) -> float:
    return sum(t.seconds for t in trials)
