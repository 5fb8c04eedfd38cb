"""A .tgz, .tar or .zip of class folders as a source, local or at an http(s) address."""

import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams, wanted_class
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.download import check_digests, download, is_remote
from collect.sources.layout import check_layout, is_image, read_layout

MAX_MEMBER_BYTES = 64 * 2**20
UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError, NotImplementedError, RuntimeError)


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The images of the archive at `dataset.url`, which is downloaded if it is remote, in the archive's order.

    Raises SourceError, also if size or checksums differ from the recipe's, and ShortfallError.
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
    source_url = url if remote else None

    def candidates() -> Iterator[Candidate]:
        for name, read in members(path):
            place = places.get(name)
            if place and wanted_class(dataset, place.class_):
                yield Candidate(place.class_, name, url=source_url, split=place.split, source="archive", read=read)

    return {"": candidates()}


def _listing(path: Path) -> tuple[list[str], list[str]]:
    """All file names of an archive and its folders that hold no file."""
    entries = [(name, is_folder) for name, is_folder, _ in _entries(path)]
    files = [name for name, is_folder in entries if not is_folder]
    full = {parent for name in files for parent in PurePosixPath(name).parents}
    return files, [name for name, is_folder in entries if is_folder and PurePosixPath(name) not in full]


def members(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and reader of every image in an archive, in its order. Raises SourceError naming the archive."""
    return ((name, read) for name, is_folder, read in _entries(path) if not is_folder and is_image(name))


def _entries(path: Path) -> Iterator[tuple[str, bool, Callable[[], bytes]]]:
    """Name, whether it is a folder, and reader of every entry. Nothing is extracted; links and devices are left out."""
    try:
        if zipfile.is_zipfile(path):
            lock, zipped = threading.Lock(), zipfile.ZipFile(path)  # stays open: other threads read its members later
            for info in zipped.infolist():
                if not stat.S_ISLNK(info.external_attr >> 16):
                    yield info.filename, info.is_dir(), partial(_read_zipped, zipped, info, lock)
            return
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                handle = tar.extractfile(member) if member.isfile() else None
                if handle or member.isdir():
                    yield member.name, member.isdir(), partial(bytes, handle.read(MAX_MEMBER_BYTES) if handle else b"")
    except UNREADABLE as err:
        problem = f"cannot be read as .tgz, .tar or .zip ({err})"
        raise SourceError(f"{path}: {problem}; check that it is complete") from err


def _read_zipped(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock) -> bytes:
    try:
        with lock, zipped.open(info) as handle:
            return handle.read(MAX_MEMBER_BYTES)
    except UNREADABLE as err:
        raise RejectError(RejectReason.UNREADABLE, f"the archive's member cannot be read: {err}") from err
