"""What the user sees while photos are gathered: a live table on a terminal, a line now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collect.fetch.gatherer import Gatherer

REFRESH_SECONDS, LINE_SECONDS = 0.25, 10.0


@dataclass(frozen=True, slots=True)
class Show:
    """Two ways to speak to the user: the gatherer's state, and one line of text."""

    state: Callable[[Gatherer], None]
    tell: Callable[[str], None]


def _silent(_: object) -> None:
    return


@contextmanager
def progress(quiet: bool, wanted: int | None = None) -> Iterator[Show]:
    """Show progress on stderr for as long as the context lasts. `wanted` is the number of photos per class."""
    if quiet:
        yield Show(_silent, _silent)
        return
    console = Console(stderr=True)
    started = time.monotonic()
    shown = started
    if console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:

            def draw(gatherer: Gatherer) -> None:
                nonlocal shown
                if time.monotonic() - shown >= REFRESH_SECONDS:
                    shown = time.monotonic()
                    live.update(_table(gatherer, shown - started, wanted), refresh=True)

            yield Show(draw, lambda line: live.console.print(line, markup=False, highlight=False))
        return

    def line(gatherer: Gatherer) -> None:
        nonlocal shown
        if time.monotonic() - shown >= LINE_SECONDS:
            shown = time.monotonic()
            good, bad = sum(gatherer.good.values()), sum(sum(r.values()) for r in gatherer.reasons.values())
            print(f"  {good:,} good, {bad:,} rejected, {good / (shown - started):,.0f} photos/s", file=sys.stderr)

    yield Show(line, lambda text: print(text, file=sys.stderr))


def _table(gatherer: Gatherer, seconds: float, wanted: int | None) -> Group:
    table = Table(box=None, pad_edge=False)
    for column in ("class", "good", "under way", "rejected", "why"):
        table.add_column(column, justify="left" if column in ("class", "why") else "right")
    for class_ in gatherer.ranked:
        reasons = gatherer.reasons.get(class_, Counter())
        why = ", ".join(f"{n:,} {r}" for r, n in reasons.most_common(4))
        goal = f"{gatherer.good[class_]:,}" + (f" of {wanted:,}" if wanted else "")
        table.add_row(class_, goal, f"{gatherer.open[class_]:,}", f"{sum(reasons.values()):,}", why)
    good = sum(gatherer.good.values())
    speed = good / seconds
    left = sum(max(0, wanted - gatherer.good[c]) for c in gatherer.ranked) if wanted else 0
    eta = f", about {left / speed:,.0f} s to go" if wanted and speed else ""
    lines = [Text(f"{speed:,.0f} photos/s, {gatherer.fetched_bytes / 1e6:,.0f} MB{eta}")]
    now = time.monotonic()
    for name, host in sorted(gatherer.queues.hosts.items(), key=lambda x: -x[1].in_flight)[:5]:
        state = host.given_up or (f"waits {host.not_before - now:,.0f} s" if host.not_before > now else "")
        slowed = f", slowed down {host.throttled} times" if host.throttled else ""
        lines.append(Text(f"{name}: {host.in_flight} of {int(host.limit)} requests{slowed} {state}", style="dim"))
    return Group(table, *lines)
