"""A local server that sends exactly the bytes it is given, at any pace: what no HTTP library would send."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class RawServer:
    """Passes each request and its connection to `respond`, then closes the connection."""

    def __init__(self, respond: Callable[[bytes, socket.socket], None], port: int = 0):
        self.requests: list[bytes] = []
        self.respond, self._listener = respond, socket.create_server(("127.0.0.1", port), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                threading.Thread(target=self._answer, args=self._listener.accept()[:1], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client has left
            request = b""
            while b"\r\n\r\n" not in request and (data := connection.recv(65536)):
                request += data
            self.requests.append(request)
            self.respond(request, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def sends(payload: bytes) -> Callable[[bytes, socket.socket], None]:
    """Answer every request with these bytes."""
    return lambda _, connection: connection.sendall(payload)


def drips(head: bytes, drop: bytes, pause_seconds: float) -> Callable[[bytes, socket.socket], None]:
    """Send `head` at once and then `drop` again and again, until the client leaves or half a minute is over."""

    def respond(_: bytes, connection: socket.socket) -> None:
        connection.sendall(head)
        left = threading.Event()
        for _ in range(int(30 / max(pause_seconds, 1e-6))):
            connection.sendall(drop)
            left.wait(pause_seconds)

    return respond
