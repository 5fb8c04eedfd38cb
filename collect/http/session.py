"""A session whose every request is guarded and metered, from the first connection to the last byte."""

import http.client
import io
import math
import socket
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

import requests
import requests.adapters
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util import parse_url

from collect.datasets import vggbench_version
from collect.errors import UsageError
from collect.http.addresses import AddressRule, PrivateAddressError, address_of, check_addresses, resolve
from collect.redact import redact
from collect.verify import MAX_BYTES

MAX_PER_HOST = 64
CONNECT_SECONDS = 10.0
PROJECT = "https://pypi.org/project/vggbench/"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take as a whole: connection, status, headers, framing and body together.

    It may take `seconds`, and longer by the time that the bytes received take at `slowest` bytes a second.
    """

    seconds: float
    slowest: float = math.inf
    bytes: float = math.inf


PHOTO_LIMITS = Limits(seconds=30.0, bytes=MAX_BYTES + 2**22)


class Meter:
    """The time and the bytes that one request has used."""

    def __init__(self, limits: Limits):
        self._limits, self._started, self._received = limits, time.monotonic(), 0

    def seconds_left(self) -> float:
        """How long the request may still take. Raises TimeoutError if its time is over."""
        allowed = self._limits.seconds + self._received / self._limits.slowest
        left = self._started + allowed - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not complete after {allowed:.0f} s")
        return left

    def count(self, number: int) -> None:
        """Add received bytes. Raises OSError if they are too many."""
        self._received += number
        if self._received > self._limits.bytes:
            raise OSError(f"the server sends more than {self._limits.bytes:,} bytes")


class MeteredReader(io.RawIOBase):
    """What a socket receives, within the limits of its request."""

    def __init__(self, sock: socket.socket, meter: Meter):
        self._sock, self._meter, self._pause = sock, meter, sock.gettimeout() or math.inf
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive into `buffer`. Raises OSError, of which TimeoutError is one."""
        self._sock.settimeout(min(self._pause, self._meter.seconds_left()))
        number = self._raw.readinto(buffer)
        self._meter.count(number or 0)
        return number

    def close(self) -> None:
        """Release the socket, which may serve another request."""
        self._raw.close()
        super().close()


class PlainSession(requests.Session):
    """A session that looks at redirects only if it follows them: requests would read their bodies in any case."""

    def resolve_redirects(self, *args: Any, yield_requests: bool = False, **kwargs: Any) -> Any:
        """The requests that a response redirects to; none if the caller does not follow redirects."""
        return iter(()) if yield_requests else super().resolve_redirects(*args, **kwargs)


def user_agent() -> str:
    """The name under which we send requests, with version and address."""
    return f"vggbench/{vggbench_version()} (+{PROJECT})"


def open_session(
    may_contact: AddressRule | None, pool_size: int = MAX_PER_HOST, limits: Limits = PHOTO_LIMITS
) -> requests.Session:
    """A session with one connection pool per host that contacts only addresses that `may_contact` allows (None: all).

    Every request has its own `limits`. Raises UsageError if the environment names a proxy that cannot be used.
    """
    _check_proxies()
    current = threading.local()  # the meter of the request that a thread is making
    direct, to_proxy = _pool_classes(may_contact, current), _pool_classes(None, current)

    class GuardedAdapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = direct

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = to_proxy  # the proxy itself is the user's choice
            return manager

        def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
            current.meter = Meter(limits)
            if may_contact and select_proxy(request.url, kwargs.get("proxies")):
                _check_before_proxy(request.url, may_contact)
            return super().send(request, *args, **kwargs)

    session = PlainSession()
    session.headers.update({"User-Agent": user_agent(), "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, GuardedAdapter(pool_connections=256, pool_maxsize=pool_size, max_retries=0))
    return session


def _check_proxies() -> None:
    proxies = urllib.request.getproxies()
    for scheme in ("http", "https"):
        proxy = proxies.get(scheme) or proxies.get("all")
        if not proxy:
            continue
        try:
            address = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        except (LocationParseError, ValueError):
            address = parse_url("")
        if not address.host or address.scheme not in ("http", "https"):
            raise UsageError(f"{scheme}_proxy or all_proxy: {redact(proxy)} is not the http(s) address of a proxy")


def _check_before_proxy(url: str, may_contact: AddressRule) -> None:
    """Raise PrivateAddressError unless the host of `url` is known to have only allowed addresses."""
    host = (parse_url(url).host or "").strip("[]")
    try:
        check_addresses(host, resolve(host), may_contact)
    except (OSError, UnicodeError) as err:
        advice = "--allow-private leaves the check to the proxy"
        raise PrivateAddressError(f"{host} cannot be checked before the proxy gets it ({err}); {advice}") from err


def _connect(answers: Any, options: Any, meter: Meter) -> socket.socket:
    """A connection to the first of the addresses that accepts it: not to the name, which may lead elsewhere by now.

    Raises OSError.
    """
    failure = OSError("it has no address")
    for family, kind, protocol, _, place in answers:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(min(CONNECT_SECONDS, meter.seconds_left()))
            sock.connect(place)
        except OSError as err:
            sock.close()
            failure = err
        else:
            return sock
    raise failure


def _pool_classes(may_contact: AddressRule | None, current: threading.local) -> dict[str, Any]:
    """Connection pools whose connections are guarded, and metered by `current.meter`."""

    class MeteredResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any):
            super().__init__(sock, *args, **kwargs)
            reader = MeteredReader(sock, current.meter)
            self.fp.close()
            self.fp = io.BufferedReader(reader)

    class GuardedConnection(HTTPConnection):
        response_class = MeteredResponse

        def _new_conn(self) -> socket.socket:
            try:
                answers = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
            except socket.gaierror as err:
                raise NameResolutionError(self.host, self, err) from err
            if may_contact:
                check_addresses(self.host, [address_of(a[4]) for a in answers], may_contact)
            try:
                return _connect(answers, self.socket_options or (), current.meter)
            except TimeoutError as err:
                raise ConnectTimeoutError(self, f"{self.host} does not accept the connection in time") from err
            except OSError as err:
                raise NewConnectionError(self, str(err)) from err

    class GuardedTLSConnection(GuardedConnection, HTTPSConnection): ...

    class GuardedPool(HTTPConnectionPool):
        ConnectionCls = GuardedConnection

    class GuardedTLSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedTLSConnection

    return {"http": GuardedPool, "https": GuardedTLSPool}
