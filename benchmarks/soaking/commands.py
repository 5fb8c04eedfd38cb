"""Run collect, bench and reports as a user does, with an end to every wait, and check how they ended."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soaking.items import LostError

ROOT = Path(__file__).resolve().parents[2]
CODES = {"collect": {0, 1, 2, 3, 4, 130}, "bench": {0, 1, 2, 4, 130}, "reports": {0, 1, 2, 130}}
LIMIT_SECONDS = 240.0
MOST_MEMORY = 2 * 2**30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff]")
NOT_INHERITED = re.compile(r"FLICKR_|OPENVERSE_|XDG_|PYTHON|.*_proxy$", re.I)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `code` is negative for a signal; `seconds` is wall time, `peak_memory` is in bytes."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float
    peak_memory: int


class Running:
    """A command that was started in `folder`, in a process group of its own, with its own cache in `folder`/cache."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.words, self._folder = words, folder
        inherited = {k: v for k, v in os.environ.items() if not NOT_INHERITED.match(k)}
        self._start = time.monotonic()
        self._out, self._err = (folder / f".{self._start}.{name}" for name in ("out", "err"))
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, *words],
                cwd=folder,
                env={
                    **inherited,
                    "PYTHONPATH": str(ROOT),
                    "XDG_CACHE_HOME": str(folder / "cache"),
                    "OMP_NUM_THREADS": "1",
                    "COLUMNS": "200",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def interrupt(self, number: signal.Signals) -> None:
        """Send a signal: SIGINT to all its processes, as a terminal does, others to the command alone."""
        if number is signal.SIGINT:
            os.killpg(self._process.pid, number)
        else:
            os.kill(self._process.pid, number)

    def wait(self, limit: float = LIMIT_SECONDS) -> Ended | None:
        """How it ended; None if it did not end in time and was killed."""
        status, ended = 0, None
        while ended is None and time.monotonic() < self._start + limit:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                ended = usage
            else:
                time.sleep(0.02)
        seconds = time.monotonic() - self._start
        if ended is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        out, err = (path.read_bytes().decode("utf-8", "surrogateescape") for path in (self._out, self._err))
        self._out.unlink()
        self._err.unlink()
        if ended is None:
            return None
        return Ended(self.words, self._process.returncode, out, err, seconds, ended.ru_maxrss * 1024)

    def end(self) -> None:
        """Kill what is left of its processes."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


# A process that starts in the background ignores Ctrl-C, so this asks for the usual handler first.
START = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "sys.argv.pop(0); runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def problem(ended: Ended | None, codes: set[int] | None = None) -> str:
    """What is wrong with the end of a command, "" if nothing: not one of `codes`, a traceback, no clear line, ..."""
    if ended is None:
        return f"hang: no end within {LIMIT_SECONDS:.0f} s"
    name, said = ended.words[0], ended.out + ended.err
    if "Traceback (most recent call last)" in said:
        return f"traceback, code {ended.code}: {said.strip().splitlines()[-1]}"
    if ended.code not in CODES[name]:
        return f"undocumented exit code {ended.code}: {_last_line(said)}"
    if ended.code not in (CODES[name] if codes is None else codes):
        return f"exit code {ended.code}, not {' or '.join(map(str, sorted(codes or ())))}: {_last_line(said)}"
    lines = [line for line in ended.err.splitlines() if line.startswith((f"{name}: ", "gone: "))]
    if ended.code and not lines and not re.search("FAILS|failed|stalled", ended.out):
        return f"exit code {ended.code} without a line that says why: {_last_line(said)}"
    if odd := CONTROL.search(said):
        return f"control character {odd[0]!r} on the screen"
    if ended.peak_memory > MOST_MEMORY:
        return f"{ended.peak_memory / 2**30:.1f} GiB of memory"
    return ""


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["(nothing)"])[-1][:300]


def run(folder: Path, *words: str, **environment: str) -> Ended | None:
    """Run a command to its end in `folder`; None if it hangs."""
    return Running(folder, *words, **environment).wait()


def good(folder: Path, *words: str, codes: frozenset[int] = frozenset({0}), **environment: str) -> Ended:
    """Run a command and require one of these exit codes and a clean end. Raises LostError."""
    ended = run(folder, *words, **environment)
    wrong = problem(ended, set(codes))
    if wrong or ended is None:
        raise LostError(f"{' '.join(words)}: {wrong}")
    return ended
