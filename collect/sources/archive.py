"""A .tgz, .tar or .zip of class folders as a source, local or at an http(s) address."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams, wanted_class
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.download import check_digests, download, is_remote
from collect.sources.formats import ZIP_STARTS, tar_opener
from collect.sources.layout import ArchiveMember, check_layout, check_size, is_image, read_layout, source_id
from collect.sources.tar import tar_members
from collect.sources.zip import zip_members

MAX_NAMES_BYTES = 256 * 2**20  # of all members of an archive, with what Python needs for each
NAME_BYTES = 100
# What tarfile, zipfile and the decompressors raise on damaged data; the built-in errors come from numbers, names and
# headers that make no sense.
FORMAT_ERRORS = tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error
DAMAGE = *FORMAT_ERRORS, EOFError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError


class StoredPhoto(NamedTuple):
    """An image of an archive: `read` gives its bytes, of which `held_bytes` are in memory already."""

    name: str
    read: Callable[[], bytes]
    held_bytes: int


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
    wanted = {name for name, place in places.items() if wanted_class(dataset, place.class_)}

    def candidates() -> Iterator[Candidate]:
        for name, read, held_bytes in photos(path, wanted.__contains__):
            place = places[name]
            yield Candidate(
                place.class_,
                source_id(name),
                url=source_url,
                split=place.split,
                source="archive",
                read=read,
                held_bytes=held_bytes,
            )

    return {"": candidates()}


def _listing(path: Path) -> tuple[list[str], list[str]]:
    """All file names of an archive and its folders that hold no file. Reads a compressed archive to its checksums."""
    files: list[str] = []
    folders: list[str] = []
    size = 0
    with _one_line(path):
        for member in _members(path):
            (folders if member.is_folder else files).append(member.name)
            size += len(member.name) + NAME_BYTES
            if size > MAX_NAMES_BYTES:
                raise SourceError(f"{path}: has too many files; split it into several archives")
    full = {parent for name in files for parent in PurePosixPath(name).parents}
    return files, [name for name in folders if PurePosixPath(name) not in full]


def photos(path: Path, is_wanted: Callable[[str], bool]) -> Iterator[StoredPhoto]:
    """The images of an archive whose names are wanted, in its order. Raises SourceError naming the archive."""
    with _one_line(path):
        for member in _members(path):
            if member.is_folder or not is_image(member.name) or not is_wanted(member.name):
                continue
            try:
                check_size(member.size)
            except RejectError as err:
                yield StoredPhoto(member.name, partial(_reject, err), 0)
                continue
            if member.is_lasting:
                yield StoredPhoto(member.name, partial(_read_lasting, member), 0)
            else:
                data = member.read()
                yield StoredPhoto(member.name, partial(bytes, data), len(data))


def _members(path: Path) -> Iterator[ArchiveMember]:
    """Folders and files of an archive. Nothing is extracted; links and devices are left out."""
    with path.open("rb") as file:
        start = file.read(tarfile.BLOCKSIZE)
    opener = tar_opener(start)
    if opener is None and start.startswith(ZIP_STARTS):
        yield from zip_members(path)
        return
    if opener is None:
        raise tarfile.ReadError("it starts as none of them does")
    with opener(path, "rb") as stream:
        yield from tar_members(stream)


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn what damaged data raises into a SourceError that names the archive."""
    try:
        yield
    except DAMAGE as err:
        problem = f"cannot be read as .tgz, .tar or .zip ({_described(err)})"
        advice = "check that it is complete; if collect downloaded it, remove it and run the same command again"
        raise SourceError(f"{path}: {problem}; {advice}") from err


def _described(err: Exception) -> str:
    text = " ".join(str(err).split())  # may quote a megabyte of the archive
    return f"{text[:100]}…" if len(text) > 100 else text or type(err).__name__


def _read_lasting(member: ArchiveMember) -> bytes:
    try:
        return member.read()
    except DAMAGE as err:
        detail = f"the archive's member cannot be read: {_described(err)}"
        raise RejectError(RejectReason.UNREADABLE, detail) from err


def _reject(error: RejectError) -> bytes:
    raise error
