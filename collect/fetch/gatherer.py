"""Candidates in, verified photos out: pulls from the sources, fetches politely, verifies, and writes the journal."""

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from collect.candidate import Candidate, RejectError, RejectReason, Streams
from collect.fetch.entries import Entry, Stream, had, new_photo, next_batch, prepare
from collect.fetch.queues import Queues
from collect.fetch.staging import is_staged
from collect.http import MovedError
from collect.journal import Journal, Key
from collect.verify import Verified

REQUESTS_PER_PHOTO = 4  # for ever, reruns and redirects included
FAILURES_PER_RUN = 3
BATCH = 64
PROTESTS = (RejectReason.THROTTLED, RejectReason.SERVER_ERROR)


class Gatherer:
    """Everything gathered for one dataset: `ranked` holds each class's entries in the source's order."""

    def __init__(
        self,
        folder: Path,
        streams: Streams,
        journal: Journal,
        session: requests.Session | None,
        workers: int,
        have: Collection[Key],
        show: Callable[["Gatherer"], None],
        stop: threading.Event,
    ):
        self.folder, self.journal, self.session, self.workers, self.show = folder, journal, session, workers, show
        self.streams = {name: Stream(candidates, deque()) for name, candidates in streams.items()}
        self.ranked: dict[str, list[Entry]] = {name: [] for name in streams if name}
        self.queues = Queues()
        self.good = Counter(class_ for class_, _ in have)
        self.open: Counter[str] = Counter()
        self.reasons: dict[str, Counter[str]] = {}
        self.fetched_bytes = 0
        self._known = journal.photos()
        self._have, self._stop = have, stop
        self._seen: set[Key] = set()
        self._done: queue.SimpleQueue[tuple[Future[Any], Stream | Entry]] = queue.SimpleQueue()
        self._running = 0
        self._executor = ThreadPoolExecutor(workers, "collect")

    def close(self) -> None:
        """Stop; what is under way is abandoned and counts as asked."""
        self._stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def until(self, wanted: Mapping[str, int | None]) -> None:
        """Go on until every class has its wanted number of good photos (None: all there are) or nothing is left."""
        while True:
            self._pull(wanted)
            self._select(wanted)
            self._start()
            if not self._running and not self.queues:
                if not any(self._lacking(name, s, wanted) for name, s in self.streams.items()):
                    break
                continue
            self._collect_results()
            self.show(self)
        self.journal.commit()
        self.show(self)

    def exhausted(self, class_: str) -> bool:
        """Whether the source has no further candidate for a class."""
        stream = self.streams.get(class_) or self.streams[""]
        return stream.exhausted and not stream.idle

    def _short(self, class_: str, wanted: Mapping[str, int | None]) -> bool:
        number = wanted.get(class_)
        return number is None or self.good[class_] + self.open[class_] < number

    def _lacking(self, name: str, stream: Stream, wanted: Mapping[str, int | None]) -> int:
        """How many candidates to pull now: no more than are needed, because APIs count what they are asked."""
        if stream.exhausted or stream.pulling:
            return 0
        number = wanted.get(name)
        if name and number is not None:
            return max(0, min(BATCH, number - self.good[name] - self.open[name] - len(stream.idle)))
        waiting = len(stream.idle) + len(self.queues)
        return BATCH if waiting < BATCH else 0

    def _pull(self, wanted: Mapping[str, int | None]) -> None:
        for name, stream in self.streams.items():
            if number := self._lacking(name, stream, wanted):
                stream.pulling = True
                self._submit(stream, next_batch, stream.candidates, number)

    def _select(self, wanted: Mapping[str, int | None]) -> None:
        """Move idle entries that are needed to their host's queue, in the source's order."""
        for name, stream in self.streams.items():
            while stream.idle and (not name or self._short(name, wanted)):
                entry = stream.idle.popleft()
                self._enter(entry)

    def _enter(self, entry: Entry) -> None:
        photo, class_ = entry.photo, entry.candidate.class_
        self.ranked.setdefault(class_, []).append(entry)
        if photo.key in self._have:
            entry.settle("good")
            return
        if photo.status == "good":
            if is_staged(self.folder, photo.sha256, photo.bytes):
                entry.settle("good")
                self.good[class_] += 1
                return
            photo.status = "new"
        if photo.status in ("rejected", "failed"):
            self._drop(entry, photo.reason or "")
        elif entry.candidate.read is None and photo.requests >= REQUESTS_PER_PHOTO:
            self._reject(
                entry, RejectError(RejectReason(photo.reason or "interrupted"), photo.detail or "4 requests were made")
            )
        else:
            self.open[class_] += 1
            self.queues.put(entry)

    def _start(self) -> None:
        """Send what the hosts may take now; requests are in the journal before they are made."""
        started, requests = [], 0
        for entry, host in self.queues.take(2 * self.workers - self._running, time.monotonic()):
            if host and host.given_up:
                self._failed(entry, RejectError(RejectReason.HOST_DOWN, host.given_up, transient=True), final=True)
                continue
            started.append(entry)
            if host:
                requests += 1
                entry.photo.requests += 1
                self.journal.save(entry.photo)
        if requests:
            self.journal.commit()
        for entry in started:
            entry.state = "open"
            self._submit(entry, prepare, entry.candidate, entry.url, self.session, self.folder)

    def _submit(self, what: Stream | Entry, function: Callable[..., Any], *args: Any) -> None:
        self._running += 1
        future = self._executor.submit(function, *args)
        future.add_done_callback(lambda f: self._done.put((f, what)))

    def _collect_results(self) -> None:
        finished = []
        with suppress(queue.Empty):
            finished.append(self._done.get(timeout=0.2 if self._running else 0.02))
            while True:
                finished.append(self._done.get_nowait())
        for future, what in finished:
            self._running -= 1
            if isinstance(what, Stream):
                self._pulled(what, future.result())
            else:
                self._finished(what, future)
        self.journal.commit(now=False)

    def _pulled(self, stream: Stream, batch: list[Candidate]) -> None:
        stream.pulling = False
        stream.exhausted = not batch
        for candidate in batch:
            key = candidate.class_, candidate.source_id
            if key in self._seen:
                continue  # listed twice
            self._seen.add(key)
            photo = self._known.get(key) or self._known.setdefault(key, new_photo(candidate))
            stream.idle.append(Entry(candidate, photo, candidate.url))

    def _finished(self, entry: Entry, future: Future[Verified]) -> None:
        now = time.monotonic()
        host = self.queues.host(entry)
        if host:
            host.in_flight -= 1
        try:
            verified = future.result()
        except MovedError as moved:
            if host:
                host.succeeded()
            self._moved(entry, moved.url)
        except RejectError as err:
            if host and err.reason in PROTESTS:
                host.protested(now, err.retry_after)
            elif host and err.transient:
                host.failed(now)
            elif host:
                host.succeeded()
            if err.transient:
                entry.photo.failures += 1
                wait = host.backoff(entry.photo.failures) if host else 0.0
                entry.not_before = now + max(wait, err.retry_after or 0.0)
                self._failed(entry, err)
            else:
                self._reject(entry, err)
        else:
            if host:
                host.succeeded()
            self._keep(entry, verified)

    def _moved(self, entry: Entry, url: str) -> None:
        if entry.photo.requests >= REQUESTS_PER_PHOTO:
            self._reject(
                entry, RejectError(RejectReason.REDIRECTS, f"still redirected after {entry.photo.requests} requests")
            )
        else:
            entry.url = url
            self.queues.put(entry)

    def _keep(self, entry: Entry, verified: Verified) -> None:
        photo, class_ = entry.photo, entry.candidate.class_
        had(photo, verified)
        self.journal.save(photo)
        entry.settle("good")
        self.open[class_] -= 1
        self.good[class_] += 1
        self.fetched_bytes += verified.bytes

    def _failed(self, entry: Entry, err: RejectError, final: bool = False) -> None:
        """Try again, or leave it to the next run, or give it up when its requests are used up."""
        photo = entry.photo
        if photo.requests >= REQUESTS_PER_PHOTO:
            self._reject(entry, err)
        elif final or photo.failures >= FAILURES_PER_RUN:
            photo.status, photo.reason, photo.detail = "failed", err.reason, err.detail
            self.journal.save(photo)
            self.open[entry.candidate.class_] -= 1
            self._drop(entry, err.reason)
        else:
            photo.reason, photo.detail = err.reason, err.detail
            self.journal.save(photo)
            self.queues.put(entry)

    def _reject(self, entry: Entry, err: RejectError) -> None:
        photo = entry.photo
        photo.status, photo.reason, photo.detail = "rejected", err.reason, err.detail
        self.journal.save(photo)
        if entry.state in ("open", "waiting"):
            self.open[entry.candidate.class_] -= 1
        self._drop(entry, err.reason)

    def _drop(self, entry: Entry, reason: str) -> None:
        entry.settle("bad")
        self.reasons.setdefault(entry.candidate.class_, Counter())[reason] += 1
