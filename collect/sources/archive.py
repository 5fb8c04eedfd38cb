"""A .tgz, .tar or .zip of class folders as a source, local or at an http(s) address."""

import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams, wanted_class
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.download import check_digests, download, is_remote
from collect.sources.layout import FilePlace, check_layout, is_image, read_layout

MAX_MEMBER_BYTES = 64 * 2**20
UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError, NotImplementedError, RuntimeError)
Member = tuple[str, Callable[[], bytes]]


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The images of the archive at `dataset.url`, in the archive's order.

    A remote archive is downloaded first and kept in data/.downloads; an interrupted download continues. The archive
    must have the size and the checksums of the recipe. Raises SourceError, ShortfallError.
    """
    url = dataset.url or ""
    remote = is_remote(url)
    path = download(dataset, context) if remote else Path(url)
    if not path.is_file():
        raise SourceError(f"{path}: no such archive")
    if not remote:
        check_digests(path, dataset)
    names, empty = _listing(path)
    places = read_layout(names, path.name.split(".")[0])
    check_layout(places, empty, dataset)
    return {"": _candidates(dataset, path, places, url if remote else None)}


def _candidates(dataset: Dataset, path: Path, places: dict[str, FilePlace], url: str | None) -> Iterator[Candidate]:
    for name, read in members(path):
        place = places.get(name)
        if place and wanted_class(dataset, place.class_):
            yield Candidate(place.class_, name, url=url, split=place.split, source="archive", read=read)


def _listing(path: Path) -> tuple[list[str], list[str]]:
    """All file names of an archive and its folders that hold no file."""
    files: list[str] = []
    folders: list[str] = []
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                for info in zipped.infolist():
                    (folders if info.is_dir() else files).append(info.filename.rstrip("/"))
        else:
            with tarfile.open(path, "r|*") as tar:
                for member in tar:
                    if member.isdir():
                        folders.append(member.name.rstrip("/"))
                    elif member.isfile():
                        files.append(member.name)
    except UNREADABLE as err:
        raise _unreadable(path, err) from err
    full = {str(Path(f).parent) for f in files}
    return files, [f for f in folders if not any(d == f or d.startswith(f + "/") for d in full)]


def members(path: Path) -> Iterator[Member]:
    """Name and reader of every image in an archive, in its order. Raises SourceError naming the archive."""
    if zipfile.is_zipfile(path):
        yield from _zip_members(path)
        return
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                # links and devices are never followed: only the bytes of plain files are read, nothing is extracted
                if member.isfile() and is_image(member.name):
                    handle = tar.extractfile(member)
                    data = handle.read(MAX_MEMBER_BYTES) if handle else b""
                    yield member.name, partial(bytes, data)
    except UNREADABLE as err:
        raise _unreadable(path, err) from err


def _zip_members(path: Path) -> Iterator[Member]:
    lock = threading.Lock()
    zipped = zipfile.ZipFile(path)  # remains open, because other threads read its members later
    for info in zipped.infolist():
        link = stat.S_ISLNK(info.external_attr >> 16)
        if not info.is_dir() and not link and is_image(info.filename):
            yield info.filename, partial(_read_zipped, zipped, info, lock)


def _read_zipped(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock) -> bytes:
    try:
        with lock, zipped.open(info) as handle:
            return handle.read(MAX_MEMBER_BYTES)
    except UNREADABLE as err:
        raise RejectError(RejectReason.UNREADABLE, f"the archive's member cannot be read: {err}") from err


def _unreadable(path: Path, err: Exception) -> SourceError:
    return SourceError(f"{path}: cannot be read as .tgz, .tar or .zip ({err}); check that it is complete")
