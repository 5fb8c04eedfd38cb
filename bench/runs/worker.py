"""The process that makes runs: it receives plans through a pipe and sends back what happens."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path

import torch

from bench.errors import VggbenchError, file_error_text
from bench.events import Done, Emit, Event, Failure, Step
from bench.experiment import run, try_recipe
from bench.outcome import open_inputs
from bench.plans import backbone_key

LOG_FILE = "worker.log"
STEP_SECONDS = 0.1


def work(pipe: Connection, environment: Mapping[str, str], shared_with: int) -> None:
    """Make the runs whose plans arrive through the pipe, until the command closes it or dies. Interrupted runs keep
    their checkpoints.

    Sends the events of each run, then Done or Failure. `environment` is the command's: the server's may be older.
    A run on the same frozen backbone as the one before uses what that one opened, and records `shared_with`.
    """
    os.environ.clear()
    os.environ.update(environment)
    key, opened = None, None
    try:
        while True:
            plan, is_locked = pipe.recv()
            with _held(recv_handle(pipe) if is_locked else None), _errors_sent(pipe):
                _redirect_output(Path(plan.folder) / LOG_FILE)
                if backbone_key(plan) != key or key is None:
                    key = backbone_key(plan)
                    opened = open_inputs(plan, shared_with or None if key else None)
                (try_recipe if plan.is_trial else run)(plan, _sender(pipe), opened)
                pipe.send(Done())
    except (EOFError, ConnectionError):  # the command closed the pipe, or it is gone
        return


def _redirect_output(log: Path) -> None:
    """Send what this process prints to a file, also what libraries print below Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


@contextmanager
def _held(lock: int | None) -> Iterator[None]:
    """Keep the lock of a run's folder, which the command holds too, until the run has ended here."""
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _sender(pipe: Connection) -> Emit:
    """A function that sends events: of steps ten a second, and the last one of an epoch."""
    last_sent = 0.0

    def emit(event: Event) -> None:
        nonlocal last_sent
        now = time.monotonic()
        if isinstance(event, Step) and event.step < event.steps and now - last_sent < STEP_SECONDS:
            return
        last_sent = now
        pipe.send(event)

    return emit


@contextmanager
def _errors_sent(pipe: Connection) -> Iterator[None]:
    """Send an error that the user can fix as a Failure. Any other one ends the process."""
    try:
        yield
    except VggbenchError as err:
        pipe.send(Failure(str(err), err.exit_code))
    except ConnectionError:  # an OSError too, but not one of files
        raise
    except OSError as err:
        pipe.send(Failure(file_error_text(err)))
    except torch.OutOfMemoryError:
        pipe.send(Failure("out of memory; try a smaller --batch-size or --size"))
