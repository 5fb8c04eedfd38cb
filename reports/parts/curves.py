"""Learning, epoch by epoch and second by second."""

from reports.charts import learning_charts
from reports.parts.part import Part
from reports.study import Comparison, accuracy_within, measured_on
from reports.words import duration, percent

GRACE = 1.1  # a seed may take a little longer than the mean of its group


def equal_time(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """For the training time of each contender, shortest first, the accuracy of every contender by then."""
    rows: list[tuple[str, list[str]]] = []
    measured, last = measured_on([c.group for c in comparison.contenders]), 0.0
    if measured is None:
        return []
    for c in sorted(comparison.contenders, key=lambda c: c.group.training_seconds):
        seconds = c.group.training_seconds
        if seconds < GRACE * last:
            continue
        last = seconds
        accuracies = [accuracy_within(other.group, GRACE * seconds, measured) for other in comparison.contenders]
        cells = [percent(a) if a is not None else "no epoch yet" for a in accuracies]
        rows.append((f"{duration(seconds)} ({c.name})", cells))
    return rows if len(rows) > 1 else []


def part(comparison: Comparison) -> Part | None:
    """The learning curves; None if no run records the accuracy of its epochs."""
    main, more = learning_charts(comparison)
    if not main:
        return None
    names = [c.name for c in comparison.contenders]
    measured = measured_on([c.group for c in comparison.contenders])
    values = {"main": main, "more": more, "names": names, "equal_time": equal_time(comparison), "measured": measured}
    return Part("curves", "Learning", "Learning by epoch and by time", values, [*main, *more])
