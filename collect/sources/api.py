"""What the sources that call an API share: its address, its limits across runs, waiting, redacted secrets."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from collect.datasets import Dataset
from collect.errors import SourceError
from collect.manifest import atomic_write

ENDPOINTS = {"flickr": "FLICKR_API_URL", "openverse": "OPENVERSE_API_URL"}  # replace the API's address
LONGEST_WAIT_SECONDS = 300.0
TRIES = 5
LATER = "the photos so far are kept, run the same command later"
_LOCK = threading.Lock()  # the classes are searched at the same time


class RefusedCallError(SourceError):
    """An API does not accept this call, so that another try is useless."""


def endpoint(dataset: Dataset) -> str | None:
    """The API address that the environment sets in place of the source's own, None if it sets none."""
    return os.environ.get(ENDPOINTS.get(dataset.source, "")) or None


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` on one short line, with every secret replaced by ***."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return " ".join(text.split())[:200]


def pause(stop: threading.Event, seconds: float) -> None:
    """Sleep. Raises SourceError if the run is being stopped."""
    if stop.wait(seconds):
        raise SourceError("stopped")


def pause_before_retry(stop: threading.Event, attempt: int, asked_seconds: float | None) -> None:
    """Sleep as long as the API asks, else longer after each attempt, with jitter. Raises SourceError."""
    pause(stop, asked_seconds if asked_seconds is not None else 0.5 * 2**attempt * random.uniform(0.5, 1.0))


@dataclass(slots=True)
class CallBudget:
    """How many calls one API allows. `limits` are pairs: so many calls in so many seconds.

    The calls are counted across runs, in `path`. `advice` is what to do when a long limit is reached.
    """

    name: str
    path: Path
    limits: tuple[tuple[int, float], ...]
    advice: str
    stop: threading.Event
    notify: Callable[[str], None]

    def spend(self) -> None:
        """Wait until one more call is allowed, and count it. Raises SourceError if the wait is too long."""
        with _LOCK:
            while (wait := self._wait()) > 0:
                if wait > LONGEST_WAIT_SECONDS:
                    until = datetime.fromtimestamp(time.time() + wait).strftime("%H:%M")
                    advice = f"the photos so far are kept, run the same command after {until}, {self.advice}"
                    raise SourceError(f"{self.name}: the limit of calls is reached; {advice}")
                if wait > 2:
                    self.notify(f"{self.name}: the limit of calls is reached, continuing in {wait:.0f} s")
                pause(self.stop, wait)
            longest = max(seconds for _, seconds in self.limits)
            times = [t for t in self._times() if t > time.time() - longest]
            with atomic_write(self.path) as out:
                json.dump([*times, time.time()], out)

    def _times(self) -> list[float]:
        try:
            return [float(t) for t in json.loads(self.path.read_text(encoding="utf-8"))]
        except (FileNotFoundError, ValueError, TypeError):
            return []

    def _wait(self) -> float:
        now, times = time.time(), sorted(self._times())
        return max([0.0, *(times[-number] + seconds - now for number, seconds in self.limits if len(times) >= number)])
