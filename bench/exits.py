"""What can go wrong that the user can mend: one line on stderr and the documented exit code."""

import errno
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from bench.errors import BenchError
from collect.recipe import CollectError

FULL = (errno.ENOSPC, errno.EDQUOT)
MENDABLE = (*FULL, errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


class Commands(TyperGroup):
    """Commands whose errors end as one line; any other exception is our bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (BenchError, CollectError) as err:
            _fail(str(err), err.exit_code)
        except KeyboardInterrupt:
            _fail("interrupted; the same command continues where this one stopped", 130)
        except OSError as err:
            if err.errno not in MENDABLE:
                raise
            kept = "; make room, finished epochs are kept" if err.errno in FULL else ""
            _fail(f"{err.filename or 'writing a file'}: {err.strerror}{kept}", 1)


def _fail(message: str, code: int) -> NoReturn:
    print(f"bench: {message}", file=sys.stderr)
    raise typer.Exit(code)
