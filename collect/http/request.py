"""One request: its address, its status and headers, its body, and typed reasons where there is no photo."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from collect.candidate import RejectError, RejectReason
from collect.errors import connection_error_text
from collect.http.addresses import PrivateAddressError
from collect.http.session import CONNECT_SECONDS
from collect.redact import is_redacted, redact
from collect.verify import MAX_BYTES

READ_SECONDS = 10.0
SLOW_AFTER_SECONDS, SLOW_BYTES_PER_SECOND = 5.0, 1024
CHUNK_BYTES = 2**16
LONGEST_DATE = 100
REDIRECTS = (301, 302, 303, 307, 308)
NUMBER = re.compile(r"\s*([0-9]{1,18})\s*")  # str.isdigit also accepts digits that int refuses, such as ²
PLACEHOLDER = re.compile(r"photo_unavailable|/pw/images/|image[-_]?not[-_]?(found|available)", re.I)
STATUS_REASONS = dict.fromkeys((404, 410), RejectReason.GONE) | dict.fromkeys((401, 403), RejectReason.FORBIDDEN)
OPT_OUTS = {"noai", "noimageai", "noindex"}
# What a request raises if the server or the connection fails; ValueError comes from headers that cannot be parsed.
REQUEST_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


@dataclass(eq=False)
class MovedError(Exception):
    """The server redirects the request to `url`."""

    url: str


def host_of(url: str) -> str:
    """The host and port of a URL, "" if it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def is_address(url: str) -> bool:
    """Whether `url` can be requested: http(s), with a host, in characters that can be sent."""
    try:
        url.encode()
        return urlsplit(url).scheme in ("http", "https") and bool(host_of(url))
    except ValueError:
        return False


def fetch(session: requests.Session, url: str, probe: bool = False) -> bytes:
    """The body of one URL, under caps and deadlines; a `probe` asks for one byte. Raises RejectError, MovedError."""
    if is_redacted(url):
        raise RejectError(RejectReason.NO_URL, "its address holds a secret, which is not stored")
    if not is_address(url):
        raise RejectError(RejectReason.BAD_URL, f"{redact(url)!r:.200} is not an http(s) address")
    started = time.monotonic()
    headers, limits = {"Range": "bytes=0-0"} if probe else {}, (CONNECT_SECONDS, READ_SECONDS)
    try:
        with session.get(url, stream=True, allow_redirects=False, headers=headers, timeout=limits) as response:
            _check_status(response, url, probe)
            return b"" if probe and response.status_code == 200 else _body(response, started)
    except PrivateAddressError as err:
        raise RejectError(RejectReason.PRIVATE_ADDRESS, str(err)) from err
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as err:
        raise RejectError(RejectReason.BAD_URL, f"{redact(url)!r:.200}") from err
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as err:
        raise RejectError(RejectReason.TIMEOUT, "no complete answer in time", transient=True) from err
    except REQUEST_ERRORS as err:
        raise RejectError(RejectReason.CONNECTION, request_error_text(err, url), transient=True) from err


def _check_status(response: requests.Response, url: str, probe: bool) -> None:
    status = response.status_code
    wait = retry_after(response.headers.get("Retry-After"))
    if target := redirect_target(response, url):
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


def redirect_target(response: requests.Response, url: str) -> str | None:
    """Where a response to `url` redirects to, None if it does not. Raises RejectError if that is no address."""
    if response.status_code not in REDIRECTS:
        return None
    location = response.headers.get("Location", "")
    try:
        target = urljoin(url, location.encode("latin-1").decode())  # servers send UTF-8, headers are read as Latin-1
    except ValueError:
        target = ""
    if not is_address(target):
        raise RejectError(RejectReason.BAD_URL, f"redirected to {redact(location)!r:.200}, which is not an address")
    return target


def content_length(response: requests.Response) -> int | None:
    """The length that a response states; None if it states none, or something that is no length."""
    found = NUMBER.fullmatch(response.headers.get("Content-Length", ""))
    return int(found[1]) if found else None


def _body(response: requests.Response, started: float) -> bytes:
    length = content_length(response)
    if length is not None and length > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{length:,} bytes, at most {MAX_BYTES:,}")
    chunks, size = [], 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        seconds = time.monotonic() - started
        if size > MAX_BYTES:
            raise RejectError(RejectReason.TOO_LARGE, f"more than {MAX_BYTES:,} bytes")
        if seconds > SLOW_AFTER_SECONDS and size < SLOW_BYTES_PER_SECOND * seconds:
            raise RejectError(RejectReason.TOO_SLOW, f"{size:,} bytes in {seconds:.0f} s", transient=True)
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if length is not None and not encoded and size < length:
        raise RejectError(RejectReason.TRUNCATED, f"closed after {size:,} of {length:,} bytes", transient=True)
    return b"".join(chunks)


def retry_after(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as a date; None for one that is neither."""
    if not header or len(header) > LONGEST_DATE:
        return None
    if seconds := NUMBER.fullmatch(header):
        return float(seconds[1])
    try:
        date = parsedate_to_datetime(header)
        return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):  # all of them for dates that are none
        return None


def request_error_text(err: BaseException, url: str) -> str:
    """Why a request to `url` failed, in words and without its path and secrets."""
    is_proxy = isinstance(err, requests.exceptions.ProxyError)
    host = f"the proxy for {host_of(url)}" if is_proxy else host_of(url)
    return connection_error_text(err, host) or f"{host}: {_root_message(err)}"


def _root_message(err: BaseException) -> str:
    """The message of the error at the root, without the URL that urllib3 repeats."""
    while inner := next((a for a in [getattr(err, "reason", None), *err.args] if isinstance(a, BaseException)), None):
        err = inner
    return redact(str(err)) or type(err).__name__
