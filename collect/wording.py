"""Numbers and durations in messages."""

from collections.abc import Iterable


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 photo, 2,000 photos, 2 classes, 3 copies."""
    if number != 1:
        noun = plural or (f"{noun}es" if noun.endswith("s") else f"{noun}s")
    return f"{number:,} {noun}"


def duration(seconds: float) -> str:
    """Seconds for a reader: 4.2 s, 75 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size_text(number: int) -> str:
    """Bytes for a reader: 12 KB, 3.4 MB, 528 MB, 1.6 GB."""
    unit, divisor = next((u for u in (("GB", 1e9), ("MB", 1e6)) if number >= u[1]), ("KB", 1e3))
    value = number / divisor
    return f"{value:.1f} {unit}" if 0 < value < 10 else f"{value:,.0f} {unit}"


def joined_counts(counts: Iterable[tuple[str, int]]) -> str:
    """Codes with their counts: 361 surplus, 26 near-duplicate."""
    return ", ".join(f"{number:,} {code}" for code, number in counts)
