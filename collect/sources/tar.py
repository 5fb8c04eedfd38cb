"""Tar archives, read strictly: damage is an error and never the end, and no header fills the memory."""

import tarfile
from collections.abc import Iterator
from functools import partial
from typing import IO

from collect.sources.members import ArchiveMember, MemberKind

MAX_HEADER_BYTES = 2**20  # of one member, with its long name and its pax records
CHUNK_BYTES = 2**16
ENCODING = ("utf-8", "surrogateescape")


class CheckedStream:
    """The bytes of a tar for tarfile: forward only, and at most as many at once as were allowed."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._position = 0
        self._ahead = b""  # read from the file, but not by tarfile yet
        self._allowed = 0
        self.last_read = b""

    def allow(self, number: int) -> None:
        """From now on, read at most this many bytes."""
        self._allowed = number

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end. Raises ReadError for more than were allowed."""
        if not 0 <= size <= self._allowed:
            raise tarfile.ReadError(f"a header with {size:,} bytes at byte {self._position:,}")
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        data += self._file.read(size - len(data))
        self._position += len(data)
        self._allowed -= len(data)
        self.last_read = data
        return data

    def seek(self, position: int) -> None:
        """Skip the bytes before `position`. Raises ReadError if they have been read already."""
        if position < self._position:
            raise tarfile.ReadError(f"a header with a wrong size before byte {self._position:,}")
        self._ahead = self._ahead[position - self._position :]
        if not self._ahead:
            self._file.seek(position)
        self._position = position

    def tell(self) -> int:
        """The number of bytes before the next one."""
        return self._position

    def next_header(self) -> bytes:
        """The next block that does not consist of zeros, without reading it; empty at the end."""
        while True:
            data = self._ahead + self._file.read(128 * tarfile.BLOCKSIZE - len(self._ahead))
            zeros = (len(data) - len(data.lstrip(b"\0"))) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
            self._position, self._ahead = self._position + zeros, data[zeros:]
            if self._ahead.strip(b"\0") or not data:
                return self._ahead[: tarfile.BLOCKSIZE]
            self._position, self._ahead = self._position + len(self._ahead), b""


def is_header(block: bytes) -> bool:
    """Whether 512 bytes are the header of a tar's member, by its checksum."""
    try:
        tarfile.TarInfo.frombuf(block, *ENCODING)
    except tarfile.HeaderError:
        return False
    return True


def tar_members(file: IO[bytes]) -> Iterator[ArchiveMember]:
    """The members of an uncompressed tar, or of several in a row. A member can be read until the next one.

    Raises tarfile.TarError for a damaged header or a missing end, and what else tarfile raises on damaged data.
    """
    stream = CheckedStream(file)
    while header := stream.next_header():
        if not is_header(header):
            raise tarfile.ReadError(f"no valid header at byte {stream.tell():,}")
        stream.allow(MAX_HEADER_BYTES)
        with tarfile.TarFile(fileobj=stream, encoding=ENCODING[0], errors=ENCODING[1]) as tar:  # type: ignore[arg-type]
            while member := tar.next():
                kind = MemberKind.FILE if member.isfile() else MemberKind.FOLDER if member.isdir() else MemberKind.LINK
                yield ArchiveMember(member.name, kind, member.size, partial(_chunks, tar, stream, member))
                tar.members.clear()  # type: ignore[attr-defined]  # it keeps all members
                stream.allow(MAX_HEADER_BYTES)
        # tarfile also takes a damaged header and a missing one for the end of the archive
        if len(stream.last_read) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("it was cut short: its end-of-archive block is missing")
        if any(stream.last_read):
            raise tarfile.ReadError(f"no valid header at byte {stream.tell() - tarfile.BLOCKSIZE:,}")


def _chunks(tar: tarfile.TarFile, stream: CheckedStream, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream.allow(member.size)
    if handle := tar.extractfile(member):
        yield from iter(partial(handle.read, CHUNK_BYTES), b"")
