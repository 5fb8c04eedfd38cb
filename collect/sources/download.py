"""Download one large file: resumable, checked against size and digests, visible only when complete."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests

from collect.candidate import SourceContext
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.http import CONNECT_SECONDS, PrivateAddressError, guard, host_of, open_session, root_message

TRIES = 4
READ_SECONDS = 60.0


def is_remote(url: str) -> bool:
    """Whether `url` is an http(s) address and not a path."""
    return url.startswith(("http://", "https://"))


def fetch_list(dataset: Dataset, context: SourceContext) -> Path:
    """The list at `dataset.url`: a local file, or a fresh download, because lists grow. Raises SourceError."""
    url = dataset.url or ""
    return download(dataset, context, reuse=False) if is_remote(url) else Path(url)


def download(dataset: Dataset, context: SourceContext, reuse: bool = True) -> Path:
    """The file at `dataset.url`, in data/.downloads; a partial download is continued, a complete one is used again.

    `reuse=False` downloads it in any case. Raises SourceError, also if size or digests differ from the recipe's.
    """
    url = dataset.url or ""
    if not host_of(url):
        raise SourceError(f"{url}: not a valid address; it needs the form http://HOST/PATH")
    name = PurePosixPath(urlsplit(url).path).name or "archive"
    folder = context.data / ".downloads" / hashlib.sha256(url.encode()).hexdigest()[:12]
    target, part = folder / name, folder / f"{name}.part"
    if not reuse:
        part.unlink(missing_ok=True)
    elif target.is_file():
        if not (mismatch := _mismatch(target, dataset)):
            return target
        context.notify(f"{target}: {mismatch}; downloading it again")
        target.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    session = open_session(guard(context.allow_private))
    for attempt in range(1, TRIES + 1):
        try:
            _continue(session, url, part, context)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as err:
            if attempt == TRIES:
                resume = "; run the same command again to continue" if part.is_file() else ""
                raise SourceError(f"{url}: cannot be downloaded: {root_message(err)}{resume}") from err
        except (requests.RequestException, UnicodeError) as err:
            raise SourceError(f"{url}: cannot be downloaded: {root_message(err)}") from err
        except PrivateAddressError as err:
            raise SourceError(f"{url}: {err}; pass --allow-private to allow that") from err
    try:
        check_digests(part, dataset)
    except SourceError:
        part.unlink()
        raise
    part.replace(target)
    return target


def _continue(session: requests.Session, url: str, part: Path, context: SourceContext) -> None:
    start = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with session.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        if response.status_code == 416 and start:
            return
        if response.status_code not in (200, 206):
            raise SourceError(f"{url}: HTTP {response.status_code}")
        continues = response.status_code == 206
        size = int(response.headers.get("Content-Length", 0)) + (start if continues else 0)
        context.notify(f"downloading {url}" + (f" ({size / 1e6:,.0f} MB)" if size else ""))
        with part.open("ab" if continues else "wb") as out:
            for chunk in response.iter_content(2**20):
                out.write(chunk)


def check_digests(path: Path, dataset: Dataset) -> None:
    """Raise SourceError unless the file has the size, SHA-256 and MD5 of the recipe."""
    if mismatch := _mismatch(path, dataset):
        raise SourceError(f"{dataset.url}: {mismatch}; it is not the file that the recipe [{dataset.name}] describes")


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
