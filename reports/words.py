"""Numbers and names as a reader wants them: rounded to their uncertainty, with units, free of control characters."""

import math
import re
import unicodedata

MODEL_NAMES = {
    "scratch-vgg": "Scratch VGG",
    "frozen-vgg": "Frozen VGG",
    "finetuned-vgg": "Fine-tuned VGG",
    "baseline-cnn": "Baseline CNN",
}
SECONDS_PER_HOUR = 3600
TIE = 1e-9
"""Added before rounding, so that 86.25 reads 86.3 whichever way it was computed."""


def clean(text: object, limit: int = 300) -> str:
    """A name from outside, safe to show: control and direction-changing characters become U+FFFD, length is capped."""
    shown = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def short(text: str, limit: int = 18) -> str:
    """A label that fits beside a mark in a chart."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def anchor(text: str) -> str:
    """An id for links, stable between builds."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def percent(share: float | None, digits: int = 1) -> str:
    """A fraction as a percentage; never rounds to 100% what is not."""
    if share is None or math.isnan(share):
        return "–"
    text = f"{100 * share + TIE:.{digits}f}%"
    return f"{100 - 10**-digits:.{digits}f}%" if share < 1 and text.startswith("100") else text


def points(difference: float, digits: int = 1) -> str:
    """A difference of two fractions in percentage points, without its sign."""
    return f"{abs(100 * difference):.{digits}f} point{'' if f'{abs(100 * difference):.{digits}f}' == '1.0' else 's'}"


def signed(difference: float, digits: int = 1) -> str:
    """A difference of two fractions in percentage points with a true minus sign."""
    text = f"{100 * difference:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def duration(seconds: float | None) -> str:
    """Seconds in the unit a person would say."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < SECONDS_PER_HOUR:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / SECONDS_PER_HOUR:.1f} h"


def big(number: float | None, unit: str = "", base: int = 1000) -> str:
    """A large number with three digits and a prefix: 134 M, 2.76 G."""
    if number is None:
        return "–"
    value = float(number)
    for prefix in ("", "k", "M", "G", "T", "P"):
        if abs(value) < base or prefix == "P":
            break
        value /= base
    text = f"{value:.0f}" if value >= 99.95 or value == int(value) else f"{value:.{1 if value >= 9.995 else 2}f}"
    return f"{text} {prefix}{unit}".rstrip()


def times(ratio: float) -> str:
    """How many times as much, in words that suit small and large ratios."""
    if 0.95 <= ratio <= 1.05:
        return "about the same"
    return f"{ratio:.1f} times" if ratio < 9.5 else f"{ratio:.0f} times"


def listed(names: list[str]) -> str:
    """Names joined as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
