"""How hosts are asked: one queue per host, more requests at once while all goes well, half after a protest."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from collect.candidate import RejectError, RejectReason
from collect.fetch.entries import Entry, EntryState
from collect.http import MAX_PER_HOST, host_of

START_LIMIT = 8.0
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 30.0
MAX_WAIT_SECONDS = 300.0
PAUSE_AFTER_FAILURES, PAUSE_SECONDS, MAX_PAUSES = 20, 10.0, 3
PROTESTS = (RejectReason.THROTTLED, RejectReason.SERVER_ERROR)


@dataclass(slots=True)
class Host:
    """The rate limit of one host; times are of `time.monotonic`. `given_up` says why it gets no more requests, else "".

    The limit grows as TCP's window does (slow start, then additive increase) and halves on 429 and 503 (RFC 5681).
    """

    limit: float = START_LIMIT
    threshold: float = float(MAX_PER_HOST)
    in_flight: int = 0
    not_before: float = 0.0
    halved_at: float = 0.0
    failures_in_row: int = 0
    throttled: int = 0
    given_up: str = ""
    rng: random.Random = field(default_factory=random.Random)

    def may_start(self, now: float) -> bool:
        """Whether one more request may be sent now."""
        return now >= self.not_before and self.in_flight < int(self.limit)

    def answered(self, now: float, error: RejectError | None = None) -> None:
        """A request ended, with this error if it failed. A photo that is rejected is no failure of the host."""
        self.in_flight -= 1
        if error and error.reason in PROTESTS:
            self.protested(now, error.retry_after)
        elif error and error.transient:
            self.failed(now)
        else:
            self.succeeded()

    def succeeded(self) -> None:
        """The host answered, with a good photo or not."""
        self.failures_in_row = 0
        step = 1.0 if self.limit < self.threshold else 1.0 / self.limit
        self.limit = min(float(MAX_PER_HOST), self.limit + step)

    def protested(self, now: float, retry_after: float | None) -> None:
        """429 or 503: halve, at most once for the requests that were in flight together, and wait as long as asked."""
        self.throttled += 1
        if now >= self.halved_at:
            self.limit = self.threshold = max(1.0, self.limit / 2)
            self.halved_at = now + 1.0
        if retry_after is not None:
            self.not_before = max(self.not_before, now + retry_after)
            if retry_after > MAX_WAIT_SECONDS:
                self.given_up = f"the host asks for a pause of {retry_after:,.0f} s"
        self.failed(now)

    def failed(self, now: float) -> None:
        """No usable answer; after many in a row the host gets no requests for a while."""
        self.failures_in_row += 1
        if self.failures_in_row % PAUSE_AFTER_FAILURES == 0:
            self.limit = 1.0
            self.not_before = max(self.not_before, now + PAUSE_SECONDS)
            if self.failures_in_row >= PAUSE_AFTER_FAILURES * MAX_PAUSES:
                self.given_up = f"the host failed {self.failures_in_row} times in a row"

    def backoff(self, failures: int) -> float:
        """Seconds until a photo that failed `failures` times is tried again, with jitter."""
        seconds = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (failures - 1))
        return self.rng.uniform(0.5, 1.0) * seconds


class Queues:
    """Waiting entries by host. Entries of local sources, which need no host, wait under ""."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self._waiting: dict[str, list[tuple[int, int, Entry]]] = {}
        self._order = count()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def host(self, entry: Entry) -> Host | None:
        """The host of an entry's address, None for a local entry."""
        return None if entry.candidate.read else self.hosts.setdefault(host_of(entry.url or ""), Host())

    def put(self, entry: Entry) -> None:
        """Let an entry wait. Those never requested go first: a kill rarely interrupts the same one twice."""
        asked = entry.requests + entry.interruptions
        entry.state = EntryState.WAITING
        name = "" if entry.candidate.read else host_of(entry.url or "")
        heapq.heappush(self._waiting.setdefault(name, []), (asked, next(self._order), entry))

    def take(self, room: int, now: float) -> Iterator[tuple[Entry, Host | None]]:
        """At most `room` entries that may start now, and besides all of hosts that were given up, with their host."""
        for waiting in list(self._waiting.values()):
            later = []
            while waiting and room > 0:
                host = self.host(waiting[0][-1])
                if host and not host.given_up and not host.may_start(now):
                    break
                item = heapq.heappop(waiting)
                entry = item[-1]
                if host and host.given_up:
                    yield entry, host
                elif entry.not_before > now:
                    later.append(item)
                else:
                    room -= 1
                    if host:
                        host.in_flight += 1
                    yield entry, host
            for item in later:
                heapq.heappush(waiting, item)
