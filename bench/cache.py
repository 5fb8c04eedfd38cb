"""Files that later commands read again. Each has a format and a checksum of all it holds, which are checked when it is
opened: a file that does not pass is reported, never used, and made again by whoever asked for it.
"""

import hashlib
import json
import math
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import VggbenchError, print_text
from collect.datasets import DISK_FULL
from collect.manifest import atomic_write

HEADER_BYTES, BLOCK_BYTES, THREADS = 4096, 4 << 20, 4
LEFTOVER_SECONDS = 24 * 3600.0
UNKNOWN, DIFFERS = "damaged, or written by another version", "damaged: its checksum differs"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ArrayKind:
    """What a stored array must be: its type, in this machine's byte order, and its number of rows."""

    dtype: type[np.generic]
    rows: int


def cache_folder() -> Path:
    """The folder of packs, features, drawn weights and measured rates: in $XDG_CACHE_HOME or the system's cache."""
    default = {"darwin": "~/Library/Caches", "win32": "~/AppData/Local"}.get(sys.platform, "~/.cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser() / "vggbench"


@cache
def warn(line: str) -> None:
    """Report a line on stderr, where no progress is shown, and only once."""
    print_text(f"bench: {line}", sys.stderr)


@contextmanager
def write_sealed(path: Path, form: str, about: dict[str, Any], size: int = 0) -> Iterator[IO[bytes]]:
    """Open a new file for its content, which begins at its position; at the end it gets its header and its name.

    The header holds the format `form` and what is in `about` at the end. The space for `size` bytes is reserved first:
    a full disk is an OSError before the work, and the content may then be written in any order.
    """
    _remove_leftovers(path.parent)
    with atomic_write(path, "w+b", sync=False) as out:  # the checksum shows what a power cut did
        _reserve(out.fileno(), HEADER_BYTES + size)
        out.seek(HEADER_BYTES)
        yield out
        out.flush()
        header = {"format": form, "bytes": os.fstat(out.fileno()).st_size - HEADER_BYTES, "about": about}
        header["checksum"] = _checksum(out.fileno(), header)
        out.seek(0)
        out.write(json.dumps(header).encode().ljust(HEADER_BYTES))


def open_sealed(path: Path, form: str, report: Report) -> dict[str, Any] | None:
    """What the header of a file says about its content, which begins at HEADER_BYTES and passed its check.

    None if there is no such file, or one that must be made again, which is then reported.
    """
    try:
        info = path.stat()
        return dict(_check_sealed(path, form, (info.st_ino, info.st_size, info.st_mtime_ns)))
    except FileNotFoundError:
        return None
    except _UnusableError as err:
        reason = str(err)
    except OSError as err:
        reason = f"cannot be read ({err.strerror})"
    report(f"{path}: {reason}; it is made again")
    return None


def stored_array(
    path: Path, form: str, expected: ArrayKind, make: Callable[[], None], report: Report
) -> tuple[NDArray[Any], dict[str, Any], bool]:
    """The array of a sealed file, mapped into memory, what its header says, and whether `make` wrote it just now.

    Raises VggbenchError if the disk does not keep what was written.
    """
    opened, is_new = _open_array(path, form, expected, report), False
    if opened is None:
        make()
        opened, is_new = _open_array(path, form, expected, report), True
    if opened is None:
        raise VggbenchError(f"{path}: the disk does not keep what is written; set XDG_CACHE_HOME to another one")
    return *opened, is_new


def _open_array(
    path: Path, form: str, expected: ArrayKind, report: Report
) -> tuple[NDArray[Any], dict[str, Any]] | None:
    about = open_sealed(path, form, report)
    if about is None:
        return None
    kind, shape = np.dtype(expected.dtype), tuple(about["shape"])
    if about["dtype"] != kind.str or shape[0] != expected.rows:
        report(f"{path}: holds {about['dtype']} x {shape[0]:,}, not {kind.str} x {expected.rows:,}; it is made again")
        return None
    return np.memmap(path, kind, "c", HEADER_BYTES, shape), about


@contextmanager
def write_array(
    path: Path, form: str, dtype: type[np.generic], shape: tuple[int, ...], about: dict[str, Any]
) -> Iterator[IO[bytes]]:
    """As write_sealed, for an array of this type and shape, whose bytes are written in C order."""
    described = np.dtype(dtype)
    about |= {"dtype": described.str, "shape": list(shape)}
    with write_sealed(path, form, about, math.prod(shape) * described.itemsize) as out:
        yield out


def write_values(path: Path, form: str, values: Any) -> None:
    """Write values as a JSON file with their format and checksum."""
    _remove_leftovers(path.parent)
    with atomic_write(path) as out:
        json.dump({"format": form, "sha256": _sha256(values), "values": values}, out, indent=1, allow_nan=False)


def read_values(path: Path, form: str, report: Report) -> Any:
    """The values of a JSON file. None if there is none, or one that must be made again, which is then reported."""
    try:
        content = json.loads(path.read_bytes())
        _check_keys(content, form, {"format", "sha256", "values"})
        if content["sha256"] != _sha256(content["values"]):
            raise _UnusableError(DIFFERS)
        return content["values"]
    except FileNotFoundError:
        return None
    except _UnusableError as err:
        reason = str(err)
    except (ValueError, RecursionError):
        reason = UNKNOWN
    report(f"{path}: {reason}; it is made again")
    return None


class _UnusableError(Exception):
    """Why a file must be made again."""


@cache
def _check_sealed(path: Path, form: str, _state: tuple[int, int, int]) -> dict[str, Any]:
    """What a header says about its file; once per process and state of the file. Raises _UnusableError."""
    with path.open("rb") as file:
        try:
            header = json.loads(file.read(HEADER_BYTES))
        except (ValueError, RecursionError) as err:
            raise _UnusableError(UNKNOWN) from err
        _check_keys(header, form, {"format", "bytes", "about", "checksum"})
        if header["bytes"] != os.fstat(file.fileno()).st_size - HEADER_BYTES:
            raise _UnusableError("damaged: not all of it is there")
        if header.pop("checksum") != _checksum(file.fileno(), header):
            raise _UnusableError(DIFFERS)
    about: dict[str, Any] = header["about"]
    return about


def _check_keys(content: object, form: str, keys: set[str]) -> None:
    if not isinstance(content, dict) or content.keys() != keys:
        raise _UnusableError(UNKNOWN)
    if content["format"] != form:
        raise _UnusableError("written by another version")


def _checksum(file: int, header: dict[str, Any]) -> str:
    """SHA-256 over a header and the CRC-32 of each block of the content, which are computed in threads."""

    def block(start: int) -> bytes:
        return zlib.crc32(os.pread(file, BLOCK_BYTES, start)).to_bytes(4)

    starts = range(HEADER_BYTES, HEADER_BYTES + header["bytes"], BLOCK_BYTES)
    with ThreadPoolExecutor(THREADS) as pool:
        return hashlib.sha256(b"".join([json.dumps(header).encode(), *pool.map(block, starts)])).hexdigest()


def _sha256(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _reserve(file: int, size: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as err:  # a file system that cannot reserve finds out while it writes
        if err.errno in DISK_FULL:
            raise


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left of its unfinished files here: those that nobody has written to for long."""
    for path in folder.glob(".*.part"):
        with suppress(FileNotFoundError):  # another process removed it
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()
