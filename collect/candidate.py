"""What a source yields: candidates, lazily, and the reasons for which a candidate is not kept."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from collect.datasets import Dataset
from collect.journal import Journal
from collect.manifest import Row


class RejectReason(StrEnum):
    """Why a candidate is not kept: the codes that rejected.jsonl contains."""

    # no photo arrived
    NO_URL = "no-url"
    NO_FILE = "no-file"
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
    TOO_COMPLEX = "too-complex"
    UNSUPPORTED = "unsupported"
    NEEDS_HEIF = "needs-heif"
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
    DROPPED = "dropped"


UNUSED = tuple(RejectReason)[tuple(RejectReason).index(RejectReason.EXACT_DUPLICATE) :]


@dataclass(eq=False)
class RejectError(Exception):
    """A candidate is not kept; `detail` explains the reason. A `transient` failure is worth another try."""

    reason: RejectReason
    detail: str = ""
    transient: bool = False
    retry_after: float | None = None  # seconds, if the server sent it


@dataclass(frozen=True, slots=True)
class Candidate:
    """One photo that may enter the dataset. Its texts can be written as UTF-8."""

    class_: str
    source_id: str  # unique within the source
    url: str | None = None
    page_url: str | None = None
    owner: str | None = None
    owner_name: str | None = None
    license: str | None = None
    license_url: str | None = None
    title: str | None = None
    metadata: str | None = None  # "removed" if it was from the file with the first of `expected_sha256`
    taken: str | None = None  # ISO 8601
    split: str | None = None  # split and file: if the source has already decided them
    file: str | None = None
    source: str | None = None
    expected_sha256: tuple[str, ...] = ()  # of the verified file or the fetched bytes; empty: any
    read: Callable[[], bytes] | None = None  # the bytes of a local source; None: fetch them from `url`
    held_bytes: int = 0  # how much memory `read` occupies until it is called

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, str) and not value.isascii():  # half a character in an API's JSON cannot be written
                object.__setattr__(self, item.name, value.encode("utf-8", "backslashreplace").decode())


@dataclass(slots=True)
class FileCount:
    """Every file of a local source: the candidates by source_id, and how many others there are of each kind."""

    candidates: set[str] = field(default_factory=set)
    ignored: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may use: the data folder, the journal with earlier answers, whether private hosts are allowed.

    A local source counts its files in `files`.
    """

    data: Path
    journal: Journal
    allow_private: bool
    notify: Callable[[str], None]  # shows one line to the user
    stop: threading.Event  # set when the run ends and no more candidates are needed
    keep_metadata: bool = False  # of photos that are stored as they are
    files: FileCount = field(default_factory=FileCount)


Streams = Mapping[str, Iterator[Candidate]]
SHARED_WITH_ROW = ("source", "url", "page_url", "owner", "owner_name", "license", "title", "metadata")  # fields of both


def reject(error: RejectError) -> bytes:
    """In place of reading a candidate that is rejected already. Raises the error."""
    raise error


def reject_license(code: str) -> bytes:
    """In place of reading a candidate whose licence the recipe excludes. Raises RejectError."""
    raise RejectError(RejectReason.LICENSE, f"its licence is {code}")


def wanted_class(dataset: Dataset, name: str) -> bool:
    """Whether the recipe includes class `name`; a recipe without classes includes all."""
    return not dataset.classes or name in dataset.class_names


def candidate_of(row: Row) -> Candidate:
    """The candidate that a row of the manifest was, so that its photo can be fetched again."""
    return Candidate(*row.key, **{name: getattr(row, name) for name in SHARED_WITH_ROW})
