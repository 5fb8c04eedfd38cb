"""Text on a terminal: names and messages from outside are shown and never obeyed."""

import sys
import unicodedata
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, direction marks, halves of characters, line separators
JOINERS = "\u200c\u200d"  # of category Cf, but words and emoji need them


def printable(text: object) -> str:
    r"""Text that a terminal only shows: what could control it is written as `\x1b`, a byte that is not UTF-8 as `\xe9`.

    Line feeds stay.
    """
    return "".join(c if c == "\n" or c.isprintable() else _visible(c) for c in str(text))


def _visible(char: str) -> str:
    if char in JOINERS or unicodedata.category(char) not in UNSAFE:
        return char
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()


def print_text(text: object, stream: TextIO | None = None) -> None:
    """Print outside text on `stream` (default: stdout), whatever its encoding."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=stream)


def make_console(**options: Any) -> "Console":
    """A console that prints and tabulates any text: it reads no markup in it and shows what could control it."""
    from rich.console import Console  # late: most commands print lines alone
    from rich.text import Text

    class TerminalConsole(Console):
        def render_str(self, text: str, **style: Any) -> Text:
            return super().render_str(printable(text), **style)

    return TerminalConsole(markup=False, emoji=False, highlight=False, **options)
