"""Download one large file: resumable, checked against size and digests, visible only when complete."""

import hashlib
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
import urllib3

from collect.candidate import RejectError, SourceContext
from collect.datasets import Dataset, valid_name
from collect.errors import SourceError
from collect.files import atomic_write
from collect.http import (
    CONNECT_SECONDS,
    REQUEST_ERRORS,
    Limits,
    content_length,
    guard,
    is_address,
    open_session,
    redirect_target,
    request_error_text,
)
from collect.lock import lock_folder
from collect.redact import is_redacted, redact
from collect.sources.formats import starts_archive

TRIES, MAX_REDIRECTS = 4, 10
READ_SECONDS = 60.0
LIMITS = Limits(seconds=READ_SECONDS, slowest=1024)
CHUNK_BYTES = 2**20
MAX_NAME_BYTES = 200
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
# What is worth another try. An OSError of the file that is written is not among them.
INTERRUPTIONS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)


class IncompleteDownloadError(requests.ConnectionError):
    """The server did not send what is missing of a file."""


def is_remote(url: str) -> bool:
    """Whether `url` is an http(s) address and not a path."""
    return url.startswith(("http://", "https://"))


def fetch_list(dataset: Dataset, context: SourceContext) -> Path:
    """The list at `dataset.url`: a local file, or a fresh download, because lists grow. Raises SourceError."""
    url = dataset.url or ""
    return download(dataset, context, is_list=True) if is_remote(url) else Path(url)


def download(dataset: Dataset, context: SourceContext, is_list: bool = False) -> Path:
    """The file at `dataset.url`, in data/.downloads; a partial download is continued, a complete one is used again.

    A list is downloaded in any case. Raises SourceError, also if size or digests differ from the recipe's.
    """
    url, shown = dataset.url or "", redact(dataset.url or "")
    if not is_address(url):
        raise SourceError(f"{shown}: not a valid address; it needs the form http://HOST/PATH")
    if is_redacted(url):
        raise SourceError(f"{shown}: *** replaces a secret, which is not stored; give the full address with --from")
    folder = context.data / ".downloads" / hashlib.sha256(url.encode()).hexdigest()[:12]
    with lock_folder(folder, context.notify, wait=True):
        return _download(dataset, context, folder / _file_name(url), is_list)


def _download(dataset: Dataset, context: SourceContext, target: Path, is_list: bool) -> Path:
    part = target.with_name(f"{target.name}.part")
    if is_list:
        part.unlink(missing_ok=True)
    elif target.is_file():
        if not (problem := _mismatch(target, dataset) or _wrong_kind(target, is_list)):
            return target
        context.notify(f"{target}: {problem}; downloading it again")
        target.unlink()
    session = open_session(guard(context.allow_private), limits=LIMITS)
    for attempt in range(1, TRIES + 1):
        try:
            _transfer(session, dataset, part, context)
            break
        except REQUEST_ERRORS as err:
            if isinstance(err, OSError) and not isinstance(err, requests.RequestException):
                raise  # the file cannot be written
            if attempt == TRIES or not isinstance(err, INTERRUPTIONS):
                again = f"; run the same command again to continue, or remove {part.parent} to start afresh"
                advice = again if part.is_file() else ""
                url = dataset.url or ""
                raise SourceError(
                    f"{redact(url)}: cannot be downloaded: {request_error_text(err, url)}{advice}"
                ) from None
    _check_complete(part, dataset, is_list)
    part.replace(target)
    _version_file(part).unlink(missing_ok=True)
    return target


def _file_name(url: str) -> str:
    """A name for the file at an address: the address's own, if it can be one, else one with the same ending."""
    path = PurePosixPath(urlsplit(url).path)
    names = (path.name, f"archive{path.suffix}")
    return next((n for n in names if valid_name(n) and len(n.encode()) <= MAX_NAME_BYTES), "archive")


def _version_file(part: Path) -> Path:
    """Where the version of a partial file is: the server's ETag or date of change, "" if it gives neither."""
    return part.with_name(f"{part.name}.version")


