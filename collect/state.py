"""What stands in a dataset's folder already, and whether it is what is asked for."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from collect.datasets import Dataset, dataset_table
from collect.errors import UsageError
from collect.fetch import STAGED, clear_staged
from collect.journal import JOURNAL, Journal, Key
from collect.manifest import MANIFEST, Row, manifest_sha256, read_manifest
from collect.rows import key_of
from collect.write import DATASET_FILE, Collected, read_dataset

MAY_CHANGE = ("train", "test", "bench")


def source_state(dataset: Dataset) -> str:
    """What a local source looks like now: size and time of a file, of all files of a folder; "" for remote ones."""
    path = Path(dataset.url or "")
    if dataset.source not in ("archive", "folder", "urls", "manifest") or not dataset.url or not path.exists():
        return ""
    if path.is_file():
        return _stamp(path)
    listing = (f"{p.relative_to(path)} {_stamp(p)}" for p in sorted(path.rglob("*")) if p.is_file())
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()


def _stamp(path: Path) -> str:
    info = path.stat()
    return f"{info.st_size}:{info.st_mtime_ns}"


def present(folder: Path, row: Row) -> bool:
    """Whether a row's file is there with its size."""
    try:
        return (folder / row.file).stat().st_size == row.bytes
    except FileNotFoundError:
        return False


def earlier_rows(folder: Path, dataset: Dataset) -> tuple[dict[Key, Row], dict[Key, Row]]:
    """Rows of an earlier run whose file is there, and those whose file is not.

    None when an upstream split gives way to counts. Raises UsageError where counts were given before and none are now:
    photos would change sides.
    """
    if not (folder / MANIFEST).is_file() or not (folder / DATASET_FILE).is_file():
        return {}, {}
    collected = read_dataset(folder)
    if collected.recipe.train is not None and dataset.train is None:
        raise UsageError(
            f"{folder}: was collected with --train {collected.recipe.train} --test {collected.recipe.test or 0}; "
            "without counts its photos would change sides: give counts, or choose another --name"
        )
    if collected.upstream_split and dataset.train is not None:
        return {}, {}
    rows = {key_of(r): r for r in read_manifest(folder)}
    there = {k: r for k, r in rows.items() if present(folder, r)}
    return there, {k: r for k, r in rows.items() if k not in there}


def is_complete(folder: Path, dataset: Dataset) -> Collected | None:
    """What was collected, when that is exactly this recipe's dataset with every file in its place."""
    if not (folder / MANIFEST).is_file() or not (folder / DATASET_FILE).is_file():
        return None
    collected = read_dataset(folder)
    rows = read_manifest(folder)
    same = dataset_table(collected.recipe) == dataset_table(dataset) and collected.manifest_sha256 == manifest_sha256(
        rows
    )
    if dataset.train is None:
        done = not collected.unfinished
    else:  # a refresh may have taken some away
        counts = Counter((r.class_, r.split) for r in rows)
        wanted = (("train", dataset.train), ("test", dataset.test or 0))
        done = all(counts[c, split] == number for c in {r.class_ for r in rows} for split, number in wanted)
    if not same or not done or collected.source_state != source_state(dataset):
        return None
    if not all(present(folder, r) for r in rows):
        return None
    os.utime(folder / DATASET_FILE)  # the dataset collected last, for `bench run` without --dataset
    return collected


def check_folder(folder: Path) -> None:
    """Raise UsageError when the folder holds something that collect did not make."""
    ours = any((folder / name).exists() for name in (JOURNAL, DATASET_FILE, STAGED))
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise UsageError(f"{folder}: is there already and was not made by collect; choose another --name")


def check_recipe(folder: Path, dataset: Dataset, journal: Journal) -> None:
    """Raise UsageError when the folder holds photos of another recipe; counts may change, the rest may not.

    What an unfinished run of another recipe left is forgotten.
    """
    asked = _identity(dataset)
    if (folder / DATASET_FILE).is_file():
        before: dict[str, Any] | None = _identity(read_dataset(folder).recipe)
        finished = True
    else:
        known = journal.get("recipe")
        before, finished = json.loads(known) if known else None, False
    if before is not None and before != asked:
        odd = sorted(k for k in {*before, *asked} if before.get(k) != asked.get(k))[0]
        if finished:
            raise UsageError(
                f"{folder}: was collected with {odd} {_show(before.get(odd))}, not {_show(asked.get(odd))}; "
                "choose another --name, or remove the folder"
            )
        journal.forget(list(journal.photos()))
        journal.forget_answers()
        clear_staged(folder, ())
    journal.set("recipe", json.dumps(asked))
    journal.commit()


def _identity(dataset: Dataset) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dataset_table(dataset)))
    return {k: v for k, v in plain.items() if k not in MAY_CHANGE}


def _show(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def sweep(folder: Path) -> None:
    """Remove a dataset's folder in which nothing has been collected."""
    clear_staged(folder, ())
    for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
