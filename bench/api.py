"""The whole of `bench run` as functions: prepare plans, run them, report."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.data import Source, open_source, split_of
from bench.errors import UsageError, VggbenchError
from bench.machine import choose_device
from bench.models import has_imagenet_weights
from bench.neighbours import balance_warnings, build_report, choose_dataset, find_leaks, read_verdict
from bench.outcome import keep_facts
from bench.plans import (
    Plan,
    TuningOrder,
    check_images,
    check_networks,
    disk_bytes,
    disk_line,
    expand_recipes,
    fresh_copy,
    make_plans,
    parse_limit,
    resolve_models,
)
from bench.recipes import FLAGS_OUTSIDE_RECIPE, Recipe
from bench.records import WEIGHTS_FILE, Run, balanced_accuracy
from bench.runs import make_runs, print_runs, waiting_plans
from bench.sample import draw_missing, with_drawn_weights
from bench.settings import Settings, dataset_settings
from bench.tuning import check_budget, tune_plans
from collect.datasets import announce, load_datasets, make_console

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asks for. `flags` holds what was given, by flag or Recipe field; `command` is how it was written.

    `dataset` is a name or a folder. A dry run makes and downloads no weights.
    The time of a budget counts from the `time.monotonic()` of `start`.
    """

    models: Sequence[str]
    dataset: str
    flags: Mapping[str, Any]
    data: Path
    results: Path
    command: str
    fresh: bool = False
    dry_run: bool = False
    start: float = field(default_factory=time.monotonic)


def prepare(request: RunRequest, console: Console) -> tuple[Source, list[Plan]]:
    """Everything before the first epoch: the dataset, its default flags, the sample's weights, checked plans.

    Flags are checked before anything is drawn, pretrained or downloaded. The dataset's settings in datasets.toml fill
    in for flags that were not given. In a dry run, plans whose weights do not exist yet have none. Raises VggbenchError
    for what the user can fix.
    """
    models = resolve_models(request.models)
    name = request.dataset
    entry = load_datasets().get(name)
    settings = dataset_settings(entry) if entry else Settings()
    flags = {**settings.flags, **request.flags}
    limit = parse_limit(flags.pop("tune", None), flags.pop("budget", None))
    seeds, device = int(flags.pop("seeds", 1)), str(flags.pop("device", "auto"))
    if seeds < 1:
        raise UsageError(f"--seeds {seeds}: at least 1")
    given = {k: v for k, v in request.flags.items() if k not in FLAGS_OUTSIDE_RECIPE}
    recipes = expand_recipes(models, flags, given, settings.by_model)
    choose_device(device)
    drawn = entry is not None and entry.source == "synthetic"
    if entry is not None and drawn:
        check_networks(recipes, len(entry.classes))
        draw_missing(entry, request.data, console)
    with announce(console, f"Checking the files of {name}"):
        source = open_source(name, request.data)
    for line in balance_warnings(source.counts()):
        console.print(f"warning: {line}", highlight=False, markup=False, soft_wrap=not console.is_terminal)
    check_images(recipes, source)
    if drawn and "weights" not in given:
        recipes = with_drawn_weights(recipes, source.classes, device, console, request.dry_run)
    if request.dry_run:
        recipes = _without_missing_weights(recipes, console)
    with announce(console, "Reading weights and measuring the speed of this device"):
        plans = make_plans(recipes, seeds, source, request.results, device, request.command)
    if limit is not None:
        fixed = {model: frozenset({*flags, *settings.by_model.get(model, {})}) for model in models}
        plans = [replace(p, order=TuningOrder(limit, fixed[p.model], request.fresh, request.start)) for p in plans]
        check_budget(plans, source)
    elif request.fresh:
        plans = [fresh_copy(plan) for plan in plans]
    if waiting := waiting_plans(plans):
        kept, beside = disk_bytes(waiting, len(source.classes))
        console.print(disk_line(kept, beside, request.results), highlight=False, markup=False)
    return source, plans


def _without_missing_weights(recipes: Sequence[tuple[str, Recipe]], console: Console) -> list[tuple[str, Recipe]]:
    """The recipes, without those ImageNet weights that are not on this machine yet; each of these is reported."""
    wanted = {r.arch for _, r in recipes if r.weights == "imagenet" and r.arch is not None}
    missing = {arch for arch in wanted if not has_imagenet_weights(arch)}
    for arch in sorted(missing):
        work = f"The first run begins by downloading the ImageNet weights of {arch}; the estimate does not include it"
        console.print(work, highlight=False, soft_wrap=True)
    kept = [None if r.weights == "imagenet" and r.arch in missing else r.weights for _, r in recipes]
    return [(model, replace(r, weights=weights)) for (model, r), weights in zip(recipes, kept, strict=True)]


