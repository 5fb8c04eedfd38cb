"""One candidate under way: where it stands, and how its photo is had."""

import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import requests

from collect.candidate import Candidate, RejectError, RejectReason
from collect.fetch.staging import stage
from collect.http import fetch
from collect.journal import Photo
from collect.verify import Verified, verify

# Many threads may wait for the network, few may decode: a photo of 64 megapixels takes 200 MB.
DECODING = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))


@dataclass(slots=True)
class Entry:
    """One candidate in its source's order and what became of it; `url` is where it is asked now."""

    candidate: Candidate
    photo: Photo
    url: str | None
    state: str = "idle"  # idle, waiting, open, good, bad
    not_before: float = 0.0

    def settle(self, state: str) -> None:
        """It came to its end, and what it was read from may go."""
        self.state = state
        self.candidate = replace(self.candidate, read=None)


@dataclass(slots=True)
class Stream:
    """One source's candidates, pulled in batches; `idle` are those that nobody needed yet."""

    candidates: Iterator[Candidate]
    idle: deque[Entry]
    pulling: bool = False
    exhausted: bool = False


def prepare(candidate: Candidate, url: str | None, session: requests.Session | None, folder: Path) -> Verified:
    """Read or fetch one photo, verify it and stage it; the bytes are dropped. Raises RejectError, MovedError."""
    if candidate.read is not None:
        data = candidate.read()
    elif url and session:
        data = fetch(session, url)
    else:
        raise RejectError(RejectReason.NO_URL, "the source gives no address for it")
    with DECODING:
        verified = verify(data)
    expected = candidate.expected_sha256
    if expected and not {verified.sha256, verified.source_sha256} & set(expected):
        raise RejectError(RejectReason.CHANGED, f"sha256 is {verified.source_sha256}, was {expected[0]}")
    stage(folder, verified.sha256, verified.jpeg)
    return replace(verified, jpeg=b"")


def next_batch(candidates: Iterator[Candidate], number: int) -> list[Candidate]:
    """The next `number` candidates, fewer or none at the end."""
    return list(islice(candidates, number))


def new_photo(candidate: Candidate) -> Photo:
    """The journal's first record of a candidate."""
    facts = {k: v for k in ("taken", "license_url") if (v := getattr(candidate, k))}
    return Photo(candidate.class_, candidate.source_id, extra=json.dumps(facts) if facts else None)


def had(photo: Photo, verified: Verified) -> None:
    """Write into a photo's record that it was had, and what it is."""
    photo.status, photo.reason, photo.detail = "good", None, None
    for name in ("sha256", "source_sha256", "phash", "width", "height", "bytes", "thumb"):
        setattr(photo, name, getattr(verified, name))
    photo.retrieved = datetime.now(UTC).isoformat(timespec="seconds")
