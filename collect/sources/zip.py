"""Zip archives, also those whose names are not in the encoding that they state."""

import io
import os
import stat
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from struct import calcsize
from typing import IO

from collect.sources.members import ArchiveMember, MemberKind

MAX_DIRECTORY_BYTES = 256 * 2**20
CHUNK_BYTES = 4096  # the least that zipfile reads; bzip2 and LZMA expand a chunk at once, regardless of the limit
DIRECTORY_ENTRY, LOCAL_HEADER = b"PK\1\2", b"PK\3\4"
WINDOWS = 0  # as the system on which a zip was made
UTF8_FLAG = 0x08  # in the second byte of the flags


class ZipBytes(io.FileIO):
    """A zip file for zipfile. With `hides_utf8` no name states that it is UTF-8, so that zipfile takes its bytes as
    code page 437, in which every byte is a character.
    """

    hides_utf8 = False

    def __del__(self) -> None:
        self.close()  # here, because its readers are called until the last photo is verified

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes. Raises BadZipFile for more than a directory may have."""
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a directory with {size:,} bytes")
        data = super().read(size) or b""
        if not self.hides_utf8:
            return data
        if data.startswith(DIRECTORY_ENTRY) and len(data) > len(DIRECTORY_ENTRY):
            return _without_utf8_flags(data)
        if data.startswith(LOCAL_HEADER) and len(data) == calcsize(zipfile.structFileHeader):  # type: ignore[attr-defined]
            return data[:7] + bytes([data[7] & ~UTF8_FLAG]) + data[8:]
        return data


def _without_utf8_flags(directory: bytes) -> bytes:
    """The directory of a zip without the flag for UTF-8 in any entry."""
    changed, at = bytearray(directory), 0
    while changed[at : at + 4] == DIRECTORY_ENTRY and at + 46 <= len(changed):
        changed[at + 9] &= ~UTF8_FLAG
        at += 46 + sum(int.from_bytes(changed[at + i : at + i + 2], "little") for i in (28, 30, 32))
    return bytes(changed)


def zip_members(source: IO[bytes]) -> Iterator[ArchiveMember]:
    """The members of a zip file, which stays open, so that other threads can read them later.

    Raises what zipfile raises on damaged data.
    """
    lock, file = threading.Lock(), ZipBytes(os.dup(source.fileno()))
    try:
        zipped = zipfile.ZipFile(file)
    except UnicodeDecodeError:
        file.hides_utf8 = True
        zipped = zipfile.ZipFile(file)
    for info in zipped.infolist():
        name = info.filename
        if file.hides_utf8:
            name = info.orig_filename.encode("cp437").decode("utf-8", "surrogateescape")
        if info.create_system == WINDOWS:
            name = name.replace("\\", "/")
        kind = MemberKind.FOLDER if name.endswith("/") else MemberKind.FILE
        if stat.S_ISLNK(info.external_attr >> 16):
            kind = MemberKind.LINK
        yield ArchiveMember(name, kind, info.file_size, partial(_chunks, zipped, info, lock), is_lasting=True)


def _chunks(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock) -> Iterator[bytes]:
    with lock, zipped.open(info) as handle:
        yield from iter(partial(handle.read, CHUNK_BYTES), b"")
