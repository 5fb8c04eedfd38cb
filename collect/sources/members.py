"""What an archive contains, without unpacking it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from collect.candidate import RejectError, RejectReason
from collect.datasets import valid_name
from collect.verify import MAX_BYTES


class MemberKind(StrEnum):
    """What a member of an archive is. LINK is also a device or another special file: none of them is read."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A member of an archive. `chunks` gives its bytes, `is_lasting` says that it still does so later, and again."""

    name: str  # with forward slashes
    kind: MemberKind
    size: int
    chunks: Callable[[], Iterator[bytes]]
    is_lasting: bool = False
    is_too_deep: bool = False  # an archive that is not opened, because it is in one that is in one

    def read(self) -> bytes:
        """All bytes."""
        return b"".join(self.chunks())

    def head(self) -> bytes:
        """The first bytes."""
        with closing(self.chunks()) as chunks:  # type: ignore[type-var]  # a generator
            return next(chunks, b"")


def check_size(size: int) -> None:
    """Raise RejectError if a file has too many bytes to be read."""
    if size > MAX_BYTES:
        raise RejectError(RejectReason.TOO_LARGE, f"{size:,} bytes, at most {MAX_BYTES:,}")


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether a path belongs to the system: a part begins with a dot or cannot be the name of a folder."""
    return any(part == "__MACOSX" or not valid_name(part) for part in parts)
