"""Tuning: the trials of each recipe, one after the other, and the plans that use the best of each."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from rich.console import Console

from bench.data import Source, select_images
from bench.errors import UsageError, VggbenchError
from bench.events import Emit, EpochEnd, Event, ImagesDone, Step
from bench.plans import REPORT_SECONDS, Plan, fresh_copy, run_name
from bench.recipes import VAL_FRACTION, Recipe
from bench.records import Trial, TrialStatus, Tuning
from bench.runs import LOG_FILE, RunError, Worker, lock_results, show_progress
from bench.tuning.lines import short_trials_line, study_line, trial_line, trial_title
from bench.tuning.quota import Quota, divide
from bench.tuning.space import Space, search_space, with_values
from bench.tuning.study import TuningStudy, best_trial

TUNING_FOLDER, STUDY_FILE = "tuning", "study.sqlite"
FEWEST_EPOCHS = 3  # if trials are stopped before, tuning would choose by chance
RecipeKey = tuple[str, Recipe]


class StopTrialError(Exception):
    """Ends a trial before its training does."""


def tune_plans(plans: Sequence[Plan], source: Source, console: Console) -> list[Plan]:
    """The plans, those with an order with the best recipe that tuning finds for theirs. Other plans stay as they are.

    Raises VggbenchError if a fixed number of epochs does not fit in the time.
    """
    orders = [plan.order for plan in plans if plan.order]
    used = time.monotonic() - orders[0].start + REPORT_SECONDS if orders else 0.0
    jobs, tuned = tuning_jobs(plans, source, used), dict[RecipeKey, list[Trial]]()
    for number, (key, job) in enumerate(jobs.items(), 1):
        console.print(f"[{number}/{len(jobs)}] tuning {job.about}", highlight=False, markup=False)
        tuned[key] = job.run(console)
        console.print(f"  {study_line(tuned[key])}", highlight=False, markup=False)
    return [tuned_plan(p, tuned[p.model, p.recipe], jobs[p.model, p.recipe].quota) if p.order else p for p in plans]


def tuning_jobs(plans: Sequence[Plan], source: Source, used: float = 0.0) -> dict[RecipeKey, "TuningJob"]:
    """The tuning that the plans ask for, by model and recipe. Each may spend the same of what is left after `used`."""
    ordered = [plan for plan in plans if plan.order]
    first = {(p.model, p.recipe): p for p in reversed(ordered)}
    recipes = list(dict.fromkeys((p.model, p.recipe) for p in ordered))
    seeds = len({p.seed for p in ordered})
    jobs = {}
    for key in recipes:
        order = first[key].order
        assert order is not None
        quota = divide(order.limit, key[1], len(recipes), seeds, used)
        jobs[key] = TuningJob(first[key], order.fixed, quota, source)
    return jobs


def trial_plan(plan: Plan) -> Plan:
    """The plan of a recipe's trials: as the run, but trained on train without validation images."""
    recipe = replace(plan.recipe, val_fraction=plan.recipe.val_fraction or VAL_FRACTION)
    return replace(plan, recipe=recipe, is_trial=True)


def tuned_plan(plan: Plan, trials: Sequence[Trial], quota: Quota) -> Plan:
    """The plan of a final run, with the values of the best trial. Its name depends on how the recipe was tuned."""
    assert plan.order is not None
    best = best_trial(trials)
    if best is None and quota.seconds is not None and quota.has_fixed_length:
        raise VggbenchError(
            f"--budget: one run of {plan.model} takes longer than its share of the time; give more time, or leave "
            "--epochs out, so that training ends in time"
        )
    tuning = Tuning(
        trials=len(trials),
        seconds=sum(t.seconds for t in trials),
        chosen=best.values if best else {},
        validation_accuracy=best.validation_accuracy if best else None,
        limit=plan.order.limit.text,
        tried=list(trials),
    )
    recipe = with_values(plan.recipe, tuning.chosen)
    conditions = plan.run.removesuffix(f"-s{plan.seed}")
    name = run_name(plan.model, recipe, plan.seed, conditions, quota.text)
    folder, time_limit = str(Path(plan.folder).parent / name), quota.seconds_for_final_run(trials)
    tuned = replace(plan, run=name, recipe=recipe, folder=folder, order=None, tuning=tuning, time_limit=time_limit)
    return fresh_copy(tuned) if plan.order.fresh else tuned


