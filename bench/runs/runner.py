"""Making the planned runs, each in its own process, with progress for the person who waits."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.data import Source
from bench.errors import RecordError, VggbenchError
from bench.events import EpochEnd, Event, Failure, FeaturePass, Note, Packing, Step, from_line
from bench.outcome import record_failure
from bench.plans import Plan
from bench.recipes import Recipe
from bench.records import RUN_FILE, Run, RunStatus, read_run
from bench.training import CHECKPOINT_FILE

LOG_FILE = "worker.log"


class RunError(VggbenchError):
    """A run's process ended with an error that concerns the whole command: weights, dataset, usage."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def finished(plan: Plan) -> Run | None:
    """The record of a plan that was already made to its end (done or stalled), else None."""
    path = Path(plan.folder) / RUN_FILE
    if not path.is_file():
        return None
    try:
        run = read_run(path)
    except RecordError:
        return None
    return run if run.result.status is not RunStatus.FAILED else None


def _describe(event: Packing | FeaturePass | Step, epochs: int) -> str:
    if isinstance(event, Packing):
        return f"packing images {event.done:,}/{event.total:,}"
    if isinstance(event, FeaturePass):
        return f"features of the frozen backbone {event.done:,}/{event.total:,}"
    figures = ""
    if event.loss is not None and event.accuracy is not None:
        figures = f"  loss {event.loss:.3f}  train accuracy {event.accuracy:.1%}"
    return f"epoch {event.epoch}/{epochs}{figures}  {event.images_per_second:,.0f} images/s"


class Display:
    """Progress of one run: bars on a terminal, a line per epoch elsewhere."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._plan = console, plan
        columns = (TextColumn("{task.fields[title]:<28}"), BarColumn(24), TimeElapsedColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, TextColumn("{task.description}"), console=console, transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._bars.start()
            title = f"{self._plan.model} seed {self._plan.seed}"
            self._task = self._bars.add_task("starting", total=1.0, title=title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bars.stop()

    def show(self, event: Event) -> None:
        epochs = self._plan.recipe.epochs
        if isinstance(event, Note):
            self._console.print(f"  note: {event.text}", highlight=False, markup=False)
        elif isinstance(event, EpochEnd) and self._task is None:
            epoch = event.epoch
            on = "validation" if self._plan.recipe.val_fraction else "test"
            measured = f"{on} accuracy {epoch.test_accuracy:.1%}, loss {epoch.test_loss:.3f}"
            self._console.print(
                f"  epoch {epoch.epoch}/{epochs}: train loss {epoch.train_loss:.3f}, {measured}, "
                f"{epoch.seconds:.1f} s, {epoch.images_per_second:,.0f} images/s",
                highlight=False,
            )
        elif self._task is not None and isinstance(event, Packing | FeaturePass | Step):
            if isinstance(event, Step):
                share = (event.epoch - 1 + event.step / event.steps) / epochs
            else:
                share = event.done / event.total
            self._bars.update(self._task, completed=share, description=_describe(event, epochs))


def make_run(plan: Plan, source: Source, console: Console) -> Run:
    """Make one run in a process of its own and return its record; a crash leaves a record with status failed.

    Raises RunError when the reason concerns the whole command. KeyboardInterrupt ends the process and is passed on.
    """
    folder = Path(plan.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise VggbenchError(f"{folder.parent.parent}: results cannot be kept there ({err.strerror})") from err
    failure: Failure | None = None
    log = folder / LOG_FILE
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "bench.runs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(),
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            with Display(console, plan) as display:
                process.stdin.write(plan.to_json())
                process.stdin.close()
                for line in process.stdout:
                    event = from_line(line)
                    if isinstance(event, Failure):
                        failure = event
                    else:
                        display.show(event)
                process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode == 0:
        log.unlink()
        return read_run(folder)
    if failure is not None and failure.exit_code != 1:
        log.unlink()
        raise RunError(failure.message, failure.exit_code)
    return record_failure(plan, source, failure.message if failure else _reason(process.returncode, log))


def _environment() -> dict[str, str]:
    """This process's environment, with the folder bench was imported from on the path."""
    here = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _reason(code: int, log: Path) -> str:
    if code == -9:
        return "killed by the system, most likely for want of memory; try a smaller --batch-size or --size"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"the process ended with code {code}: {lines[-1] if lines else 'no message'} (see {log.name} in its folder)"


def _title(plan: Plan, plans: Sequence[Plan]) -> str:
    """The model, the fields of its recipe that tell it from the others planned, and the seed."""
    recipes = [p.recipe for p in plans if p.model == plan.model]
    differ = [f.name for f in fields(Recipe) if len({getattr(r, f.name) for r in recipes}) > 1]
    return ", ".join([plan.model, *(f"{key}={getattr(plan.recipe, key)}" for key in differ), f"seed {plan.seed}"])


def make_runs(plans: Sequence[Plan], source: Source, console: Console) -> list[Run]:
    """Make all planned runs in order; finished ones are taken as they are, half-made ones continued."""
    runs = []
    for place, plan in enumerate(plans, 1):
        title = f"[{place}/{len(plans)}] {_title(plan, plans)}"
        known = finished(plan)
        if known is not None:
            console.print(f"{title}: already there ({plan.run})", highlight=False, markup=False)
            runs.append(known)
            continue
        going_on = " (continued)" if (Path(plan.folder) / CHECKPOINT_FILE).is_file() else ""
        console.print(f"{title}{going_on}", highlight=False, markup=False)
        run = make_run(plan, source, console)
        runs.append(run)
        console.print(f"  {_outcome(run)}", highlight=False, markup=False)
    return runs


def _outcome(run: Run) -> str:
    result = run.result
    if result.status is RunStatus.FAILED:
        return f"failed: {result.reason}"
    assert result.accuracy is not None and result.accuracy_low is not None and result.accuracy_high is not None
    interval = f"{result.accuracy:.1%} ({result.accuracy_low * 100:.1f} to {result.accuracy_high * 100:.1f})"
    if result.clean_accuracy is not None:
        interval += f", {result.clean_accuracy:.1%} of {result.clean_images:,} images that no pretraining saw"
    stalled = f"stalled: {result.reason}; " if result.status is RunStatus.STALLED else ""
    return (
        f"{stalled}accuracy {interval}, {run.cost.epoch_seconds:.2f} s an epoch, {run.cost.total_seconds:.0f} s in all"
    )
