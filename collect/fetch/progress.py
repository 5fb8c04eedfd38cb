"""What the user sees while photos are gathered: a live table on a terminal, a line now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collect.fetch.hosts import Host
from collect.fetch.ledger import Ledger
from collect.wording import counted, duration, joined_counts

LINE_SECONDS = 10.0
REASONS_SHOWN, HOSTS_SHOWN = 4, 5

Hosts = Mapping[str, Host]
Show = Callable[[Ledger, Hosts, int], None]  # the photos so far, the hosts by name, the bytes fetched


@dataclass(frozen=True, slots=True)
class ProgressDisplay:
    """Two ways to inform the user: how far gathering is, and one line of text."""

    show: Show
    notify: Callable[[str], None]


@contextmanager
def show_progress(quiet: bool, wanted: int | None = None) -> Iterator[ProgressDisplay]:
    """Show progress on stderr for as long as the context lasts. `wanted` is the number of photos per class."""
    console, started = Console(stderr=True), time.monotonic()
    if quiet:
        yield ProgressDisplay(lambda *_: None, lambda line: None)
    elif console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield ProgressDisplay(
                lambda ledger, hosts, size: live.update(_table(ledger, hosts, size, wanted, started), refresh=True),
                lambda line: live.console.print(line, markup=False, highlight=False),
            )
    else:
        printed = started

        def show(ledger: Ledger, hosts: Hosts, fetched_bytes: int) -> None:
            nonlocal printed
            if time.monotonic() - printed >= LINE_SECONDS:
                printed = time.monotonic()
                good, rejected = ledger.good.total(), sum(reasons.total() for reasons in ledger.reasons.values())
                speed = good / (printed - started)
                print(f"  {good:,} good, {rejected:,} rejected, {speed:,.0f} photos/s", file=sys.stderr)

        yield ProgressDisplay(show, lambda line: print(line, file=sys.stderr))


def _table(ledger: Ledger, hosts: Hosts, fetched_bytes: int, wanted: int | None, started: float) -> Group:
    table = Table(box=None, pad_edge=False)
    for column in ("class", "good", "under way", "rejected", "why"):
        table.add_column(column, justify="left" if column in ("class", "why") else "right")
    for name in ledger.entries:
        reasons = ledger.reasons.get(name, Counter())
        good = f"{ledger.good[name]:,}" + (f" of {wanted:,}" if wanted else "")
        numbers = f"{ledger.under_way[name]:,}", f"{reasons.total():,}"
        table.add_row(name, good, *numbers, joined_counts(reasons.most_common(REASONS_SHOWN)))
    now = time.monotonic()
    speed = ledger.good.total() / (now - started)
    left = sum(max(0, wanted - ledger.good[name]) for name in ledger.entries) if wanted else 0
    eta = f", about {duration(left / speed)} left" if wanted and speed else ""
    lines = [Text(f"{speed:,.0f} photos/s, {fetched_bytes / 1e6:,.0f} MB{eta}")]
    for name, host in sorted(hosts.items(), key=lambda item: -item[1].in_flight)[:HOSTS_SHOWN]:
        state = host.given_up or (f"waits {duration(host.not_before - now)}" if host.not_before > now else "")
        slowed = f", slowed down {counted(host.throttled, 'time')}" if host.throttled else ""
        requests = f"{host.in_flight} of {counted(int(host.limit), 'request')}"
        lines.append(Text(f"{name}: {requests}{slowed} {state}", style="dim"))
    return Group(table, *lines)
