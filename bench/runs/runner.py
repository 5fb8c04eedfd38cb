"""The planned runs, in processes of their own; a crash becomes a failed record."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path
from types import TracebackType

from rich.console import Console

from bench.data import Source
from bench.errors import RecordError, VggbenchError
from bench.events import Done, Emit, Failure
from bench.outcome import record_failure
from bench.plans import Plan, backbone_key
from bench.recipes import Recipe, shown
from bench.records import RUN_FILE, Run, RunStatus, command_kept, read_run
from bench.runs.display import show_progress
from bench.runs.worker import LOG_FILE, work
from bench.server import start_process
from bench.training import CHECKPOINT_FILE
from collect.datasets import lock_folder


class RunError(VggbenchError):
    """A run's process ended with an error that concerns the whole command: weights, dataset, usage."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = failure.exit_code


def make_runs(plans: Sequence[Plan], source: Source, console: Console) -> list[Run]:
    """Make all planned runs. Finished ones are kept, interrupted ones continue.

    Runs on the same frozen backbone are made one after the other, in a process that opens the data only once. The runs
    are returned in the order of the plans.
    """
    runs: dict[str, Run] = {}
    for group in _group_plans(plans):
        with ProcessOfGroup(sum(finished_run(plan) is None for plan in group)) as process:
            for plan in group:
                title = f"[{len(runs) + 1}/{len(plans)}] {_plan_title(plan, plans)}"
                run = finished_run(plan)
                if run is not None:
                    console.print(f"{title}: already there ({plan.run})", highlight=False, markup=False)
                else:
                    continued = " (continued)" if (Path(plan.folder) / CHECKPOINT_FILE).is_file() else ""
                    console.print(f"{title}{continued}", highlight=False, markup=False)
                    run = process.make(plan, source, console)
                    console.print(f"  {_outcome_line(run)}", highlight=False, markup=False)
                runs[plan.folder] = run
    return [runs[plan.folder] for plan in plans]


def _group_plans(plans: Sequence[Plan]) -> list[list[Plan]]:
    """The plans in groups that share a process, in the order of the first plan of each."""
    groups: dict[object, list[Plan]] = {}
    for plan in plans:
        groups.setdefault(backbone_key(plan) or plan.folder, []).append(plan)
    return list(groups.values())


def waiting_plans(plans: Sequence[Plan]) -> list[Plan]:
    """The plans that are still to be made: those with an order to tune, and those without a finished run."""
    return [plan for plan in plans if plan.order or finished_run(plan) is None]


def finished_run(plan: Plan) -> Run | None:
    """The record of a plan that already ran to its end (done or stalled), else None.

    Raises RecordError for a record that cannot be read: it may be a newer version's, and is never replaced.
    """
    path = Path(plan.folder) / RUN_FILE
    if not path.exists():
        return None
    try:
        run = read_run(path)
    except RecordError as err:
        raise RecordError(f"{err}; move its folder away, or make another run with --fresh") from err
    return run if run.result.status is not RunStatus.FAILED else None


class Worker:
    """A process that makes runs one after the other. It ends with the `with` block, and at once if an error leaves it.

    Consecutive runs on the same frozen backbone share what the first of them opened, and record that they shared it
    with `shared_with` others. `has_ended` says that a crash ended the process: it makes no further runs.
    """

    def __init__(self, shared_with: int = 0) -> None:
        self._pipe, theirs = Pipe()
        self._process = start_process(work, theirs, dict(os.environ), shared_with)
        theirs.close()
        self.has_ended = False

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, _err: BaseException | None, _at: TracebackType | None) -> None:
        self._pipe.close()
        if kind is not None:
            self._process.terminate()
        self._process.join()

    def make(self, plan: Plan, show: Emit, lock: int | None) -> Failure | None:
        """Make one run and show its events. Returns why it failed; None if it has a record. An error ends the process.

        The process holds the `lock` of the run's folder too: if this command is killed, it is free when the process
        has ended.
        """
        try:
            self._pipe.send((plan, lock is not None))
            if lock is not None:
                send_handle(self._pipe, lock, None)
            while True:
                message = self._pipe.recv()
                if isinstance(message, Done):
                    return None
                if isinstance(message, Failure):
                    return message
                show(message)
        except (EOFError, ConnectionError):
            self.has_ended = True
            self._process.join()
            return Failure(_crash_reason(self._process.exitcode, Path(plan.folder) / LOG_FILE))
        except BaseException:
            self._process.terminate()
            self._process.join()
            raise


