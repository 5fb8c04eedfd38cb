"""The server process from which the workers of runs are forked. It has imported torch, so that a run starts at once.

Standard library only: the command starts the server before it imports torch itself.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

HAS_SERVER = "forkserver" in multiprocessing.get_all_start_methods()  # not on Windows
# What a run needs. Imports leave no CUDA context behind, which a forked process could not use.
PRELOADED = ["bench.runs.worker", "torchvision.models", "scipy.stats"]


def start_server() -> None:
    """Start the server if it does not run yet, and return at once: it imports torch on its own."""
    if not HAS_SERVER:
        return
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # first: it unblocks Ctrl-C
    with _without_main_module(), _importable(), _ctrl_c_blocked():
        forkserver.ensure_running()


def start_process(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start `target(*arguments)` in a process forked from the server. The user's main module is not imported there."""
    start_server()
    context = multiprocessing.get_context("forkserver") if HAS_SERVER else multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=arguments, daemon=True)
    with _without_main_module():
        process.start()
    return process


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the user's main module. Otherwise multiprocessing imports it in a new process: a plain script runs twice."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _importable() -> Iterator[None]:
    """Put this package on the path of a new process, wherever this process found it."""
    before = os.environ.get("PYTHONPATH")
    package_parent = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package_parent, before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """A process started inside does not see Ctrl-C: the command alone handles it and ends its workers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
