"""The study of one recipe: an Optuna study in a SQLite file, so that the same command continues it."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState
from sqlalchemy.pool import NullPool

from bench.records import Trial, TrialStatus
from bench.tuning.space import LogRange, Space, complete_values

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
        path.parent.mkdir(parents=True, exist_ok=True)
        self._model, self._space, self._own, self._fixed = model, space, own, fixed
        # A connection of our own: a folder's name may hold what has a meaning in a URL.
        self._storage = optuna.storages.RDBStorage(
            "sqlite:///", engine_kwargs={"creator": partial(sqlite3.connect, path), "poolclass": NullPool}
        )
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=model,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(PRUNED_AFTER, PRUNED_FROM_EPOCH),
        )
        for left_over in self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            self._study.tell(left_over.number, state=TrialState.FAIL)  # interrupted: it is made again

    def ended_after(self, quota: str) -> int | None:
        """The number of trials after which tuning under this quota ended, None if it has not ended."""
        count: int | None = self._study.user_attrs.get(quota)
        return count

    def end(self, quota: str, count: int) -> None:
        """Keep that tuning under this quota ended after `count` trials."""
        self._study.set_user_attr(quota, count)

    def trials(self) -> list[Trial]:
        """The finished trials; interrupted ones do not count."""
        finished = [t for t in self._study.get_trials(deepcopy=False) if "status" in t.user_attrs]
        return [
            Trial(
                number,
                t.user_attrs["values"],
                TrialStatus(t.user_attrs["status"]),
                t.user_attrs["accuracy"],
                t.user_attrs["seconds"],
            )
            for number, t in enumerate(finished, 1)
        ]

    def epochs_of_first(self) -> int:
        """The epochs of the first trial, 0 before it."""
        first = next((t for t in self._study.get_trials(deepcopy=False) if "status" in t.user_attrs), None)
        return len(first.intermediate_values) if first else 0

    def start(self) -> tuple[optuna.Trial, dict[str, Any]]:
        """A new trial and its values by Recipe field."""
        number = len(self.trials())
        self._study.sampler = optuna.samplers.TPESampler(seed=SEED + number, n_startup_trials=RANDOM_TRIALS)
        if number == 0 and not self._study.get_trials(deepcopy=False, states=[TrialState.WAITING]):
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
        accuracy = accuracies[-1] if accuracies and status is not TrialStatus.FAILED else None
        known = {"values": dict(values), "accuracy": accuracy, "seconds": seconds, "status": status.value}
        for key, value in known.items():  # "status" last: with it the trial counts
            trial.set_user_attr(key, value)
        self._study.tell(trial, accuracy if status is TrialStatus.COMPLETE else None, STATES[status])


def _suggest(trial: optuna.Trial, key: str, axis: Any) -> Any:
    if isinstance(axis, LogRange):
        return float(f"{trial.suggest_float(key, axis.low, axis.high, log=True):.3g}")
    return trial.suggest_categorical(key, axis.values)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial of highest validation accuracy, the earliest of several; None if none is complete."""
    complete = [t for t in trials if t.status is TrialStatus.COMPLETE and t.validation_accuracy is not None]
    return max(complete, key=lambda t: t.validation_accuracy or 0.0, default=None)
