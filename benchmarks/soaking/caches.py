"""Damaged caches and checkpoints: they are named, made again, and change no result."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.soaking.baseline import BENCH, SMALL, Baseline, copy, run_state
from benchmarks.soaking.commands import Running, good
from benchmarks.soaking.damage import DAMAGES
from benchmarks.soaking.items import Item, LostError, attempt, require
from benchmarks.soaking.trials import Place

LONG = ("bench", "run", "baseline-cnn", "--dataset", "ds", *SMALL, "--epochs", "12")
CHECKPOINT = ".checkpoint.pt"
CACHES = ("packs/*", "features/*", "rates.json")
KINDS = [(pattern, kind) for kind in DAMAGES for pattern in (*CACHES, CHECKPOINT)]


def damaged_cache(place: Place) -> list[Item]:
    """One file of a cache, or a checkpoint, in one way."""
    pattern, kind = KINDS[place.number % len(KINDS)]
    check = _continue if pattern == CHECKPOINT else _run_again
    return [attempt(f"{pattern}: {kind}", partial(check, place, pattern, kind))]


def _damage(place: Place, kind: str, path: Path) -> None:
    path.write_bytes(DAMAGES[kind](place.random, path.read_bytes()))


def _run_again(place: Place, pattern: str, kind: str) -> None:
    expected = run_state(place.baseline.trained / "results" / "ds")
    work = copy(place.baseline.trained, place.folder / "work")
    shutil.rmtree(work / "results")
    path = place.random.choice(sorted(p for p in (work / "cache" / "vggbench").glob(pattern) if p.stat().st_size))
    before = path.read_bytes()
    _damage(place, kind, path)
    is_changed = path.read_bytes() != before
    ended = good(work, *BENCH)
    require(run_state(work / "results" / "ds") == expected, f"{path.name}: another result")
    if is_changed:
        require(path.name in ended.out + ended.err, f"{path.name} was damaged, and no line names it")


def _interrupt(baseline: Baseline) -> tuple[Path, dict[str, Any]]:
    """A run that was killed after an epoch, and what it comes to without that."""
    whole = copy(baseline.weighted, baseline.folder / "whole")
    good(whole, *LONG)
    for number in range(5):
        home = copy(baseline.weighted, baseline.folder / f"interrupted {number}")
        running = Running(home, *LONG)
        while running.wait(0.02) is None:
            if any((home / "results").rglob(CHECKPOINT)):
                break
        running.end()
        if any((home / "results").rglob(CHECKPOINT)):
            return home, run_state(whole / "results" / "ds")
    raise LostError("no checkpoint to damage: every run was finished before it could be killed")


def _continue(place: Place, pattern: str, kind: str) -> None:
    home, expected = place.baseline.once("interrupted", lambda: _interrupt(place.baseline))
    work = copy(home, place.folder / "work")
    path = next((work / "results").rglob(CHECKPOINT))
    _damage(place, kind, path)
    ended = good(work, *LONG)
    require(run_state(work / "results" / "ds") == expected, "another result")
    require("checkpoint" in ended.out + ended.err, "the checkpoint was damaged, and no line says so")
