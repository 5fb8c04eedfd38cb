"""`collect --verify`: is every file as the manifest says, and is no photo or photographer in both train and test?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from collect.dedupe import NearDuplicate, find_near_duplicates
from collect.files import file_sha256
from collect.manifest import DATASET_FILE, IMAGE_SUFFIXES, MANIFEST, SPLITS, Row, manifest_sha256, read_manifest
from collect.split import group_of, owner_of
from collect.verify import read_thumbnail
from collect.write import is_unsettled, no_manifest, read_dataset_file


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """The result, a line for each finding. `known_leaks` are those of a split kept as published and do not fail it."""

    images: int
    differences: list[str]
    leaks: list[str]
    known_leaks: list[str]

    @property
    def passed(self) -> bool:
        """Whether there are neither differences nor leaks."""
        return not self.differences and not self.leaks


def check_dataset(folder: Path) -> DatasetCheck:
    """Hash every file of a dataset and look for leaks between its splits. Raises UsageError if there is none."""
    if not (folder / MANIFEST).is_file():
        raise no_manifest(folder)
    rows = read_manifest(folder)
    collected = read_dataset_file(folder) if (folder / DATASET_FILE).is_file() else None
    differences = _file_differences(folder, rows)
    if not rows:
        differences.append(f"{MANIFEST}: lists no images")
    if is_unsettled(folder):
        differences.append("a run that changes it was interrupted; run the same command again to finish it")
    elif collected is None:
        differences.append(f"{DATASET_FILE}: missing")
    elif collected.manifest_sha256 != manifest_sha256(rows):
        differences.append(f"{MANIFEST}: changed, its hash is not the one in {DATASET_FILE}")
    leaks = _shared_photos(folder, rows)
    if collected and collected.upstream_split:
        return DatasetCheck(len(rows), differences, [], leaks)
    if collected is None or collected.recipe.split == "owner":
        leaks += _shared_owners(rows)
    leaks += _shared_groups(rows, collected.recipe.group_by if collected else None)
    return DatasetCheck(len(rows), differences, leaks, [])


def _file_differences(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Files that are missing, changed, or not in the manifest."""
    lines = []
    for row in rows:
        path = folder / row.file
        if not path.is_file():
            lines.append(f"{row.file}: missing")
        elif file_sha256(path) != row.sha256:
            lines.append(f"{row.file}: changed, its sha256 is not the one in the manifest")
    if is_unsettled(folder):
        return lines  # the other files are those of its next or its last state
    listed = {r.file for r in rows}
    for split in SPLITS:
        for path in sorted((folder / split).rglob("*")):
            file = path.relative_to(folder).as_posix()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and file not in listed:
                lines.append(f"{file}: not in the manifest")
    return lines


def _copies(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each distinct file."""
    copies: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        copies[row.sha256].append(row)
    return list(copies.values())


def _near_duplicates(folder: Path, copies: Sequence[list[Row]]) -> list[NearDuplicate]:
    """Which of the distinct files show the same photo; a file that is missing or no photo shows none."""

    @cache
    def thumb(i: int) -> np.ndarray | None:
        return read_thumbnail(folder / copies[i][0].file)  # a file that cannot be read is reported as a difference

    return find_near_duplicates([same[0].phash for same in copies], thumb)


def leaked_files(folder: Path, rows: Sequence[Row]) -> tuple[list[str], list[str] | None]:
    """Files outside train that are also in train: as the same file, and as a near duplicate only.

    The second is None if the rows have no perceptual hashes, as those of a plain folder.
    """
    copies = _copies(rows)
    in_train = [any(r.split == "train" for r in same) for same in copies]
    exact = [r.file for same, leaks in zip(copies, in_train, strict=True) if leaks for r in same if r.split != "train"]
    if not any(r.phash for r in rows):
        return exact, None
    near = set()
    for pair in _near_duplicates(folder, copies):
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if in_train[one] and not in_train[other]:
                near |= {r.file for r in copies[other]}
    return exact, sorted(near)


def _shared_photos(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Photos that are in two splits, as the same file or as near duplicates."""
    copies, lines = _copies(rows), []
    for same in copies:
        in_train, others = [r for r in same if r.split == "train"], [r for r in same if r.split != "train"]
        lines += [f"{one.file} and {other.file} are the same file" for one in in_train for other in others]
    for pair in _near_duplicates(folder, copies):
        first, second = copies[pair.first], copies[pair.second]
        if {r.split for r in first} != {r.split for r in second} or len({r.split for r in first}) > 1:
            lines.append(f"{first[0].file} and {second[0].file} show the same photo: {pair.evidence}")
    return lines


def _shared_owners(rows: Sequence[Row]) -> list[str]:
    """Photographers whose photos are in two splits."""
    files: dict[tuple[str | None, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        if who := owner_of(row):
            files[row.source, who].setdefault(row.split, row.file)
    return [_in_both(f"photos of {owner}", by_split) for (_, owner), by_split in files.items() if len(by_split) > 1]


def _shared_groups(rows: Sequence[Row], group_by: str | None) -> list[str]:
    """Groups of --group-by whose photos are in two splits."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if group := group_of(row, group_by):
            files[group].setdefault(row.split, row.file)
    return [_in_both(f"photos of group {group!r}", by_split) for group, by_split in files.items() if len(by_split) > 1]


def _in_both(what: str, by_split: dict[str, str]) -> str:
    return f"{what} are in both train and test: {' and '.join(by_split.values())}"
