"""Text on a terminal: names and messages from outside are shown and never obeyed."""

import io
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, direction marks, halves of characters, line separators
NOTEBOOK_FORMAT = '<pre style="white-space: pre; overflow-x: auto; line-height: normal">{code}</pre>'
NOTEBOOK_COLUMNS = 115  # rich's own width there
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
    """Print outside text on `stream` (default: stdout), whatever its encoding. A terminal gets whole words."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    shown = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    print(_wrapped(shown) if stream.isatty() else shown, file=stream)


def _wrapped(text: str) -> str:
    """Text whose lines fit the terminal, as far as its words do."""
    width = shutil.get_terminal_size().columns
    lines = []
    for line in text.splitlines():
        if len(line) <= width:
            lines.append(line)
            continue
        words = line.lstrip()
        indent = line[: len(line) - len(words)]
        lines += textwrap.TextWrapper(
            width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ).wrap(words)
    return "\n".join(lines)


def make_console(**options: Any) -> "Console":
    """A console that prints and tabulates any text: it reads no markup in it and shows what could control it."""
    from rich.console import Console  # late: most commands print lines alone
    from rich.text import Text

    class TerminalConsole(Console):
        def render_str(self, text: str, **style: Any) -> Text:
            return super().render_str(printable(text), **style)

    return TerminalConsole(markup=False, emoji=False, highlight=False, **options)


def make_table(*columns: str, left: Collection[str] = (), padding: int = 2) -> "Table":
    """An empty table without lines. Columns named in `left` hold text, the others figures."""
    from rich.table import Table

    table = Table(box=None, padding=(0, padding), header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name in left else "right", no_wrap=name not in left)
    return table


def as_html(*contents: "RenderableType") -> str:
    """What a console would print, as HTML for the cell of a notebook."""
    console = make_console(file=io.StringIO(), record=True, width=NOTEBOOK_COLUMNS, force_jupyter=False)
    console.print(*contents, sep="\n")
    return str(console.export_html(inline_styles=True, code_format=NOTEBOOK_FORMAT))


@contextmanager
def live_view(console: "Console") -> "Iterator[Callable[[RenderableType], None] | None]":
    """A function that shows something in place of what it showed before, on a terminal or in the cell of a notebook.

    Nothing of it is left at the end. None where output cannot be replaced, or is not wanted.
    """
    if console.quiet:
        yield None
    elif console.is_terminal:
        from rich.live import Live

        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield lambda content: live.update(content, refresh=True)
    elif console.is_jupyter:
        from IPython.display import HTML, display  # rich's own Live needs ipywidgets

        handle = display(HTML(""), display_id=True)
        try:
            yield lambda content: handle.update(HTML(as_html(content)))
        finally:
            handle.update(HTML(""))
    else:
        yield None


@contextmanager
def announce(console: "Console", work: str) -> Iterator[None]:
    """Show at once what is done inside the block: on a terminal as long as it lasts, elsewhere in a line."""
    if console.is_terminal and not console.quiet:
        with console.status(f"{work} ..."):
            yield
    else:
        console.print(f"{work} ...")
        yield
