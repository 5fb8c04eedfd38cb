"""How often an API may be asked: limits kept across runs, because the API counts across runs too."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from collect.errors import SourceError
from collect.manifest import atomic_write

LONGEST_WAIT_SECONDS = 300.0


@dataclass(slots=True)
class Budget:
    """Requests to one API. `limits` are pairs of a number and the seconds in which no more may be made.

    The times of the requests are kept in `path`. `advice` is what to do when a long limit is reached.
    """

    name: str
    path: Path
    limits: tuple[tuple[int, float], ...]
    advice: str
    stop: threading.Event
    tell: Callable[[str], None]

    def spend(self) -> None:
        """Wait until one more request may be made, and count it. Raises SourceError where the wait is too long."""
        with _LOCK:
            while (wait := self._wait()) > 0:
                if wait > LONGEST_WAIT_SECONDS:
                    until = datetime.fromtimestamp(time.time() + wait).strftime("%H:%M")
                    raise SourceError(
                        f"{self.name}: its limit of requests is reached; what was found is kept, "
                        f"run the same command after {until}, {self.advice}"
                    )
                if wait > 2:
                    self.tell(f"{self.name}: its limit of requests is reached, going on in {wait:.0f} s")
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
        now, times = time.time(), self._times()
        waits = [0.0]
        for number, seconds in self.limits:
            recent = sorted(t for t in times if t > now - seconds)
            if len(recent) >= number:
                waits.append(recent[-number] + seconds - now)
        return max(waits)


_LOCK = threading.Lock()  # classes are searched at the same time


def pause(stop: threading.Event, seconds: float) -> None:
    """Sleep unless the run is being stopped. Raises SourceError then."""
    if stop.wait(seconds):
        raise SourceError("stopped")
