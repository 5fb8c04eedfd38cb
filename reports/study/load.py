"""Stored runs into groups: the same model and recipe on the same device and data, one run per seed."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.records import (
    DatasetFacts,
    RecordError,
    Run,
    UsageError,
    facts_folder,
    read_facts,
    read_predictions,
    read_runs,
)
from reports.study.times import training_seconds
from reports.words import clean, listed


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seed. `runs` are the newest done run of each seed, by seed.

    `earlier` are done runs that a newer one of the same seed has replaced, `lost` those that stalled or failed.
    """

    runs: tuple[Run, ...]
    earlier: tuple[Run, ...]
    lost: tuple[Run, ...]
    folders: dict[str, Path]

    @cached_property
    def any(self) -> Run:
        """A run to ask for what all of the group share."""
        return (self.runs or self.lost)[0]

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
        """Mean time of all epochs, and of the one-off feature pass where a frozen model has one."""
        return float(np.mean([training_seconds(run) for run in self.runs]))

    @cached_property
    def images_per_class(self) -> float:
        """Training images of the mean class."""
        return self.any.dataset.train / max(1, len(self.any.dataset.classes))


@dataclass(frozen=True)
class Study:
    """Everything stored about one dataset; `left_out` says in words what could not be used and why."""

    name: str
    groups: list[Group]
    left_out: list[str]
    facts: dict[str, tuple[DatasetFacts, Path]]


@dataclass(frozen=True)
class Answers:
    """What a group's runs said of each test image: arrays of shape [images] and [seeds, images].

    `truth` and `predicted` index the classes; `clean` is True where the image is known to be new to the weights.
    """

    files: tuple[str, ...]
    seeds: tuple[int, ...]
    truth: NDArray[np.int32]
    predicted: NDArray[np.int32]
    probability: NDArray[np.float64]
    loss: NDArray[np.float64]
    clean: NDArray[np.bool_] | None

    @cached_property
    def right(self) -> NDArray[np.float64]:
        """1 where a seed is right, shape [seeds, images]."""
        return np.asarray(self.predicted == self.truth, float)


def device_key(run: Run) -> tuple[Any, ...]:
    """What must agree for two runs to have been made on the same device."""
    d = run.device
    return d.kind, d.name, d.cpu, d.cores, d.precision


def recipe_of(run: Run) -> dict[str, Any]:
    """The recipe without its seed."""
    return {k: v for k, v in run.recipe.items() if k not in ("seed", "seeds")}


def _key(run: Run) -> str:
    m = run.model
    parts = [
        m.name, m.arch, m.weights, m.weights_sha256, m.head, m.parameters_total, recipe_of(run), device_key(run),
        run.dataset.manifest_sha256, run.dataset.train, run.dataset.test, run.dataset.classes,
    ]  # fmt: skip
    return json.dumps(parts, sort_keys=True, default=str)


def _problem(run: Run) -> str | None:
    """Why a record that fits the schema still cannot be used."""
    r, k = run.result, len(run.dataset.classes)
    shares = [r.accuracy, r.accuracy_low, r.accuracy_high, r.top5, r.macro_f1, r.clean_accuracy]
    shares += [e.test_accuracy for e in run.epochs] + [e.train_accuracy for e in run.epochs]
    if any(s is not None and not 0 <= s <= 1 for s in shares):
        return "a share is not between 0 and 1"
    if r.status not in ("done", "stalled", "failed"):
        return f"result.status is {r.status!r}"
    if not run.dataset.classes or run.dataset.test < 1:
        return "dataset.classes or dataset.test is empty"
    if r.status == "done" and r.accuracy is None:
        return "result.accuracy is missing although it is done"
    if r.confusion is not None and (len(r.confusion) != k or any(len(row) != k for row in r.confusion)):
        return f"result.confusion is not {k} x {k}"
    numbers = [run.cost.total_seconds, *(e.seconds for e in run.epochs)]
    if r.status == "done" and not all(math.isfinite(s) and s >= 0 for s in numbers):
        return "a time is not a number of seconds"
    return None


