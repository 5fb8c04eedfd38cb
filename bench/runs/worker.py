"""The process that makes runs: it receives plans through a pipe and sends back what happens."""

import os
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.errors import VggbenchError
from bench.events import Done, Event, Failure, Step
from bench.experiment import run
from bench.plans import Plan

LOG_FILE = "worker.log"
STEP_SECONDS = 0.1


def work(pipe: Connection, environment: Mapping[str, str]) -> None:
    """Make the runs whose plans arrive through the pipe, until the command closes it or dies. Interrupted runs keep
    their checkpoints.

    Sends the events of each run, then Done or Failure. `environment` is the command's: the server's may be older.
    """
    os.environ.clear()
    os.environ.update(environment)
    try:
        while True:
            plan = pipe.recv()
            _redirect_output(Path(plan.folder) / LOG_FILE)
            pipe.send(_make(plan, pipe))
    except (EOFError, ConnectionError):  # the command closed the pipe, or it is gone
        return


def _redirect_output(log: Path) -> None:
    """Send what this process prints to a file, also what libraries print below Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


def _make(plan: Plan, pipe: Connection) -> Done | Failure:
    """Make one run and send its events."""
    last_sent = 0.0

    def emit(event: Event) -> None:
        nonlocal last_sent
        now = time.monotonic()
        if isinstance(event, Step) and event.step < event.steps and now - last_sent < STEP_SECONDS:
            return
        last_sent = now
        pipe.send(event)

    try:
        run(plan, emit)
    except VggbenchError as err:
        return Failure(str(err), err.exit_code)
    except ConnectionError:
        raise  # an OSError too, but not one of files
    except OSError as err:
        return Failure(f"{err.filename or 'writing a file'}: {err.strerror or err}")
    except torch.OutOfMemoryError:
        return Failure("out of memory; try a smaller --batch-size or --size")
    return Done()
