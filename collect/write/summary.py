"""What a run of collect came to, for a person and for a program."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collect.dedupe import Duplicates
from collect.manifest import Rejected, Row


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to. `counts` is split -> class -> images, `rejected` reason -> candidates.

    `changed` is False when there was nothing to do; `notes` are lines for the user; `missing` names the files that
    an earlier manifest lists and whose photos can no longer be had.
    """

    name: str
    folder: Path
    counts: dict[str, dict[str, int]]
    rejected: dict[str, int]
    changed: bool
    seconds: float
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def images(self, split: str) -> int:
        """Number of images in one split."""
        return sum(self.counts.get(split, {}).values())


def summarise(
    name: str,
    folder: Path,
    rows: Sequence[Row],
    rejected: Sequence[Rejected],
    started: float,
    changed: bool,
    notes: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> Summary:
    """Count rows and rejects; `started` is of `time.monotonic`."""
    counts: dict[str, dict[str, int]] = {}
    for split in dict.fromkeys(["train", "test", *sorted({r.split for r in rows})]):
        counts[split] = dict(sorted(Counter(r.class_ for r in rows if r.split == split).items()))
    reasons = dict(Counter(r.reason for r in rejected).most_common())
    return Summary(name, folder, counts, reasons, changed, time.monotonic() - started, list(notes), list(missing))


def duplicate_notes(found: Duplicates, upstream: bool) -> list[str]:
    """What was found about duplicates, one line each."""
    what = "found and left as published" if upstream else "found and dropped, named in rejected.jsonl"
    lines = []
    if found.exact or found.near:
        lines.append(f"{found.exact:,} exact and {found.near:,} near duplicates {what}")
    if found.leaks:
        lines.append(
            f"as published, {found.leaks_exact:,} of its {found.test_files:,} test files stand in train too"
            + (f", {found.leaks - found.leaks_exact:,} more nearly so" if found.leaks > found.leaks_exact else "")
            + ("; collect --verify lists them" if upstream else "")
        )
    if found.conflicts:
        lines.append(
            f"{found.conflicts:,} photos are claimed by two classes" + ("" if upstream else " and belong to none")
        )
    return lines


def as_lines(summary: Summary) -> list[str]:
    """The summary for a person."""
    train, test = summary.images("train"), summary.images("test")
    classes = sorted({c for counts in summary.counts.values() for c in counts})
    head = f"{summary.name}: {train:,} train and {test:,} test images of {len(classes)} classes in {summary.folder}"
    if not summary.changed:
        return [f"{head}; complete already, nothing to do"]
    lines = [f"{head} ({summary.seconds:,.1f} s)"]
    if summary.rejected:
        why = ", ".join(f"{n:,} {reason}" for reason, n in summary.rejected.items())
        lines.append(f"  not taken: {why} ({summary.folder / 'rejected.jsonl'})")
    return lines + [f"  {note}" for note in summary.notes]


def as_values(summary: Summary) -> dict[str, object]:
    """The summary for a program."""
    return {
        "name": summary.name,
        "folder": str(summary.folder),
        "counts": summary.counts,
        "rejected": summary.rejected,
        "changed": summary.changed,
        "seconds": round(summary.seconds, 3),
        "notes": summary.notes,
        "missing": summary.missing,
    }
