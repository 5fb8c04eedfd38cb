"""The sections of a report, one file each. A new section is a new file, its template and a row in PARTS."""

from collections.abc import Callable

from reports.parts import (
    conditions,
    confusion,
    cost,
    curves,
    dataset,
    fairness,
    history,
    images,
    inside,
    learning,
    pairs,
    table,
    trust,
    verdict,
)
from reports.parts.columns import cell, shown_columns
from reports.parts.part import Part
from reports.parts.verdict import verdict_title
from reports.study import Comparison

PARTS: tuple[Callable[[Comparison], Part | None], ...] = (
    verdict.part,
    table.part,
    curves.part,
    cost.part,
    learning.part,
    pairs.part,
    confusion.part,
    trust.part,
    images.part,
    inside.part,
    dataset.part,
    fairness.part,
    history.part,
    conditions.part,
)

__all__ = ["PARTS", "Part", "cell", "shown_columns", "verdict_title"]
