"""The study of one recipe: its trials in a file, so that the same command continues it, and Optuna, which chooses."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from bench.cache import read_values, warn, write_values
from bench.records import Trial, TrialStatus
from bench.tuning.space import LogRange, OneOf, Space, complete_values

STUDY_FORMAT = "vggbench.study/1"
SEED = 20_000
RANDOM_TRIALS = 5  # the recipe's own values and four random ones; after these, TPE suggests
PRUNED_AFTER, PRUNED_FROM_EPOCH = 4, 2  # complete trials to compare with, and epochs that each trial may train
STATES = {
    TrialStatus.COMPLETE: TrialState.COMPLETE,
    TrialStatus.PRUNED: TrialState.PRUNED,
    TrialStatus.FAILED: TrialState.FAIL,
}


class TuningStudy:
    """The trials of one model and recipe, in the order in which they were made.

    The first trial has the recipe's `own` values. Each trial's suggestion depends on its number and on the trials
    before, so that an interrupted study continues as if it had not been interrupted.
    """

    def __init__(self, path: Path, model: str, space: Space, own: Mapping[str, Any], fixed: Collection[str]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._path, self._model, self._space, self._own, self._fixed = path, model, space, own, fixed
        pruner = optuna.pruners.MedianPruner(PRUNED_AFTER, PRUNED_FROM_EPOCH)
        self._study = optuna.create_study(direction="maximize", pruner=pruner)
        stored = read_values(path, STUDY_FORMAT, warn) or {"trials": [], "ended": {}}
        self._trials: list[dict[str, Any]] = stored["trials"]
        self._ended: dict[str, int] = stored["ended"]
        for stored_trial in self._trials:
            self._study.add_trial(self._as_made(**stored_trial))

    def ended_after(self, quota: str) -> int | None:
        """The number of trials after which tuning under this quota ended, None if it has not ended."""
        return self._ended.get(quota)

    def end(self, quota: str, count: int) -> None:
        """Keep that tuning under this quota ended after `count` trials."""
        self._ended[quota] = count
        self._write()

    def trials(self) -> list[Trial]:
        """The finished trials; interrupted ones do not count."""
        trials = []
        for number, t in enumerate(self._trials, 1):
            status = TrialStatus(t["status"])
            trials.append(Trial(number, t["values"], status, _accuracy(status, t["accuracies"]), t["seconds"]))
        return trials

    def epochs_of_first(self) -> int:
        """The epochs of the first trial, 0 before it."""
        return len(self._trials[0]["accuracies"]) if self._trials else 0

    def start(self) -> tuple[optuna.Trial, dict[str, Any]]:
        """A new trial and its values by Recipe field."""
        number = len(self._trials)
        self._study.sampler = optuna.samplers.TPESampler(seed=SEED + number, n_startup_trials=RANDOM_TRIALS)
        if number == 0:
            self._study.enqueue_trial(dict(self._own))
        trial = self._study.ask()
        values = {key: _suggest(trial, key, axis) for key, axis in self._space.items()}
        if number == 0:
            values = dict(self._own)  # not rounded
        return trial, complete_values(self._model, values, self._fixed)

    def finish(
        self,
        trial: optuna.Trial,
        values: Mapping[str, Any],
        status: TrialStatus,
        accuracies: Sequence[float],
        seconds: float,
    ) -> None:
        """Keep how a trial ended; `accuracies` are those on the validation images by epoch."""
        self._trials.append(
            {
                "values": dict(values),
                "suggested": dict(trial.params),
                "status": status.value,
                "accuracies": list(accuracies),
                "seconds": seconds,
            }
        )
        self._write()
        is_complete = status is TrialStatus.COMPLETE
        self._study.tell(trial, _accuracy(status, accuracies) if is_complete else None, STATES[status])

    def _write(self) -> None:
        write_values(self._path, STUDY_FORMAT, {"trials": self._trials, "ended": self._ended})

    def _as_made(
        self, values: object, suggested: dict[str, Any], status: str, accuracies: list[float], seconds: object
    ) -> FrozenTrial:
        """A stored trial as Optuna keeps one that was made just now."""
        state = STATES[TrialStatus(status)]
        return optuna.trial.create_trial(
            state=state,
            value=accuracies[-1] if accuracies and state is not TrialState.FAIL else None,
            params=suggested,
            distributions={key: _distribution(self._space[key]) for key in suggested},
            intermediate_values=dict(enumerate(accuracies, 1)),
        )


def _accuracy(status: TrialStatus, accuracies: Sequence[float]) -> float | None:
    return accuracies[-1] if accuracies and status is not TrialStatus.FAILED else None


def _distribution(axis: LogRange | OneOf) -> BaseDistribution:
    if isinstance(axis, LogRange):
        return FloatDistribution(axis.low, axis.high, log=True)
    return CategoricalDistribution(axis.values)


def _suggest(trial: optuna.Trial, key: str, axis: LogRange | OneOf) -> Any:
    if isinstance(axis, LogRange):
        return float(f"{trial.suggest_float(key, axis.low, axis.high, log=True):.3g}")
    return trial.suggest_categorical(key, axis.values)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial of highest validation accuracy, the earliest of several; None if none is complete."""
    complete = [t for t in trials if t.status is TrialStatus.COMPLETE and t.validation_accuracy is not None]
    return max(complete, key=lambda t: t.validation_accuracy or 0.0, default=None)
