"""Where photos come from: every source is a module with `streams(dataset, at)`, yielding candidates lazily."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from collect.datasets import Dataset
from collect.verify import RejectError

if TYPE_CHECKING:
    from collect.journal import Journal

LOCAL = ("archive", "folder", "synthetic")  # give bytes, not addresses
ENDPOINTS = {"flickr": "FLICKR_API_URL", "openverse": "OPENVERSE_API_URL"}  # replace the API's address


@dataclass(frozen=True, slots=True)
class Candidate:
    """One photo that may enter the dataset.

    `source_id` is unique within the source. `split` and `file` are set where the source has already decided them
    (upstream train/test folders, a manifest). `taken` is when the photo was taken, ISO 8601. `read` gives the bytes of
    a local source; without it they are fetched from `url`. `expected_sha256` are the digests one of which the
    verified file or the fetched bytes must have.
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
    query: str | None = None
    taken: str | None = None
    split: str | None = None
    file: str | None = None
    source: str | None = None
    expected_sha256: tuple[str, ...] = ()
    read: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class At:
    """What a source may use: the data folder, the journal for answers already had, whether private hosts are allowed.

    `tell` shows one line to the user, `stop` is set when the run ends and nobody waits for candidates any more.
    """

    data: Path
    journal: "Journal"
    allow_private: bool
    tell: Callable[[str], None]
    stop: threading.Event


Streams = Mapping[str, Iterator[Candidate]]


def open_streams(dataset: Dataset, at: At) -> Streams:
    """The dataset's candidates: one stream per class for searches, a single one under "" for sources that mix classes.

    Raises UsageError, SourceError.
    """
    streams: Callable[[Dataset, At], Streams] = import_module(f"collect.sources.{dataset.source}").streams
    return streams(dataset, at)


def endpoint(dataset: Dataset) -> str | None:
    """The API address that the environment sets in place of the source's own, None where it sets none."""
    return os.environ.get(ENDPOINTS.get(dataset.source, "")) or None


def refused(reason: str, detail: str) -> Callable[[], bytes]:
    """A `read` for a candidate that is known not to be wanted: it rejects with this reason."""
    return partial(_refuse, reason, detail)


def _refuse(reason: str, detail: str) -> bytes:
    raise RejectError(reason, detail)


def wanted_class(dataset: Dataset, name: str) -> bool:
    """Whether the recipe takes class `name`; a recipe without classes takes all."""
    return not dataset.classes or name in dataset.class_names
