"""Confusion as tables: shares of the true class; alike classes stand together, of many classes only the top."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.study import Comparison, Contender
from reports.study import statistics as st
from reports.words import clean, percent, plural

MOST_OPEN, MOST_MATRIX, TOP = 20, 50, 12
LEVELS = 10


@dataclass(frozen=True)
class Cell:
    """One field: text, and how dark from 0 to LEVELS; the diagonal is muted."""

    text: str
    level: int
    diagonal: bool
    title: str


@dataclass(frozen=True)
class Matrix:
    """A contender's confusion, summed over its seeds; `rows` are (class, cells), empty where there are too many."""

    name: str
    style: int
    classes: list[str]
    rows: list[tuple[str, list[Cell]]]
    top: list[str]


def counts(contender: Contender) -> NDArray[np.int64] | None:
    """Images by truth and prediction, summed over seeds; None where no run stores them."""
    found = [run.result.confusion for run in contender.group.runs if run.result.confusion]
    return np.sum(np.array(found, np.int64), axis=0) if found else None


def order(matrices: list[NDArray[np.int64]]) -> list[int]:
    """An order of the classes in which those confused with each other are neighbours."""
    total = np.sum(matrices, axis=0).astype(float)
    if len(total) < 4:
        return list(range(len(total)))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    share = total / np.maximum(total.sum(1, keepdims=True), 1)
    apart = 1 - (share + share.T) / 2
    np.fill_diagonal(apart, 0)
    flat = squareform(apart.clip(0, 1), checks=False)
    return [int(i) for i in leaves_list(optimal_leaf_ordering(linkage(flat, "average"), flat))]


def _shares(table: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(table / np.maximum(table.sum(1, keepdims=True), 1), float)


def _top(table: NDArray[np.int64], names: list[str]) -> list[str]:
    share = _shares(table)
    pairs = [(int(table[i, j]), i, j) for i in range(len(names)) for j in range(len(names)) if i != j and table[i, j]]
    pairs.sort(key=lambda p: (-p[0], p[1], p[2]))
    return [
        f"{names[i]} taken for {names[j]}: {plural(n, 'time')}, {percent(share[i, j])} of {names[i]}"
        for n, i, j in pairs[:TOP]
    ]


def _cells(
    table: NDArray[np.int64], names: list[str], sequence: list[int], darkest: float
) -> list[tuple[str, list[Cell]]]:
    share = _shares(table)
    rows = []
    for i in sequence:
        cells = []
        for j in sequence:
            value = float(share[i, j])
            level = 0 if i == j else round(LEVELS * value / darkest)
            shown = percent(value, 0 if len(names) > 4 else 1).rstrip("%") if table[i, j] else "·"
            said = f"{names[i]} taken for {names[j]}: {table[i, j]:,} of {table[i].sum():,}"
            cells.append(Cell(shown, level, i == j, said))
        rows.append((names[i], cells))
    return rows


def matrices(comparison: Comparison) -> list[Matrix]:
    """The confusion of each contender that stores one, all in the same order of classes."""
    found = [(c, m) for c in comparison.contenders if (m := counts(c)) is not None]
    if not found:
        return []
    names = [clean(name, 40) for name in found[0][0].group.any.dataset.classes]
    small = len(names) <= MOST_MATRIX
    sequence = order([m for _, m in found]) if small else []
    ordered = [names[i] for i in sequence]
    off = ~np.eye(len(names), dtype=bool)
    darkest = max([0.02, *(float(_shares(m)[off].max(initial=0)) for _, m in found)])
    return [Matrix(c.name, c.style, ordered, _cells(m, names, sequence, darkest), _top(m, names)) for c, m in found]


def per_class(comparison: Comparison) -> list[tuple[str, int, list[tuple[str, float]]]]:
    """For each class, hardest first: test images, and each contender's share right with its interval as text."""
    found = [(c, m) for c in comparison.contenders if (m := counts(c)) is not None]
    if not found:
        return []
    rows = []
    for k, name in enumerate(found[0][0].group.any.dataset.classes):
        cells = []
        for c, m in found:
            images = int(m[k].sum()) // max(1, sum(bool(r.result.confusion) for r in c.group.runs))
            share = float(m[k, k] / max(1, m[k].sum()))
            low, high = st.wilson(share, images) if images else (0.0, 0.0)
            cells.append((f"{percent(share)} ({100 * low:.0f}–{100 * high:.0f})" if images else "–", share))
        rows.append((clean(name, 60), images, cells))
    return sorted(rows, key=lambda row: float(np.mean([share for _, share in row[2]])))
