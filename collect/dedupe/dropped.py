"""Photos that the user removed by hand: which ones a list names, and how the journal remembers them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from collect.candidate import RejectReason
from collect.errors import UsageError
from collect.journal import Journal, Photo, PhotoStatus
from collect.manifest import Key, Rejected, Row
from collect.wording import counted

LINE = re.compile(r"([0-9a-f]{64})(?: [ *].*)?")  # as sha256sum prints it
DETAIL = "removed by hand"


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What an exclude list names: photos by SHA-256, stored or as fetched, and by path or address in the source.

    Not by their file in the dataset: another photo may get its name.
    """

    digests: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def include(self, photo: Row | Photo) -> bool:
        """Whether the list names this photo."""
        return photo.source_id in self.names or not self.digests.isdisjoint({photo.sha256, photo.source_sha256})

    def warnings(self, photos: Iterable[Photo]) -> list[str]:
        """A line if some entries of the list name none of the photos that were dropped."""
        found = {text for p in photos for text in (p.source_id, p.sha256, p.source_sha256)}
        if not (unknown := sorted((self.digests | self.names) - found)):
            return []
        lines = f"{len(unknown):,} of {counted(len(self.digests | self.names), 'line')}"
        advice = "a line is a SHA-256, or a path or address in the source; collect --drop NAME FILE... takes files"
        return [f"warning: --exclude: {lines} name no photo here, such as {unknown[0]!r:.70}; {advice}"]


def read_exclusions(path: Path | None) -> Exclusions:
    """The list in a file, empty without one. Raises UsageError if it cannot be read or has no entries."""
    if path is None:
        return Exclusions()
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as err:
        problem = err.strerror if isinstance(err, OSError) else "it is not text in UTF-8"
        raise UsageError(f"--exclude: {path}: cannot be read: {problem}") from err
    if not lines:
        raise UsageError(f"--exclude: {path}: is empty; tick photos in preview.html and save the list again")
    digests = {line: match[1] for line in lines if (match := LINE.fullmatch(line))}
    return Exclusions(frozenset(digests.values()), frozenset(lines) - digests.keys())


def remember_dropped(journal: Journal, exclusions: Exclusions) -> None:
    """Record which photos were removed by hand. What they look like stays known, so that no copy of one returns."""
    for photo in journal.photos().values():
        if photo.reason != RejectReason.DROPPED and exclusions.include(photo):
            journal.save(replace(photo, status=PhotoStatus.REJECTED, reason=RejectReason.DROPPED, detail=DETAIL))


def restore_dropped(journal: Journal, rejected: Iterable[Rejected]) -> None:
    """Record the photos that rejected.jsonl lists as removed by hand, if the journal was lost."""
    known = journal.photos()
    for reject in rejected:
        key = reject.class_, reject.source_id or ""
        if reject.reason == RejectReason.DROPPED and key not in known:
            journal.save(Photo(*key, PhotoStatus.REJECTED, reject.reason, reject.detail))


def dropped_photos(photos: Mapping[Key, Photo]) -> dict[Key, Photo]:
    """The photos that were removed by hand."""
    return {key: photo for key, photo in photos.items() if photo.reason == RejectReason.DROPPED}


def as_row(photo: Photo) -> Row:
    """A photo that was removed by hand, as dedupe compares it."""
    digests = photo.sha256 or "", photo.source_sha256, photo.phash
    return Row("", photo.class_, "", *digests, source_id=photo.source_id)


def rejected_by_hand(dropped: Mapping[Key, Photo], rows: Iterable[Row], rejected: Iterable[Rejected]) -> list[Rejected]:
    """The dropped photos as rejects, less those that are among `rejected`; `rows` are the photos that were gathered."""
    listed = {(r.class_, r.source_id) for r in rejected}
    urls = {row.key: row.url for row in rows}
    return [Rejected(*key, urls.get(key), RejectReason.DROPPED, DETAIL) for key in dropped if key not in listed]
