"""`bench run`: plan, estimate, train, report."""

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands.options import EXIT_CODES, Data, Quiet, Results, SetValues, make_console, set_values
from bench.errors import UsageError
from bench.neighbours import choose_dataset
from bench.recipes import MODELS, Recipe, make_recipe
from bench.records import RunStatus
from bench.server import start_server
from collect.datasets import announce, make_table

if TYPE_CHECKING:
    from rich.console import Console

    from bench.data import Source
    from bench.plans import Plan

MODEL_LINES = "\n".join(f"  {name:<13}  {model.summary}" for name, model in MODELS.items())
RUN_EPILOG = f"""Examples:

\b
  bench run all --dataset car-bicycle --size 64    all four models
  bench run all --dataset photos/                  with train/ and test/ in it
  bench run frozen-vgg finetuned-vgg --seeds 5     two models, five seeds each
  bench run scratch-vgg --arch vgg16,vgg16_bn --set lr=1e-4,3e-4
                                                   all four combinations
  bench run all --train-images 25,50,100           accuracy by dataset size
  bench run all --tune 20 --seeds 3                the best of 20 recipes each
  bench run all --budget 1h                        the same in one hour in all
  bench run all --dry-run                          the plan and an estimate

\b
Models:
{MODEL_LINES}

{EXIT_CODES}"""
Text = str | None
SLOW_SECONDS, QUICK_SECONDS = 1800.0, 600.0


# One parameter per option.
def run_command(
    models: Annotated[list[str], typer.Argument(metavar="all | MODEL...", help="the models to train")],
    dataset: Annotated[Text, typer.Option(metavar="NAME|DIR", help="name or folder  [default: last collected]")] = None,
    epochs: Annotated[
        Text, typer.Option(metavar="N|auto", help="N epochs, or until validation is flat  [default: auto]")
    ] = None,
    batch_size: Annotated[Text, typer.Option(metavar="N", help="images per step  [default: 64]")] = None,
    size: Annotated[Text, typer.Option(metavar="PX", help="side of the square input  [default: 224]")] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="runs per model and recipe  [default: 1]")] = None,
    tune: Annotated[int | None, typer.Option(metavar="N", help="first try N recipes per model, on validation")] = None,
    budget: Annotated[Text, typer.Option(metavar="TIME", help="tune and train in this time in all: 30m, 2h")] = None,
    arch: Annotated[
        Text, typer.Option(metavar="NAME", help="a VGG or torchvision classifier  [default: vgg16]")
    ] = None,
    width: Annotated[Text, typer.Option(metavar="F", help="factor on a VGG's channels  [default: 1.0]")] = None,
    weights: Annotated[Text, typer.Option(metavar="FILE", help="imagenet or a file  [default: imagenet]")] = None,
    head: Annotated[
        Text, typer.Option(metavar="NAME", help="mlp256, classifier, last or pooled  [default: mlp256]")
    ] = None,
    train_images: Annotated[Text, typer.Option(metavar="N,...", help="train images per class  [default: all]")] = None,
    device: Annotated[Text, typer.Option(metavar="NAME", help="auto, cuda, mps or cpu  [default: auto]")] = None,
    precision: Annotated[Text, typer.Option(metavar="NAME", help="auto, bf16 or fp32  [default: auto]")] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="make repeated runs bit-equal")] = False,
    set_: SetValues = None,
    data: Data = Path("data"),
    results: Results = Path("results"),
    fresh: Annotated[bool, typer.Option("--fresh", help="repeat finished runs; the earlier ones are kept")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the plan and an estimate, train nothing")] = False,
    quiet: Quiet = False,
) -> None:
    """Train models on a dataset and write a report.

    Finished runs are not repeated, and interrupted ones continue at their last finished epoch. A comma-separated value
    makes one run of each value.
    """
    start = time.monotonic()
    options: dict[str, Any] = {
        "epochs": epochs, "batch_size": batch_size, "size": size, "seeds": seeds, "tune": tune, "budget": budget,
        "arch": arch, "width": width, "weights": weights, "head": head, "train_images": train_images, "device": device,
        "precision": precision, "deterministic": deterministic or None,
    }  # fmt: skip
    given, values = {k: v for k, v in options.items() if v is not None}, set_values(set_ or [])
    if both := sorted(given.keys() & values.keys()):
        raise UsageError(f"--set {both[0]}=...: --{both[0].replace('_', '-')} is given too; keep one of them")
    if not dry_run:
        start_server()  # it imports torch while this process prepares the plans
    console, progress = make_console(), make_console(quiet and not dry_run)
    name, reason = choose_dataset(dataset, data)
    progress.print(f"Dataset {name}{reason}")
    with announce(progress, "Loading PyTorch"):
        from bench.api import RunRequest, execute, prepare, print_verdict
        from bench.runs import print_runs
    command = "bench " + shlex.join(sys.argv[1:])
    request = RunRequest(models, name, {**given, **values}, data, results, command, fresh, dry_run, start)
    source, plans = prepare(request, progress)
    _print_estimate(plans, source, progress)
    if dry_run:
        return
    runs, pages = execute(source, plans, results, progress)
    print_runs(runs, console)
    print_verdict(source, results, console)
    for page in pages:
        console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    if any(r.result.status is not RunStatus.DONE for r in runs):
        raise typer.Exit(1)


