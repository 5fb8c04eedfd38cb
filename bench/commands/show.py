"""`bench show`: one run in detail."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import Results, make_console
from bench.errors import UsageError, name_hint
from bench.records import (
    RUN_FILE,
    Run,
    always_guessing,
    are_unequal,
    balanced_accuracy,
    counts_by_class,
    read_run,
    run_folders,
)
from collect.datasets import make_table

if TYPE_CHECKING:
    from rich.table import Table


def show_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a run's name, the start of its name, or its folder")],
    results: Results = Path("results"),
) -> None:
    """Show one run: result, cost, conditions, every epoch."""
    from rich.table import Table

    record, console = read_run(find_run(run, results)), make_console()
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in _facts(record):
        table.add_row(name, text)
    console.print(table, highlight=False, markup=False)
    console.print(_epochs_table(record))


def find_run(name: str, results: Path) -> Path:
    """The folder of a run, given that, its name or the start of it. Raises UsageError if not exactly one matches."""
    if (Path(name) / RUN_FILE).is_file():
        return Path(name)
    folders = run_folders(results)
    matching = [f for f in folders if f.name == name] or [f for f in folders if f.name.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UsageError(
            f"{name}: no such run in {results}/; {name_hint(name, (f.name for f in folders))} (bench list shows all)"
        )
    raise UsageError(f"{name}: {len(matching)} runs match: {', '.join(f.name for f in matching[:4])}")


def _facts(run: Run) -> list[tuple[str, str]]:
    result, cost, device = run.result, run.cost, run.device
    facts = [
        ("run", run.run),
        ("created", run.created),
        ("command", run.command or "not recorded"),
        ("dataset", f"{run.dataset.name}: {run.dataset.train:,} train, {run.dataset.test:,} test images"),
        ("model", f"{run.model.name} ({run.model.arch}, {run.model.parameters_total:,} parameters)"),
        ("weights", run.model.weights or "none: random start"),
        ("device", f"{device.name}, {device.cores} cores, {device.precision}, torch {device.torch}"),
        ("status", result.status + (f": {result.reason}" if result.reason else "")),
    ]
    if result.accuracy is not None and result.accuracy_low is not None and result.accuracy_high is not None:
        wilson = f"{result.accuracy_low * 100:.1f} to {result.accuracy_high * 100:.1f}, Wilson 95 % over images"
        facts.append(("accuracy", f"{result.accuracy:.1%} ({wilson})"))
        facts.append(("macro F1", "not recorded" if result.macro_f1 is None else f"{result.macro_f1:.3f}"))
        facts += _balance(run)
    if result.clean_accuracy is not None:
        facts.append(("clean accuracy", f"{result.clean_accuracy:.1%} on {result.clean_images} images"))
    seconds = {"total": cost.total_seconds, **(cost.breakdown or {})}
    facts.append(("seconds", ", ".join(f"{part} {value:.1f}" for part, value in seconds.items())))
    if cost.tflops is not None and cost.mfu is not None:
        facts.append(("compute", f"{cost.tflops:.3f} TFLOP/s, {cost.mfu:.0%} of the measured peak"))
    if cost.peak_memory_bytes is not None:
        facts.append(("peak memory", f"{cost.peak_memory_bytes / 2**30:.2f} GiB"))
    facts.append(("recipe", ", ".join(f"{k}={v}" for k, v in run.recipe.items() if v is not None)))
    return facts + [("note", note) for note in run.notes]


def _balance(run: Run) -> list[tuple[str, str]]:
    """Balanced accuracy and what always guessing gives, if the test classes are unequal."""
    counts, balanced = counts_by_class(run), balanced_accuracy(run.result)
    if not are_unequal(counts.values()) or balanced is None:
        return []
    name, share = always_guessing(counts)
    return [
        ("balanced accuracy", f"{balanced:.1%}, the mean over classes; guessing gives {1 / len(counts):.1%}"),
        ("always guessing", f"{share:.1%}: the accuracy of always answering {name}"),
    ]


def _epochs_table(run: Run) -> "Table":
    part = "validation" if any(e.val_loss is not None for e in run.epochs) else "test"
    table = make_table(
        "epoch", "train loss", "train accuracy", f"{part} loss", f"{part} accuracy", "seconds", "images/s"
    )
    for e in run.epochs:
        train = (f"{e.train_loss:.4f}", f"{e.train_accuracy:.1%}")
        loss, accuracy = (e.val_loss, e.val_accuracy) if part == "validation" else (e.test_loss, e.test_accuracy)
        test = ("", "") if loss is None else (f"{loss:.4f}", f"{accuracy:.1%}")
        table.add_row(str(e.epoch), *train, *test, f"{e.seconds:.2f}", f"{e.images_per_second:,.0f}")
    return table
