"""`bench list`: all runs. Reads records with the standard library alone, so that a thousand are listed at once."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bench.commands.options import Json, Results
from bench.errors import print_text
from bench.records import Run, UnfinishedRun, read_runs, unfinished_runs


def list_command(results: Results = Path("results"), as_json: Json = False) -> None:
    """List all runs, oldest first, and below them the unfinished ones with the command that continues them."""
    runs, errors = read_runs(results)
    unfinished = unfinished_runs(results)
    for error in errors:
        print_text(f"skipped: {error}", sys.stderr)
    if as_json:
        rows = [_json_row(folder, run) for folder, run in runs.items()] + list(map(_unfinished_row, unfinished))
        typer.echo(json.dumps(rows, indent=1))
    elif runs or unfinished:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in _lines(list(runs.values())):
            print_text(line if width is None or len(line) <= width else f"{line[: width - 1]}…")
        for line in _unfinished_lines(unfinished):
            print_text(line)
    else:
        print_text(f"no runs in {results}/; train models with: bench run all")


def _json_row(folder: Path, run: Run) -> dict[str, Any]:
    return {
        "run": run.run,
        "dataset": run.dataset.name,
        "model": run.model.name,
        "weights": run.model.weights,
        "seed": run.seed,
        "created": run.created,
        "status": run.result.status,
        "accuracy": run.result.accuracy,
        "folder": str(folder),
    }


def _unfinished_row(run: UnfinishedRun) -> dict[str, Any]:
    status = "running" if run.is_running else "interrupted"
    facts = {"run": run.folder.name, "dataset": run.dataset, "created": run.started, "status": status}
    return {**facts, "command": run.command, "folder": str(run.folder)}


def _unfinished_lines(unfinished: Sequence[UnfinishedRun]) -> list[str]:
    """What is at work now, and, by command, what was interrupted."""
    names: dict[str, list[str]] = {}
    for run in unfinished:
        if not run.is_running:
            names.setdefault(run.command, []).append(f"{run.dataset}/{run.folder.name}")
    lines = [
        f"running: {run.dataset}/{run.folder.name}, since {run.started[:16]}" for run in unfinished if run.is_running
    ]
    for command, runs in names.items():
        lines += [f"interrupted: {', '.join(runs)}", f"  continue with: {command}"]
    return lines


def _lines(runs: Sequence[Run]) -> list[str]:
    """Aligned lines, one per run."""
    if not runs:
        return []
    name_width, dataset_width = max(len(r.run) for r in runs), max(len(r.dataset.name) for r in runs)
    lines = []
    for run in runs:
        accuracy = "" if run.result.accuracy is None else f"{run.result.accuracy:.1%}"
        setting = f"{run.model.arch}, {run.recipe.get('size', '?')} px, {len(run.epochs)} epochs"
        setting += f", {run.model.weights}" if run.model.weights else ""
        names = f"{run.dataset.name:<{dataset_width}}  {run.run:<{name_width}}"
        lines.append(f"{run.created[:16]}  {names}  {run.result.status:<7}  {accuracy:>6}  {setting}")
    return lines
