"""One polite, guarded HTTP request: caps, deadlines, no private addresses, typed failures; fetch/ retries."""

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from collect.candidate import RejectError, RejectReason
from collect.datasets import vggbench_version
from collect.verify import MAX_BYTES

MAX_PER_HOST = 64
CONNECT_SECONDS, READ_SECONDS, FILE_SECONDS = 10.0, 10.0, 30.0
SLOW_AFTER_SECONDS, SLOW_BYTES_PER_SECOND = 5.0, 1024
CHUNK_BYTES = 2**16
PROJECT = "https://pypi.org/project/vggbench/"
PLACEHOLDER = re.compile(r"photo_unavailable|/pw/images/|image[-_]?not[-_]?(found|available)", re.I)
STATUS_REASONS = dict.fromkeys((404, 410), RejectReason.GONE) | dict.fromkeys((401, 403), RejectReason.FORBIDDEN)
OPT_OUTS = {"noai", "noimageai", "noindex"}

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(eq=False)
class MovedError(Exception):
    """The server redirects the request to `url`."""

    url: str


class PrivateAddressError(Exception):
    """A host resolves to an address that is not public."""


def user_agent() -> str:
    """The name under which we send requests, with version and address."""
    return f"vggbench/{vggbench_version()} (+{PROJECT})"


def resolve(host: str, port: int | None = None) -> list[IPAddress]:
    """All addresses of a host. Raises OSError if it has none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in answers]


def is_public(address: IPAddress) -> bool:
    """Whether an address is on the open internet; IPv4 inside IPv6 counts as IPv4."""
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return is_public(mapped) if mapped else address.is_global and not address.is_multicast


def guard(allow_private: bool, endpoint: str | None = None) -> Callable[[IPAddress], bool]:
    """Which addresses may be contacted: public ones, those of an endpoint's kind, all if `allow_private`."""
    if allow_private:
        return lambda address: True
    kinds: set[str] = set()
    if endpoint and (host := urlsplit(endpoint).hostname):
        with suppress(OSError):  # the request itself reports that the host does not exist
            kinds = {_kind(a) for a in resolve(host)}
    return lambda address: is_public(address) or _kind(address) in kinds


def _kind(address: IPAddress) -> str:
    if address.is_loopback:
        return "loopback"
    return "private" if address.is_private and not address.is_link_local else "other"


def open_session(may_contact: Callable[[IPAddress], bool], pool_size: int = MAX_PER_HOST) -> requests.Session:
    """A session with one connection pool per host that connects only to addresses that `may_contact` allows."""

    class CheckedHTTPConnection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            if refused := [a for a in resolve(self._dns_host, self.port) if not may_contact(a)]:
                raise PrivateAddressError(f"{self._dns_host} is {refused[0]}, not a public address")
            sock = super()._new_conn()
            peer = ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
            if not may_contact(peer):  # the name resolved differently the second time
                sock.close()
                raise PrivateAddressError(f"{peer} is not a public address")
            return sock

    class CheckedHTTPSConnection(CheckedHTTPConnection, HTTPSConnection): ...

    class CheckedHTTPPool(HTTPConnectionPool):
        ConnectionCls = CheckedHTTPConnection

    class CheckedHTTPSPool(HTTPSConnectionPool):
        ConnectionCls = CheckedHTTPSConnection

    class CheckedAdapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": CheckedHTTPPool, "https": CheckedHTTPSPool}

    session = requests.Session()
    session.headers.update({"User-Agent": user_agent(), "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, CheckedAdapter(pool_connections=256, pool_maxsize=pool_size, max_retries=0))
    return session


def host_of(url: str) -> str:
    """The host and port of a URL, "" if it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def fetch(session: requests.Session, url: str, probe: bool = False) -> bytes:
    """The body of one URL, under caps and deadlines; a `probe` asks for one byte. Raises RejectError, MovedError."""
    if not host_of(url) or urlsplit(url).scheme not in ("http", "https"):
        raise RejectError(RejectReason.BAD_URL, f"{url!r:.200} is not an http(s) address")
    started = time.monotonic()
    headers, limits = {"Range": "bytes=0-0"} if probe else {}, (CONNECT_SECONDS, READ_SECONDS)
    try:
        with session.get(url, stream=True, allow_redirects=False, headers=headers, timeout=limits) as response:
            _check_status(response, url, probe)
            return b"" if probe and response.status_code == 200 else _body(response, started)
    except PrivateAddressError as err:
        raise RejectError(RejectReason.PRIVATE_ADDRESS, str(err)) from err
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as err:
        raise RejectError(RejectReason.BAD_URL, f"{url!r:.200}") from err
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as err:
        raise RejectError(RejectReason.TIMEOUT, "no answer in time", transient=True) from err
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
        raise RejectError(RejectReason.CONNECTION, root_message(err), transient=True) from err


def _check_status(response: requests.Response, url: str, probe: bool) -> None:
    status = response.status_code
    wait = retry_after(response.headers.get("Retry-After"))
    if status in (301, 302, 303, 307, 308):
        target = urljoin(url, response.headers.get("Location", ""))
        if PLACEHOLDER.search(target):
            raise RejectError(RejectReason.PLACEHOLDER, "redirected to a placeholder image")
        raise MovedError(target)
    if status in (408, 429) or status >= 500:
        reason = RejectReason.THROTTLED if status == 429 else RejectReason.SERVER_ERROR
        raise RejectError(reason, f"HTTP {status}", transient=True, retry_after=wait)
    if status != 200 and not (probe and status == 206):
        raise RejectError(STATUS_REASONS.get(status, RejectReason.HTTP_ERROR), f"HTTP {status}")
    tags = {t.strip().lower() for t in re.split(r"[,:]", response.headers.get("X-Robots-Tag", ""))}
    if refused := sorted(tags & OPT_OUTS):
        raise RejectError(RejectReason.OPTED_OUT, f"X-Robots-Tag: {refused[0]}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise RejectError(RejectReason.HTML, "a web page, not a photo")


def _body(response: requests.Response, started: float) -> bytes:
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{int(length):,} bytes, at most {MAX_BYTES:,}")
    chunks, size = [], 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        seconds = time.monotonic() - started
        if size > MAX_BYTES:
            raise RejectError(RejectReason.TOO_LARGE, f"more than {MAX_BYTES:,} bytes")
        slow = seconds > SLOW_AFTER_SECONDS and size < SLOW_BYTES_PER_SECOND * seconds
        if slow or seconds > FILE_SECONDS:
            raise RejectError(RejectReason.TOO_SLOW, f"{size:,} bytes in {seconds:.0f} s", transient=True)
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if length.isdigit() and not encoded and size < int(length):
        raise RejectError(RejectReason.TRUNCATED, f"closed after {size:,} of {int(length):,} bytes", transient=True)
    return b"".join(chunks)


def retry_after(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as a date; None for one that is neither."""
    try:
        return float(urllib3.Retry().parse_retry_after(header)) if header else None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def root_message(err: BaseException) -> str:
    """The message of the error at the root, without the URL that urllib3 repeats."""
    while inner := next((a for a in [getattr(err, "reason", None), *err.args] if isinstance(a, BaseException)), None):
        err = inner
    return f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
