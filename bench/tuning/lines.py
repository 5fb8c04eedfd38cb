"""What the person who waits reads about tuning: a title and a line per trial, a line per study."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records import Trial, TrialStatus
from bench.tuning.quota import Quota
from bench.tuning.study import best_trial


def _number(number: int, quota: Quota) -> str:
    return f"trial {number}/{quota.trials}" if quota.trials else f"trial {number}"


def values_text(values: Mapping[str, Any]) -> str:
    """Values as `--set` takes them."""
    shown = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items())
    return " ".join(shown)


def trial_title(model: str, earlier: Sequence[Trial], quota: Quota) -> str:
    """The title of the progress bar of the next trial."""
    return f"{model} {_number(len(earlier) + 1, quota)}"


def trial_line(trials: Sequence[Trial], quota: Quota, reason: str) -> str:
    """The last of these trials in one line, `reason` is why it did not end by itself."""
    last = trials[-1]
    accuracy = "" if last.validation_accuracy is None else f"{last.validation_accuracy:.1%}"
    if last.status is TrialStatus.COMPLETE:
        outcome = f"{accuracy}, the best so far" if best_trial(trials) is last and len(trials) > 1 else accuracy
    else:
        verb = "failed" if last.status is TrialStatus.FAILED else "stopped"
        outcome = f"{accuracy}, {verb}: {reason}" if accuracy else f"{verb}: {reason}"
    return f"{_number(last.number, quota)}: {values_text(last.values)}, {last.seconds:.0f} s: {outcome}"


def study_line(trials: Sequence[Trial]) -> str:
    """The outcome of a study in one line."""
    best, seconds = best_trial(trials), sum(t.seconds for t in trials)
    counted = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    if best is None:
        return f"{counted} in {seconds:.0f} s, none of which ended: the recipe keeps its own values"
    own = trials[0].validation_accuracy
    change = "its own recipe" if best.number == 1 else f"its own recipe reached {own:.1%}" if own is not None else ""
    figures = f"trial {best.number} is best with {best.validation_accuracy:.1%} validation accuracy"
    return f"{counted} in {seconds:.0f} s: {figures}" + (f" ({change})" if change else "")


def short_trials_line(epochs: int) -> str:
    """Why no more trials are made where the time for one is too short."""
    counted = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    return f"no more trials: each has time for only {counted}; the run with the recipe's own values gets the rest"
