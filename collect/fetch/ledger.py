"""What became of every candidate: the entries in the source's order, the counts, and the journal's records."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from collect.candidate import SHARED_WITH_ROW, Candidate, RejectError
from collect.fetch.entries import Entry, EntryState
from collect.journal import Journal, Photo, PhotoStatus
from collect.manifest import Key, Rejected, Row
from collect.redact import redact

FACTS = ("taken", "license_url")  # what later runs need of a candidate but the manifest has no field for
INTERRUPTED = "interrupted"  # beside them: how often a stop of collect interrupted the requests for a photo


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
        self._listed: set[Key] = set()  # as the source names them
        self._used: set[Key] = set()  # as the dataset names them
        self._alike: Counter[Key] = Counter()
        self.held_bytes = 0

    def new_entry(self, candidate: Candidate) -> Entry | None:
        """The entry of a candidate, without the secrets in its addresses; None if the source has listed it before.

        The full address stays in `Entry.url`, which is never written.
        """
        listed = candidate.class_, candidate.source_id
        if listed in self._listed:
            return None
        self._listed.add(listed)
        self.held_bytes += candidate.held_bytes
        public = self._numbered(_without_secrets(candidate))
        key = public.class_, public.source_id
        facts = {name: value for name in FACTS if (value := getattr(public, name))}
        photo = self._known.get(key) or Photo(*key, extra=json.dumps(facts) if facts else None)
        return Entry(public, photo, candidate.url, _interruptions(photo))

    def _numbered(self, candidate: Candidate) -> Candidate:
        """The candidate under an id of its own: addresses that differ only in their secrets get a number."""
        source_id = candidate.source_id
        while (key := (candidate.class_, candidate.source_id)) in self._used:
            self._alike[candidate.class_, source_id] += 1
            number = self._alike[candidate.class_, source_id] + 1
            candidate = replace(candidate, source_id=f"{source_id}#{number}")
        self._used.add(key)
        return candidate

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
            self.record(entry, error)
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

    def begin(self, entry: Entry) -> None:
        """Count a request. Before the first of an attempt, note in the journal that a kill would interrupt it."""
        if not entry.unrecorded:
            self._note_interruptions(entry.photo, entry.interruptions + 1)
            self._journal.save(entry.photo)
        entry.unrecorded += 1

    def record(self, entry: Entry, error: RejectError | None) -> None:
        """Write a photo's state into the journal, with its requests and the error that explains it."""
        photo = entry.photo
        if entry.unrecorded:
            photo.requests, entry.unrecorded = entry.requests, 0
            self._note_interruptions(photo, entry.interruptions)
        if error:
            photo.reason, photo.detail = error.reason, error.detail
        self._journal.save(photo)

    def _note_interruptions(self, photo: Photo, number: int) -> None:
        facts = {key: value for key, value in photo.facts().items() if key != INTERRUPTED}
        facts |= {INTERRUPTED: str(number)} if number else {}
        photo.extra = json.dumps(facts) if facts else None

    def gathered(self, exhausted: Collection[str]) -> Gathered:
        """Everything so far as one value."""
        entries = [entry for of_class in self.entries.values() for entry in of_class]
        good = [e for e in entries if e.state is EntryState.GOOD and not self.is_placed(e)]
        bad = [(e.candidate, e.photo) for e in entries if e.state is EntryState.BAD]
        rows = [_row(e.candidate, e.photo) for e in good]
        rejected = [Rejected(*photo.key, c.url, photo.reason or "", photo.detail or "") for c, photo in bad]
        published = {e.photo.key: e.candidate.split for e in entries if e.candidate.split}
        return Gathered(tuple(self.entries), rows, rejected, published, Counter(self.good), exhausted)


def _interruptions(photo: Photo) -> int:
    number = str(photo.facts().get(INTERRUPTED, ""))
    return int(number) if re.fullmatch("[0-9]{1,4}", number) else 0


def _without_secrets(candidate: Candidate) -> Candidate:
    """The candidate with *** in place of the secrets in its addresses, and in an id that is its address."""
    names = ["url", "page_url", "license_url", *(["source_id"] if candidate.source_id == candidate.url else [])]
    names += ["owner"] if "://" in (candidate.owner or "") else []
    public: dict[str, Any] = {name: redact(value) for name in names if (value := getattr(candidate, name))}
    return replace(candidate, **public)


def _row(candidate: Candidate, photo: Photo) -> Row:
    place, expected = (candidate.file or "", photo.class_, candidate.split or ""), candidate.expected_sha256
    # a photo rebuilt from a dataset's own file keeps the digest of the bytes first fetched
    is_rebuilt = bool(expected) and photo.sha256 == expected[0]
    original = expected[1] if is_rebuilt else photo.source_sha256
    names = ("source_id", "phash", "width", "height", "bytes", "retrieved")
    facts = {name: getattr(photo, name) for name in names}
    facts |= {name: getattr(candidate, name) for name in SHARED_WITH_ROW}
    facts["metadata"] = photo.facts().get("metadata") or (candidate.metadata if is_rebuilt else None)
    return Row(*place, photo.sha256 or "", original, **facts)
