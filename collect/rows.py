"""From what was gathered to the manifest's rows and the list of rejects."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from collect.candidate import Candidate
from collect.fetch import Entry, staged_path
from collect.journal import Journal, Key, Photo
from collect.manifest import Rejected, Row
from collect.verify import THUMB_SIDE, thumbnail


def key_of(row: Row) -> Key:
    """What identifies a row within its dataset."""
    return row.class_, row.source_id or ""


def gathered_rows(ranked: Mapping[str, list[Entry]], earlier: Mapping[Key, Row]) -> list[Row]:
    """Rows of all good photos: earlier ones first, then by class in the source's order. New ones have no `file` yet."""
    fresh = [e for entries in ranked.values() for e in entries if e.state == "good" and e.photo.key not in earlier]
    return [*earlier.values(), *(_row(e.candidate, e.photo) for e in fresh)]


def _row(candidate: Candidate, photo: Photo) -> Row:
    return Row(
        file=candidate.file or "",
        class_=photo.class_,
        split=candidate.split or "",
        sha256=photo.sha256 or "",
        source_sha256=_original(candidate, photo),
        phash=photo.phash,
        width=photo.width,
        height=photo.height,
        bytes=photo.bytes,
        source=candidate.source,
        source_id=photo.source_id,
        url=candidate.url,
        page_url=candidate.page_url,
        owner=candidate.owner,
        owner_name=candidate.owner_name,
        license=candidate.license,
        title=candidate.title,
        retrieved=photo.retrieved,
    )


def _original(candidate: Candidate, photo: Photo) -> str | None:
    """The digest of the bytes first fetched: a photo rebuilt from a dataset's own file keeps what its manifest said."""
    expected = candidate.expected_sha256
    return expected[1] if expected and photo.sha256 == expected[0] else photo.source_sha256


def rejected_rows(ranked: Mapping[str, list[Entry]]) -> list[Rejected]:
    """Every candidate that could not be had or was no good photo."""
    return [
        Rejected(e.photo.class_, e.photo.source_id, e.candidate.url, e.photo.reason or "", e.photo.detail or "")
        for entries in ranked.values()
        for e in entries
        if e.state == "bad"
    ]


def candidate_of(row: Row) -> Candidate:
    """The candidate a row once was, to have its photo again."""
    return Candidate(
        row.class_,
        row.source_id or "",
        url=row.url,
        page_url=row.page_url,
        owner=row.owner,
        owner_name=row.owner_name,
        license=row.license,
        title=row.title,
        source=row.source,
    )


def remember_rows(rows: Iterable[Row], journal: Journal) -> None:
    """Put earlier rows into a journal that has lost them."""
    known = journal.photos()
    for row in rows:
        if key_of(row) not in known:
            photo = Photo(row.class_, row.source_id or "", "good", retrieved=row.retrieved)
            photo.sha256, photo.source_sha256, photo.phash = row.sha256, row.source_sha256, row.phash
            photo.width, photo.height, photo.bytes = row.width, row.height, row.bytes
            journal.save(photo)


def thumbs(folder: Path, journal: Journal) -> Callable[[Row], np.ndarray | None]:
    """A function that gives a row's 32 x 32 grey pixels, from the journal or from the photo itself."""
    known = journal.photos()

    def thumb(row: Row) -> np.ndarray | None:
        photo = known.get(key_of(row))
        if photo and photo.thumb:
            return np.frombuffer(photo.thumb, np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)
        path = folder / row.file if row.file else staged_path(folder, row.sha256)
        if not path.is_file():
            return None
        with Image.open(path) as image:
            return thumbnail(image)

    return thumb
