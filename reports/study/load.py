"""Stored runs into groups: the same model and recipe on the same device and data, one run per seed."""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.records import (
    FACTS_FILE,
    RUN_FILE,
    DatasetFacts,
    RecordError,
    Run,
    UsageError,
    facts_folder,
    name_hint,
    read_facts,
    read_runs,
)
from reports.words import clean


def training_seconds(run: Run) -> float:
    """Seconds of all epochs of a run, and of its feature pass if it has one."""
    return (run.cost.feature_seconds or 0.0) + sum(e.seconds for e in run.epochs)


def parts_seconds(run: Run) -> dict[str, float]:
    """Seconds of a run by part, none counted twice; `features` is the time they took to compute, now or before."""
    cost, known = run.cost, run.cost.breakdown or {}
    return {
        "features": cost.feature_seconds or 0.0,
        "train": sum(e.seconds for e in run.epochs),
        "evaluate": known.get("evaluate", 0.0),
        "pack": known.get("pack", cost.pack_seconds or 0.0),
        "warm-up": known.get("warm-up", 0.0),
        "compile": known.get("compile", cost.compile_seconds or 0.0),
        "keep": known.get("checkpoint", 0.0) + known.get("pictures", 0.0),
    }


def total_seconds(run: Run) -> float:
    """Seconds from start to end of a run; features from the cache count as if the run had computed them.

    A cached pass shows if the parts exceed the whole. With several views only the sum of the parts is then certain.
    """
    parts, total = parts_seconds(run), run.cost.total_seconds
    if sum(parts.values()) <= total:
        return total
    return total + parts["features"] if run.recipe.get("views") in (None, 1) else sum(parts.values())


@dataclass(frozen=True, eq=False)
class RunGroup:
    """Runs that differ in their seed only: the newest finished of each, those they replaced, and unfinished ones."""

    runs: tuple[Run, ...]
    replaced: tuple[Run, ...]
    unfinished: tuple[Run, ...]
    folders: dict[str, Path]

    @cached_property
    def example(self) -> Run:
        """One run, for what all runs of the group share."""
        return (self.runs or self.unfinished)[0]

    @property
    def origin(self) -> str | None:
        """Where its pretrained weights come from, as recorded."""
        weights = self.example.model.weights
        return clean(weights) if weights else None

    @cached_property
    def accuracies(self) -> list[float]:
        """Last-epoch test accuracy by seed, fractions."""
        return [run.result.accuracy for run in self.runs if run.result.accuracy is not None]

    @cached_property
    def accuracy(self) -> float:
        """Mean of the accuracies."""
        return float(np.mean(self.accuracies))

    @cached_property
    def training_seconds(self) -> float:
        """Mean time of all epochs, and of the one-off feature pass of a frozen model."""
        return float(np.mean([training_seconds(run) for run in self.runs]))

    @cached_property
    def tuning_seconds(self) -> float | None:
        """Seconds of all trials that found its recipe; None if it was not tuned."""
        return self.example.tuning.seconds if self.example.tuning else None

    @property
    def price_seconds(self) -> float:
        """Mean training time, and the time of the tuning before it."""
        return self.training_seconds + (self.tuning_seconds or 0.0)

    @cached_property
    def energy_joules(self) -> float | None:
        """Mean energy of the runs that measured it."""
        measured = [run.cost.energy_joules for run in self.runs if run.cost.energy_joules]
        return float(np.mean(measured)) if measured else None

    @cached_property
    def images_per_class(self) -> float:
        """Training images of the mean class."""
        return self.example.dataset.train / max(1, len(self.example.dataset.classes))


@dataclass(frozen=True)
class Study:
    """Everything stored about one dataset; `left_out` lists the unusable files, each with the reason."""

    results: Path
    name: str
    groups: tuple[RunGroup, ...]
    left_out: tuple[str, ...]
    facts: dict[str, DatasetFacts]


def device_key(run: Run) -> tuple[Any, ...]:
    """What must agree for two runs to have used the same device."""
    d = run.device
    return d.kind, d.name, d.cpu, d.cores, d.precision


def recipe_of(run: Run) -> dict[str, Any]:
    """The recipe without its seed."""
    return {k: v for k, v in run.recipe.items() if k not in ("seed", "seeds")}


def _group_key(run: Run) -> str:
    m = run.model
    parts = [
        m.name, m.arch, m.weights, m.weights_sha256, m.head, m.parameters_total, recipe_of(run), device_key(run),
        run.tuning.limit if run.tuning else None,
        run.dataset.manifest_sha256, run.dataset.train, run.dataset.test, run.dataset.classes,
    ]  # fmt: skip
    return json.dumps(parts, sort_keys=True, default=str)


def _group(runs: dict[Path, Run]) -> RunGroup:
    done = [run for run in runs.values() if run.result.status == "done"]
    newest = {run.seed: run for run in done}
    kept = tuple(newest[seed] for seed in sorted(newest))
    unfinished = tuple(r for r in runs.values() if r.result.status != "done" and r.seed not in newest)
    replaced = tuple(run for run in done if run is not newest[run.seed])
    return RunGroup(kept, replaced, unfinished, {run.run: folder for folder, run in runs.items()})


def load_study(results: Path, dataset: str) -> Study:
    """The study of one dataset below `results`."""
    runs, errors = read_runs(results, dataset)
    by_key: dict[str, dict[Path, Run]] = defaultdict(dict)
    for folder, run in _once(runs, errors).items():
        by_key[_group_key(run)][folder] = run
    facts = {}
    for info in {run.dataset.manifest_sha256: run.dataset for run in runs.values()}.values():
        folder = facts_folder(results, dataset, info.manifest_sha256)
        try:
            if stored := read_facts(folder):
                if stored.classes != info.classes:
                    raise RecordError(f"{folder / FACTS_FILE}: has other classes than the runs of this dataset")
                facts[info.manifest_sha256] = stored
        except RecordError as err:
            errors.append(err)
    left_out = tuple(sorted(short_error(err, results) for err in errors))
    return Study(results, dataset, tuple(_group(group) for group in by_key.values()), left_out, facts)


def _once(runs: dict[Path, Run], errors: list[RecordError]) -> dict[Path, Run]:
    """The runs without copies of a run's folder; these are added to `errors`."""
    homes: dict[str, Path] = {}
    for folder, run in sorted(runs.items(), key=lambda item: item[0].name != item[1].run):
        if (home := homes.setdefault(run.run, folder)) is not folder:
            errors.append(RecordError(f"{folder / RUN_FILE}: is a copy of the run in {home.name}"))
    return {folder: run for folder, run in runs.items() if homes[run.run] is folder}


def short_error(error: RecordError, results: Path) -> str:
    """The message of an error with its path relative to `results`."""
    return str(error).replace(f"{results}/", "")


def select_datasets(results: Path, dataset: str | None = None) -> list[str]:
    """The one dataset named, or all below `results` that have runs. Raises UsageError if there is none."""
    if not results.is_dir():
        raise UsageError(f"{results}: no such folder; give one with --results, or make runs with `bench run all`")
    names = sorted({path.parent.parent.name for path in results.glob("*/*/run.json")})
    if not names:
        raise UsageError(f"{results}: holds no runs; make some with `bench run all`")
    if dataset is not None and dataset not in names:
        hint = name_hint(clean(dataset, 80), (clean(name, 40) for name in names))
        raise UsageError(f"{results}: no runs of {clean(dataset, 80)!r}; {hint}")
    return names if dataset is None else [dataset]
