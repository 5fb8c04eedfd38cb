"""The comparison table: every group's measures once as numbers, then as cells, Markdown, CSV, LaTeX or JSON."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.records import Run
from reports.parts.trust import calibration_error
from reports.study import Comparison, Contender, Group, names_of, total_seconds
from reports.study import statistics as st
from reports.words import TIE, clean, duration, plural


@dataclass(frozen=True)
class Column:
    """One measure as shown: `scale` turns the stored number into `unit`; one `kept` is shown even without a value."""

    key: str
    title: str
    unit: str
    scale: float
    help: str
    kept: bool = False


@dataclass(frozen=True)
class Line:
    """One row as shown; `cells` are (text, number to sort by) in the order of the columns."""

    name: str
    origin: str | None
    style: int | None
    note: str | None
    best: bool
    cells: list[tuple[str, float | None]]


def _mean(group: Group, measure: Callable[[Run], float | None]) -> float | None:
    values = [v for run in group.runs if (v := measure(run)) is not None]
    return float(np.mean(values)) if values else None


def _status(group: Group) -> str:
    told = [str(len(group.runs))] if group.runs else []
    for status in ("stalled", "failed"):
        if number := sum(run.result.status == status for run in group.lost):
            told.append(f"{number} {status}")
    return ", ".join(told)


def note_of(comparison: Comparison, group: Group, contender: Contender | None) -> str | None:
    """Why a row stands apart from the comparison, None where it does not."""
    if not group.runs:
        reasons = sorted({clean(run.result.reason or run.result.status) for run in group.lost})
        return f"no result: {'; '.join(reasons)}"
    if contender:
        return comparison.unfair.get(contender.name)
    return comparison.apart.get(id(group))


def measures(comparison: Comparison, group: Group, name: str, contender: Contender | None) -> dict[str, Any]:
    """Everything measured about a group, in the units of run.json; None where it was not measured."""
    run, n = group.any, group.any.dataset.test
    row: dict[str, Any] = {"dataset": run.dataset.name, "name": name, "model": run.model.name, "arch": run.model.arch}
    row |= {"head": run.model.head, "weights": run.model.weights, "device": run.device.name}
    row |= {"precision": run.device.precision, "manifest_sha256": run.dataset.manifest_sha256}
    row |= {"train_images": run.dataset.train, "test_images": n, "seeds": len(group.runs), "status": _status(group)}
    accuracy = group.accuracy if group.runs else None
    none: tuple[float | None, float | None] = (None, None)
    seeds = st.share_interval(group.accuracies) or none
    images = st.wilson(accuracy, n) if accuracy is not None else none
    if len(group.runs) == 1:
        images = run.result.accuracy_low or images[0], run.result.accuracy_high or images[1]
    clean_accuracy = _mean(group, lambda r: r.result.clean_accuracy)
    if contender and comparison.clean_images:
        clean_accuracy = contender.accuracy
    answers = contender.answers if contender else None
    row |= {
        "accuracy": accuracy,
        "accuracy_seeds_low": seeds[0],
        "accuracy_seeds_high": seeds[1],
        "accuracy_images_low": images[0],
        "accuracy_images_high": images[1],
        "clean_accuracy": clean_accuracy,
        "top5": _mean(group, lambda r: r.result.top5),
        "macro_f1": _mean(group, lambda r: r.result.macro_f1),
        "calibration_error": calibration_error(answers) if answers else None,
        "epoch_seconds": _mean(group, lambda r: r.cost.epoch_seconds),
        "training_seconds": group.training_seconds if group.runs else None,
        "total_seconds": _mean(group, total_seconds),
        "parameters_total": run.model.parameters_total,
        "parameters_trainable": run.model.parameters_trainable,
        "flops_per_image": run.model.flops_per_image,
        "peak_memory_bytes": _mean(group, lambda r: r.cost.peak_memory_bytes),
        "energy_joules": _mean(group, lambda r: r.cost.energy_joules),
        "mfu": _mean(group, lambda r: r.cost.mfu),
    }
    tied = contender is not None and any(c is contender for c in comparison.tied)
    row |= {"ties_best": tied, "note": note_of(comparison, group, contender)}
    # JSON has no NaN: a number that is none counts as not measured.
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def all_measures(comparison: Comparison) -> list[dict[str, Any]]:
    """The measures of every group: the contenders best first, then the others."""
    rows = [measures(comparison, c.group, c.name, c) for c in comparison.contenders]
    named = {id(c.group) for c in comparison.contenders}
    others = [g for g in comparison.study.groups if id(g) not in named]
    others.sort(key=lambda g: (not g.runs, g.any.model.name, -(g.accuracy if g.runs else 0), g.any.run))
    for group, name in zip(others, names_of([*others]), strict=True):
        rows.append(measures(comparison, group, name, None))
    return rows


def _time(key: str, title: str, rows: list[dict[str, Any]], help: str) -> Column:
    least = min((r[key] for r in rows if r[key] is not None), default=0)
    unit, scale = ("h", 3600) if least >= 3600 else ("min", 60) if least >= 60 else ("s", 1)
    return Column(key, title, unit, 1 / scale, help)


def columns(rows: list[dict[str, Any]]) -> list[Column]:
    """The columns that every comparison has, and those of the others that have a value in at least one row."""
    found = [
        Column("accuracy", "Accuracy", "%", 100, "share of test images right after the last epoch, mean over seeds"),
        Column("accuracy_seeds", "over seeds", "%", 100, "95 % interval of the mean over seeds (Student's t)"),
        Column("accuracy_images", "over images", "%", 100, "95 % interval over test images (Wilson)"),
        Column("clean_accuracy", "Clean accuracy", "%", 100, "on test images known not to be in the pretraining set"),
        Column("top5", "Top 5", "%", 100, "truth among the five likeliest"),
        Column("macro_f1", "Macro F1", "%", 100, "mean of the classes' F1"),
        Column("calibration_error", "Calibration error", "points", 100, "mean gap of confidence and accuracy (ECE)"),
        _time("epoch_seconds", "Time per epoch", rows, "median, training only"),
        _time("training_seconds", "Training time", rows, "all epochs, and the feature pass of a frozen model"),
        _time("total_seconds", "Total time", rows, "from start to end, with reading, compiling and evaluating"),
        Column("parameters_total", "Parameters", "M", 1e-6, "all weights"),
        Column("parameters_trainable", "Trainable", "M", 1e-6, "weights that training changes"),
        Column("flops_per_image", "FLOPs per image", "G", 1e-9, "one forward pass, a multiply-add as two", kept=True),
        Column("peak_memory_bytes", "Peak memory", "GB", 1e-9, "highest use while training", kept=True),
        Column("energy_joules", "Energy", "kJ", 1e-3, "of the run, where the device tells", kept=True),
        Column("mfu", "MFU", "%", 100, "share of the device's measured peak", kept=True),
    ]
    return [c for c in found if c.kept or any(r.get(c.key, r.get(f"{c.key}_low")) is not None for r in rows)]


def three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(digits, 4)}f}"


def _cell(column: Column, row: dict[str, Any]) -> tuple[str, float | None]:
    if column.key in ("accuracy_seeds", "accuracy_images"):
        low, high = row[f"{column.key}_low"], row[f"{column.key}_high"]
        if low is None:
            return ("one seed" if row["seeds"] == 1 else "–"), None
        return f"{100 * low + TIE:.1f}–{100 * min(high, 1) + TIE:.1f}", high - low
    value = row[column.key]
    if value is None:
        return ("not measured" if column.kept and row["seeds"] else "–"), None
    shown = value * column.scale
    return (f"{shown + TIE:.1f}" if column.unit in ("%", "points") else three_digits(shown)), value


def lines(comparison: Comparison, rows: list[dict[str, Any]], shown: list[Column]) -> list[Line]:
    """The rows as cells of the page."""
    by_name = {c.name: c for c in comparison.contenders}
    made = []
    for place, row in enumerate(rows):
        contender = by_name.get(row["name"]) if place < len(by_name) else None
        origin = clean(row["weights"]) if row["weights"] else None
        cells = [(row["status"], float(row["seeds"])), *(_cell(c, row) for c in shown)]
        style = contender.style if contender else None
        made.append(Line(row["name"], origin, style, row["note"], row["ties_best"], cells))
    return made


def _flat(rows: list[dict[str, Any]], several: bool) -> tuple[list[str], list[list[str]]]:
    """Headers and text cells for a document: rounded, units in headers, ties with the best marked."""
    shown = columns(rows)
    heads = [*(["Dataset"] if several else []), "Model", "Weights", "Seeds"]
    heads += [f"{c.title} ({c.unit})" for c in shown] + ["Note"]
    body = []
    for row in rows:
        first = [clean(row["dataset"])] if several else []
        name = f"{row['name']} *" if row["ties_best"] else row["name"]
        cells = [*first, name, clean(row["weights"] or "none"), row["status"], *(_cell(c, row)[0] for c in shown)]
        body.append([*cells, row["note"] or ""])
    return heads, body


def export(comparisons: list[Comparison], form: str) -> str:
    """All groups as md, csv, latex or json. CSV and JSON carry the numbers unrounded, in the units of run.json."""
    rows = [row for comparison in comparisons for row in all_measures(comparison)]
    if form == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow("" if v is None else _inert(v) if isinstance(v, str) else v for v in row.values())
        return out.getvalue()
    heads, body = _flat(rows, len(comparisons) > 1)
    if form == "latex":
        import pandas as pd

        return str(pd.DataFrame(body, columns=heads).to_latex(index=False, escape=True)) + "% * ties with the best\n"
    pipes = [
        [cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in [heads, ["-"] * len(heads), *body]
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in pipes) + "\n\n\\* ties with the best\n"


def _inert(text: str) -> str:
    """Text that a spreadsheet will not run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def summary_line(comparison: Comparison) -> str:
    """One line on a dataset for `reports list`."""
    runs = sum(len(g.runs) + len(g.earlier) + len(g.lost) for g in comparison.study.groups)
    best = comparison.best
    told = (
        f"best {best.name} {100 * best.accuracy:.1f}% in {duration(best.group.training_seconds)}"
        if best
        else "no result"
    )
    out = f", {plural(len(comparison.study.left_out), 'file')} left out" if comparison.study.left_out else ""
    return f"{plural(runs, 'run')}, {told}{out}"
