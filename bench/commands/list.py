"""Runs as lines and rows for `bench list`. Standard library only, so that a thousand runs list at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records import Run


def list_row(folder: Path, run: Run) -> dict[str, Any]:
    """One run as a flat JSON object."""
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


def list_lines(runs: Sequence[Run]) -> list[str]:
    """Aligned lines, one per run."""
    wide_name, wide_dataset = max(len(r.run) for r in runs), max(len(r.dataset.name) for r in runs)
    lines = []
    for run in runs:
        accuracy = "" if run.result.accuracy is None else f"{run.result.accuracy:.1%}"
        shape = f"{run.model.arch}, {run.recipe.get('size', '?')} px, {len(run.epochs)} epochs"
        shape += f", {run.model.weights}" if run.model.weights else ""
        names = f"{run.dataset.name:<{wide_dataset}}  {run.run:<{wide_name}}"
        lines.append(f"{run.created[:16]}  {names}  {run.result.status:<7}  {accuracy:>6}  {shape}")
    return lines
