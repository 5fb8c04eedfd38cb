"""Kills at random moments: after SIGKILL, SIGTERM or SIGINT, the same command completes to the same result."""

import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.soaking.baseline import BENCH, COLLECT, PRETRAIN, SPLIT_AGAIN, Baseline, copy, dataset_state, run_state
from benchmarks.soaking.commands import LIMIT_SECONDS, Running, good, problem
from benchmarks.soaking.files import BUILD, PREDICT, TABLE, VERIFY
from benchmarks.soaking.items import Item, attempt, require
from benchmarks.soaking.trials import Place

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOMENTS = 20
ENDS = {  # by signal: exit codes of a command that it stops
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {-signal.SIGTERM, 128 + signal.SIGTERM, 130},
    signal.SIGINT: {130},
}


@dataclass(frozen=True, slots=True)
class Victim:
    """A command, the intact files that it starts from, and what it is to leave."""

    words: tuple[str, ...]
    start: Callable[[Baseline], Path]
    state: Callable[[Path], Any]


def _dataset(folder: Path) -> Any:
    return dataset_state(folder / "data" / "ds")


def _runs(folder: Path) -> Any:
    return run_state(folder / "results" / "ds")


def _weights(folder: Path) -> Any:
    return hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest()


def _report(folder: Path) -> Any:
    page = (folder / "results" / "ds" / "report.html").read_text("utf-8")
    return page.count("<section"), page.rstrip().endswith("</html>")


def _nothing(folder: Path) -> Any:
    return None


VICTIMS: dict[str, Victim] = {
    "collect": Victim(COLLECT, lambda b: b.photos, _dataset),
    "collect, split again": Victim(SPLIT_AGAIN, lambda b: b.published, _dataset),
    "bench run": Victim(BENCH, lambda b: b.weighted, _runs),
    "reports build": Victim(BUILD, lambda b: b.trained, _report),
    "collect --verify": Victim(VERIFY, lambda b: b.collected, _dataset),
    "bench pretrain": Victim(PRETRAIN, lambda b: b.collected, _weights),
    "bench predict": Victim(PREDICT, lambda b: b.trained, _runs),
    "reports table": Victim(TABLE, lambda b: b.trained, _runs),
}
TRIALS = MOMENTS * len(SIGNALS) * len(VICTIMS)


def undisturbed(baseline: Baseline, name: str) -> tuple[float, Any]:
    """Seconds and result of a command that nothing disturbs. Its folder stays: `undisturbed NAME`."""
    victim = VICTIMS[name]

    def measure() -> tuple[float, Any]:
        home = copy(victim.start(baseline), baseline.folder / f"undisturbed {name}")
        seconds = good(home, *victim.words).seconds
        return seconds, victim.state(home)

    return baseline.once(f"undisturbed {name}", measure)


def kill_at_random(place: Place) -> list[Item]:
    """One command, one signal, one moment."""
    name = list(VICTIMS)[place.number % len(VICTIMS)]
    number = SIGNALS[place.number // len(VICTIMS) % len(SIGNALS)]
    return [attempt(f"{name}, {number.name}", partial(_kill, place, name, number))]


def _kill(place: Place, name: str, number: signal.Signals) -> None:
    victim = VICTIMS[name]
    seconds, expected = undisturbed(place.baseline, name)
    work = copy(victim.start(place.baseline), place.folder / "work")
    moment = place.random.uniform(0, seconds)
    running = Running(work, *victim.words)
    running.begin()
    try:
        ended = running.wait(moment)
        if ended is None:
            running.interrupt(number)
            ended = running.wait()
        require(ended is not None, f"still there {LIMIT_SECONDS:.0f} s after {number.name} at {moment:.2f} s")
        assert ended is not None
        said = ended.out + ended.err
        require("Traceback" not in said, f"{number.name} at {moment:.2f} s: traceback: {said.strip()[-200:]}")
        require(
            ended.code in {0, *ENDS[number]}, f"{number.name} at {moment:.2f} s: exit code {ended.code}: {said[-200:]}"
        )
        if ended.code == 130:
            require("interrupted" in ended.err, f"{number.name} at {moment:.2f} s: no line that says so: {said[-200:]}")
        if ended.code == 0:
            require(not problem(ended), problem(ended))
        good(work, *victim.words)  # at once, as a user does
        require(victim.state(work) == expected, f"{number.name} at {moment:.2f} s: another result afterwards")
        left = [p.name for p in work.rglob("*") if p.suffix in (".part", ".staged", ".tmp") or p.name == "worker.log"]
        require(not left, f"{number.name} at {moment:.2f} s: left behind: {left[:3]}")
    finally:
        running.end()
