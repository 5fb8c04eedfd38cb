"""Numbers, names and lists as the report prints them: rounded, with units, without control characters or secrets."""

import math
import platform
import re
import unicodedata

from bench.records import hide_home

MODEL_NAMES = {
    "scratch-vgg": "Scratch VGG",
    "frozen-vgg": "Frozen VGG",
    "finetuned-vgg": "Fine-tuned VGG",
    "baseline-cnn": "Baseline CNN",
}
PERCENT = "\u00a0%"
"""The percent sign with a space that never breaks over two lines."""
TIE = 1e-9
"""Added before rounding, so that 86.25 prints as 86.3 regardless of how it was computed."""

SECRET = re.compile(
    r"(?i)((?:key|token|secret|password)[\w-]*[=:]\s*|--[\w-]*(?:key|token|secret|password)[\w-]*\s+)[^\s&]+"
    r"|(?<=://)[^/\s@]+@"
)
HOMES = re.compile(r"(?:/home|/Users|[A-Z]:\\Users)[/\\][^/\\\s]+|/root\b")


def clean(text: object, limit: int = 300) -> str:
    """A text from outside, safe to show: without home directories, keys or passwords, control and direction-changing
    characters become U+FFFD, length is capped.
    """
    shown = SECRET.sub(lambda m: (m[1] or "") + "***", HOMES.sub("~", hide_home(str(text))))
    shown = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in shown)
    return shorten(shown, limit)


def shorten(text: str, limit: int) -> str:
    """A text of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def model_name(model: str) -> str:
    """The name of a model of `bench` as the report prints it."""
    return clean(MODEL_NAMES.get(model, model), 60)


def mid_sentence(name: str) -> str:
    """A contender's name inside a sentence: `Frozen VGG` becomes `frozen VGG`, other names stay as they are."""
    return name[0].lower() + name[1:] if name.startswith(tuple(MODEL_NAMES.values())) else name


def percent(share: float | None, digits: int = 1) -> str:
    """A fraction as a percentage; a fraction below 1 never rounds to 100 %."""
    if share is None or math.isnan(share):
        return "–"
    text = f"{100 * share + TIE:.{digits}f}"
    return (f"{100 - 10**-digits:.{digits}f}" if share < 1 and text.startswith("100") else text) + PERCENT


def points(difference: float) -> str:
    """A difference of two fractions in percentage points, without its sign."""
    text = f"{abs(100 * difference):.1f}"
    return f"{text} point{'' if text == '1.0' else 's'}"


def signed(difference: float) -> str:
    """A difference of two fractions in percentage points with a true minus sign."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds in the unit that suits their size."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def big(number: float, unit: str = "") -> str:
    """A large number with three digits and a prefix: 134 M, 2.76 G."""
    value = float(number)
    for prefix in ("", "k", "M", "G", "T", "P"):
        if abs(value) < 1000 or prefix == "P":
            break
        value /= 1000
    text = f"{value:.0f}" if value >= 99.95 or value == int(value) else f"{value:.{1 if value >= 9.995 else 2}f}"
    return f"{text} {prefix}{unit}".rstrip()


def is_about_one(ratio: float) -> bool:
    """Whether a ratio is too close to 1 to mention."""
    return 0.95 <= ratio <= 1.05


def times(ratio: float) -> str:
    """How many times as much, with digits that suit small and large ratios."""
    return "about the same" if is_about_one(ratio) else f"{ratio:.{1 if ratio < 9.5 else 0}f} times"


def listed(names: list[str]) -> str:
    """Names joined as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """A count with its noun, which takes an s (or is `many`) unless the count is 1."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def redact(text: object, limit: int = 300) -> str:
    """A text of a program, safe to show: as `clean`, and without this machine's name, which could also be a class."""
    host = platform.node()
    shown = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "(host)", str(text)) if len(host) > 2 else str(text)
    return clean(shown, limit)
