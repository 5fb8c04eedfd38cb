"""What the user sees while photos are gathered: a live table on a terminal, a line now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collect.fetch.hosts import Host
from collect.redact import redact
from collect.terminal import make_console, print_text, printable
from collect.wording import counted, duration, joined_counts

LINE_SECONDS = 10.0
REASONS_SHOWN, HOSTS_SHOWN = 4, 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far gathering is at one moment: photos by class, rejects by class and reason, the hosts by name."""

    classes: tuple[str, ...]
    good: Counter[str]
    under_way: Counter[str]
    rejected: Mapping[str, Counter[str]]
    hosts: Mapping[str, Host]
    fetched_bytes: int


@dataclass(frozen=True, slots=True)
class ProgressDisplay:
    """Two ways to inform the user: how far gathering is, and one line of text."""

    show: Callable[[Snapshot], None]
    notify: Callable[[str], None]


@contextmanager
def show_progress(quiet: bool, wanted: int | None = None) -> Iterator[ProgressDisplay]:
    """Show progress on stderr for as long as the context lasts. `wanted` is the number of photos per class."""
    console, started = make_console(stderr=True), time.monotonic()
    if quiet:
        yield ProgressDisplay(lambda snapshot: None, lambda line: None)
    elif console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield ProgressDisplay(
                lambda snapshot: live.update(_table(snapshot, time.monotonic() - started, wanted), refresh=True),
                lambda line: live.console.print(redact(line)),
            )
    else:
        printed = started

        def show(snapshot: Snapshot) -> None:
            nonlocal printed
            if time.monotonic() - printed >= LINE_SECONDS:
                printed = time.monotonic()
                good, rejected = snapshot.good.total(), sum(reasons.total() for reasons in snapshot.rejected.values())
                speed = good / (printed - started)
                print(f"  {good:,} good, {rejected:,} rejected, {speed:,.0f} photos/s", file=sys.stderr)

        yield ProgressDisplay(show, lambda line: print_text(redact(line), sys.stderr))


def _table(snapshot: Snapshot, seconds: float, wanted: int | None) -> Group:
    table = Table(box=None, pad_edge=False)
    for column in ("class", "good", "under way", "rejected", "why"):
        table.add_column(column, justify="left" if column in ("class", "why") else "right")
    for name in snapshot.classes:
        reasons = snapshot.rejected.get(name, Counter())
        good = f"{snapshot.good[name]:,}" + (f" of {wanted:,}" if wanted else "")
        numbers = f"{snapshot.under_way[name]:,}", f"{reasons.total():,}"
        table.add_row(name, good, *numbers, joined_counts(reasons.most_common(REASONS_SHOWN)))
    speed = snapshot.good.total() / seconds
    left = sum(max(0, wanted - snapshot.good[name]) for name in snapshot.classes) if wanted else 0
    eta = f", about {duration(left / speed)} left" if wanted and speed else ""
    lines = [Text(f"{speed:,.0f} photos/s, {snapshot.fetched_bytes / 1e6:,.0f} MB{eta}")]
    now = time.monotonic()
    for name, host in sorted(snapshot.hosts.items(), key=lambda item: -item[1].in_flight)[:HOSTS_SHOWN]:
        state = host.given_up or (f"waits {duration(host.not_before - now)}" if host.not_before > now else "")
        slowed = f", slowed down {counted(host.throttled, 'time')}" if host.throttled else ""
        requests = f"{host.in_flight} of {counted(int(host.limit), 'request')}"
        lines.append(Text(printable(f"{name}: {requests}{slowed} {state}"), style="dim"))
    return Group(table, *lines)
