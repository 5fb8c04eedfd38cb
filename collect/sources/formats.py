"""Which archives can be read, by how they start."""

import bz2
import gzip
from collections.abc import Callable
from typing import Any

from collect.sources.tar import is_header
from collect.sources.xz import open_xz

OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": open_xz,
    b"]\0\0": open_xz,
}
ZIP_STARTS = b"PK", b"MZ"  # an archive, or a program that unpacks itself


def tar_opener(start: bytes) -> Callable[..., Any] | None:
    """What opens a tar whose file starts so, None if it is none.

    A plain tar comes first: its first member may be called BZh.jpg, and its last one may be a zip.
    """
    if is_header(start):
        return open
    return next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)


def starts_archive(start: bytes) -> bool:
    """Whether a file that starts so may be an archive."""
    return tar_opener(start) is not None or start.startswith(ZIP_STARTS)
