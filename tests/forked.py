"""Commands in processes forked from one that has imported their modules: no test waits while Python and torch load.

A command run in this way has its own process, working directory, environment and output files, and ends as a new
process does. A warning is an error in it.

Tests of the start itself, of signals and of variables that Python reads as it starts use `subprocess`.
"""

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[1]
IMPORTED_LATE = ["typer._adapters", "rich.console", "rich.progress"]  # by every command that parses its arguments
Done: TypeAlias = subprocess.CompletedProcess[str]


class Forkserver:
    """A running process that forks a command for each request, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, module: str, *arguments: str, cwd: Path, environment: dict[str, str]) -> Done:
        """Run `python -m MODULE ARGUMENTS` to its end, with exactly this environment."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            request = [module, arguments, str(cwd), environment, str(out), str(err)]
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess([module, *arguments], code, out.read_text(), err.read_text())


@contextmanager
def forkserver(*modules: str) -> Iterator[Forkserver]:
    """Start a server that has imported these modules, and end it after the block."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__)), *modules]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Forkserver(process)


def _serve(modules: list[str]) -> None:
    """Fork a process for each request that standard input brings, and answer with its exit code."""
    for name in [*IMPORTED_LATE, *modules]:
        import_module(name)
    if "bench.runs.worker" in modules:
        _share_the_server_of_workers()
    gc.freeze()  # a forked process need not look at what was imported
    replies = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            replies.close()
            _become(*json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=replies, flush=True)


def _share_the_server_of_workers() -> None:
    """Start the server of `bench` once. Forked commands cannot ask the system whether it lives, and need not."""
    from multiprocessing import forkserver as workers

    from bench.server import start_server

    start_server()
    for place in (workers, workers._forkserver):
        vars(place)["ensure_running"] = lambda: None


def _become(module: str, arguments: list[str], cwd: str, environment: dict[str, str], out: str, err: str) -> None:
    """Turn this forked process into `python -m MODULE ARGUMENTS`."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        file = os.open(path, flags | (os.O_CREAT if number else 0), 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    warnings.simplefilter("error")
    sys.argv[1:] = arguments
    sys.path[0] = cwd
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    raise SystemExit(0)


if __name__ == "__main__":
    _serve(sys.argv[1:])