def _print_estimate(plans: "Sequence[Plan]", source: "Source", console: "Console") -> None:
    """Print how long the plans will take on this device and, if that is long, how to make it shorter."""
    from bench.plans import REPORT_SECONDS, estimate_range, smaller_size
    from bench.runs import waiting_plans
    from bench.tuning import seconds_ahead, tuning_text

    table = make_table("model", "seed", "recipe", "about", left=("model", "recipe"))
    waiting = waiting_plans(plans)
    with announce(console, f"Measuring the speed of this {plans[0].device}"):
        ranges = {plan.folder: times for plan, times in zip(waiting, estimate_range(waiting, source), strict=True)}
    for plan in plans:
        estimate = duration_range(*ranges[plan.folder]) if plan.folder in ranges else "already there"
        table.add_row(plan.model, str(plan.seed), _recipe_text(plan, plans), estimate)
    console.print(table)
    fewest, most = (REPORT_SECONDS + sum(times) for times in zip(*ranges.values(), strict=True)) if ranges else (0, 0)
    if plans[0].order:
        console.print(tuning_text(plans, source), highlight=False)
        fewest, most = seconds_ahead(plans, source)
    console.print(f"About {duration_range(fewest, most)} in total on this {plans[0].device}.", highlight=False)
    has_budget = bool(plans[0].order and plans[0].order.limit.seconds)
    if most > SLOW_SECONDS and not has_budget:
        size = smaller_size(waiting, source, QUICK_SECONDS)
        advice = []
        if size:
            advice.append(f"--size {size} takes minutes")
        elif any((plan.recipe.arch or "").startswith("vgg") for plan in waiting):
            advice.append("--width 0.25 takes a fraction of that")
        if all(plan.recipe.fixed_epochs is None for plan in waiting):
            advice.append("--budget 1h ends within an hour")
        advised = f": {', and '.join(advice)}" if advice else ""
        console.print(f"That is long{advised}. Ctrl-C stops; the same command continues.", highlight=False)


def _recipe_text(plan: "Plan", plans: "Sequence[Plan]") -> str:
    """What every run has, then each field that is not the model's default; weights if the plans' differ."""
    recipe, default = plan.recipe, make_recipe(plan.model, {"epochs": plan.recipe.epochs})
    epochs = f"{recipe.epochs} epochs" if recipe.fixed_epochs else "epochs auto"
    parts = [f"{recipe.size} px", epochs, f"batch {recipe.batch_size}", recipe.precision]
    parts += [recipe.arch] if recipe.arch else []
    parts += [f"width {recipe.width:g}"] if recipe.arch and recipe.width != 1 else []
    parts += [f"head {recipe.head}"] if recipe.head else []
    parts += [f"{recipe.train_images} images per class"] if recipe.train_images else []
    always_shown = {"size", "epochs", "batch_size", "precision", "arch", "width", "head", "train_images", "weights"}
    changed = [f.name for f in fields(Recipe) if getattr(recipe, f.name) != getattr(default, f.name)]
    parts += [f"{key}={str(getattr(recipe, key)).lower()}" for key in changed if key not in always_shown]
    if recipe.weights and len({p.recipe.weights for p in plans} - {None}) > 1:
        parts.append(f"weights {Path(recipe.weights).name}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """An estimate in words: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def duration_range(fewest: float, most: float) -> str:
    """An estimate in words, with both ends if they differ: 3 min to 2.5 h."""
    shortest, longest = duration(fewest), duration(most)
    return shortest if shortest == longest else f"{shortest} to {longest}"
