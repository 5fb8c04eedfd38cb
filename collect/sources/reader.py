"""The members of an archive and of the archives in it. Damage becomes one error that names the archive."""

import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from collect.errors import DISK_FULL, SourceError
from collect.sources.formats import ZIP_STARTS, starts_archive, tar_opener
from collect.sources.members import ArchiveMember, MemberKind
from collect.sources.origin import ARCHIVES
from collect.sources.tar import tar_members
from collect.sources.zip import zip_members

# What tarfile, zipfile and the decompressors raise on damaged data; the built-in errors come from numbers, names and
# headers that make no sense.
FORMAT_ERRORS = tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error
DAMAGE = *FORMAT_ERRORS, EOFError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError
MOST_TIMES, LEAST_ROOM = 20, 64 * 2**20  # that the archives in an archive may have of its own size, and bytes of any


def read_members(path: Path, spool: Path) -> Iterator[ArchiveMember]:
    """All members of an archive; those of an archive in it have its name before theirs. Nothing is extracted.

    One archive in the archive at a time is copied to a nameless file in the folder `spool`, because most formats need
    one. Raises SourceError, also if these copies together are far larger than the archive, and DAMAGE.
    """
    with path.open("rb") as file:
        place = spool if spool.is_dir() else None  # a dry run makes no folder
        room = max(LEAST_ROOM, MOST_TIMES * path.stat().st_size)
        for member in _members_of(file):
            if not _may_be_archive(member):
                yield member
                continue
            with tempfile.TemporaryFile(dir=place) as copy, one_line(f"{path}: {member.name}"):
                if not _copy_archive(member, copy, room):
                    yield member
                    continue
                if (room := room - copy.tell()) < 0:
                    problem = f"the archives in it are more than {MOST_TIMES} times as large as it is"
                    raise SourceError(f"{path}: {problem}; unpack it and give --from the folder")
                for inner in _members_of(copy):
                    yield replace(inner, name=f"{member.name}/{inner.name}", is_too_deep=_may_be_archive(inner))


def _may_be_archive(member: ArchiveMember) -> bool:
    return member.kind is MemberKind.FILE and member.name.lower().endswith(ARCHIVES)


def _copy_archive(member: ArchiveMember, copy: IO[bytes], room: int) -> bool:
    """Copy a member that is an archive, and a little more than there is room for at most; False for other members."""
    for chunk in member.chunks():
        if copy.tell() == 0 and not starts_archive(chunk[: tarfile.BLOCKSIZE]):
            return False
        copy.write(chunk)
        if copy.tell() > room:
            break
    copy.flush()
    return copy.tell() > 0


def _members_of(file: IO[bytes]) -> Iterator[ArchiveMember]:
    file.seek(0)
    start = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    opener = tar_opener(start)
    if opener is None and start.startswith(ZIP_STARTS):
        yield from zip_members(file)
        return
    if opener is None:
        raise tarfile.ReadError("it starts as none of them does")
    with opener(file) as stream:
        yield from tar_members(stream)


@contextmanager
def one_line(archive: str) -> Iterator[None]:
    """Turn what damaged data raises into a SourceError that names the archive."""
    try:
        yield
    except tarfile.CompressionError as err:
        raise SourceError(f"{archive}: {err}") from err
    except DAMAGE as err:
        if isinstance(err, OSError) and err.errno in DISK_FULL:
            raise
        problem = f"cannot be read as .tgz, .tar or .zip ({described(err)})"
        advice = "check that it is complete; if collect downloaded it, remove it and run the same command again"
        raise SourceError(f"{archive}: {problem}; {advice}") from err


def described(err: Exception) -> str:
    """What an error says, in a line."""
    text = " ".join(str(err).split())  # may quote a megabyte of the archive
    return f"{text[:100]}…" if len(text) > 100 else text or type(err).__name__
