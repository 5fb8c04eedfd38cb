"""Download one large file: resumable, measured, checked against its digests, visible only when whole."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests

from collect.fetch import CONNECT_SECONDS, PrivateAddressError, guard, last_words, open_session
from collect.recipe import Dataset, SourceError
from collect.sources import At

TRIES = 4
READ_SECONDS = 60.0


def download(dataset: Dataset, at: At) -> Path:
    """The file at `dataset.url`, in data/.downloads; a partial download is continued.

    Raises SourceError when it cannot be had or its size or digests are not those of the recipe.
    """
    url = dataset.url or ""
    name = PurePosixPath(urlsplit(url).path).name or "archive"
    folder = at.data / ".downloads" / hashlib.sha256(url.encode()).hexdigest()[:12]
    target, part = folder / name, folder / f"{name}.part"
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    session = open_session(guard(at.allow_private))
    for attempt in range(1, TRIES + 1):
        try:
            _continue(session, url, part, at)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as err:
            if _blocked(err) or attempt == TRIES:
                kept = "; the part so far is kept" if part.is_file() else ""
                raise SourceError(f"{url}: cannot be downloaded: {last_words(err)}{kept}") from err
        except PrivateAddressError as err:
            raise SourceError(f"{url}: {err}; pass --allow-private if that is meant") from err
    check_digests(part, dataset)
    part.replace(target)
    return target


def _blocked(err: BaseException) -> bool:
    return isinstance(err.__context__, PrivateAddressError)


def _continue(session: requests.Session, url: str, part: Path, at: At) -> None:
    had = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={had}-"} if had else {}
    with session.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        if response.status_code == 416 and had:
            return
        if response.status_code not in (200, 206):
            raise SourceError(f"{url}: HTTP {response.status_code}")
        more = response.status_code == 206
        size = int(response.headers.get("Content-Length", 0)) + (had if more else 0)
        at.tell(f"downloading {url}" + (f" ({size / 1e6:,.0f} MB)" if size else ""))
        with part.open("ab" if more else "wb") as out:
            for chunk in response.iter_content(2**20):
                out.write(chunk)


def check_digests(path: Path, dataset: Dataset) -> None:
    """Raise SourceError unless the file has the size, SHA-256 and MD5 of the recipe; a bad download is removed."""
    wrong = ""
    if dataset.bytes is not None and (size := path.stat().st_size) != dataset.bytes:
        wrong = f"has {size:,} bytes, should have {dataset.bytes:,}"
    for kind in ("sha256", "md5"):
        wanted = getattr(dataset, kind)
        if wanted and not wrong:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, kind).hexdigest()
            wrong = "" if found == wanted.lower() else f"has {kind} {found}, should have {wanted}"
    if wrong:
        if path.suffix == ".part":
            path.unlink()
        raise SourceError(f"{dataset.url}: {wrong}; it is not the file of the recipe [{dataset.name}]")
