"""The process of one run: reads its plan from standard input and writes its events to standard output as lines."""

import os
import sys
import time

import torch

from bench.errors import VggbenchError
from bench.events import Event, Failure, Step, to_line
from bench.experiment import run
from bench.plans import Plan

STEP_SECONDS = 0.1


def main() -> None:
    """Run the plan on standard input. Events go to standard output, everything else to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not come between the lines
    plan = Plan.from_json(sys.stdin.read())
    last_written = 0.0

    def emit(event: Event) -> None:
        nonlocal last_written
        now = time.monotonic()
        if isinstance(event, Step) and event.step < event.steps and now - last_written < STEP_SECONDS:
            return
        last_written = now
        print(to_line(event), file=events, flush=True)

    try:
        run(plan, emit)
    except VggbenchError as err:
        emit(Failure(str(err), err.exit_code))
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)  # the command that started this process is gone; the checkpoint is kept
    except OSError as err:
        emit(Failure(f"{err.filename or 'writing a file'}: {err.strerror or err}", 1))
        sys.exit(1)
    except torch.OutOfMemoryError:
        emit(Failure("out of memory; try a smaller --batch-size or --size", 1))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
