"""Download one large file: resumable, measured, checked against its digests, visible only when whole."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests

from collect.candidate import SourceContext
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.http import CONNECT_SECONDS, PrivateAddressError, guard, host_of, last_words, open_session

TRIES = 4
READ_SECONDS = 60.0


def is_remote(url: str) -> bool:
    """Whether `url` is an http(s) address and not a path."""
    return url.startswith(("http://", "https://"))


def fetch_list(dataset: Dataset, context: SourceContext) -> Path:
    """The list at `dataset.url`: a path as it is, an address downloaded anew: lists grow. Raises SourceError."""
    url = dataset.url or ""
    return download(dataset, context, anew=True) if is_remote(url) else Path(url)


def download(dataset: Dataset, context: SourceContext, anew: bool = False) -> Path:
    """The file at `dataset.url`, in data/.downloads; a partial download is continued, a whole one is used again.

    `anew` asks for all of it whatever is there. Raises SourceError when it cannot be had or its size or digests are
    not those of the recipe.
    """
    url = dataset.url or ""
    if not host_of(url):
        raise SourceError(f"{url}: not an address that can be asked; it needs http://HOST/PATH")
    name = PurePosixPath(urlsplit(url).path).name or "archive"
    folder = context.data / ".downloads" / hashlib.sha256(url.encode()).hexdigest()[:12]
    target, part = folder / name, folder / f"{name}.part"
    if anew:
        part.unlink(missing_ok=True)
    elif target.is_file():
        if not (wrong := _mismatch(target, dataset)):
            return target
        context.notify(f"{target}: {wrong}; it is downloaded again")
        target.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    session = open_session(guard(context.allow_private))
    for attempt in range(1, TRIES + 1):
        try:
            _continue(session, url, part, context)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as err:
            if _blocked(err) or attempt == TRIES:
                kept = "; the part so far is kept" if part.is_file() else ""
                raise SourceError(f"{url}: cannot be downloaded: {last_words(err)}{kept}") from err
        except (requests.RequestException, UnicodeError) as err:
            raise SourceError(f"{url}: cannot be downloaded: {last_words(err)}") from err
        except PrivateAddressError as err:
            raise SourceError(f"{url}: {err}; pass --allow-private if that is meant") from err
    if wrong := _mismatch(part, dataset):
        part.unlink()
        raise _not_the_file(dataset, wrong)
    part.replace(target)
    return target


def _blocked(err: BaseException) -> bool:
    return isinstance(err.__context__, PrivateAddressError)


def _continue(session: requests.Session, url: str, part: Path, context: SourceContext) -> None:
    had = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={had}-"} if had else {}
    with session.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        if response.status_code == 416 and had:
            return
        if response.status_code not in (200, 206):
            raise SourceError(f"{url}: HTTP {response.status_code}")
        more = response.status_code == 206
        size = int(response.headers.get("Content-Length", 0)) + (had if more else 0)
        context.notify(f"downloading {url}" + (f" ({size / 1e6:,.0f} MB)" if size else ""))
        with part.open("ab" if more else "wb") as out:
            for chunk in response.iter_content(2**20):
                out.write(chunk)


def check_digests(path: Path, dataset: Dataset) -> None:
    """Raise SourceError unless the file has the size, SHA-256 and MD5 of the recipe."""
    if wrong := _mismatch(path, dataset):
        raise _not_the_file(dataset, wrong)


def _mismatch(path: Path, dataset: Dataset) -> str:
    """What about the file is not as the recipe says, "" where it has that size and those digests."""
    if dataset.bytes is not None and (size := path.stat().st_size) != dataset.bytes:
        return f"has {size:,} bytes, should have {dataset.bytes:,}"
    for kind in ("sha256", "md5"):
        wanted = getattr(dataset, kind)
        if wanted:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, kind).hexdigest()
            if found != wanted.lower():
                return f"has {kind} {found}, should have {wanted}"
    return ""


def _not_the_file(dataset: Dataset, wrong: str) -> SourceError:
    return SourceError(f"{dataset.url}: {wrong}; it is not the file of the recipe [{dataset.name}]")
