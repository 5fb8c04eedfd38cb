"""Which archives can be read, by how they start."""

import bz2
import gzip
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import IO, Any

from collect.sources.tar import is_header
from collect.sources.xz import XzStream

Opener = Callable[[IO[bytes]], AbstractContextManager[Any]]


@contextmanager
def _open_zstandard(file: IO[bytes]) -> Iterator[IO[bytes]]:
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        advice = "unpack it with `zstd -d`, or use Python 3.14"
        raise tarfile.CompressionError(
            f"is compressed with Zstandard, which this Python cannot read; {advice}"
        ) from None
    try:
        with zstd.open(file) as stream:
            yield stream
    except zstd.ZstdError as err:
        raise tarfile.ReadError(str(err)) from err


OPENERS: dict[bytes, Opener] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lambda file: nullcontext(XzStream(file)),
    b"]\0\0": lambda file: nullcontext(XzStream(file)),
    b"\x28\xb5\x2f\xfd": _open_zstandard,
}
ZIP_STARTS = b"PK", b"MZ"  # an archive, or a program that unpacks itself


def tar_opener(start: bytes) -> Opener | None:
    """What opens a tar whose file starts so, None if it is none.

    A plain tar comes first: its first member may be called BZh.jpg, and its last one may be a zip.
    """
    if is_header(start):
        return nullcontext
    return next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)


def starts_archive(start: bytes) -> bool:
    """Whether a file that starts so may be an archive."""
    return tar_opener(start) is not None or start.startswith(ZIP_STARTS)
