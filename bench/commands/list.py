"""`bench list`: all runs. Reads records with the standard library alone, so that a thousand are listed at once."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bench.commands.options import Json, Results
from bench.errors import print_text
from bench.records import Run, read_runs


def list_command(results: Results = Path("results"), as_json: Json = False) -> None:
    """List all runs, oldest first."""
    runs, errors = read_runs(results)
    for error in errors:
        print_text(f"skipped: {error}", sys.stderr)
    if as_json:
        typer.echo(json.dumps([_json_row(folder, run) for folder, run in runs.items()], indent=1))
    elif runs:
        print_text("\n".join(_lines(list(runs.values()))))
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


def _lines(runs: Sequence[Run]) -> list[str]:
    """Aligned lines, one per run."""
    name_width, dataset_width = max(len(r.run) for r in runs), max(len(r.dataset.name) for r in runs)
    lines = []
    for run in runs:
        accuracy = "" if run.result.accuracy is None else f"{run.result.accuracy:.1%}"
        setting = f"{run.model.arch}, {run.recipe.get('size', '?')} px, {len(run.epochs)} epochs"
        setting += f", {run.model.weights}" if run.model.weights else ""
        names = f"{run.dataset.name:<{dataset_width}}  {run.run:<{name_width}}"
        lines.append(f"{run.created[:16]}  {names}  {run.result.status:<7}  {accuracy:>6}  {setting}")
    return lines
