"""How much to tune: `--tune N` trials of each model, `--budget TIME` for everything, or both."""

import re
from dataclasses import dataclass

from bench.errors import UsageError

UNITS = {"h": 3600, "m": 60, "s": 1}
_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, slots=True)
class TuningLimit:
    """At most `trials` of each recipe, and `seconds` for all recipes together, final runs included."""

    trials: int | None
    seconds: float | None

    @property
    def text(self) -> str:
        """The limit as flags give it: 20, 1h30m, or both."""
        parts = [str(self.trials)] if self.trials else []
        return ", ".join([*parts, time_text(self.seconds)] if self.seconds else parts)


def parse_limit(tune: object, budget: object) -> TuningLimit | None:
    """The limit that `--tune` and `--budget` ask for, None without both. Raises UsageError for an unfit value."""
    if tune is None and budget is None:
        return None
    if tune is not None and (not str(tune).isdecimal() or int(str(tune)) < 1):
        raise UsageError(f"--tune {tune}: give the number of trials of each model, at least 1")
    return TuningLimit(None if tune is None else int(str(tune)), None if budget is None else _seconds(str(budget)))


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip().lower())
    seconds = sum(float(n) * unit for n, unit in zip(match.groups(), UNITS.values(), strict=True) if n) if match else 0
    if not seconds:
        raise UsageError(f"--budget {text}: write a time such as 90s, 30m, 2h or 1h30m")
    return seconds


def time_text(seconds: float) -> str:
    """A time as `--budget` takes it: the same text for 90m and 1h30m."""
    rest, text = seconds, ""
    for unit, size in UNITS.items():
        count = rest if unit == "s" else rest // size
        rest -= count * size
        text += f"{count:g}{unit}" if count else ""
    return text
