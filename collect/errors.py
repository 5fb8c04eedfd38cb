"""Errors that a user can fix, and the handler that prints them and ends the command. Standard library only."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collect.redact import redact
from collect.terminal import print_text

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
INTERRUPTED = 130


class VggbenchError(Exception):
    """Something the user can fix. The message says what happened, where, and what to do next."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback."""
        return [redact(str(self))]


class UsageError(VggbenchError):
    """An unknown flag, key, model, dataset or run, or values that do not go together."""

    exit_code = 2


class ShortfallError(VggbenchError):
    """Fewer distinct images than the user asked for."""

    exit_code = 3


class SourceError(VggbenchError):
    """A source, an archive or its credentials failed."""

    exit_code = 4


def run_command(app: Callable[[], None], command: str, kept: str) -> None:
    """Run a Typer app as the whole of a process: errors get their line and exit code, and so does Ctrl-C to the end."""
    try:
        with exit_codes(command, kept):
            app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            sys.stderr.flush()
            # Python itself would end by SIGINT, without a code, if Ctrl-C came while a string was executed, as
            # dataclasses do when they are imported.
            os._exit(INTERRUPTED)
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: while Python ends, Ctrl-C changes nothing


@contextmanager
def exit_codes(command: str, kept: str) -> Iterator[None]:
    """Turn an error that the user can fix into one line on stderr and its exit code. Any other error is a bug.

    `kept` says what an interruption or a full disk leaves intact and how to continue.
    """
    try:
        try:
            yield
        finally:
            _flush_output()
    except VggbenchError as err:
        message, code = str(err), err.exit_code
    except (KeyboardInterrupt, SystemExit) as err:
        if isinstance(err, SystemExit) and err.code != INTERRUPTED:  # Typer makes a silent exit of Ctrl-C
            raise
        message, code = f"interrupted; {kept}", INTERRUPTED
    except OSError as err:
        if err.errno is None or isinstance(err, BrokenPipeError):  # not about a file; `reports table | head`
            raise
        message, code = file_error_text(err) + (f"; {kept}" if err.errno in DISK_FULL else ""), 1
    else:
        return
    print_text(f"{command}: {redact(message)}", sys.stderr)
    raise SystemExit(code)


def file_error_text(err: OSError) -> str:
    """What went wrong with which file, and what to do."""
    where, reason = f"{err.filename}: " if err.filename else "", err.strerror or str(err)
    if err.errno in DISK_FULL:
        reason = "the disk is full; free some space and run the same command again"
    elif err.errno in NO_ACCESS:
        reason += "; allow access to it, or choose another folder"
    return where + reason


def connection_error_text(err: BaseException, host: str) -> str:
    """Why a request to `host` got no answer, "" if `err` and what caused it do not say so in a known way."""
    import ssl  # late: most commands make no request

    causes = list(_causes(err))
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            unsure = "" if cause.errno == socket.EAI_AGAIN else ", or this host does not exist"
            return f"{host} cannot be reached: no network or no name server{unsure}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{host} has no valid certificate ({cause.verify_message}); is this computer's clock right?"
        if isinstance(cause, ssl.SSLError):
            return f"{host} offers no secure connection ({cause.reason or 'TLS failed'}); does it need http:// instead?"
        if isinstance(cause, ConnectionRefusedError):
            return f"{host} cannot be reached: it refuses the connection"
        if isinstance(cause, OSError) and cause.errno in NO_ROUTE:
            return f"{host} cannot be reached: no network"
        if isinstance(cause, TimeoutError):
            return f"{host} does not answer in time"
    if any(isinstance(cause, ConnectionError) for cause in causes):
        return f"{host} closed the connection"
    return ""


def _causes(err: BaseException) -> Iterator[BaseException]:
    """An error and what it names as its cause, from the outside to the inside; libraries use all of these ways."""
    seen: list[BaseException] = []
    found: list[object] = [err]
    while found:
        cause = found.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            found += [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]


def _flush_output() -> None:
    """Write what is still to be printed, so that a full disk is an error of the command, not of Python's exit."""
    try:
        sys.stdout.flush()
    except OSError as err:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python will flush again
        if isinstance(err, BrokenPipeError):
            raise SystemExit(1) from err
        raise OSError(err.errno, err.strerror, "standard output") from err
