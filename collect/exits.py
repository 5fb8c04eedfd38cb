"""What can go wrong that the user can mend: one line on stderr and the documented exit code."""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from collect.journal import JOURNAL, MEND
from collect.recipe import CollectError


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and the documented exit code."""
    try:
        yield
    except CollectError as err:
        _fail(str(err), err.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; what was fetched is kept, the same command continues", 130)
    except OSError as err:
        full = err.errno in (errno.ENOSPC, errno.EDQUOT)
        where = f"{err.filename}: " if err.filename else ""
        _fail(_disk_full(where) if full else f"{where}{err.strerror or err}", 1)
    except sqlite3.OperationalError as err:
        _fail(_disk_full("") if "full" in str(err) else f"the journal cannot be used: {err}", 1)
    except sqlite3.DatabaseError as err:
        _fail(f"the dataset's {JOURNAL} is damaged ({err}); {MEND}", 1)


def _disk_full(where: str) -> str:
    return f"{where}the disk is full; make room and run the same command again, what was fetched is kept"


def _fail(message: str, code: int) -> NoReturn:
    print(f"collect: {message}", file=sys.stderr)
    raise typer.Exit(code)
