"""What the user sees while photos are gathered: a live table on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collect.fetch.hosts import Host
from collect.wording import counted, duration, joined_counts

LINE_SECONDS = 10.0
REASONS_SHOWN, HOSTS_SHOWN = 4, 5


@dataclass(frozen=True, slots=True)
class ClassProgress:
    """How far one class is; `rejected` counts candidates by reason."""

    name: str
    good: int
    under_way: int
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far gathering is at one moment; `hosts` are copies."""

    classes: tuple[ClassProgress, ...]
    hosts: Mapping[str, Host]
    fetched_bytes: int

    @property
    def good(self) -> int:
        """Good photos of all classes."""
        return sum(c.good for c in self.classes)


@dataclass(frozen=True, slots=True)
class Display:
    """Two ways to inform the user: how far gathering is, and one line of text."""

    show: Callable[[Snapshot], None]
    notify: Callable[[str], None]


@contextmanager
def show_progress(quiet: bool, wanted: int | None = None) -> Iterator[Display]:
    """Show progress on stderr for as long as the context lasts. `wanted` is the number of photos per class."""
    console, started = Console(stderr=True), time.monotonic()
    if quiet:
        yield Display(lambda snapshot: None, lambda line: None)
    elif console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield Display(
                lambda snapshot: live.update(_table(snapshot, time.monotonic() - started, wanted), refresh=True),
                lambda line: live.console.print(line, markup=False, highlight=False),
            )
    else:
        printed = started

        def show(snapshot: Snapshot) -> None:
            nonlocal printed
            if time.monotonic() - printed >= LINE_SECONDS:
                printed = time.monotonic()
                rejected = sum(sum(c.rejected.values()) for c in snapshot.classes)
                speed = snapshot.good / (printed - started)
                print(f"  {snapshot.good:,} good, {rejected:,} rejected, {speed:,.0f} photos/s", file=sys.stderr)

        yield Display(show, lambda line: print(line, file=sys.stderr))


def _table(snapshot: Snapshot, seconds: float, wanted: int | None) -> Group:
    table = Table(box=None, pad_edge=False)
    for column in ("class", "good", "under way", "rejected", "why"):
        table.add_column(column, justify="left" if column in ("class", "why") else "right")
    for row in snapshot.classes:
        reasons = sorted(row.rejected.items(), key=lambda item: -item[1])[:REASONS_SHOWN]
        good = f"{row.good:,}" + (f" of {wanted:,}" if wanted else "")
        rejected = f"{sum(row.rejected.values()):,}"
        table.add_row(row.name, good, f"{row.under_way:,}", rejected, joined_counts(reasons))
    speed = snapshot.good / seconds
    left = sum(max(0, wanted - row.good) for row in snapshot.classes) if wanted else 0
    eta = f", about {duration(left / speed)} left" if wanted and speed else ""
    lines = [Text(f"{speed:,.0f} photos/s, {snapshot.fetched_bytes / 1e6:,.0f} MB{eta}")]
    now = time.monotonic()
    for name, host in sorted(snapshot.hosts.items(), key=lambda item: -item[1].in_flight)[:HOSTS_SHOWN]:
        state = host.given_up or (f"waits {duration(host.not_before - now)}" if host.not_before > now else "")
        slowed = f", slowed down {counted(host.throttled, 'time')}" if host.throttled else ""
        requests = f"{host.in_flight} of {counted(int(host.limit), 'request')}"
        lines.append(Text(f"{name}: {requests}{slowed} {state}", style="dim"))
    return Group(table, *lines)
