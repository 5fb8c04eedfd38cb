"""A dataset on disk: its rows and its classes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError, VggbenchError, name_hint
from collect.datasets import load_datasets
from collect.manifest import TEST_FOLDERS, Row, is_dataset, load_rows, manifest_sha256


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
    """The dataset `name` in `data`, or any folder with train/ and test/ or val/. Raises UsageError without one."""
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
    return Source(folder.resolve().name, folder, rows, manifest_sha256(listed), classes)
