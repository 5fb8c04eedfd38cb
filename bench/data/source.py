"""A dataset on disk: its rows and its classes."""

import hashlib
import json
import stat
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.cache import cache_folder
from bench.errors import UsageError, VggbenchError, name_hint
from bench.machine import cores
from collect.datasets import load_datasets
from collect.manifest import (
    MANIFEST,
    TEST_FOLDERS,
    Row,
    atomic_write,
    file_sha256,
    is_dataset,
    load_rows,
    manifest_sha256,
    parse_json,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset on disk. `rows` are in the manifest's order, `classes` sorted by name."""

    name: str
    folder: Path
    rows: tuple[Row, ...]
    sha256: str
    classes: tuple[str, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """train and test -> class -> images."""
        counted = Counter((split_of(r), r.class_) for r in self.rows)
        return {split: {c: counted[split, c] for c in self.classes} for split in ("train", "test")}

    def labels(self, numbers: Sequence[int]) -> list[int]:
        """The class indices of the rows with these numbers."""
        index = {name: i for i, name in enumerate(self.classes)}
        return [index[self.rows[number].class_] for number in numbers]


def split_of(row: Row) -> str:
    """train or test: a val/ without a test/ beside it is the test set."""
    return "test" if row.split in TEST_FOLDERS else row.split


def _advice(name: str, data: Path) -> str:
    """What to do about a name that is no dataset here."""
    entries = load_datasets()
    if name in entries:
        return f"collect it first: collect --dataset {name}"
    collected = [path.name for path in data.iterdir() if is_dataset(path)] if data.is_dir() else []
    return f"{name_hint(name, [*collected, *entries])} (or make it: collect --from FOLDER --name {Path(name).name})"


def open_source(name: str, data: Path) -> Source:
    """The dataset `name` in `data`, or any folder with train/ and test/ or val/.

    Raises UsageError without one, and for one whose files are not what its manifest says.
    """
    folder = data / name
    if not is_dataset(folder):
        folder = Path(name)
    if not is_dataset(folder):
        raise UsageError(
            f"--dataset {name}: neither a dataset in {data}/ nor a folder with train/ and test/; {_advice(name, data)}"
        )
    try:
        listed = load_rows(folder)
    except VggbenchError as err:
        raise UsageError(str(err)) from err
    has_test = any(r.split == "test" for r in listed)
    rows = tuple(r for r in listed if r.split != "val" or not has_test)
    classes = tuple(sorted({r.class_ for r in rows}))
    if len(classes) < 2:
        raise UsageError(f"{folder}: has {len(classes)} class; a classifier needs at least two")
    for split in ("train", "test"):
        missing = set(classes) - {r.class_ for r in rows if split_of(r) == split}
        if missing:
            raise UsageError(f"{folder}: class {sorted(missing)[0]!r} has no {split} images")
    digest = manifest_sha256(listed)
    if (folder / MANIFEST).is_file() and (problem := _file_problem(folder, rows, digest)):
        if manifest_sha256(load_rows(folder)) != digest:
            return open_source(name, data)  # collect has just changed it
        raise UsageError(problem)
    return Source(folder.resolve().name, folder, rows, digest, classes)


def _file_problem(folder: Path, rows: Sequence[Row], digest: str) -> str:
    """What is wrong and what to do if the files are not those of the rows, else "".

    Every file is hashed once. Size and times are kept in the user's cache, and a file is hashed again if they differ.
    """
    key = hashlib.sha256(f"{folder.resolve()}|{digest}".encode(errors="surrogateescape")).hexdigest()[:24]
    record = cache_folder() / "checked" / f"{key}.json"
    checked = _read_checked(record)
    with ThreadPoolExecutor(cores()) as pool:
        stamps = dict(zip((r.file for r in rows), pool.map(lambda r: _stamp(folder / r.file), rows), strict=True))
        unsure = [r for r in rows if not stamps[r.file] or stamps[r.file] != checked.get(r.file)]
        good = pool.map(lambda r: bool(stamps[r.file]) and file_sha256(folder / r.file) == r.sha256, unsure)
        wrong = [r.file for r, is_good in zip(unsure, good, strict=True) if not is_good]
    if wrong:
        problem = f"{wrong[0]}: {'changed' if stamps[wrong[0]] else 'missing'}"
        return (
            f"{folder}: {len(wrong):,} of {len(rows):,} files are not what {MANIFEST} says ({problem}); "
            f"`collect --verify {folder.name}` lists them; remove changed ones and run the command that made it again"
        )
    if unsure:
        with atomic_write(record) as out:
            json.dump(stamps, out)
    return ""


def _stamp(path: Path) -> list[int]:
    """Size and times of a file, empty if there is none."""
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns] if stat.S_ISREG(info.st_mode) else []


def _read_checked(record: Path) -> dict[str, object]:
    """The size and times of files when they were hashed; empty if nothing usable was kept, which costs only time."""
    try:
        checked = parse_json(record.read_text(encoding="utf-8"), str(record), VggbenchError)
    except (OSError, UnicodeDecodeError, VggbenchError):
        return {}
    return checked if isinstance(checked, dict) else {}
