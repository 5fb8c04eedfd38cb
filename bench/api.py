"""The whole of `bench run` as a function: choose the dataset, plan, estimate, run, report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.commands.pretrain import sample_weights
from bench.data import Source, open_source
from bench.errors import UsageError, VggbenchError
from bench.outcome import keep_facts
from bench.plans import Plan, estimate_seconds, expand, fresh_copy, make_plans, resolve_models, smaller_size
from bench.recipes import CONTROL
from bench.records import Run
from bench.runs import finished, make_runs
from collect.datasets import Dataset, load_datasets
from collect.manifest import is_dataset, last_collected

if TYPE_CHECKING:
    import pandas

SLOW_SECONDS, MINUTES_SECONDS = 1800.0, 600.0


@dataclass(frozen=True, slots=True)
class Job:
    """What one `bench run` is to do."""

    source: Source
    plans: tuple[Plan, ...]


def choose_dataset(wanted: str | None, data: Path) -> tuple[str, str]:
    """The dataset to use and a sentence that says why: the one named, else the one collected last, else `sample`."""
    if wanted is not None:
        return wanted, f"Dataset {wanted}"
    last = last_collected(data)
    if last is not None:
        return last, f"Dataset {last} (collected last; choose another with --dataset)"
    return "sample", "Dataset sample (drawn cars and bicycles, since nothing was collected yet; see --dataset)"


def ensure_drawn(name: str, data: Path, console: Console) -> Dataset | None:
    """The entry of datasets.toml with this name, if any; a synthetic one that is not on disk yet is drawn now."""
    entry = load_datasets().get(name)
    if entry is not None and entry.source == "synthetic" and not is_dataset(data / name):
        from bench import cli

        console.print(f"Drawing dataset {name}", highlight=False)
        cli.draw(entry, data)
    return entry


def prepare(
    models: Sequence[str],
    dataset: str | None,
    given: Mapping[str, Any],
    data: Path,
    results: Path,
    command: str,
    console: Console,
    fresh: bool = False,
    dry_run: bool = False,
) -> Job:
    """Everything before the first epoch: the dataset, its default flags, the sample's weights, checked plans.

    `given` holds the flags of the command line by name; the dataset's own defaults stand in for those not given. A dry
    run makes no weights: plans that want them have none.
    """
    chosen = resolve_models(models)
    name, sentence = choose_dataset(dataset, data)
    console.print(sentence, highlight=False)
    entry = ensure_drawn(name, data, console)
    source = open_source(name, data)
    defaults = dict(entry.bench) if entry else {}
    defaults |= defaults.pop("set", {})
    flags = {**defaults, **given}
    seeds, device = int(flags.pop("seeds", 1)), str(flags.pop("device", "auto"))
    if isinstance(flags.get("train_images"), list):
        flags["train_images"] = ",".join(map(str, flags["train_images"]))
    if seeds < 1:
        raise UsageError(f"--seeds {seeds}: at least 1")
    explicit = {k: v for k, v in given.items() if k not in CONTROL}
    recipes = expand(chosen, flags, explicit)
    if entry is not None and entry.source == "synthetic" and "weights" not in given:
        drawn = {(str(r.arch), r.width, r.size) for _, r in recipes if r.weights == "imagenet"}
        made = {k: sample_weights(source.classes, *k, device, console, dry_run) for k in sorted(drawn)}
        recipes = [
            (m, replace(r, weights=made[str(r.arch), r.width, r.size]) if r.weights == "imagenet" else r)
            for m, r in recipes
        ]
    plans = make_plans(recipes, seeds, source, name, data, results, device, command)
    if fresh:
        plans = [fresh_copy(plan) for plan in plans]
    return Job(source, tuple(plans))


def show_estimate(job: Job, console: Console) -> None:
    """Say how long the plans will take on this device, and on a slow one what would take minutes."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), header_style="bold")
    for column, justify in (("model", "left"), ("seed", "right"), ("recipe", "left"), ("about", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    total, waiting = 0.0, []
    for plan in job.plans:
        seconds = 0.0 if finished(plan) else estimate_seconds(plan, job.source)
        total += seconds
        recipe = plan.recipe
        parts = [f"{recipe.size} px", f"{recipe.epochs} epochs", f"batch {recipe.batch_size}", recipe.precision]
        parts += [recipe.arch] if recipe.arch else []
        parts += [f"width {recipe.width:g}"] if recipe.arch and recipe.width != 1 else []
        parts += [f"head {recipe.head}"] if recipe.head else []
        parts += [f"{recipe.train_images} a class"] if recipe.train_images else []
        table.add_row(plan.model, str(plan.seed), ", ".join(parts), duration(seconds) if seconds else "already there")
        if seconds:
            waiting.append(plan)
    console.print(table)
    console.print(f"About {duration(total)} in all on this {job.plans[0].device}.", highlight=False)
    if total > SLOW_SECONDS:
        size = smaller_size(waiting, job.source, MINUTES_SECONDS)
        advice = f"--size {size} would take minutes" if size else "--width 0.25 takes a fraction of it"
        console.print(f"That is long: {advice}. Ctrl-C stops; the same command continues.", highlight=False)


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def execute(job: Job, results: Path, console: Console) -> tuple[list[Run], list[Path]]:
    """Make the runs, keep the dataset's facts, build the report; the runs and the report's files."""
    runs = make_runs(job.plans, job.source, console)
    try:
        keep_facts(job.source, results)
    except VggbenchError as err:
        console.print(f"The report goes without facts about the dataset: {err}", highlight=False, markup=False)
    from bench import cli

    return runs, cli.build_report(results, job.source.name)


def run(
    models: str | Sequence[str] = "all",
    dataset: str | None = None,
    *,
    data: Path | str = "data",
    results: Path | str = "results",
    quiet: bool = True,
    **flags: Any,
) -> "pandas.DataFrame":
    """Train models and return one row per run: model, seed, status, accuracy with interval, seconds, parameters.

    `models` is "all" or names of models, `flags` are those of `bench run` (size=64, epochs=5, ...) or any field of the
    Recipe. Builds the report too. Raises VggbenchError where the command would end with an error line.

    >>> bench.run("all", "car-bicycle", size=64, epochs=5)  # doctest: +SKIP
    """
    import pandas

    console = Console(quiet=quiet)
    names = [models] if isinstance(models, str) else list(models)
    told = ", ".join(f"{k}={v!r}" for k, v in flags.items())
    job = prepare(names, dataset, flags, Path(data), Path(results), f"bench.run({names!r}, {told})", console)
    runs, _ = execute(job, Path(results), console)
    return pandas.DataFrame([row(r) for r in runs])


def row(record: Run) -> dict[str, Any]:
    """A run as one flat row for a table."""
    result, cost = record.result, record.cost
    return {
        "run": record.run,
        "model": record.model.name,
        "seed": record.seed,
        "status": result.status,
        "accuracy": result.accuracy,
        "accuracy_low": result.accuracy_low,
        "accuracy_high": result.accuracy_high,
        "epoch_seconds": cost.epoch_seconds,
        "total_seconds": cost.total_seconds,
        "parameters_total": record.model.parameters_total,
        "parameters_trainable": record.model.parameters_trainable,
        "weights": record.model.weights,
        "arch": record.model.arch,
    }