def _group(runs: dict[Path, Run]) -> Group:
    newest: dict[int, Run] = {}
    done = [run for run in runs.values() if run.result.status == "done"]
    for run in done:
        newest[run.seed] = run
    kept = tuple(newest[seed] for seed in sorted(newest))
    ids = {id(run) for run in kept}
    lost = tuple(r for r in runs.values() if r.result.status != "done" and r.seed not in newest)
    earlier = tuple(run for run in done if id(run) not in ids)
    return Group(kept, earlier, lost, {run.run: folder for folder, run in runs.items()})


def load(results: Path, dataset: str) -> Study:
    """The study of one dataset below `results`."""
    runs, errors = read_runs(results, dataset)
    left_out = [str(err).replace(f"{results}/", "") for err in errors]
    by_key: dict[str, dict[Path, Run]] = defaultdict(dict)
    for folder, run in runs.items():
        if problem := _problem(run):
            left_out.append(f"{folder.relative_to(results)}/run.json: {problem}")
        else:
            by_key[_key(run)][folder] = run
    facts = {}
    for manifest in {run.dataset.manifest_sha256 for run in runs.values()}:
        folder = facts_folder(results, dataset, manifest)
        try:
            found = read_facts(folder)
        except RecordError as err:
            left_out.append(str(err).replace(f"{results}/", ""))
            continue
        if found:
            facts[manifest] = (found, folder)
    return Study(dataset, [_group(group) for group in by_key.values()], sorted(left_out), facts)


def datasets(results: Path) -> list[str]:
    """Names of the datasets below `results` that have runs. Raises UsageError when the folder is missing or empty."""
    if not results.is_dir():
        raise UsageError(f"{results}: no such folder; give one with --results, or make runs with `bench run all`")
    names = sorted({path.parent.parent.name for path in results.glob("*/*/run.json")})
    if not names:
        raise UsageError(f"{results}: holds no runs; make some with `bench run all`")
    return names


def chosen(results: Path, dataset: str | None) -> list[str]:
    """The one dataset named, or all below `results`. Raises UsageError when it is not there."""
    names = datasets(results)
    if dataset is not None and dataset not in names:
        there = listed([clean(name, 40) for name in names])
        raise UsageError(f"{results}: no runs of {clean(dataset, 80)!r}; there are {there}")
    return names if dataset is None else [dataset]


def read_answers(group: Group, left_out: list[str]) -> Answers | None:
    """The predictions of a group's runs, None where it has none; what cannot be used is named in `left_out`."""
    index = {name: i for i, name in enumerate(group.any.dataset.classes)}
    files: tuple[str, ...] = ()
    seeds, columns, truth, clean = [], [], np.zeros(0, np.int32), None
    for run in group.runs:
        folder = group.folders[run.run]
        where = f"{folder.parent.name}/{folder.name}/predictions.csv"
        if not (folder / "predictions.csv").is_file():
            continue
        try:
            rows = read_predictions(folder)
            found = tuple(p.file for p in rows)
            guess = np.array([index[p.predicted] for p in rows], np.int32)
            label = np.array([index[p.truth] for p in rows], np.int32)
        except RecordError as err:
            left_out.append(str(err).replace(str(folder.parent.parent) + "/", ""))
            continue
        except KeyError as err:
            left_out.append(f"{where}: {err} is not one of the classes")
            continue
        if not rows or (files and (found != files or not np.array_equal(label, truth))):
            left_out.append(f"{where}: holds other images than the first seed's")
            continue
        files, truth = found, label
        if any(p.clean is not None for p in rows):
            clean = np.array([bool(p.clean) for p in rows])
        seeds.append(run.seed)
        columns.append((guess, np.array([p.probability for p in rows]), np.array([p.loss for p in rows])))
    if not columns:
        return None
    predicted, probability, loss = (np.stack([c[i] for c in columns]) for i in range(3))
    return Answers(files, tuple(seeds), truth, predicted, probability, loss, clean)