class ProcessOfGroup:
    """Makes the runs of a group of `count` in one process. If one of them fails there, it and those after it are made
    again in a process each: a crash harms no other run.
    """

    def __init__(self, count: int) -> None:
        self._shared = Worker(count - 1) if count > 1 else None

    def __enter__(self) -> "ProcessOfGroup":
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        if self._shared is not None:
            self._shared.__exit__(kind, err, at)

    def make(self, plan: Plan, source: Source, console: Console) -> Run:
        """Make one run and return its record. Raises RunError if it failed for a reason that concerns all runs."""
        with lock_results(plan, console) as lock:
            if (run := finished_run(plan)) is not None:  # by the command that worked here until now
                return run
            if self._shared is not None:
                with show_progress(console, plan) as show:
                    failure = self._shared.make(plan, show, lock)
                if failure is None or failure.exit_code != 1:
                    return _record(plan, source, failure)
                console.print(
                    f"  {failure.message}; trying again in a process of its own", highlight=False, markup=False
                )
                self._shared.__exit__(None, None, None)
                self._shared = None
            return _make_alone(plan, source, console, lock)


def make_run(plan: Plan, source: Source, console: Console, title: str | None = None) -> Run:
    """Make one run in its own process and return its record; a crash leaves a record with status failed.

    The bar's title is the run's model and seed if there is no other.

    Raises RunError if the reason concerns the whole command. KeyboardInterrupt ends the process and is passed on.
    """
    with lock_results(plan, console) as lock:
        return _make_alone(plan, source, console, lock, title)


def _make_alone(plan: Plan, source: Source, console: Console, lock: int | None, title: str | None = None) -> Run:
    with Worker() as worker, show_progress(console, plan, title) as show:
        failure = worker.make(plan, show, lock)
    return _record(plan, source, failure)


@contextmanager
def lock_results(plan: Plan, console: Console) -> Iterator[int | None]:
    """Hold the lock of a plan's folder inside the block. While another command works there, say so and wait.

    An interruption leaves the plan's command in the folder, from which `bench list` reads how to continue.
    """
    folder = Path(plan.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise VggbenchError(f"{folder.parent.parent}: results cannot be kept there ({err.strerror})") from err
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with lock_folder(folder, lambda line: say(f"  {line}"), wait=True) as lock:
        for leftover in folder.rglob(".*.part"):  # of a command that was killed
            leftover.unlink(missing_ok=True)
        with command_kept(folder, plan.command):
            yield lock


def _record(plan: Plan, source: Source, failure: Failure | None) -> Run:
    """The record of a run that its worker made, or that failed. Raises RunError if the reason concerns all runs."""
    log = Path(plan.folder) / LOG_FILE
    if failure is None:
        log.unlink(missing_ok=True)
        return read_run(plan.folder)
    if failure.exit_code != 1:
        log.unlink(missing_ok=True)
        raise RunError(failure)
    return record_failure(plan, source, failure.message)


def _crash_reason(exit_code: int | None, log: Path) -> str:
    if exit_code == -9:
        return "killed by the system, probably because memory ran out; try a smaller --batch-size or --size"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.is_file() else []
    last_line = lines[-1] if lines else "no message"
    return f"the process ended with code {exit_code}: {last_line} (see {log.name} in its folder)"


def _plan_title(plan: Plan, plans: Sequence[Plan]) -> str:
    """The model, the recipe fields in which its plans differ, and the seed."""
    recipes = [p.recipe for p in plans if p.model == plan.model]
    varied = [f.name for f in fields(Recipe) if len({getattr(r, f.name) for r in recipes}) > 1]
    return ", ".join([plan.model, *(f"{key}={shown(plan.recipe, key)}" for key in varied), f"seed {plan.seed}"])


def _outcome_line(run: Run) -> str:
    result = run.result
    if result.status is RunStatus.FAILED:
        return f"failed: {result.reason}"
    assert result.accuracy is not None and result.accuracy_low is not None and result.accuracy_high is not None
    accuracy = f"{result.accuracy:.1%} ({result.accuracy_low * 100:.1f} to {result.accuracy_high * 100:.1f})"
    if result.clean_accuracy is not None:
        accuracy += f", {result.clean_accuracy:.1%} on {result.clean_images:,} images that no pretraining used"
    stalled = f"stalled: {result.reason}; " if result.status is RunStatus.STALLED else ""
    seconds = f"{run.cost.epoch_seconds:.2f} s per epoch, {run.cost.total_seconds:.0f} s in total"
    return f"{stalled}accuracy {accuracy}, {seconds}"
