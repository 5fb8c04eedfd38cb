"""What the user sees while photos are gathered: a live table on a terminal or in a notebook, elsewhere a line now and
then.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table
from rich.text import Text

from collect.fetch.hosts import Host
from collect.redact import redact
from collect.terminal import live_view, make_console, print_text, printable
from collect.wording import counted, duration, joined_counts

LINE_SECONDS = 10.0
REASONS_SHOWN, HOSTS_SHOWN = 4, 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far gathering is at one moment: photos by class, rejects by class and reason, the hosts by name.

    `needed` is the number of good photos at which a class is complete; None, or no entry: all that there are.
    """

    classes: tuple[str, ...]
    good: Counter[str]
    needed: Mapping[str, int | None]
    under_way: Counter[str]
    rejected: Mapping[str, Counter[str]]
    hosts: Mapping[str, Host]
    fetched_bytes: int

    def is_complete(self, name: str) -> bool:
        """Whether a class has the photos that it needs."""
        needed = self.needed.get(name)
        return needed is not None and self.good[name] >= needed


@dataclass(frozen=True, slots=True)
class ProgressDisplay:
    """Two ways to inform the user: how far gathering is, and one line of text."""

    show: Callable[[Snapshot], None]
    notify: Callable[[str], None]


@contextmanager
def show_progress(quiet: bool) -> Iterator[ProgressDisplay]:
    """Show progress on stderr for as long as the context lasts."""
    console, started = make_console(stderr=True), time.monotonic()
    if quiet:
        yield ProgressDisplay(lambda snapshot: None, lambda line: None)
        return
    with live_view(console) as show:
        if show is None:
            yield ProgressDisplay(_line_printer(started), lambda line: print_text(redact(line), sys.stderr))
        else:
            yield ProgressDisplay(
                lambda snapshot: show(_table(snapshot, time.monotonic() - started, console.height - 1)),
                lambda line: console.print(redact(line)),
            )


def _line_printer(started: float) -> Callable[[Snapshot], None]:
    printed = started

    def show(snapshot: Snapshot) -> None:
        nonlocal printed
        if time.monotonic() - printed >= LINE_SECONDS:
            printed = time.monotonic()
            good, rejected = snapshot.good.total(), sum(reasons.total() for reasons in snapshot.rejected.values())
            speed = good / (printed - started)
            print(f"  {good:,} good, {rejected:,} rejected, {speed:,.0f} photos/s", file=sys.stderr)

    return show


def _table(snapshot: Snapshot, seconds: float, height: int) -> Group:
    """At most `height` lines: the classes, unfinished ones first if not all fit, the speed and the busiest hosts."""
    hosts = sorted(snapshot.hosts.items(), key=lambda item: -item[1].in_flight)[:HOSTS_SHOWN]
    table = Table(box=None, pad_edge=False)
    for column in ("class", "good", "under way", "rejected", "why"):
        is_text = column in ("class", "why")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=not is_text)
    classes, rows = list(snapshot.classes), len(snapshot.classes)
    if rows > height - len(hosts) - 2:
        classes.sort(key=snapshot.is_complete)
        rows = max(1, height - len(hosts) - 3)
    for name in classes[:rows]:
        table.add_row(*_row(snapshot, [name], name))
    if rest := classes[rows:]:
        table.add_row(*_row(snapshot, rest, f"{len(rest):,} more"))
    speed = snapshot.good.total() / seconds
    left = sum(max(0, (snapshot.needed.get(name) or 0) - snapshot.good[name]) for name in snapshot.classes)
    eta = f", about {duration(left / speed)} left" if left and speed else ""
    lines = [Text(f"{speed:,.0f} photos/s, {snapshot.fetched_bytes / 1e6:,.0f} MB{eta}")]
    now = time.monotonic()
    for name, host in hosts:
        state = host.given_up or (f"waits {duration(host.not_before - now)}" if host.not_before > now else "")
        slowed = f", slowed down {counted(host.throttled, 'time')}" if host.throttled else ""
        requests = f"{host.in_flight} of {counted(int(host.limit), 'request')}"
        lines.append(_one_line(f"{name}: {requests}{slowed} {state}", "dim"))
    return Group(table, *lines)


def _row(snapshot: Snapshot, classes: Sequence[str], title: str) -> list[Text]:
    """One line about these classes. A count is never above its total: earlier runs may have found more than needed."""
    good, under_way = (sum(counts[name] for name in classes) for counts in (snapshot.good, snapshot.under_way))
    reasons = sum((snapshot.rejected.get(name, Counter()) for name in classes), Counter[str]())
    needed = [snapshot.needed.get(name) for name in classes]
    total = None if None in needed else sum(number or 0 for number in needed)
    count = f"{good:,}" if total is None or good > total else f"{good:,} of {total:,}"
    why = joined_counts(reasons.most_common(REASONS_SHOWN))
    return [*map(_one_line, (title, count, f"{under_way:,}", f"{reasons.total():,}", why))]


def _one_line(text: str, style: str = "") -> Text:
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")