def _version(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")  # W/"…" does not bind bytes


def _transfer(session: requests.Session, dataset: Dataset, part: Path, context: SourceContext) -> None:
    """Continue a partial file, or begin it. One that may belong to another version of the file is begun again."""
    url, version_file = dataset.url or "", _version_file(part)
    version = version_file.read_text(encoding="utf-8") if part.is_file() and version_file.is_file() else ""
    is_checked = bool(dataset.sha256 or dataset.md5)  # at the end
    start = part.stat().st_size if part.is_file() and (version or is_checked) else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    if start and version:
        headers["If-Range"] = version
    with _open(session, url, headers) as response:
        if response.status_code in (206, 416) and start:
            if response.headers.get("Content-Range", "").strip() == f"bytes */{start}":
                return  # it was complete
            if not _continues(response, start, version):
                part.unlink()
                raise IncompleteDownloadError(f"HTTP {response.status_code} does not continue what is here")
        elif response.status_code != 200:
            raise SourceError(f"{redact(url)}: HTTP {response.status_code}")
        else:
            start = 0
            part.unlink(missing_ok=True)
            with atomic_write(version_file) as out:
                out.write(_version(response))
        length = content_length(response)
        size = None if length is None else start + length
        context.notify(f"downloading {redact(url)}" + (f" ({size / 1e6:,.0f} MB)" if size else ""))
        with part.open("ab") as out:
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                out.write(chunk)
                if dataset.bytes is not None and out.tell() > dataset.bytes:
                    return  # it is another file
    if size is not None and part.stat().st_size != size:
        raise IncompleteDownloadError(f"{part.stat().st_size:,} of {size:,} bytes arrived")


def _continues(response: requests.Response, start: int, version: str) -> bool:
    """Whether a response is the rest, from `start`, of this version of a file."""
    found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    is_same = not version or _version(response) in (version, "")
    return response.status_code == 206 and is_same and found is not None and int(found[1]) == start


@contextmanager
def _open(session: requests.Session, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
    """The response to a request, after redirects. Raises what a request raises, and SourceError."""
    target = url
    for _ in range(MAX_REDIRECTS):
        timeouts = (CONNECT_SECONDS, READ_SECONDS)
        with session.get(target, stream=True, allow_redirects=False, headers=headers, timeout=timeouts) as response:
            try:
                moved_to = redirect_target(response, target)
            except RejectError as err:
                raise SourceError(f"{redact(url)}: {err.detail}") from None
            if moved_to is None:
                yield response
                return
            target = moved_to
    raise SourceError(f"{redact(url)}: still redirected after {MAX_REDIRECTS} requests")


def _check_complete(part: Path, dataset: Dataset, is_list: bool) -> None:
    """Raise SourceError, and remove the file, unless it is what the recipe describes."""
    if problem := _wrong_kind(part, is_list):
        part.unlink()
        raise SourceError(f"{redact(dataset.url or '')}: {problem}; open the address in a browser to see what it gives")
    try:
        check_digests(part, dataset)
    except SourceError:
        part.unlink()
        raise


def _wrong_kind(path: Path, is_list: bool) -> str:
    """How the file is not what is wanted, "" if it may be: a server may send a page about an error or a login."""
    with path.open("rb") as handle:
        head = handle.read(tarfile.BLOCKSIZE)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return f"is a web page, not {'a list' if is_list else 'an archive'}"
    return "" if is_list or starts_archive(head) else "is not a .tgz, .tar or .zip"


def check_digests(path: Path, dataset: Dataset) -> None:
    """Raise SourceError unless the file has the size, SHA-256 and MD5 of the recipe."""
    if mismatch := _mismatch(path, dataset):
        where = redact(dataset.url or "")
        raise SourceError(f"{where}: {mismatch}; it is not the file that the recipe [{dataset.name}] describes")


def _mismatch(path: Path, dataset: Dataset) -> str:
    """How the file differs from the recipe, "" if it has that size and those digests."""
    if dataset.bytes is not None and (size := path.stat().st_size) != dataset.bytes:
        return f"has {size:,} bytes, should have {dataset.bytes:,}"
    for kind in ("sha256", "md5"):
        if expected := getattr(dataset, kind):
            with path.open("rb") as handle:
                digest = hashlib.file_digest(handle, kind).hexdigest()
            if digest != expected.lower():
                return f"has {kind} {digest}, should have {expected}"
    return ""
