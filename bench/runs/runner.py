"""The planned runs, one process after the other; a crash becomes a failed record."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console

from bench.data import Source
from bench.errors import RecordError, VggbenchError
from bench.events import Failure, from_line
from bench.outcome import record_failure
from bench.plans import Plan
from bench.recipes import Recipe, shown
from bench.records import RUN_FILE, Run, RunStatus, read_run
from bench.runs.display import show_progress
from bench.training import CHECKPOINT_FILE

LOG_FILE = "worker.log"


class RunError(VggbenchError):
    """A run's process ended with an error that concerns the whole command: weights, dataset, usage."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = failure.exit_code


def make_runs(plans: Sequence[Plan], source: Source, console: Console) -> list[Run]:
    """Make all planned runs in order. Finished ones are kept, interrupted ones continue."""
    runs = []
    for number, plan in enumerate(plans, 1):
        title = f"[{number}/{len(plans)}] {_plan_title(plan, plans)}"
        run = finished_run(plan)
        if run is not None:
            console.print(f"{title}: already there ({plan.run})", highlight=False, markup=False)
        else:
            continued = " (continued)" if (Path(plan.folder) / CHECKPOINT_FILE).is_file() else ""
            console.print(f"{title}{continued}", highlight=False, markup=False)
            run = make_run(plan, source, console)
            console.print(f"  {_outcome_line(run)}", highlight=False, markup=False)
        runs.append(run)
    return runs


def finished_run(plan: Plan) -> Run | None:
    """The record of a plan that already ran to its end (done or stalled), else None."""
    try:
        run = read_run(Path(plan.folder) / RUN_FILE)
    except RecordError:
        return None
    return run if run.result.status is not RunStatus.FAILED else None


def make_run(plan: Plan, source: Source, console: Console) -> Run:
    """Make one run in its own process and return its record; a crash leaves a record with status failed.

    Raises RunError if the reason concerns the whole command. KeyboardInterrupt ends the process and is passed on.
    """
    log = _log_file(Path(plan.folder))
    exit_code, failure = _run_worker(plan, log, console)
    if exit_code == 0:
        log.unlink()
        return read_run(plan.folder)
    if failure is not None and failure.exit_code != 1:
        log.unlink()
        raise RunError(failure)
    return record_failure(plan, source, failure.message if failure else _crash_reason(exit_code, log))


def _log_file(folder: Path) -> Path:
    """Where the worker's standard error goes, in the run's folder, which exists afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise VggbenchError(f"{folder.parent.parent}: results cannot be kept there ({err.strerror})") from err
    return folder / LOG_FILE


def _run_worker(plan: Plan, log: Path, console: Console) -> tuple[int, Failure | None]:
    """Run a plan in a worker process and show its events; its exit code, and its last words if it failed."""
    failure = None
    package_parent = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_parent, os.environ.get("PYTHONPATH"))))
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "bench.runs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            with show_progress(console, plan) as show:
                process.stdin.write(plan.to_json())
                process.stdin.close()
                for line in process.stdout:
                    event = from_line(line)
                    if isinstance(event, Failure):
                        failure = event
                    else:
                        show(event)
                process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return process.returncode, failure


def _crash_reason(exit_code: int, log: Path) -> str:
    if exit_code == -9:
        return "killed by the system, probably because memory ran out; try a smaller --batch-size or --size"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
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
