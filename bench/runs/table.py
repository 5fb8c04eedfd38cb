"""The runs of a command in a table, for the terminal and for notebooks."""

from collections.abc import Sequence

from rich.console import Console

from bench.records import Run, RunStatus, always_guessing, are_unequal, balanced_accuracy, counts_by_class
from collect.datasets import make_table

WIDE = 100  # columns of a terminal that has room for wide gaps


def print_runs(runs: Sequence[Run], console: Console) -> None:
    """Print a table of runs, the most accurate first, and below it where the pretrained weights come from.

    If the test classes are unequal, balanced accuracy and what always guessing gives are shown too.
    """
    counts = next((c for run in runs if are_unequal((c := counts_by_class(run)).values())), None)
    balanced = ("balanced",) if counts else ()
    columns = ("model", "seed", "accuracy (95 %)", *balanced, "s/epoch", "s total", "parameters")
    table = make_table(*columns, left=("model",), padding=1 if console.width < WIDE else 2)
    table.collapse_padding = True  # so that it fits on 80 columns
    for run in sorted(runs, key=lambda r: -(r.result.accuracy or 0)):
        result = run.result
        name = run.model.name if result.status is RunStatus.DONE else f"{run.model.name} ({result.status})"
        accuracy, seconds = "", ("", "")
        if result.accuracy is not None and result.accuracy_low is not None and result.accuracy_high is not None:
            interval = f"{100 * result.accuracy_low:.1f} to {100 * result.accuracy_high:.1f}"
            accuracy = f"{result.accuracy:.1%} ({interval})"
            per_epoch = run.cost.epoch_seconds
            seconds = ("" if per_epoch is None else f"{per_epoch:.2f}", f"{run.cost.total_seconds:.0f}")
        mean = balanced_accuracy(result)
        balance = (("" if mean is None else f"{mean:.1%}"),) if counts else ()
        table.add_row(name, str(run.seed), accuracy, *balance, *seconds, f"{run.model.parameters_total:,}")
    console.print(table)
    if counts:
        largest, share = always_guessing(counts)
        console.print(
            f"Test classes are unequal: always answering {largest} gives {share:.1%} accuracy. Balanced accuracy is "
            f"the mean over classes; guessing gives {1 / len(counts):.1%}.",
            highlight=False,
            markup=False,
        )
    for origin in sorted({r.model.weights for r in runs if r.model.weights}):
        console.print(f"Pretrained weights: {origin}", highlight=False, markup=False, soft_wrap=True)
