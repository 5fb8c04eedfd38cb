"""New runs against earlier ones of the same recipe."""

from reports.parts.part import Part
from reports.study import CHANGES_OF_TIME, REGRESSIONS, Change, ChangeKind, Comparison, changes
from reports.words import clean, duration, percent

FINDINGS = {ChangeKind.SLOWER: "slower per epoch", ChangeKind.FASTER: "faster per epoch"}


def before_and_after(change: Change) -> tuple[str, str]:
    """The two values of a change as text."""
    show = duration if change.kind in CHANGES_OF_TIME else percent
    return show(change.before), show(change.after)


def part(comparison: Comparison) -> Part:
    """A row for every recipe that has earlier runs."""
    names = {c.group: c.name for c in comparison.contenders}
    rows = []
    for change in changes(comparison.study):
        model = change.group.example.model
        before, after = before_and_after(change)
        name = names.get(change.group, f"{clean(model.name, 60)}, {clean(model.arch, 40)}")
        level = "unfair" if change.kind in REGRESSIONS else "ok"
        values = [f"{before} ({clean(change.commit_before, 20)})", f"{after} ({clean(change.commit_after, 20)})"]
        runs = f"{change.runs_after} against {change.runs_before}"
        rows.append((name, level, FINDINGS.get(change.kind, change.kind.value), [*values, runs]))
    about = "whether newer code changed the results"
    return Part("history", "History", "Comparison with earlier runs", {"rows": rows}, about=about)