def execute(source: Source, plans: Sequence[Plan], results: Path, console: Console) -> tuple[list[Run], list[Path]]:
    """Tune the plans that ask for it, make the runs, record the dataset's facts, build the report.

    Returns the runs and the report's files.
    """
    has_budget = any(plan.order and plan.order.limit.seconds for plan in plans)
    if has_budget:
        _keep_facts(source, results, console)  # first, so that their time is known
    runs = make_runs(tune_plans(plans, source, console), source, console)
    if not has_budget:
        _keep_facts(source, results, console)
    return runs, build_report(results, source.name)


def _keep_facts(source: Source, results: Path, console: Console) -> None:
    try:
        keep_facts(source, results, find_leaks)
    except VggbenchError as err:
        console.print(f"The report has no facts about the dataset: {err}", highlight=False, markup=False)


def print_verdict(source: Source, results: Path, console: Console) -> None:
    """Print the verdict of the report in its own words, and the command that classifies a photo with its model."""
    lines, folder = read_verdict(results, source.name)
    for label, line in zip(("Verdict", "Next step"), lines, strict=False):
        console.print(f"{label}: {line}", highlight=False, markup=False)
    if folder is None or not (folder / WEIGHTS_FILE).is_file():
        return
    image = next(source.folder / row.file for row in source.rows if split_of(row) == "test")
    words = ["bench", "predict", folder.name, str(image)]
    if results != Path("results"):
        words += ["--results", str(results)]
    console.print(f"Try it: {shlex.join(words)}", highlight=False, markup=False, soft_wrap=True)


def run(
    models: str | Sequence[str] = "all",
    dataset: str | None = None,
    *,
    data: Path | str = "data",
    results: Path | str = "results",
    quiet: bool = False,
    **flags: Any,
) -> "pandas.DataFrame":
    """Train models and return one row per run: model, seed, status, accuracy with interval, seconds, parameters, and
    what a learning curve needs (size, epochs, train_images, width, head).

    `models` is "all" or names of models; `flags` are those of `bench run` (size=64, epochs=5, ...) or any Recipe field.
    Also builds the report, and shows progress, a table of the runs and the verdict unless `quiet`. Raises VggbenchError
    where the command ends with an error line.

    >>> bench.run("all", "car-bicycle", size=64, epochs=5)  # doctest: +SKIP
    """
    import pandas

    console = make_console(quiet=quiet)
    names = [models] if isinstance(models, str) else list(models)
    command = f"bench.run({names!r}, {', '.join(f'{k}={v!r}' for k, v in flags.items())})"
    name, reason = choose_dataset(dataset, Path(data))
    console.print(f"Dataset {name}{reason}")
    source, plans = prepare(RunRequest(names, name, flags, Path(data), Path(results), command), console)
    runs, _ = execute(source, plans, Path(results), console)
    print_runs(runs, console)
    print_verdict(source, Path(results), console)
    return pandas.DataFrame([_row(r) for r in runs])


def _row(record: Run) -> dict[str, Any]:
    """A run as one flat row for a table. Its `train_images` are those per class, of unequal classes the mean."""
    result, cost = record.result, record.cost
    return {
        "run": record.run,
        "model": record.model.name,
        "seed": record.seed,
        "status": result.status,
        "accuracy": result.accuracy,
        "accuracy_low": result.accuracy_low,
        "accuracy_high": result.accuracy_high,
        "balanced_accuracy": balanced_accuracy(result),
        "epoch_seconds": cost.epoch_seconds,
        "total_seconds": cost.total_seconds,
        "parameters_total": record.model.parameters_total,
        "parameters_trainable": record.model.parameters_trainable,
        "weights": record.model.weights,
        "arch": record.model.arch,
        "width": record.recipe.get("width"),
        "head": record.model.head,
        "size": record.recipe.get("size"),
        "epochs": len(record.epochs),
        "train_images": record.recipe.get("train_images") or round(record.dataset.train / len(record.dataset.classes)),
    }