class TuningJob:
    """The trials of the recipe of `plan`; the fields in `fixed` have a value of the user.

    The first trial makes the study's file. Raises UsageError if there is nothing to tune.
    """

    def __init__(self, plan: Plan, fixed: frozenset[str], quota: Quota, source: Source) -> None:
        trial = trial_plan(plan)
        train_images = len(select_images(source, trial.recipe, trial.seed).train)
        self._space = search_space(plan.model, trial.recipe, fixed, train_images)
        self._fixed, self.quota = fixed, quota
        folder = Path(plan.folder).parent / TUNING_FOLDER / _study_name(plan, self._space)
        self._plan = replace(trial, folder=str(folder))
        if not self._space:
            raise UsageError(f"nothing to tune for {plan.model}: you gave a value for every field that is tuned")
        self.key = (plan.model, plan.recipe)
        self.about = f"{plan.model}: {', '.join(self._space)}"
        self._clock = time.monotonic()

    @property
    def _file(self) -> Path:
        return Path(self._plan.folder) / STUDY_FILE

    def _open_study(self) -> TuningStudy:
        own = {key: getattr(self._plan.recipe, key) for key in self._space}
        return TuningStudy(self._file, self._plan.model, self._space, own, self._fixed)

    def earlier(self) -> tuple[list[Trial], bool]:
        """The trials made by earlier commands that count, and whether tuning has ended."""
        if not self._file.is_file():
            return [], False
        study = self._open_study()
        ended = study.ended_after(self.quota.text)
        return study.trials()[: ended or self.quota.trials], ended is not None

    def run(self, console: Console) -> list[Trial]:
        """Make the trials that the quota still allows, and return all of it. Interrupted trials are made again."""
        trials, has_ended = self.earlier()
        if has_ended:
            return trials
        with lock_results(self._plan, console) as lock:
            study = self._open_study()  # the command that worked here until now may have added trials
            while self._allows_another(study):
                self._clock = time.monotonic()
                try:
                    with Worker() as worker:
                        while not worker.has_ended and self._allows_another(study):
                            self._make_trial(study, worker, lock, console)
                except StopTrialError:
                    pass  # its process is gone: the next trial gets a new one
            trials = study.trials()[: self.quota.trials]
            if epochs := self._short_trials(study):
                console.print(f"  {short_trials_line(epochs)}", highlight=False, markup=False)
            study.end(self.quota.text, len(trials))
        return trials

    def _allows_another(self, study: TuningStudy) -> bool:
        """Whether one more trial fits, and trials are long enough to compare recipes."""
        return not self._short_trials(study) and self.quota.allows_another(study.trials())

    def _short_trials(self, study: TuningStudy) -> int:
        """The epochs of the first trial if its time limit left it too few, else 0."""
        has_limit = self.quota.seconds is not None and not self.quota.has_fixed_length
        epochs = study.epochs_of_first() if has_limit else 0
        return epochs if epochs < FEWEST_EPOCHS else 0

    def _make_trial(self, study: TuningStudy, worker: Worker, lock: int | None, console: Console) -> None:
        """Make one trial and keep its outcome. Raises StopTrialError if it was stopped early."""
        earlier = study.trials()
        trial, values = study.start()
        limit = self.quota.seconds_for_trial(earlier)
        recipe, time_limit = with_values(self._plan.recipe, values), self.quota.time_limit_of_trial(earlier)
        plan = replace(self._plan, recipe=recipe, time_limit=time_limit)
        watch = TrialWatch(trial, recipe, None if limit is None else self._clock + limit)
        failure, stop = None, None
        try:
            with show_progress(console, plan, trial_title(plan.model, earlier, self.quota)) as show:
                failure = worker.make(plan, lambda event: watch.see(event, show), lock)
        except StopTrialError as err:
            stop = err
        if failure is not None and failure.exit_code != 1:
            raise RunError(failure)
        if failure is None:
            (Path(plan.folder) / LOG_FILE).unlink(missing_ok=True)
        status = TrialStatus.PRUNED if stop else TrialStatus.FAILED if failure else TrialStatus.COMPLETE
        seconds, self._clock = time.monotonic() - self._clock, time.monotonic()
        study.finish(trial, values, status, watch.accuracies, seconds)
        reason = failure.message if failure else str(stop or "")
        console.print(f"  {trial_line(study.trials(), self.quota, reason)}", highlight=False, markup=False)
        if stop:
            raise stop


class TrialWatch:
    """Follows the events of one trial: its accuracy on the validation images by epoch, and whether it goes on.

    `deadline` is the `time.monotonic()` at which it is stopped.
    """

    def __init__(self, trial: optuna.Trial, recipe: Recipe, deadline: float | None) -> None:
        self._trial, self._recipe, self._deadline = trial, recipe, deadline
        self.accuracies: list[float] = []

    def see(self, event: Event, show: Emit) -> None:
        """Show progress and keep an accuracy. Raises StopTrialError if the trial is behind or its time is up."""
        if isinstance(event, Step | ImagesDone):
            show(event)
        if isinstance(event, EpochEnd):
            number, accuracy = event.epoch.epoch, event.epoch.val_accuracy
            assert accuracy is not None
            self.accuracies.append(accuracy)
            self._trial.report(accuracy, number)
            if number != self._recipe.fixed_epochs and self._trial.should_prune():
                raise StopTrialError(f"behind the others after epoch {number}")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise StopTrialError("no time left")


def _study_name(plan: Plan, space: Space) -> str:
    """The same for the same model, recipe, conditions and space."""
    digest = hashlib.sha256(f"{plan.run} {sorted(space.items())}".encode()).hexdigest()
    return f"{plan.model}-{digest[:8]}"
