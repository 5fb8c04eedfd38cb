"""The result of a run of collect, for a person and for a program."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from collect.candidate import FileCount, RejectReason
from collect.dedupe import Duplicates
from collect.errors import VggbenchError
from collect.manifest import REJECTED, Rejected, Row, read_rejected
from collect.terminal import as_html, make_table
from collect.verify import INSTALL_HEIF
from collect.wording import counted, duration, joined_counts

KINDS_SHOWN = 5  # of ignored files


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What became of every file of a local source; `ignored` counts those that are no photo of a class, by kind."""

    total: int
    kept: int
    rejected: int
    ignored: dict[str, int]

    def as_line(self) -> str:
        """275 files: 213 kept, 6 rejected, 56 ignored (20 .txt, 12 .mov, ...)."""
        number = sum(self.ignored.values())
        kinds = [*self.ignored.items()]
        more = ", ..." if len(kinds) > KINDS_SHOWN else ""
        why = f" ({joined_counts(kinds[:KINDS_SHOWN])}{more})" if number else ""
        files = counted(self.total, "file")
        return f"{files}: {self.kept:,} kept, {self.rejected:,} rejected, {number:,} ignored{why}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run. `counts` is split -> class -> images, `rejected` reason -> candidates.

    `changed` is False if there was nothing to do; `missing` names photos of a manifest that are no longer available.
    `files` is None unless a folder, an archive or a list of local files was read.
    """

    name: str
    folder: Path
    counts: dict[str, dict[str, int]]
    rejected: dict[str, int]
    seconds: float
    changed: bool = True
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    files: FileSummary | None = None

    def as_lines(self) -> list[str]:
        """The summary for a person."""
        train, val, test = (sum(self.counts.get(split, {}).values()) for split in ("train", "val", "test"))
        classes = {c for counts in self.counts.values() for c in counts}
        validation = f", {val:,} val" if val else ""
        images = f"{train:,} train{validation} and {test:,} test images of {counted(len(classes), 'class')}"
        head = f"{self.name}: {images} in {self.folder}"
        if not self.changed:
            lines = [f"{head}; already complete, nothing to do"]
        else:
            lines = [f"{head} ({duration(self.seconds)})"]
        if self.rejected and self.changed:
            lines.append(f"  rejected: {joined_counts(self.rejected.items())} ({self.folder / REJECTED})")
        lines += [f"  {note}" for note in self.notes]
        return [*lines, self.files.as_line()] if self.files else lines

    def _repr_html_(self) -> str:
        """The summary in a notebook: its lines, and the photos by class in a table."""
        table = make_table("class", *self.counts, left=("class",))
        for name in sorted({c for counts in self.counts.values() for c in counts}):
            table.add_row(name, *(f"{counts.get(name, 0):,}" for counts in self.counts.values()))
        return as_html("\n".join(self.as_lines()), table)

    def as_values(self) -> dict[str, object]:
        """The summary for a program."""
        return {**asdict(self), "folder": str(self.folder), "seconds": round(self.seconds, 3)}


def summarise(
    folder: Path, rows: Sequence[Row], rejected: Sequence[Rejected], started: float, files: FileCount | None = None
) -> Summary:
    """Count rows and rejects, and the files of a local source; `started` is of `time.monotonic`."""
    splits = dict.fromkeys(["train", "test", *sorted({r.split for r in rows})])
    counts = {split: dict(sorted(Counter(r.class_ for r in rows if r.split == split).items())) for split in splits}
    reasons = dict(Counter(str(r.reason) for r in rejected).most_common())
    all_files = _count_files(files, rows, rejected) if files and files.candidates else None
    return Summary(folder.name, folder, counts, reasons, time.monotonic() - started, files=all_files)


def _count_files(files: FileCount, rows: Sequence[Row], rejected: Sequence[Rejected]) -> FileSummary:
    kept = files.candidates.intersection(r.source_id or "" for r in rows)
    lost = files.candidates.intersection(r.source_id or "" for r in rejected) - kept
    ignored = {kind: number for kind, number in files.ignored.most_common() if number}
    total = len(files.candidates) + sum(ignored.values())
    return FileSummary(total, len(kept), len(lost), ignored)


def missing_extra(rejected: Iterable[Rejected]) -> list[str]:
    """A line about the photos that only an extra can read, if there are any."""
    number = sum(r.reason == RejectReason.NEEDS_HEIF for r in rejected)
    photos = counted(number, "HEIC photo")
    return [f"{photos} cannot be read without an extra: {INSTALL_HEIF}"] if number else []


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
