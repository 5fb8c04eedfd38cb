"""Confusion matrices: shares of the true class, similar classes side by side; of many classes the top confusions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from reports.parts.part import Part
from reports.study import Comparison, Contender, wilson
from reports.words import PERCENT, clean, percent, plural

Counts = NDArray[np.int64]
Counted = list[tuple[Contender, Counts]]
MOST_OPEN, MOST_MATRIX, TOP = 20, 50, 12
LEVELS = 10
Cell = tuple[str, str, str]
"""Text, CSS class (how dark, or the muted diagonal) and title."""


def counts(contender: Contender) -> Counts | None:
    """Images by truth and prediction, summed over seeds; None if no run stores them."""
    tables = [run.result.confusion for run in contender.group.runs if run.result.confusion]
    return np.sum(np.array(tables, np.int64), axis=0) if tables else None


def order(matrices: list[Counts]) -> list[int]:
    """An order of the classes in which those confused with each other are neighbours."""
    total = np.sum(matrices, axis=0).astype(float)
    if len(total) < 4:
        return list(range(len(total)))
    share = total / np.maximum(total.sum(1, keepdims=True), 1)
    distance = 1 - (share + share.T) / 2
    np.fill_diagonal(distance, 0)
    flat = squareform(distance.clip(0, 1), checks=False)
    return [int(i) for i in leaves_list(optimal_leaf_ordering(linkage(flat, "average"), flat))]


def _shares(table: Counts) -> NDArray[np.float64]:
    return np.asarray(table / np.maximum(table.sum(1, keepdims=True), 1), float)


def _top(table: Counts, names: list[str]) -> list[str]:
    share = _shares(table)
    pairs = [(int(table[i, j]), i, j) for i in range(len(names)) for j in range(len(names)) if i != j and table[i, j]]
    pairs.sort(key=lambda p: (-p[0], p[1], p[2]))
    return [
        f"{names[i]} predicted as {names[j]}: {plural(n, 'time')}, {percent(share[i, j])} of {names[i]}"
        for n, i, j in pairs[:TOP]
    ]


def _rows(table: Counts, names: list[str], sequence: list[int], darkest: float) -> list[tuple[str, list[Cell]]]:
    share = _shares(table)
    rows = []
    for i in sequence:
        cells = []
        for j in sequence:
            value = float(share[i, j])
            level = "diag" if i == j else f"h{round(LEVELS * value / darkest)}"
            shown = percent(value, 0 if len(names) > 4 else 1).removesuffix(PERCENT) if table[i, j] else "·"
            title = f"{names[i]} predicted as {names[j]}: {table[i, j]:,} of {table[i].sum():,}"
            cells.append((shown, level, title))
        rows.append((names[i], cells))
    return rows


def matrices(counted: Counted) -> list[dict[str, Any]]:
    """The confusion of each contender, all in the same order of classes; without rows if there are too many."""
    names = [clean(name, 40) for name in counted[0][0].group.example.dataset.classes]
    sequence = order([m for _, m in counted]) if len(names) <= MOST_MATRIX else []
    ordered = [names[i] for i in sequence]
    off = ~np.eye(len(names), dtype=bool)
    darkest = max([0.02, *(float(_shares(m)[off].max(initial=0)) for _, m in counted)])
    shown = [(c, _rows(m, names, sequence, darkest), _top(m, names)) for c, m in counted]
    return [{"name": c.name, "style": c.style, "classes": ordered, "rows": rows, "top": top} for c, rows, top in shown]


def per_class(counted: Counted) -> list[tuple[str, int, list[str]]]:
    """For each class, hardest first: test images, and each contender's accuracy with its interval as text."""
    rows = []
    for k, name in enumerate(counted[0][0].group.example.dataset.classes):
        texts, shares, images = [], [], 0
        for c, m in counted:
            images = int(m[k].sum()) // max(1, sum(bool(r.result.confusion) for r in c.group.runs))
            shares.append(float(m[k, k] / max(1, m[k].sum())))
            low, high = wilson(shares[-1], images) if images else (0.0, 0.0)
            texts.append(f"{percent(shares[-1])} ({100 * low:.0f}–{100 * high:.0f})" if images else "–")
        rows.append((float(np.mean(shares)), (clean(name, 60), images, texts)))
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def part(comparison: Comparison) -> Part | None:
    """The matrices and the accuracy by class; None without stored matrices."""
    counted = [(c, m) for c in comparison.contenders if (m := counts(c)) is not None]
    if not counted:
        return None
    rows = per_class(counted)
    values: dict[str, Any] = {
        "matrices": matrices(counted),
        "has_many_classes": len(rows) > MOST_OPEN,
        "per_class": rows[:MOST_OPEN],
        "number_of_classes": len(rows),
        "several_seeds": any(len(c.by_seed) > 1 for c in comparison.contenders),
    }
    about = "which classes are mistaken for which, and accuracy by class"
    return Part("confusion", "Confusion", "Confusion matrices", values, about=about)
