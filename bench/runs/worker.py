"""The process of one run: reads its plan on standard input and tells its progress as JSON lines."""

import os
import sys
import time

import torch

from bench.errors import VggbenchError
from bench.events import Event, Failure, Step, to_line
from bench.experiment import run
from bench.plans import Plan


def main() -> None:
    """Run the plan on standard input. Progress goes to standard output, everything else to standard error."""
    progress = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not come between the lines
    plan = Plan.from_json(sys.stdin.read())
    told = 0.0

    def emit(event: Event) -> None:
        nonlocal told
        now = time.monotonic()
        if isinstance(event, Step) and event.step < event.steps and now - told < 0.1:
            return
        told = now
        print(to_line(event), file=progress, flush=True)

    try:
        run(plan, emit)
    except VggbenchError as err:
        emit(Failure(str(err), err.exit_code))
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)  # the process that waits for this run is gone; its checkpoint is kept
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
