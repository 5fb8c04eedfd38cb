"""The result of a run of collect, for a person and for a program."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from collect.dedupe import Duplicates
from collect.errors import VggbenchError
from collect.manifest import REJECTED, Rejected, Row, read_rejected
from collect.terminal import as_html, make_table
from collect.wording import counted, duration, joined_counts


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run. `counts` is split -> class -> images, `rejected` reason -> candidates.

    `changed` is False if there was nothing to do; `missing` names photos of a manifest that are no longer available.
    """

    name: str
    folder: Path
    counts: dict[str, dict[str, int]]
    rejected: dict[str, int]
    seconds: float
    changed: bool = True
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def as_lines(self) -> list[str]:
        """The summary for a person."""
        train, test = (sum(self.counts.get(split, {}).values()) for split in ("train", "test"))
        classes = {c for counts in self.counts.values() for c in counts}
        images = f"{train:,} train and {test:,} test images of {counted(len(classes), 'class')}"
        head = f"{self.name}: {images} in {self.folder}"
        if not self.changed:
            lines = [f"{head}; already complete, nothing to do"]
        else:
            lines = [f"{head} ({duration(self.seconds)})"]
        if self.rejected and self.changed:
            lines.append(f"  rejected: {joined_counts(self.rejected.items())} ({self.folder / REJECTED})")
        return lines + [f"  {note}" for note in self.notes]

    def _repr_html_(self) -> str:
        """The summary in a notebook: its lines, and the photos by class in a table."""
        table = make_table("class", *self.counts, left=("class",))
        for name in sorted({c for counts in self.counts.values() for c in counts}):
            table.add_row(name, *(f"{counts.get(name, 0):,}" for counts in self.counts.values()))
        return as_html("\n".join(self.as_lines()), table)

    def as_values(self) -> dict[str, object]:
        """The summary for a program."""
        return {**asdict(self), "folder": str(self.folder), "seconds": round(self.seconds, 3)}


def summarise(folder: Path, rows: Sequence[Row], rejected: Sequence[Rejected], started: float) -> Summary:
    """Count rows and rejects; `started` is of `time.monotonic`."""
    splits = dict.fromkeys(["train", "test", *sorted({r.split for r in rows})])
    counts = {split: dict(sorted(Counter(r.class_ for r in rows if r.split == split).items())) for split in splits}
    reasons = dict(Counter(str(r.reason) for r in rejected).most_common())
    return Summary(folder.name, folder, counts, reasons, time.monotonic() - started)


def recorded_rejects(folder: Path) -> tuple[list[Rejected], list[str]]:
    """The rejects in a dataset's folder; a warning instead if they cannot be read, because its photos need none."""
    try:
        return read_rejected(folder), []
    except VggbenchError as err:
        return [], [f"warning: {err}; remove this file, the dataset is complete without it"]


def duplicate_notes(duplicates: Duplicates, upstream: bool) -> list[str]:
    """What dedupe found, one line each. `upstream` says that the source's own split was kept with its duplicates."""
    lines = []
    if duplicates.exact or duplicates.near:
        what = "found and left as published" if upstream else "found and dropped; rejected.jsonl names them"
        near = counted(duplicates.near, "near duplicate")
        lines.append(f"{duplicates.exact:,} exact and {near} {what}")
    if duplicates.leaks:
        nearly = duplicates.leaks - duplicates.leaks_exact
        lines.append(
            f"as published, {duplicates.leaks_exact:,} of its {counted(duplicates.test_files, 'test file')} "
            + f"{'is' if duplicates.leaks_exact == 1 else 'are'} also in train"
            + (f", and {nearly:,} more as near duplicates" if nearly else "")
            + ("; collect --verify lists them" if upstream else "")
        )
    if duplicates.conflicts:
        claimed = f"{counted(duplicates.conflicts, 'photo')} claimed by two classes"
        lines.append(claimed + (" and left as published" if upstream else " and dropped"))
    return lines
