"""New runs against earlier ones of the same recipe: what got worse, what got slower."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bench.records import Run
from reports.study import statistics
from reports.study.load import RunGroup, Study

SLOWER = 1.25
"""An epoch that takes this many times as long as before is reported."""


class ChangeKind(StrEnum):
    """What changed, the most important first."""

    WORSE = "worse"
    SLOWER = "slower"
    BETTER = "better"
    FASTER = "faster"
    SAME = "same"


REGRESSIONS = (ChangeKind.WORSE, ChangeKind.SLOWER)
CHANGES_OF_TIME = (ChangeKind.SLOWER, ChangeKind.FASTER)


@dataclass(frozen=True)
class Change:
    """The newest code's runs of a recipe against the earlier ones: accuracy, or seconds per epoch."""

    group: RunGroup
    kind: ChangeKind
    before: float
    after: float
    runs_before: int
    runs_after: int
    commit_before: str
    commit_after: str


def _code(run: Run) -> tuple[str, str | None]:
    return run.code.version, run.code.commit


def _commit(run: Run) -> str:
    return run.code.commit[:10] if run.code.commit else run.code.version


def _earlier_and_new(group: RunGroup) -> tuple[list[Run], list[Run]]:
    """The earlier and the new runs of a group: by code if it changed, else replaced runs and their replacements."""
    everything = sorted([*group.runs, *group.replaced], key=lambda r: (r.created, r.run))
    newest = _code(everything[-1])
    earlier = [r for r in everything if _code(r) != newest]
    if earlier:
        return earlier, [r for r in group.runs if _code(r) == newest]
    seeds = {r.seed for r in group.replaced}
    return list(group.replaced), [r for r in group.runs if r.seed in seeds]


def _accuracy_kind(before: list[float], after: float, images: int) -> ChangeKind:
    interval = statistics.t_interval(before, of_next_value=True)
    if interval is None:
        low, high = statistics.newcombe(before[0], after, images)
        return ChangeKind.WORSE if high < 0 else ChangeKind.BETTER if low > 0 else ChangeKind.SAME
    slack = 1 / images
    if after < interval[0] - slack:
        return ChangeKind.WORSE
    return ChangeKind.BETTER if after > interval[1] + slack else ChangeKind.SAME


def changes(study: Study) -> list[Change]:
    """For every recipe with earlier runs, how the newest runs compare; worst first."""
    rows = []
    for group in study.groups:
        old, new = _earlier_and_new(group) if group.runs else ([], [])
        if not old or not new:
            continue
        counts = (len(old), len(new), _commit(old[-1]), _commit(new[-1]))
        accuracies = [[r.result.accuracy or 0.0 for r in runs] for runs in (old, new)]
        before, after = (float(np.mean(values)) for values in accuracies)
        kind = _accuracy_kind(accuracies[0], after, old[0].dataset.test)
        rows.append(Change(group, kind, before, after, *counts))
        seconds = [[r.cost.epoch_seconds for r in runs if r.cost.epoch_seconds] for runs in (old, new)]
        if all(seconds):
            before, after = (float(np.median(values)) for values in seconds)
            if after > SLOWER * before or before > SLOWER * after:
                kind = ChangeKind.SLOWER if after > before else ChangeKind.FASTER
                rows.append(Change(group, kind, before, after, *counts))
    return sorted(rows, key=lambda c: list(ChangeKind).index(c.kind))
