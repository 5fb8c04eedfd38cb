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
        self.words = words
        self._ended: Ended | None = None
        inherited = {k: v for k, v in os.environ.items() if not NOT_INHERITED.match(k)}
        self._start = time.monotonic()
        self._out, self._err, self._begun = (folder / f".{self._start}.{name}" for name in ("out", "err", "begun"))
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(self._begun), *words],
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

    def begin(self) -> None:
        """Wait until Python has started and the command itself begins."""
        while not self._begun.exists() and time.monotonic() < self._start + LIMIT_SECONDS:
            time.sleep(0.001)

    def interrupt(self, number: signal.Signals) -> None:
        """Send a signal: SIGINT to all its processes, as a terminal does, others to the command alone."""
        if number is signal.SIGINT:
            os.killpg(self._process.pid, number)
        else:
            os.kill(self._process.pid, number)

    def wait(self, seconds: float = LIMIT_SECONDS) -> Ended | None:
        """How it ended; None if it is still there after so many seconds from now."""
        until = time.monotonic() + seconds
        while self._ended is None and time.monotonic() < until:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._ended = self._read(usage.ru_maxrss * 1024)
            else:
                time.sleep(0.01)
        return self._ended

    def _read(self, peak_memory: int) -> Ended:
        seconds = time.monotonic() - self._start
        out, err = (path.read_bytes().decode("utf-8", "surrogateescape") for path in (self._out, self._err))
        for path in (self._out, self._err, self._begun):
            path.unlink(missing_ok=True)
        return Ended(self.words, self._process.returncode, out, err, seconds, peak_memory)

    def end(self) -> None:
        """Kill what is left of its processes."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.wait()


# A process that starts in the background ignores Ctrl-C, so this asks for the usual handler first.
START = (
    "import pathlib, runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); del sys.argv[0]; "
    "pathlib.Path(sys.argv.pop(0)).touch(); runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def problem(ended: Ended | None, codes: set[int] | None = None) -> str:
    """What is wrong with the end of a command, "" if nothing: not one of `codes`, a traceback, no clear line, ..."""
    if ended is None:
        return f"hang: no end within {LIMIT_SECONDS:.0f} s"
    name, said = ended.words[0], ended.out + ended.err
    if "Traceback (most recent call last)" in said:
        return f"traceback, code {ended.code}: {said.strip().splitlines()[-1]}"
    if ended.code not in CODES[name]:
        return f"undocumented exit code {ended.code}: {_why(ended)}"
    if ended.code not in (CODES[name] if codes is None else codes):
        return f"exit code {ended.code}, not {' or '.join(map(str, sorted(codes or ())))}: {_why(ended)}"
    lines = [line for line in ended.err.splitlines() if line.startswith((f"{name}: ", "gone: "))]
    if ended.code and not lines and not re.search("FAILS|failed|stalled", ended.out):
        return f"exit code {ended.code} without a line that says why: {_why(ended)}"
    if odd := CONTROL.search(said):
        return f"control character {odd[0]!r} on the screen"
    if ended.peak_memory > MOST_MEMORY:
        return f"{ended.peak_memory / 2**30:.1f} GiB of memory"
    return ""


def _why(ended: Ended) -> str:
    """The line that says most about a failure."""
    lines = [*ended.err.strip().splitlines(), *re.findall(".*(?:FAILS|failed|stalled).*", ended.out)]
    return (lines or ended.out.strip().splitlines() or ["(nothing)"])[-1].strip()[:300]


def run(folder: Path, *words: str, **environment: str) -> Ended | None:
    """Run a command to its end in `folder`; None if it hangs, and then it is killed."""
    running = Running(folder, *words, **environment)
    try:
        return running.wait()
    finally:
        running.end()


def good(folder: Path, *words: str, codes: frozenset[int] = frozenset({0}), **environment: str) -> Ended:
    """Run a command and require one of these exit codes and a clean end. Raises LostError."""
    ended = run(folder, *words, **environment)
    wrong = problem(ended, set(codes))
    if wrong or ended is None:
        raise LostError(f"{' '.join(words[:4])} ...: {wrong}")
    return ended
