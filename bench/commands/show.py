"""One run for a reader at the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.records import Run


def _pairs(run: Run) -> list[tuple[str, str]]:
    result, cost, device = run.result, run.cost, run.device
    pairs = [
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
        pairs.append(("accuracy", f"{result.accuracy:.1%} ({wilson})"))
        pairs.append(("macro F1", f"{result.macro_f1:.3f}"))
    if result.clean_accuracy is not None:
        pairs.append(("clean accuracy", f"{result.clean_accuracy:.1%} on {result.clean_images} images"))
    seconds = {"total": cost.total_seconds, **(cost.breakdown or {})}
    pairs.append(("seconds", ", ".join(f"{part} {taken:.1f}" for part, taken in seconds.items())))
    if cost.tflops is not None and cost.mfu is not None:
        pairs.append(("compute", f"{cost.tflops:.3f} TFLOP/s, {cost.mfu:.0%} of the measured peak"))
    if cost.peak_memory_bytes is not None:
        pairs.append(("peak memory", f"{cost.peak_memory_bytes / 2**30:.2f} GiB"))
    pairs.append(("recipe", ", ".join(f"{k}={v}" for k, v in run.recipe.items() if v is not None)))
    return pairs + [("note", note) for note in run.notes]


def print_run(run: Run, console: Console) -> None:
    """Print a run: what it is, what came out, what it cost, and its epochs."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in _pairs(run):
        table.add_row(name, text)
    console.print(table, highlight=False, markup=False)
    epochs = Table(box=None, padding=(0, 2), header_style="bold")
    for name in ("epoch", "train loss", "train accuracy", "test loss", "test accuracy", "seconds", "images/s"):
        epochs.add_column(name, justify="right")
    for e in run.epochs:
        test = ("", "") if e.test_loss is None else (f"{e.test_loss:.4f}", f"{e.test_accuracy:.1%}")
        train = (f"{e.train_loss:.4f}", f"{e.train_accuracy:.1%}")
        epochs.add_row(str(e.epoch), *train, *test, f"{e.seconds:.2f}", f"{e.images_per_second:,.0f}")
    console.print(epochs)


def print_runs(runs: Sequence[Run], console: Console) -> None:
    """Print a table of runs, the most accurate first, and below it where pretrained weights come from."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for name in ("model", "seed", "accuracy (95 %)", "s/epoch", "s in all", "parameters"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=name != "model")
    for run in sorted(runs, key=lambda r: -(r.result.accuracy or 0)):
        result = run.result
        name = run.model.name if result.status == "done" else f"{run.model.name} ({result.status})"
        count = f"{run.model.parameters_total:,}"
        if result.accuracy is None or result.accuracy_low is None or result.accuracy_high is None:
            table.add_row(name, str(run.seed), "", "", "", count)
            continue
        interval = f"{100 * result.accuracy_low:.1f} to {100 * result.accuracy_high:.1f}"
        seconds = (f"{run.cost.epoch_seconds:.2f}", f"{run.cost.total_seconds:.0f}")
        table.add_row(name, str(run.seed), f"{result.accuracy:.1%} ({interval})", *seconds, count)
    console.print(table)
    for origin in sorted({r.model.weights for r in runs if r.model.weights}):
        console.print(f"Pretrained weights: {origin}", highlight=False, markup=False, soft_wrap=True)
