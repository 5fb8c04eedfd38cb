"""Hostile responses from a raw socket server on the loopback interface, fetched with the guard on."""

import socket
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from random import Random

import requests

from benchmarks.soaking.items import Item
from benchmarks.soaking.response_kinds import KEPT, KINDS, PRIVATE, SLOW, Maker
from benchmarks.soaking.trials import Place
from collect.candidate import RejectError, RejectReason
from collect.http import MovedError, fetch, guard, open_session
from tests.servers.photos import jpeg

LIMIT_SECONDS = 50.0  # the longest request: a deadline of 30 s, and time for a busy machine
MOST_MOVES = 4


class RawServer:
    """Answers GET /NUMBER with the response of that number and closes the connection."""

    def __init__(self, photo: bytes, seed: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._photo, self._seed, self._is_closed = photo, seed, threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._is_closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                path = lines.readline().split(b" ")[1:2]
                while lines.readline().strip():
                    pass
                number = path[0].split(b"/")[1].split(b"?")[0] if path else b""
                kinds = list(KINDS.values())
                index = int(number) if number.isdigit() and int(number) < len(kinds) else 0
                self._send(connection, index, kinds)
        except OSError:
            return  # the client has gone

    def _send(self, connection: socket.socket, index: int, kinds: Sequence[Maker]) -> None:
        for piece in kinds[index](Random(f"{self._seed}/{index}"), self._photo, f"{self.url}/{index}"):
            if isinstance(piece, bytes):
                connection.sendall(piece)
            elif self._is_closed.wait(piece):
                break
            if self._is_closed.is_set():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return

    def close(self) -> None:
        """End all answers, and with them all requests that still wait."""
        self._is_closed.set()
        self._listener.close()


def hostile_responses(place: Place) -> list[Item]:
    """One response of every kind, all at once, as they come when many hosts are asked."""
    seed, photo = str(place.random.random()), jpeg(place.random.randrange(10**6))
    server = RawServer(photo, seed)
    allowed = guard(allow_private=False, endpoint=server.url)
    with ThreadPoolExecutor(len(KINDS)) as pool:
        asked = {
            kind: pool.submit(_fetched, open_session(allowed), f"{server.url}/{i}") for i, kind in enumerate(KINDS)
        }
        wait(asked.values(), timeout=LIMIT_SECONDS)
        items = [Item(kind, lost=_judge(kind, future, photo)) for kind, future in asked.items()]
        server.close()
    return items


def _fetched(session: requests.Session, url: str) -> bytes:
    """The body, after redirects as the gatherer follows them."""
    for _ in range(MOST_MOVES):
        try:
            return fetch(session, url)
        except MovedError as err:
            url = err.url
    raise RejectError(RejectReason.REDIRECTS, f"more than {MOST_MOVES}")


def _judge(kind: str, future: "Future[bytes]", photo: bytes) -> str:
    """Why the outcome of a request is wrong, "" if it is right."""
    if not future.done():
        return f"no end within {LIMIT_SECONDS:.0f} s"
    error = future.exception()
    if error is not None and not isinstance(error, RejectError):
        return f"{type(error).__name__} escapes: {str(error)[:200]}"
    if error is not None and error.reason not in list(RejectReason):
        return f"undocumented reason {error.reason}"
    if kind in KEPT and (error is not None or future.result() != photo):
        return f"the photo did not arrive: {error and (error.reason, error.detail)}"
    if kind in PRIVATE and (error is None or error.reason is not RejectReason.PRIVATE_ADDRESS):
        return f"not refused as a private address: {error and error.reason}"
    if kind in SLOW and error is None:
        return "an unfinished response was taken for a photo"
    return ""
