"""Candidates in, verified photos out: pulls from the sources, fetches politely, verifies, and writes the journal."""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import requests

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams
from collect.fetch.entries import MAX_HELD_BYTES, Entry, EntryState, Stream, prepare, pull, record_verified
from collect.fetch.hosts import Queues
from collect.fetch.ledger import Gathered, Ledger
from collect.fetch.progress import Snapshot
from collect.fetch.staging import staged_path
from collect.files import has_size
from collect.http import MovedError
from collect.journal import PhotoStatus
from collect.manifest import Key
from collect.verify import Verified

REQUESTS_PER_PHOTO = 4  # over all runs, redirects included; those that a stop of collect interrupts do not count
INTERRUPTIONS_PER_PHOTO = 16  # a photo that makes collect crash must not do so for ever
FAILURES_PER_RUN = 3
BATCH = 64
SNAPSHOT_SECONDS = 0.25

Needed = Mapping[str, int | None]  # good photos by class; None: all there are


class Gatherer:
    """Gathers the photos of one dataset. One thread schedules; `workers` others pull, fetch and verify."""

    def __init__(
        self,
        folder: Path,
        streams: Streams,
        context: SourceContext,
        session: requests.Session,
        workers: int,
        earlier: Collection[Key],
    ):
        self._folder, self._workers = folder, workers
        self._journal, self._stop = context.journal, context.stop
        self._prepare = partial(prepare, session, folder, context.keep_metadata)
        self._streams = {name: Stream(candidates, deque()) for name, candidates in streams.items()}
        self._ledger = Ledger(context.journal, filter(None, streams), earlier)
        self._queues = Queues()
        self._fetched_bytes = 0
        self._done: queue.SimpleQueue[tuple[Future[Any], Stream | Entry]] = queue.SimpleQueue()
        self._running = 0
        self._executor = ThreadPoolExecutor(workers, "collect")

    def close(self) -> None:
        """Stop. Requests under way are abandoned."""
        self._stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def gather(self, needed: Needed, show: Callable[[Snapshot], None]) -> Gathered:
        """Continue until every class has the number of good photos that it needs, or nothing is left."""
        shown = time.monotonic()
        while True:
            self._pull(needed)
            self._start()
            if self._running or self._queues:
                self._handle_results()
                if time.monotonic() - shown >= SNAPSHOT_SECONDS:
                    show(self._snapshot(needed))
                    shown = time.monotonic()
            elif not any(self._number_to_pull(name, stream, needed) for name, stream in self._streams.items()):
                break
        self._journal.commit()
        show(self._snapshot(needed))
        streams = {c: self._streams.get(c) or self._streams[""] for c in self._ledger.entries}
        return self._ledger.gathered({c for c, s in streams.items() if s.exhausted and not s.idle})

    def _number_to_pull(self, name: str, stream: Stream, needed: Needed) -> int:
        """How many candidates to pull now: no more than are needed, because APIs count requests."""
        if stream.exhausted or stream.pulling:
            return 0
        number = needed.get(name)
        if name and number is not None:
            ready = self._ledger.good[name] + self._ledger.under_way[name] + len(stream.idle)
            return max(0, min(BATCH, number - ready))
        has_room = len(stream.idle) + len(self._queues) < BATCH and self._ledger.held_bytes < MAX_HELD_BYTES
        return BATCH if has_room else 0

    def _pull(self, needed: Needed) -> None:
        """Ask the sources for more candidates, and take idle entries that are needed, in the source's order."""
        for name, stream in self._streams.items():
            if number := self._number_to_pull(name, stream, needed):
                stream.pulling = True
                self._submit(stream, pull, stream.candidates, number)
        for name, stream in self._streams.items():
            while stream.idle and (not name or self._ledger.needs(name, needed)):
                self._enter(stream.idle.popleft())

    def _enter(self, entry: Entry) -> None:
        """Finish an entry at once if the journal has the answer, else let it wait for its host."""
        photo = entry.photo
        self._ledger.entries.setdefault(photo.class_, []).append(entry)
        is_placed = self._ledger.is_placed(entry)
        if photo.status is PhotoStatus.GOOD and not is_placed:
            staged = staged_path(self._folder, photo.sha256 or "")
            photo.status = PhotoStatus.GOOD if has_size(staged, photo.bytes) else PhotoStatus.NEW
        if is_placed or photo.status is not PhotoStatus.NEW:
            self._ledger.finish(entry)
        elif entry.interruptions >= INTERRUPTIONS_PER_PHOTO:
            error = RejectError(RejectReason.INTERRUPTED, f"collect was stopped {entry.interruptions} times during it")
            self._ledger.finish(entry, PhotoStatus.REJECTED, error)
        elif entry.candidate.read is None and entry.requests >= REQUESTS_PER_PHOTO:
            reason = RejectReason(photo.reason or RejectReason.INTERRUPTED)
            error = RejectError(reason, photo.detail or f"{REQUESTS_PER_PHOTO} requests were made")
            self._ledger.finish(entry, PhotoStatus.REJECTED, error)
        else:
            self._ledger.under_way[photo.class_] += 1
            self._queues.put(entry)

    def _start(self) -> None:
        """Send what the hosts accept now. That photos are being requested is in the journal before they are."""
        started = []
        for entry, host in self._queues.take(2 * self._workers - self._running, time.monotonic()):
            if host and host.given_up:
                self._fail(entry, RejectError(RejectReason.HOST_DOWN, host.given_up, transient=True), final=True)
                continue
            started.append(entry)
            if host:
                self._ledger.begin(entry)
        if any(entry.candidate.read is None for entry in started):
            self._journal.commit()
        for entry in started:
            entry.state = EntryState.RUNNING
            self._submit(entry, self._prepare, entry.candidate, entry.url)

    def _submit(self, subject: Stream | Entry, function: Callable[..., Any], *args: Any) -> None:
        self._running += 1
        future = self._executor.submit(function, *args)
        future.add_done_callback(lambda f: self._done.put((f, subject)))

    def _handle_results(self) -> None:
        done = []
        with suppress(queue.Empty):
            done.append(self._done.get(timeout=0.2 if self._running else 0.02))
            while True:
                done.append(self._done.get_nowait())
        for future, subject in done:
            self._running -= 1
            if isinstance(subject, Stream):
                batch: list[Candidate] = future.result()
                subject.pulling, subject.exhausted = False, not batch
                subject.idle.extend(filter(None, map(self._ledger.new_entry, batch)))
            else:
                self._handle_photo(subject, future)
        self._journal.commit(now=False)

    def _handle_photo(self, entry: Entry, future: Future[Verified]) -> None:
        host, now = self._queues.host(entry), time.monotonic()
        error, target = None, None
        try:
            verified = future.result()
        except MovedError as moved:
            target = moved.url
        except RejectError as err:
            error = err.with_traceback(None)  # its frames hold the photo's bytes
        else:
            record_verified(entry.photo, verified)
            self._fetched_bytes += verified.bytes
            self._ledger.finish(entry, PhotoStatus.GOOD)
        if host:
            host.answered(now, error)
        if target is not None:
            self._redirect(entry, target)
        elif error and error.transient:
            entry.photo.failures += 1
            wait = host.backoff(entry.photo.failures) if host else 0.0
            entry.not_before = now + max(wait, error.retry_after or 0.0)
            self._fail(entry, error)
        elif error:
            self._ledger.finish(entry, PhotoStatus.REJECTED, error)

    def _redirect(self, entry: Entry, url: str) -> None:
        if (number := entry.requests) >= REQUESTS_PER_PHOTO:
            error = RejectError(RejectReason.REDIRECTS, f"still redirected after {number} requests")
            self._ledger.finish(entry, PhotoStatus.REJECTED, error)
        else:
            entry.url = url
            self._queues.put(entry)

    def _fail(self, entry: Entry, error: RejectError, final: bool = False) -> None:
        """Try again in this run, leave it to the next run, or give up when its requests are used up."""
        if entry.requests >= REQUESTS_PER_PHOTO:
            self._ledger.finish(entry, PhotoStatus.REJECTED, error)
        elif final or entry.photo.failures >= FAILURES_PER_RUN:
            self._ledger.finish(entry, PhotoStatus.FAILED, error)
        else:
            self._ledger.record(entry, error)
            self._queues.put(entry)

    def _snapshot(self, needed: Needed) -> Snapshot:
        ledger, hosts = self._ledger, {name: replace(host) for name, host in self._queues.hosts.items()}
        rejected = {name: Counter(reasons) for name, reasons in ledger.reasons.items()}
        counts = Counter(ledger.good), dict(needed), Counter(ledger.under_way), rejected
        return Snapshot(tuple(ledger.entries), *counts, hosts, self._fetched_bytes)
