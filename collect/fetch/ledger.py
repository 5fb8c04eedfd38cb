"""What became of every candidate: the entries in the source's order, the counts, and the journal's records."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from collect.candidate import SHARED_WITH_ROW, Candidate, RejectError
from collect.fetch.entries import Entry, EntryState
from collect.journal import Journal, Photo, PhotoStatus
from collect.manifest import Key, Rejected, Row


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was gathered so far: `rows` are the good photos that no earlier run has placed, in the source's order.

    `published` has the source's own split of a photo, `good` counts photos by class, earlier ones included, and
    `exhausted` are the classes without more candidates.
    """

    classes: tuple[str, ...]
    rows: list[Row]
    rejected: list[Rejected]
    published: Mapping[Key, str]
    good: Mapping[str, int]
    exhausted: Collection[str]


class Ledger:
    """All entries that were needed so far, by class; `earlier` are the photos that an earlier run has placed."""

    def __init__(self, journal: Journal, classes: Iterable[str], earlier: Collection[Key]):
        self.entries: dict[str, list[Entry]] = {name: [] for name in classes}
        self.good = Counter(class_ for class_, _ in earlier)
        self.under_way: Counter[str] = Counter()
        self.reasons: dict[str, Counter[str]] = {}
        self._journal, self._earlier = journal, earlier
        self._known = journal.photos()
        self._listed: set[Key] = set()
        self.held_bytes = 0

    def new_entry(self, candidate: Candidate) -> Entry | None:
        """The entry of a candidate; None if the source has listed it before."""
        key = candidate.class_, candidate.source_id
        if key in self._listed:
            return None
        self._listed.add(key)
        self.held_bytes += candidate.held_bytes
        facts = {name: value for name in ("taken", "license_url") if (value := getattr(candidate, name))}
        photo = self._known.get(key) or Photo(*key, extra=json.dumps(facts) if facts else None)
        return Entry(candidate, photo, candidate.url)

    def is_placed(self, entry: Entry) -> bool:
        """Whether an earlier run has placed the photo."""
        return entry.photo.key in self._earlier

    def needs(self, class_: str, needed: Mapping[str, int | None]) -> bool:
        """Whether a class needs more photos than are good or under way."""
        number = needed.get(class_)
        return number is None or self.good[class_] + self.under_way[class_] < number

    def finish(self, entry: Entry, status: PhotoStatus | None = None, error: RejectError | None = None) -> None:
        """End an entry: record `status` and `error` in the journal, if given, and count the photo as good or bad."""
        photo, class_ = entry.photo, entry.photo.class_
        if status:
            photo.status = status
            self.record(photo, error)
        if entry.under_way:
            self.under_way[class_] -= 1
        if photo.status is PhotoStatus.GOOD or self.is_placed(entry):
            entry.state = EntryState.GOOD
            self.good[class_] += not self.is_placed(entry)
        else:
            entry.state = EntryState.BAD
            self.reasons.setdefault(class_, Counter())[photo.reason or ""] += 1
        self.held_bytes -= entry.candidate.held_bytes
        entry.candidate = replace(entry.candidate, read=None, held_bytes=0)

    def record(self, photo: Photo, error: RejectError | None) -> None:
        """Write a photo's state into the journal, with the error that explains it."""
        if error:
            photo.reason, photo.detail = error.reason, error.detail
        self._journal.save(photo)

    def gathered(self, exhausted: Collection[str]) -> Gathered:
        """Everything so far as one value."""
        entries = [entry for of_class in self.entries.values() for entry in of_class]
        good = [e for e in entries if e.state is EntryState.GOOD and not self.is_placed(e)]
        bad = [(e.candidate, e.photo) for e in entries if e.state is EntryState.BAD]
        rows = [_row(e.candidate, e.photo) for e in good]
        rejected = [Rejected(*photo.key, c.url, photo.reason or "", photo.detail or "") for c, photo in bad]
        published = {e.photo.key: e.candidate.split for e in entries if e.candidate.split}
        return Gathered(tuple(self.entries), rows, rejected, published, Counter(self.good), exhausted)


def _row(candidate: Candidate, photo: Photo) -> Row:
    place, expected = (candidate.file or "", photo.class_, candidate.split or ""), candidate.expected_sha256
    # a photo rebuilt from a dataset's own file keeps the digest of the bytes first fetched
    original = expected[1] if expected and photo.sha256 == expected[0] else photo.source_sha256
    names = ("source_id", "phash", "width", "height", "bytes", "retrieved")
    facts = {name: getattr(photo, name) for name in names}
    facts |= {name: getattr(candidate, name) for name in SHARED_WITH_ROW}
    return Row(*place, photo.sha256 or "", original, **facts)
