"""What the sources that call an API share: its address, its limits across runs, waiting, reading its answers."""

import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from collect.candidate import SourceContext
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.http import REQUEST_ERRORS, Limits, guard, is_address, open_session
from collect.manifest import atomic_write
from collect.redact import redact

ENDPOINTS = {"flickr": "FLICKR_API_URL", "openverse": "OPENVERSE_API_URL"}  # replace the API's address
LONGEST_WAIT_SECONDS = 300.0
TRIES = 5
LATER = "the photos so far are kept, run the same command later"
LIMITS = Limits(seconds=60.0, bytes=2**25)
CALL_ERRORS = (*REQUEST_ERRORS, RecursionError)  # the last one for JSON that is nested too deep
_LOCK = threading.Lock()  # the classes are searched at the same time


class RefusedCallError(SourceError):
    """An API does not accept this call, so that another try is useless."""


def endpoint(dataset: Dataset) -> str | None:
    """The API address that the environment sets in place of the source's own, None if it sets none.

    Raises SourceError if it is not an address.
    """
    variable = ENDPOINTS.get(dataset.source, "")
    url = os.environ.get(variable) or None
    if url and not is_address(url):
        raise SourceError(f"{variable}: {redact(url)!r} is not an address; it needs the form https://HOST/PATH")
    return url


def open_api(context: SourceContext, url: str | None) -> requests.Session:
    """A session for calls to the API at `url` (None: the source's own)."""
    return open_session(guard(context.allow_private, url), limits=LIMITS)


def records(answer: Any, *path: str) -> list[dict[str, Any]]:
    """The JSON objects in the list at this path of an answer; empty if there is no such list."""
    for key in path:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []


def number(value: Any) -> int:
    """A count or time in an answer, 0 if it is none."""
    found = re.fullmatch(r"([0-9]{1,15})(?:\.0)?", str(value))
    return int(found[1]) if found else 0


def text(value: Any) -> str | None:
    """A text or number in an answer, as text that can be written as UTF-8; None if it is empty or something else."""
    is_text = isinstance(value, str | int | float)
    return str(value).encode("utf-8", "replace").decode() or None if is_text else None


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` on one short line, with every secret replaced by ***."""
    return " ".join(redact(text, secrets).split())[:200]


def pause(stop: threading.Event, seconds: float) -> None:
    """Sleep. Raises SourceError if the run is being stopped."""
    if stop.wait(seconds):
        raise SourceError("stopped")


def pause_before_retry(stop: threading.Event, attempt: int, asked_seconds: float | None) -> None:
    """Sleep as long as the API asks, else longer after each attempt, with jitter. Raises SourceError."""
    if asked_seconds is not None and asked_seconds > LONGEST_WAIT_SECONDS:
        raise SourceError(f"the API asks for a pause of {asked_seconds:,.0f} s; {LATER}")
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
            times = [t for t in call_times(self.path) if t > time.time() - longest]
            with atomic_write(self.path) as out:
                json.dump([*times, time.time()], out)

    def _wait(self) -> float:
        now, times = time.time(), sorted(call_times(self.path))
        return max([0.0, *(times[-number] + seconds - now for number, seconds in self.limits if len(times) >= number)])


def call_times(path: Path) -> list[float]:
    """When earlier runs made the calls that are counted in `path`; none if there is no such file or it is damaged."""
    try:
        times = [float(t) for t in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError, OverflowError, RecursionError):
        return []
    return [t for t in times if t <= time.time()]  # the clock may have been set back
