"""Every measure of every group as numbers, in the units of run.json."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.records import Run, RunStatus, are_unequal, balanced_accuracy, counts_by_class
from reports.study import statistics
from reports.study.compare import Comparison
from reports.study.contenders import Contender, names_of
from reports.study.load import RunGroup, total_seconds
from reports.words import clean, redact

Measures = dict[str, Any]


def _mean(group: RunGroup, measure: Callable[[Run], float | None]) -> float | None:
    values = [v for run in group.runs if (v := measure(run)) is not None]
    return float(np.mean(values)) if values else None


def _balanced_accuracy(run: Run) -> float | None:
    """Balanced accuracy where the test classes are unequal; elsewhere it is the accuracy."""
    return balanced_accuracy(run.result) if are_unequal(counts_by_class(run).values()) else None


def _status(group: RunGroup) -> str:
    numbers = Counter(run.result.status for run in group.unfinished)
    done = [str(len(group.runs))] if group.runs else []
    return ", ".join(done + [f"{numbers[s]} {s}" for s in (RunStatus.STALLED, RunStatus.FAILED) if numbers[s]])


def _note(comparison: Comparison, group: RunGroup, contender: Contender | None) -> str | None:
    """Why a group is not part of the comparison, None if it is."""
    if not group.runs:
        reasons = sorted({redact(run.result.reason or run.result.status) for run in group.unfinished})
        return f"no result: {'; '.join(reasons)}"
    if contender:
        return comparison.unfair_text(contender) or None
    return str(comparison.excluded.get(group, "")) or None


def _conditions(group: RunGroup, name: str) -> Measures:
    run = group.example
    names = {
        "dataset": run.dataset.name, "name": name,
        "model": run.model.name, "arch": run.model.arch, "head": run.model.head, "weights": run.model.weights,
        "device": redact(run.device.name), "precision": run.device.precision,
        "manifest_sha256": run.dataset.manifest_sha256,
    }  # fmt: skip
    recipe = {key: run.recipe.get(key) for key in ("width", "size")} | {"epochs": str(run.recipe.get("epochs"))}
    return {
        **{key: None if text is None else clean(text) for key, text in names.items()},
        **{key: clean(value) if isinstance(value, str) else value for key, value in recipe.items()},
        "train_images": run.dataset.train, "test_images": run.dataset.test,
        "seeds": len(group.runs), "status": _status(group),
    }  # fmt: skip


def _accuracies(group: RunGroup) -> Measures:
    """Mean accuracy with its intervals over seeds and over images."""
    accuracy = group.accuracy if group.runs else None
    seeds = statistics.share_interval(group.accuracies) or (None, None)
    images: tuple[float | None, float | None] = (None, None)
    if accuracy is not None:
        images = statistics.wilson(accuracy, group.example.dataset.test)
    if len(group.runs) == 1:
        result = group.example.result
        images = result.accuracy_low or images[0], result.accuracy_high or images[1]
    return {
        "accuracy": accuracy,
        "accuracy_seeds_low": seeds[0], "accuracy_seeds_high": seeds[1],
        "accuracy_images_low": images[0], "accuracy_images_high": images[1],
    }  # fmt: skip


def _with_tuning(group: RunGroup) -> float | None:
    """Seconds of a run and of the tuning before it; None if the recipe was not tuned."""
    total = _mean(group, total_seconds)
    return None if total is None or group.tuning_seconds is None else total + group.tuning_seconds


def _measures(comparison: Comparison, group: RunGroup, name: str, contender: Contender | None = None) -> Measures:
    model, predictions = group.example.model, contender.predictions if contender else None
    clean_accuracy = _mean(group, lambda r: r.result.clean_accuracy)
    if contender and comparison.few_clean:
        clean_accuracy = comparison.few_clean.contenders[contender.name].accuracy
    if contender and comparison.clean_images:
        clean_accuracy = contender.accuracy
    row = {
        **_conditions(group, name),
        **_accuracies(group),
        "balanced_accuracy": _mean(group, _balanced_accuracy),
        "clean_accuracy": clean_accuracy,
        "top5": _mean(group, lambda r: r.result.top5),
        "macro_f1": _mean(group, lambda r: r.result.macro_f1),
        "calibration_error": predictions.calibration_error if predictions else None,
        "epoch_seconds": _mean(group, lambda r: r.cost.epoch_seconds),
        "training_seconds": group.training_seconds if group.runs else None,
        "total_seconds": _mean(group, total_seconds),
        "tuning_seconds": group.tuning_seconds,
        "total_with_tuning_seconds": _with_tuning(group),
        "parameters_total": model.parameters_total,
        "parameters_trainable": model.parameters_trainable,
        "flops_per_image": model.flops_per_image,
        "peak_memory_bytes": _mean(group, lambda r: r.cost.peak_memory_bytes),
        "energy_joules": _mean(group, lambda r: r.cost.energy_joules),
        "mfu": _mean(group, lambda r: r.cost.mfu),
        "ties_best": contender in comparison.tied,
        "recommended": contender is not None and contender is comparison.decision.choice,
        "note": _note(comparison, group, contender),
    }
    # JSON has no NaN: a value that is not a number counts as not measured.
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def all_measures(comparison: Comparison) -> list[Measures]:
    """The measures of every group, None if not measured: the contenders best first, then the others."""
    rows = [_measures(comparison, c.group, c.name, c) for c in comparison.contenders]
    contenders = {c.group for c in comparison.contenders}
    others = [g for g in comparison.study.groups if g not in contenders]
    others.sort(key=lambda g: (not g.runs, g.example.model.name, -(g.accuracy if g.runs else 0), g.example.run))
    names = names_of(others)
    return rows + [_measures(comparison, group, name) for group, name in zip(others, names, strict=True)]
