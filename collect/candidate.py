"""What a source yields: candidates, lazily, and the reasons for which a candidate is not kept."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from collect.datasets import Dataset
from collect.journal import Journal


class RejectReason(StrEnum):
    """Why a candidate is not kept: the codes that rejected.jsonl contains."""

    # no photo arrived
    NO_URL = "no-url"
    BAD_URL = "bad-url"
    PRIVATE_ADDRESS = "private-address"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    THROTTLED = "throttled"
    SERVER_ERROR = "server-error"
    HTTP_ERROR = "http-error"
    HOST_DOWN = "host-down"
    TOO_SLOW = "too-slow"
    REDIRECTS = "redirects"
    INTERRUPTED = "interrupted"
    UNREADABLE = "unreadable"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    OPTED_OUT = "opted-out"
    LICENSE = "license"
    RELICENSED = "relicensed"
    # it is not a usable photo
    PLACEHOLDER = "placeholder"
    EMPTY = "empty"
    HTML = "html"
    SVG = "svg"
    NOT_AN_IMAGE = "not-an-image"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    ANIMATED = "animated"
    TOO_LARGE = "too-large"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_SMALL = "too-small"
    TOO_WIDE = "too-wide"
    CHANGED = "changed"
    # it is a good photo that the dataset does not use
    EXACT_DUPLICATE = "exact-duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    CLASS_CONFLICT = "class-conflict"
    BRIDGES_SPLIT = "bridges-split"
    SURPLUS = "surplus"


@dataclass(eq=False)
class RejectError(Exception):
    """A candidate is not kept; `detail` explains the reason. A `transient` failure is worth another try.

    `retry_after` is in seconds, None unless the server sent it.
    """

    reason: RejectReason
    detail: str = ""
    transient: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One photo that may enter the dataset.

    `source_id` is unique within the source. `split` and `file` are set if the source has already decided them
    (upstream train/test folders, a manifest). `taken` is when the photo was taken, ISO 8601. `read` gives the bytes of
    a local source; without it they are fetched from `url`. The verified file or the fetched bytes must have one of the
    digests `expected_sha256`, if there are any.
    """

    class_: str
    source_id: str
    url: str | None = None
    page_url: str | None = None
    owner: str | None = None
    owner_name: str | None = None
    license: str | None = None
    license_url: str | None = None
    title: str | None = None
    taken: str | None = None
    split: str | None = None
    file: str | None = None
    source: str | None = None
    expected_sha256: tuple[str, ...] = ()
    read: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may use: the data folder, the journal with earlier answers, whether private hosts are allowed.

    `notify` shows one line to the user. `stop` is set when the run ends and no more candidates are needed.
    """

    data: Path
    journal: Journal
    allow_private: bool
    notify: Callable[[str], None]
    stop: threading.Event


Streams = Mapping[str, Iterator[Candidate]]


def unwanted_license(code: str) -> Callable[[], bytes]:
    """A `read` for a candidate under a licence that the recipe excludes: it rejects the candidate."""
    return partial(_reject_license, code)


def _reject_license(code: str) -> bytes:
    raise RejectError(RejectReason.LICENSE, f"its licence is {code}")


def wanted_class(dataset: Dataset, name: str) -> bool:
    """Whether the recipe includes class `name`; a recipe without classes includes all."""
    return not dataset.classes or name in dataset.class_names
