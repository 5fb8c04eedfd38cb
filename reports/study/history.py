"""New runs held against earlier ones of the same recipe: what got worse, what got slower."""

from dataclasses import dataclass

import numpy as np

from bench.records import Run
from reports.study import statistics as st
from reports.study.load import Group, Study

SLOWER = 1.25
"""An epoch this many times as long as before is named."""


@dataclass(frozen=True)
class Change:
    """The newest code's runs of a recipe against the earlier ones; `kind` is worse, better, slower, faster or same."""

    group: Group
    kind: str
    before: float
    after: float
    runs_before: int
    runs_after: int
    commit_before: str
    commit_after: str


def _code(run: Run) -> tuple[str, str | None]:
    return run.code.version, run.code.commit


def _named(run: Run) -> str:
    return run.code.commit[:10] if run.code.commit else run.code.version


def _split(group: Group) -> tuple[list[Run], list[Run]]:
    """The earlier and the new runs of a group: by code where it changed, else the replaced ones against theirs."""
    everything = sorted([*group.runs, *group.earlier], key=lambda r: (r.created, r.run))
    newest = _code(everything[-1])
    new = [r for r in group.runs if _code(r) == newest]
    old = [r for r in everything if _code(r) != newest]
    if not old:
        seeds = {r.seed for r in group.earlier}
        return list(group.earlier), [r for r in group.runs if r.seed in seeds]
    return old, new


def _accuracy_kind(old: list[Run], new: list[Run]) -> str:
    before = [r.result.accuracy or 0.0 for r in old]
    after = float(np.mean([r.result.accuracy or 0.0 for r in new]))
    interval = st.prediction_interval(before)
    if interval is None:
        change = st.newcombe(before[0], after, old[0].dataset.test)
        return "worse" if change[1] < 0 else "better" if change[0] > 0 else "same"
    slack = 1 / old[0].dataset.test
    return "worse" if after < interval[0] - slack else "better" if after > interval[1] + slack else "same"


def changes(study: Study) -> list[Change]:
    """For every recipe that was run before, how the newest runs compare; worst first."""
    found = []
    for group in study.groups:
        old, new = _split(group) if group.runs else ([], [])
        if not old or not new:
            continue
        names = (len(old), len(new), _named(old[-1]), _named(new[-1]))
        accuracy = [float(np.mean([r.result.accuracy or 0.0 for r in runs])) for runs in (old, new)]
        found.append(Change(group, _accuracy_kind(old, new), accuracy[0], accuracy[1], *names))
        seconds = [[r.cost.epoch_seconds for r in runs if r.cost.epoch_seconds] for runs in (old, new)]
        if all(seconds):
            before, after = (float(np.median(s)) for s in seconds)
            kind = "slower" if after > SLOWER * before else "faster" if before > SLOWER * after else "same"
            if kind != "same":
                found.append(Change(group, kind, before, after, *names))
    order = ("worse", "slower", "better", "faster", "same")
    return sorted(found, key=lambda c: order.index(c.kind))
