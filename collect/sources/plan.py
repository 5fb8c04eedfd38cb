"""`collect --dry-run`: what a run would search, request and read, and how long that takes. It asks no host anything."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from collect.candidate import SourceContext, Streams, wanted_class
from collect.datasets import Dataset
from collect.http import MAX_PER_HOST, host_of
from collect.journal import Journal
from collect.manifest import read_manifest
from collect.sources import flickr, openverse
from collect.sources.api import call_times
from collect.sources.download import is_remote
from collect.wording import counted, duration

REMOTE_PHOTOS_PER_SECOND = 10, 50  # as hosts and connections allow
LOCAL_SECONDS_PER_PHOTO, LOCAL_SECONDS_PER_MEGABYTE = 0.002, 0.05  # of one core, to verify it
MOST_HOSTS = 5


def plan_lines(dataset: Dataset, data: Path, workers: int | None) -> list[str]:
    """The plan, one line each. Local sources are listed; of remote ones the recipe tells what is known."""
    search = {"flickr": _flickr, "openverse": _openverse}.get(dataset.source)
    if search:
        return [*search(dataset, data), *_requests((dataset.per_class or 0) * len(dataset.classes), workers)]
    if dataset.source == "synthetic":
        return [f"draws {counted((dataset.per_class or 0) * len(dataset.classes), 'picture')}; no requests"]
    if is_remote(dataset.url or ""):
        size = f" of {dataset.bytes / 1e6:,.0f} MB" if dataset.bytes else ""
        what = "archive" if dataset.source == "archive" else "list"
        return [f"downloads the {what} {dataset.url}{size}; what is in it is known after that"]
    return _local(dataset, data, workers)


def _flickr(dataset: Dataset, data: Path) -> list[str]:
    keys = all(os.environ.get(name, "").strip() for name in ("FLICKR_API_KEY", "FLICKR_API_SECRET"))
    needs = "the key is set" if keys else "FLICKR_API_KEY and FLICKR_API_SECRET are not set: it would stop there"
    calls = 1 + len(dataset.classes) * -(-(dataset.per_class or 0) // flickr.PER_PAGE)
    lines = _calls(calls, flickr.PER_PAGE, flickr.CALL_LIMITS, data / flickr.CALLS_FILE)
    return [*_searches("Flickr", dataset), *lines, f"  {needs}"]


def _openverse(dataset: Dataset, data: Path) -> list[str]:
    is_registered = all(os.environ.get(f"OPENVERSE_CLIENT_{name}", "").strip() for name in ("ID", "SECRET"))
    calls = len(dataset.classes) * -(-(dataset.per_class or 0) // openverse.PER_PAGE)
    kind = "registered" if is_registered else "anonymous"
    limits = openverse.REGISTERED if is_registered else openverse.ANONYMOUS
    lines = _calls(calls, openverse.PER_PAGE, limits, openverse.calls_file(data, is_registered))
    return [
        *_searches(f"Openverse ({kind})", dataset),
        *lines,
        *([] if is_registered else [f"  {openverse.ADVICE.removeprefix('or ')}"]),
    ]


def _searches(name: str, dataset: Dataset) -> list[str]:
    texts = ", ".join(repr(search.query or search.tags or search.text) for search in dataset.classes)
    return [f"searches {name} for {texts}; licences: {', '.join(dataset.licenses)}"]


def _calls(calls: int, per_page: int, limits: Sequence[tuple[int, float]], path: Path) -> list[str]:
    """How many calls to an API, what it allows, and how long that takes after the calls of earlier runs."""
    allowed = ", ".join(f"{number:,} in {duration(seconds)}" for number, seconds in limits)
    used, wait = call_times(path), 0.0
    for number, seconds in limits:
        recent = sum(at > time.time() - seconds for at in used)
        wait = max(wait, (recent + calls - 1) // number * seconds)
        allowed += f" ({recent:,} used)" if recent else ""
    return [
        f"  at least {counted(calls, 'API request')} with {per_page} photos each; allowed: {allowed}",
        f"  waits for these limits: {duration(wait) if wait else 'none'}",
    ]


def _requests(photos: int, workers: int | None, hosts: str = "") -> list[str]:
    slow, fast = REMOTE_PHOTOS_PER_SECOND
    return [
        f"requests about {counted(photos, 'photo')}{hosts}",
        f"  at most 4 requests per photo, {workers or MAX_PER_HOST} at once and {MAX_PER_HOST} per host",
        f"  takes about {duration(photos / fast)} to {duration(photos / slow)} for them, at {slow} to {fast} a second",
    ]


def _local(dataset: Dataset, data: Path, workers: int | None) -> list[str]:
    """What a local folder, archive, list or manifest holds."""
    path = Path(dataset.url or "")
    if dataset.source == "manifest":
        rows = [row for row in read_manifest(path) if wanted_class(dataset, row.class_)]
        base = path if path.is_dir() else path.parent
        is_here = [(base / row.file).is_file() for row in rows]
        remote = [row.url for row, here in zip(rows, is_here, strict=True) if row.url and not here]
        classes, size = Counter(row.class_ for row in rows), sum(row.bytes or 0 for row in rows)
    else:
        context = SourceContext(data, cast("Journal", None), False, lambda line: None, threading.Event())
        streams: Callable[[Dataset, SourceContext], Streams]
        streams = import_module(f"collect.sources.{dataset.source}").streams
        candidates = [(c.class_, None if c.read else c.url) for s in streams(dataset, context).values() for c in s]
        remote = [url for _, url in candidates if url]
        classes = Counter(class_ for class_, _ in candidates)
        files = path.rglob("*") if path.is_dir() else [path]
        size = sum(file.stat().st_size for file in files if file.is_file())
    listed = ", ".join(f"{name} {number:,}" for name, number in sorted(classes.items()))
    lines = [f"reads {dataset.url}: {counted(classes.total(), 'image')} ({listed})"]
    if remote:
        hosts = Counter(map(host_of, remote)).most_common(MOST_HOSTS)
        return lines + _requests(len(remote), workers, f" of {', '.join(f'{host} ({n:,})' for host, n in hosts)}")
    seconds = LOCAL_SECONDS_PER_PHOTO * classes.total() + LOCAL_SECONDS_PER_MEGABYTE * size / 1e6
    cores = os.cpu_count() or 1
    return [*lines, f"no requests; takes about {duration(max(seconds / cores, 1.0))} on {counted(cores, 'core')}"]
