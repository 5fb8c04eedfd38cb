"""One polite, guarded HTTP request: caps, deadlines, no private addresses, typed failures. Retries are gather's."""

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from collect.candidate import RejectError
from collect.verify import MAX_BYTES

MAX_PER_HOST = 64
CONNECT_SECONDS, READ_SECONDS, FILE_SECONDS = 10.0, 10.0, 30.0
SLOW_AFTER_SECONDS, SLOW_BYTES_PER_SECOND = 5.0, 1024
CHUNK_BYTES = 2**16
PROJECT = "https://pypi.org/project/vggbench/"
PLACEHOLDER = re.compile(r"photo_unavailable|/pw/images/|image[-_]?not[-_]?(found|available)", re.I)
OPT_OUTS = {"noai", "noimageai", "noindex"}

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class MovedError(Exception):
    """The server sends us elsewhere; `url` is where."""

    def __init__(self, url: str):
        super().__init__(url)
        self.url = url


class PrivateAddressError(Exception):
    """A host resolves to an address that is not public."""


def user_agent() -> str:
    """Our honest name, with version and address."""
    try:
        number = version("vggbench")
    except PackageNotFoundError:  # a checkout that is not installed
        number = "checkout"
    return f"vggbench/{number} (+{PROJECT})"


def resolve(host: str, port: int | None = None) -> list[IPAddress]:
    """All addresses of a host. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]


def is_public(address: IPAddress) -> bool:
    """Whether an address is on the open internet; IPv4 inside IPv6 is judged as IPv4."""
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return is_public(mapped) if mapped else address.is_global and not address.is_multicast


def guard(allow_private: bool, endpoint: str | None = None) -> Callable[[IPAddress], bool]:
    """Which addresses may be asked: public ones; all when allowed; those of the kind a configured endpoint has itself.

    An endpoint on loopback opens loopback, one in a private network opens private networks, neither opens link-local.
    """
    if allow_private:
        return lambda address: True
    kinds: set[str] = set()
    if endpoint and (host := urlsplit(endpoint).hostname):
        try:
            kinds = {_kind(a) for a in resolve(host)}
        except OSError:
            kinds = set()  # the request itself will say that the host cannot be found
    return lambda address: is_public(address) or _kind(address) in kinds


def _kind(address: IPAddress) -> str:
    if address.is_loopback:
        return "loopback"
    if address.is_link_local or not address.is_private:
        return "other"
    return "private"


def open_session(may_ask: Callable[[IPAddress], bool], pool_size: int = MAX_PER_HOST) -> requests.Session:
    """A session with one connection pool per host that checks every address it connects to with `may_ask`."""

    def checked(host: str, port: int | None) -> None:
        if bad := [a for a in resolve(host, port) if not may_ask(a)]:
            raise PrivateAddressError(f"{host} is {bad[0]}, not a public address")

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            checked(self._dns_host, self.port)
            return _peer_checked(super()._new_conn(), may_ask)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            checked(self._dns_host, self.port)
            return _peer_checked(super()._new_conn(), may_ask)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    session = requests.Session()
    session.headers.update({"User-Agent": user_agent(), "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter(pool_connections=256, pool_maxsize=pool_size, max_retries=0))
    return session


def _peer_checked(sock: socket.socket, may_ask: Callable[[IPAddress], bool]) -> socket.socket:
    peer = ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
    if not may_ask(peer):  # the name resolved differently the second time
        sock.close()
        raise PrivateAddressError(f"{peer} is not a public address")
    return sock


def host_of(url: str) -> str:
    """The host and port a URL asks, "" when it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def fetch(session: requests.Session, url: str, probe: bool = False) -> bytes:
    """The body behind one http(s) URL, with one request, under caps and deadlines; of a `probe` its first byte at most.

    Raises RejectError with its reason code, or MovedError for a redirect.
    """
    if not host_of(url) or urlsplit(url).scheme not in ("http", "https"):
        raise RejectError("bad-url", f"{url!r:.200} is not an http(s) address")
    started = time.monotonic()
    headers = {"Range": "bytes=0-0"} if probe else {}
    limits = CONNECT_SECONDS, READ_SECONDS
    try:
        with session.get(url, stream=True, allow_redirects=False, headers=headers, timeout=limits) as response:
            _check_status(response, url, probe)
            return b"" if probe and response.status_code == 200 else _body(response, started)
    except PrivateAddressError as err:
        raise RejectError("private-address", str(err)) from err
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as err:
        raise RejectError("bad-url", f"{url!r:.200}") from err
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as err:
        raise RejectError("timeout", "no answer in time", transient=True) from err
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
        if private := _cause(err, PrivateAddressError):
            raise RejectError("private-address", str(private)) from err
        raise RejectError("connection", last_words(err), transient=True) from err


def _check_status(response: requests.Response, url: str, probe: bool) -> None:
    status = response.status_code
    wait = retry_after(response.headers.get("Retry-After"))
    if status in (301, 302, 303, 307, 308):
        target = urljoin(url, response.headers.get("Location", ""))
        if PLACEHOLDER.search(target):
            raise RejectError("placeholder", "redirected to a placeholder image")
        raise MovedError(target)
    if status in (404, 410):
        raise RejectError("gone", f"HTTP {status}")
    if status == 429:
        raise RejectError("throttled", "HTTP 429", transient=True, retry_after=wait)
    if status >= 500 or status == 408:
        raise RejectError("server-error", f"HTTP {status}", transient=True, retry_after=wait)
    if status in (401, 403):
        raise RejectError("forbidden", f"HTTP {status}")
    if status != 200 and not (probe and status == 206):
        raise RejectError("http-error", f"HTTP {status}")
    tags = {t.strip().lower() for t in re.split(r"[,:]", response.headers.get("X-Robots-Tag", ""))}
    if refused := sorted(tags & OPT_OUTS):
        raise RejectError("opted-out", f"X-Robots-Tag: {refused[0]}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise RejectError("html", "a web page, not a photo")


def _body(response: requests.Response, started: float) -> bytes:
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise RejectError("too-large", f"{int(length):,} bytes, at most {MAX_BYTES:,}")
    chunks, size = [], 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        seconds = time.monotonic() - started
        if size > MAX_BYTES:
            raise RejectError("too-large", f"more than {MAX_BYTES:,} bytes")
        slow = seconds > SLOW_AFTER_SECONDS and size < SLOW_BYTES_PER_SECOND * seconds
        if slow or seconds > FILE_SECONDS:
            raise RejectError("too-slow", f"{size:,} bytes in {seconds:.0f} s", transient=True)
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if length.isdigit() and not encoded and size < int(length):
        raise RejectError("truncated", f"closed after {size:,} of {int(length):,} bytes", transient=True)
    return b"".join(chunks)


def retry_after(header: str | None) -> float | None:
    """Seconds to wait as a Retry-After header asks, given as seconds or as a date."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _cause(err: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind among `err`, its arguments and its causes."""
    seen: list[Any] = [err]
    for item in seen:
        if isinstance(item, kind):
            return item
        if isinstance(item, BaseException):
            more = [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
            seen += [m for m in more if isinstance(m, BaseException) and not any(m is s for s in seen)]
    return None


def last_words(err: BaseException) -> str:
    """What happened, without the URL that urllib3 repeats."""
    while inner := next((a for a in [getattr(err, "reason", None), *err.args] if isinstance(a, BaseException)), None):
        err = inner
    return f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
