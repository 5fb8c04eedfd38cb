"""A lock on a folder: two commands never write there at once. Standard library only."""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collect.errors import VggbenchError
from collect.wording import duration

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"
OWNER_TRIES, OWNER_PAUSE_SECONDS = 50, 0.01
HAS_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # some network file systems


@contextmanager
def lock_folder(folder: Path, notify: Callable[[str], None], wait: bool = False) -> Iterator[int | None]:
    """Hold the lock of a folder, which is made if it is missing, inside the block; yields the lock's file descriptor.

    The system frees a lock when its process ends, however it ends: the file that a killed process leaves is taken over.
    The file names its owner, and its time says how long the owner has been at work. While another process holds the
    lock, this one says so through `notify` and waits, or raises VggbenchError if it is not to `wait`. On a file system
    without locks, `notify` gets a warning, and None is yielded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_FILE
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _acquire(file, path, notify, wait):
                yield None
                return
            if not _is_at(path, file):  # its owner has ended and removed it
                continue
            try:
                _write_owner(file, path)
                yield file
            finally:
                path.unlink(missing_ok=True)  # before it is free: nobody else's file can be there
            return
        finally:
            os.close(file)


def is_locked(folder: Path) -> bool:
    """Whether another process holds the lock of a folder. Nothing is written."""
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "no locks on this system")
        with (folder / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no lock, or there are none on this file system
        return False
    return False


def _acquire(file: int, path: Path, notify: Callable[[str], None], wait: bool) -> bool:
    """Lock an open file; False if that is not possible on this system."""
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "no locks on this system")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = f"{path.parent}: another command works here ({_owner(file)})"
        if not wait:
            raise VggbenchError(f"{text}; wait until it ends, or stop it") from None
        notify(f"{text}; waiting until it ends")
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as err:
        if err.errno not in HAS_NO_LOCKS:
            raise
        notify(f"{path.parent}: this file system has no locks; do not let two commands work here at once")
        path.unlink(missing_ok=True)
        return False
    return True


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _write_owner(file: int, path: Path) -> None:
    try:
        os.truncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
    except OSError as err:
        raise OSError(err.errno, err.strerror, str(path)) from err


def _owner(file: int) -> str:
    """Who holds the lock and for how long, from what the owner wrote into its file."""
    for _ in range(OWNER_TRIES):  # an owner writes its name as soon as it has the lock
        name = os.pread(file, 200, 0).decode(errors="replace")
        if name:
            break
        time.sleep(OWNER_PAUSE_SECONDS)
    age = max(0.0, time.time() - os.fstat(file).st_mtime)
    return f"{''.join(filter(str.isprintable, name)) or 'a process'}, for {duration(age)}"
