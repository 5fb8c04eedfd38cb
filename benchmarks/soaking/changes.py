"""A dataset that changes after a run, and clocks that were set back: nothing is trained on other photos in silence."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.soaking.baseline import BENCH, COLLECT, copy, dataset_state, run_state
from benchmarks.soaking.commands import good
from benchmarks.soaking.files import VERIFY
from benchmarks.soaking.items import Item, attempt, require
from benchmarks.soaking.trials import Place
from tests.servers.photos import jpeg

Change = Callable[[Random, Path], object]
FUTURE, PAST = 4_102_444_800, 315_532_800  # 2100 and 1980
REFUSED = frozenset({1, 2})


def _photo(random: Random, dataset: Path, split: str = "*") -> Path:
    return random.choice(sorted(dataset.glob(f"{split}/*/*.jpg")))


def _other_photo(random: Random, dataset: Path) -> None:
    _photo(random, dataset).write_bytes(jpeg(10**6 + random.randrange(10**6), 80, 72))


def _flipped_bit(random: Random, dataset: Path) -> None:
    path = _photo(random, dataset)
    data, info = bytearray(path.read_bytes()), path.stat()
    data[-random.randrange(3, 200)] ^= 1
    path.write_bytes(data)
    if random.random() < 0.5:
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns - 1))


def _swapped(random: Random, dataset: Path) -> None:
    one, other = _photo(random, dataset, "train"), _photo(random, dataset, "test")
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


CHANGES: dict[str, tuple[Change, frozenset[int]]] = {  # -> the exit codes of bench run
    "another photo under the name": (_other_photo, REFUSED),
    "a flipped bit": (_flipped_bit, REFUSED),
    "photos of train and test swapped": (_swapped, REFUSED),
    "a photo removed": (lambda random, dataset: _photo(random, dataset).unlink(), REFUSED),
    "a class removed": (lambda random, dataset: shutil.rmtree(dataset / "train" / "car"), REFUSED),
    "test removed": (lambda random, dataset: shutil.rmtree(dataset / "test"), REFUSED),
    "an empty photo": (lambda random, dataset: _photo(random, dataset).write_bytes(b""), REFUSED),
    "a photo added": (lambda random, dataset: (dataset / "train/car/x.jpg").write_bytes(jpeg(7)), frozenset({0, 1, 2})),
    "a row removed": (lambda random, dataset: _drop_row(dataset), frozenset({0, 1, 2})),
}


def _drop_row(dataset: Path) -> None:
    lines = (dataset / "manifest.jsonl").read_text("utf-8").splitlines(keepends=True)
    (dataset / "manifest.jsonl").write_text("".join(lines[1:]), "utf-8")


def changed_dataset(place: Place) -> list[Item]:
    """One change after a run."""
    kind = list(CHANGES)[place.number % len(CHANGES)]
    return [attempt(kind, partial(_run_on_changed, place, kind))]


def _run_on_changed(place: Place, kind: str) -> None:
    change, codes = CHANGES[kind]
    work = copy(place.baseline.trained, place.folder / "work")
    change(place.random, work / "data" / "ds")
    if place.random.random() < 0.5:
        shutil.rmtree(work / "cache" / "vggbench" / "packs")
    good(work, *VERIFY, codes=frozenset({1}))
    good(work, *BENCH, "--fresh", codes=codes)
    good(work, "reports", "table")


def _touch(folder: str, time: int) -> Change:
    def change(random: Random, work: Path) -> None:
        for path in (work / folder).rglob("*"):
            os.utime(path, (time, time))

    return change


def _journal_of_the_future(random: Random, work: Path) -> None:
    with sqlite3.connect(work / "data" / "ds" / ".journal.sqlite") as database:
        database.execute("UPDATE answer SET at = at + 1e9")
    database.close()


CLOCKS: dict[str, Change] = {
    **{f"{folder} of the future": _touch(folder, FUTURE) for folder in ("data", "results", "cache", "photos")},
    **{f"{folder} of the past": _touch(folder, PAST) for folder in ("data", "results", "cache", "photos")},
    "journal of the future": _journal_of_the_future,
}


def clock_set_back(place: Place) -> list[Item]:
    """Files whose times do not fit the clock."""
    kind = list(CLOCKS)[place.number % len(CLOCKS)]
    return [attempt(kind, partial(_run_at_another_time, place, kind))]


def _run_at_another_time(place: Place, kind: str) -> None:
    work = copy(place.baseline.trained, place.folder / "work")
    before = dataset_state(work / "data" / "ds"), run_state(work / "results" / "ds")
    CLOCKS[kind](place.random, work)
    good(work, *COLLECT)
    good(work, *VERIFY)
    good(work, *BENCH)
    require((dataset_state(work / "data" / "ds"), run_state(work / "results" / "ds")) == before, "another result")
    shutil.rmtree(work / "results")
    good(work, *BENCH)
    require(run_state(work / "results" / "ds") == before[1], "another result when the runs are made again")
