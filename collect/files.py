"""Files that are never half-written, and their hashes. Standard library only."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_write(path: Path, mode: str = "w", sync: bool = True) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it to `path` at the end. After an error `path` is unchanged.

    Without `sync`, a power cut may leave less than was written. An OSError while the file is written names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    with _errors_name(path):
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115
            mode, dir=path.parent, prefix=".", suffix=".part", delete=False, encoding=encoding
        )
        try:
            with handle:
                yield handle
                handle.flush()
                if sync:
                    os.fsync(handle.fileno())
            Path(handle.name).chmod(0o644)
            Path(handle.name).replace(path)
        except BaseException:
            Path(handle.name).unlink(missing_ok=True)
            raise


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Let errors about a temporary file, or about no file, name `path`."""
    try:
        yield
    except OSError as err:
        if err.errno is not None and (err.filename is None or str(err.filename).endswith(".part")):
            err.filename = str(path)
        raise


def move(source: Path, target: Path) -> None:
    """Rename a file. An OSError names the target: it is what the user knows."""
    try:
        source.replace(target)
    except OSError as err:
        raise OSError(err.errno, err.strerror, str(target)) from err


def has_size(path: Path, size: int | None) -> bool:
    """Whether a file is there with this many bytes."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
