"""Candidates that wait for their turn, one queue per host, and how each host fares."""

import heapq
from collections.abc import Iterator
from itertools import count

from collect.fetch.entries import Entry
from collect.fetch.hosts import Host
from collect.http import host_of


class Queues:
    """Waiting entries by host; local ones, which ask no host, wait under ""."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self._waiting: dict[str, list[tuple[int, int, Entry]]] = {}
        self._order = count()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def host(self, entry: Entry) -> Host | None:
        """The state of the host that an entry asks, None for a local one."""
        return None if entry.candidate.read else self.hosts.setdefault(host_of(entry.url or ""), Host())

    def put(self, entry: Entry) -> None:
        """Let an entry wait. Those never asked for go first: a kill rarely interrupts the same one twice."""
        entry.state = "waiting"
        name = "" if entry.candidate.read else host_of(entry.url or "")
        heapq.heappush(self._waiting.setdefault(name, []), (entry.photo.requests, next(self._order), entry))

    def take(self, room: int, now: float) -> Iterator[tuple[Entry, Host | None]]:
        """At most `room` entries that may start now, with their host, which counts them as in flight.

        Entries of a host that was given up come too and count nothing. `now` is of `time.monotonic`.
        """
        for waiting in list(self._waiting.values()):
            later = []
            while waiting and room > 0:
                host = self.host(waiting[0][-1])
                if host and not host.given_up and not host.may_start(now):
                    break
                place = heapq.heappop(waiting)
                entry = place[-1]
                if host and host.given_up:
                    yield entry, host
                elif entry.not_before > now:
                    later.append(place)
                else:
                    room -= 1
                    if host:
                        host.in_flight += 1
                    yield entry, host
            for place in later:
                heapq.heappush(waiting, place)
