"""Full disks and read-only folders: one clear line, and the same command completes once there is room."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.soaking.baseline import BENCH, COLLECT, copy
from benchmarks.soaking.commands import good
from benchmarks.soaking.files import BUILD, PREDICT, TABLE, VERIFY
from benchmarks.soaking.items import Item, SkippedError, attempt, require
from benchmarks.soaking.kills import VICTIMS, undisturbed
from benchmarks.soaking.trials import Place

PAGE, ROOM = 4096, 256 * 2**20
FULL: dict[str, tuple[str, str]] = {  # what is on the small disk -> the command, and the folder of the finished work
    "data": ("collect", "data"),
    "data, split again": ("collect, split again", "data"),
    "results": ("bench run", "results"),
    "caches": ("bench run", "cache"),
}
READ_ONLY: dict[str, tuple[str, tuple[str, ...], frozenset[int]]] = {  # -> the folder, the command, its exit codes
    "collect into it": ("data", (*COLLECT[:4], "new", *COLLECT[5:]), frozenset({1})),
    "collect what is there": ("data", COLLECT, frozenset({0, 1})),
    "verify": ("data", VERIFY, frozenset({0})),
    "bench run, results": ("results", (*BENCH, "--fresh"), frozenset({1})),
    "bench run, caches": ("cache", (*BENCH, "--fresh"), frozenset({0, 1})),
    "bench run, data": ("data", (*BENCH, "--fresh"), frozenset({0})),
    "predict": ("results", PREDICT, frozenset({0})),
    "report": ("results", BUILD, frozenset({1})),
    "table": ("results", TABLE, frozenset({0})),
}


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[str], None]]:
    """A tmpfs of `size` bytes at `folder`; gives a function that changes its options. Raises SkippedError."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid():
        raise SkippedError("a small or read-only disk needs root, to mount a tmpfs")

    def mount(*options: str) -> None:
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
        if done.returncode:
            raise SkippedError(f"a tmpfs cannot be mounted here ({done.stderr.strip()})")

    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    try:
        yield lambda options: mount("-o", f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disk(place: Place) -> list[Item]:
    """One command on a disk that becomes full at another write."""
    kind = list(FULL)[place.number % len(FULL)]
    return [attempt(kind, partial(_fill, place, kind))]


def _fill(place: Place, kind: str) -> None:
    name, folder = FULL[kind]
    victim = VICTIMS[name]
    _, expected = undisturbed(place.baseline, name)
    finished = place.baseline.folder / f"undisturbed {name}" / folder
    needed = sum(path.stat().st_size + PAGE for path in finished.rglob("*") if path.is_file())
    size = place.random.randrange(PAGE, needed, PAGE)
    start = victim.start(place.baseline)
    work = place.folder / "work"
    with small_disk(work / folder, ROOM) as remount:
        copy(start, work)
        used = sum(path.stat().st_size + PAGE for path in (work / folder).rglob("*") if path.is_file())
        remount(f"size={used + size}")
        ended = good(work, *victim.words, codes=frozenset({0, 1}))
        if ended.code:
            named = any(words in ended.err + ended.out for words in ("disk is full", "No space left"))
            require(named, f"{size:,} bytes free: no word of a full disk: {ended.err[-200:]}")
        remount(f"size={ROOM}")
        good(work, *victim.words)
        require(victim.state(work) == expected, f"{size:,} bytes free: another result once there is room")


def read_only(place: Place) -> list[Item]:
    """One command in a folder that it cannot write to."""
    kind = list(READ_ONLY)[place.number % len(READ_ONLY)]
    return [attempt(kind, partial(_try_read_only, place, kind))]


def _try_read_only(place: Place, kind: str) -> None:
    folder, words, codes = READ_ONLY[kind]
    intact = place.baseline.trained
    work = place.folder / "work"
    with small_disk(work / folder, ROOM) as remount:
        copy(intact, work)
        remount("ro")
        good(work, *words, codes=codes)
