"""The clock of a run: synchronised with the device where it has to be, never inside an epoch."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def clock(device: torch.device) -> float:
    """Seconds on a monotonic clock, after the device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


@contextmanager
def timed(seconds: dict[str, float], part: str, device: torch.device) -> Iterator[None]:
    """Add the synchronised time of the block to `seconds[part]`."""
    start = clock(device)
    yield
    seconds[part] = seconds.get(part, 0.0) + clock(device) - start


class StepTimer:
    """Seconds by part of a training step, measured without waiting for the device inside an epoch."""

    def __init__(self, device: torch.device, seconds: dict[str, float]) -> None:
        self._device, self._seconds = device, seconds
        self._marks: list[tuple[str, Any]] = []

    def mark(self, part: str) -> None:
        """Count the time since the last mark as spent on `part`."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append((part, event))
        else:
            self._marks.append((part, time.perf_counter()))

    def add_up(self) -> None:
        """Add the time between the marks since the last call to `seconds`. Synchronise the device first."""
        for (_, start), (part, end) in itertools.pairwise(self._marks):
            elapsed = end - start if self._device.type != "cuda" else start.elapsed_time(end) / 1000
            self._seconds[part] = self._seconds.get(part, 0.0) + elapsed
        self._marks.clear()
