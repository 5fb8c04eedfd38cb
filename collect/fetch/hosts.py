"""How much may be asked of one host at once: more while it goes well, half when it protests, nothing for a while."""

import random
from dataclasses import dataclass, field

from collect.http import MAX_PER_HOST

START_LIMIT = 8.0
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 30.0
MAX_WAIT_SECONDS = 300.0
OPEN_AFTER_FAILURES, OPEN_SECONDS, OPENINGS = 20, 10.0, 3


@dataclass(slots=True)
class Host:
    """One host's state, seen from the scheduling thread alone. Times are of `time.monotonic`.

    `given_up` says why nothing more is asked of it in this run, "" while it is.

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

    def succeeded(self) -> None:
        """A request went well, whatever became of the photo."""
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
                self.given_up = f"the host asks to be left alone for {retry_after:,.0f} s"
        self.failed(now)

    def failed(self, now: float) -> None:
        """No usable answer; after many in a row the host is left alone for a while."""
        self.failures_in_row += 1
        if self.failures_in_row % OPEN_AFTER_FAILURES == 0:
            self.limit = 1.0
            self.not_before = max(self.not_before, now + OPEN_SECONDS)
            if self.failures_in_row >= OPEN_AFTER_FAILURES * OPENINGS:
                self.given_up = f"the host failed {self.failures_in_row} times in a row"

    def backoff(self, failures: int) -> float:
        """Seconds until a photo that failed `failures` times is tried again, with jitter."""
        seconds = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (failures - 1))
        return self.rng.uniform(0.5, 1.0) * seconds
