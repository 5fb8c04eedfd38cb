"""A part of the soak, and where its trials work."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.soaking.baseline import Baseline
from benchmarks.soaking.items import Item


@dataclass(frozen=True, slots=True)
class Place:
    """Where and with what a trial works: an empty folder, its random numbers, and the intact files to start from."""

    folder: Path
    random: Random
    number: int
    baseline: Baseline


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of trouble: `trials` trials at full size."""

    trial: Callable[[Place], list[Item]]
    trials: int
