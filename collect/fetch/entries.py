"""One candidate on its way into the dataset: its state, and how its photo is fetched, verified and staged."""

import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path

import requests

from collect.candidate import Candidate, RejectError, RejectReason
from collect.fetch.staging import stage
from collect.http import fetch
from collect.journal import Photo, PhotoStatus
from collect.verify import Verified, verify

# Many threads may wait for the network, few may decode: a photo of 64 megapixels takes 200 MB.
MAX_HELD_BYTES = 64 * 2**20  # candidates of a compressed archive are in memory until they are verified
DECODING = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))


class EntryState(StrEnum):
    """How far a candidate is in this run."""

    IDLE = "idle"
    WAITING = "waiting"
    RUNNING = "running"
    GOOD = "good"
    BAD = "bad"


@dataclass(slots=True)
class Entry:
    """One candidate and what is known about its photo; `url` is the address to request, after redirects.

    `unrecorded` are the requests of the attempt under way: the journal counts them when it ends. `interruptions` are
    the attempts that ended because collect was stopped, over all runs.
    """

    candidate: Candidate
    photo: Photo
    url: str | None
    interruptions: int = 0
    unrecorded: int = 0
    state: EntryState = EntryState.IDLE
    not_before: float = 0.0

    @property
    def requests(self) -> int:
        """All requests for the photo that count towards its limit."""
        return self.photo.requests + self.unrecorded

    @property
    def under_way(self) -> bool:
        """Whether the photo is being fetched, or is needed and waits for its turn."""
        return self.state in (EntryState.WAITING, EntryState.RUNNING)


@dataclass(slots=True)
class Stream:
    """One source's candidates, pulled in batches; `idle` are those that nobody has needed yet."""

    candidates: Iterator[Candidate]
    idle: deque[Entry]
    pulling: bool = False
    exhausted: bool = False


def pull(candidates: Iterator[Candidate], number: int) -> list[Candidate]:
    """The next `number` candidates, fewer if they already occupy much memory, none at the end."""
    batch: list[Candidate] = []
    for candidate in islice(candidates, number):
        batch.append(candidate)
        if sum(c.held_bytes for c in batch) >= MAX_HELD_BYTES:
            break
    return batch


def prepare(
    session: requests.Session, folder: Path, keep_metadata: bool, candidate: Candidate, url: str | None
) -> Verified:
    """Read or fetch one photo, verify it and stage it; the result has no bytes. Raises RejectError, MovedError."""
    if candidate.read is None and not url:
        raise RejectError(RejectReason.NO_URL, "the source gives no address for it")
    read = candidate.read or partial(bytes, fetch(session, url or ""))
    with DECODING:
        verified = verify(read(), keep_metadata)
    expected = candidate.expected_sha256
    if expected and not {verified.sha256, verified.source_sha256} & set(expected):
        raise RejectError(RejectReason.CHANGED, f"sha256 is {verified.source_sha256}, was {expected[0]}")
    stage(folder, verified.sha256, verified.jpeg)
    return replace(verified, jpeg=b"")


def record_verified(photo: Photo, verified: Verified) -> None:
    """Write into a photo's record that it is good, what it is, and when it was retrieved."""
    photo.status, photo.reason, photo.detail = PhotoStatus.GOOD, None, None
    for name in ("sha256", "source_sha256", "phash", "width", "height", "bytes", "thumb"):
        setattr(photo, name, getattr(verified, name))
    photo.extra = json.dumps(facts) if (facts := photo.facts() | verified.facts) else None
    photo.retrieved = datetime.now(UTC).isoformat(timespec="seconds")
