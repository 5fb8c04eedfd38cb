"""Errors that a user can fix, and the one handler that gives them a line and an exit code. Standard library only."""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class VggbenchError(Exception):
    """Something the user can fix. The message says what, where and what to do; `exit_code` is the command's."""

    exit_code = 1


class UsageError(VggbenchError):
    """An unknown flag, key, model, dataset or run, or values that do not go together."""

    exit_code = 2


class ShortfallError(VggbenchError):
    """Fewer distinct images than were asked for."""

    exit_code = 3


class SourceError(VggbenchError):
    """A source, an archive or its credentials failed."""

    exit_code = 4


@contextmanager
def exit_codes(command: str, kept: str) -> Iterator[None]:
    """Turn what a user can fix into one line on stderr and the documented exit code; anything else is a bug of ours.

    `kept` says what an interruption or a full disk leaves intact and how to go on. Use it around each command: Typer
    turns Ctrl-C into a silent exit before `main` could see it.
    """
    try:
        yield
    except VggbenchError as err:
        message, code = str(err), err.exit_code
    except KeyboardInterrupt:
        message, code = f"interrupted; {kept}", 130
    except sqlite3.Error as err:
        full = "full" in str(err)
        message, code = _disk_full("", kept) if full else f"the journal or study cannot be used: {err}", 1
    except OSError as err:
        if err.errno is None or isinstance(err, BrokenPipeError):  # not about a file; `reports table | head`
            raise
        where = f"{err.filename}: " if err.filename else ""
        message, code = _disk_full(where, kept) if err.errno in DISK_FULL else f"{where}{err.strerror}", 1
    else:
        return
    print(f"{command}: {message}", file=sys.stderr)
    raise SystemExit(code)


def _disk_full(where: str, kept: str) -> str:
    return f"{where}the disk is full; make room and run the same command again; {kept}"
