"""The study of one recipe: an Optuna study in a SQLite file, so that the same command continues it."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bench.cache import warn
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
UNREADABLE = (sqlite3.DatabaseError, SQLAlchemyError, StorageInternalError, ValueError, KeyError, TypeError)


class TuningStudy:
    """The trials of one model and recipe, in the order in which they were made.

    The first trial has the recipe's `own` values. Each trial's suggestion depends on its number and on the trials
    before, so that an interrupted study continues as if it had not been interrupted. Each finished trial has a
    checksum; a damaged file is reported and made again.
    """

    def __init__(self, path: Path, model: str, space: Space, own: Mapping[str, Any], fixed: Collection[str]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._model, self._space, self._own, self._fixed = model, space, own, fixed
        if path.is_file() and self._opens_soundly(path):
            return
        if path.is_file():
            warn(f"{path}: damaged; it is made again")
            path.unlink()
        self._open(path)

    def _opens_soundly(self, path: Path) -> bool:
        """Open the study of a file; whether all that it holds is as it was written."""
        try:
            with closing(sqlite3.connect(path)) as database:
                if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                    return False
            self._open(path)
            finished = self._finished()
            counts = self._study.user_attrs.values()
            return all(t.user_attrs["sha256"] == _sha256(t) for t in finished) and all(
                type(count) is int and count <= len(finished) for count in counts
            )
        except UNREADABLE:
            return False

    def _open(self, path: Path) -> None:
        # A connection of our own: a folder's name may hold what has a meaning in a URL.
        self._storage = optuna.storages.RDBStorage(
            "sqlite:///", engine_kwargs={"creator": partial(sqlite3.connect, path), "poolclass": NullPool}
        )
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=self._model,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(PRUNED_AFTER, PRUNED_FROM_EPOCH),
        )

    def _finished(self) -> list[FrozenTrial]:
        return [t for t in self._study.get_trials(deepcopy=False) if "status" in t.user_attrs]

    def ended_after(self, quota: str) -> int | None:
        """The number of trials after which tuning under this quota ended, None if it has not ended."""
        count: int | None = self._study.user_attrs.get(quota)
        return count

    def end(self, quota: str, count: int) -> None:
        """Keep that tuning under this quota ended after `count` trials."""
        self._study.set_user_attr(quota, count)

    def trials(self) -> list[Trial]:
        """The finished trials; interrupted ones do not count."""
        return [
            Trial(
                number,
                t.user_attrs["values"],
                TrialStatus(t.user_attrs["status"]),
                t.user_attrs["accuracy"],
                t.user_attrs["seconds"],
            )
            for number, t in enumerate(self._finished(), 1)
        ]

    def epochs_of_first(self) -> int:
        """The epochs of the first trial, 0 before it."""
        finished = self._finished()
        return len(finished[0].intermediate_values) if finished else 0

    def start(self) -> tuple[optuna.Trial, dict[str, Any]]:
        """A new trial and its values by Recipe field."""
        for left_over in self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            self._study.tell(left_over.number, state=TrialState.FAIL)  # interrupted: it is made again
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
        for key, value in {"values": dict(values), "accuracy": accuracy, "seconds": seconds}.items():
            trial.set_user_attr(key, value)
        kept = self._study.get_trials(deepcopy=False)[trial.number]
        trial.set_user_attr("sha256", _sha256(kept, status))
        trial.set_user_attr("status", status.value)  # last: with it the trial counts
        self._study.tell(trial, accuracy if status is TrialStatus.COMPLETE else None, STATES[status])


def _sha256(trial: FrozenTrial, status: TrialStatus | None = None) -> str:
    """A checksum of what a finished trial was and reached."""
    known = [trial.user_attrs[key] for key in ("values", "accuracy", "seconds")]
    state = status.value if status else trial.user_attrs["status"]
    content = [trial.params, sorted(trial.intermediate_values.items()), *known, state]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _suggest(trial: optuna.Trial, key: str, axis: Any) -> Any:
    if isinstance(axis, LogRange):
        return float(f"{trial.suggest_float(key, axis.low, axis.high, log=True):.3g}")
    return trial.suggest_categorical(key, axis.values)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial of highest validation accuracy, the earliest of several; None if none is complete."""
    complete = [t for t in trials if t.status is TrialStatus.COMPLETE and t.validation_accuracy is not None]
    return max(complete, key=lambda t: t.validation_accuracy or 0.0, default=None)
