"""The columns of the comparison table and the text of their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.study import Measures
from reports.words import TIE

ACCURACIES = frozenset(
    ("accuracy", "accuracy_seeds", "accuracy_images", "balanced_accuracy", "clean_accuracy", "top5", "macro_f1",
     "calibration_error")
)  # fmt: skip
"""The columns that say how good a model is; the others say what it costs."""


@dataclass(frozen=True)
class Column:
    """One measure: `scale` turns the stored number into `unit`; one with `always` is shown even without a value."""

    key: str
    title: str
    unit: str
    scale: float
    help: str
    always: bool = False


def _time(key: str, title: str, rows: Sequence[Measures], help: str) -> Column:
    least = min((r[key] for r in rows if r[key] is not None), default=0)
    unit, scale = ("h", 3600) if least >= 3600 else ("min", 60) if least >= 60 else ("s", 1)
    return Column(key, title, unit, 1 / scale, help)


def shown_columns(rows: Sequence[Measures]) -> list[Column]:
    """The columns that every comparison has, and those of the others with a value in at least one row."""
    has_clean = any(r.get("clean_accuracy") is not None for r in rows)
    accuracy = "Accuracy on all images" if has_clean else "Accuracy"
    every = [
        Column("accuracy", accuracy, "%", 100, "test accuracy after the last epoch, mean over seeds"),
        Column("accuracy_seeds", "over seeds", "%", 100, "95 % interval of the mean over seeds (Student's t)"),
        Column("accuracy_images", "over images", "%", 100, "95 % interval over test images (Wilson)"),
        Column("balanced_accuracy", "Balanced accuracy", "%", 100, "mean of the classes' accuracies, equal weights"),
        Column(
            "clean_accuracy",
            "Accuracy on clean images",
            "%",
            100,
            "on test images known not to be in the pretraining set",
        ),
        Column("top5", "Top 5", "%", 100, "true class among the five most likely"),
        Column("macro_f1", "Macro F1", "%", 100, "mean F1 over classes"),
        Column("calibration_error", "Calibration error", "points", 100, "mean gap of confidence and accuracy (ECE)"),
        _time("epoch_seconds", "Time per epoch", rows, "median, training only"),
        _time("training_seconds", "Training time", rows, "all epochs, and the feature pass of a frozen model"),
        _time("total_seconds", "Total time", rows, "from start to end, with reading, compilation and evaluation"),
        _time("tuning_seconds", "Tuning", rows, "all trials that found the recipe"),
        _time("total_with_tuning_seconds", "Total with tuning", rows, "the tuning and one run"),
        Column("parameters_total", "Parameters", "M", 1e-6, "all weights"),
        Column("parameters_trainable", "Trainable", "M", 1e-6, "weights that training changes"),
        Column("flops_per_image", "FLOPs per image", "G", 1e-9, "one forward pass, a multiply-add as two", always=True),
        Column("peak_memory_bytes", "Peak memory", "GB", 1e-9, "highest use during training", always=True),
        Column("energy_joules", "Energy", "kJ", 1e-3, "of the run, if the device reports it", always=True),
        Column("mfu", "MFU", "%", 100, "share of the device's measured peak", always=True),
    ]
    return [c for c in every if c.always or any(r.get(c.key, r.get(f"{c.key}_low")) is not None for r in rows)]


def _three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(digits, 4)}f}"


def cell(column: Column, row: Measures) -> tuple[str, float | None]:
    """A measure as text, and the number to sort by; for an interval that is its width."""
    if column.key in ("accuracy_seeds", "accuracy_images"):
        low, high = row[f"{column.key}_low"], row[f"{column.key}_high"]
        if low is None:
            return ("one seed" if row["seeds"] == 1 else "–"), None
        return f"{100 * low + TIE:.1f}–{100 * min(high, 1) + TIE:.1f}", high - low
    value = row[column.key]
    if value is None:
        return ("not measured" if column.always and row["seeds"] else "–"), None
    shown = value * column.scale
    return (f"{shown + TIE:.1f}" if column.unit in ("%", "points") else _three_digits(shown)), value
