"""The sections of a report in the order of the page. A new section is a new file, its template and a name below."""

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
    leak,
    learning,
    pairs,
    table,
    trust,
    tuning,
    verdict,
)
from reports.parts.part import Part
from reports.parts.remedies import would_change
from reports.parts.title import short_verdict, verdict_title
from reports.study import Comparison

_OPEN = (verdict, table, leak, curves, cost, learning)
_FOLDED = (tuning, pairs, confusion, trust, images, inside, dataset, fairness, history, conditions)
PARTS: tuple[Callable[[Comparison], Part | None], ...] = tuple(p.part for p in (*_OPEN, *_FOLDED))
FOLDED = frozenset(p.part for p in _FOLDED)
"""The parts that the reader opens."""
