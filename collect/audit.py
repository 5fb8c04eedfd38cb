"""`collect --verify`: is every file what the manifest says, and does no photo or photographer stand on both sides?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from collect.dedupe import find_near_duplicates
from collect.errors import UsageError
from collect.manifest import IMAGE_SUFFIXES, MANIFEST, Row, file_sha256, manifest_sha256, read_manifest
from collect.split import owner_of
from collect.verify import thumbnail
from collect.write import DATASET_FILE, read_dataset


@dataclass(slots=True)
class Check:
    """The outcome: `differences` and `leaks` fail the check, `known_leaks` are those of a split kept as published."""

    images: int = 0
    differences: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    known_leaks: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the dataset is what it claims to be."""
        return not self.differences and not self.leaks


def check_dataset(folder: Path) -> Check:
    """Hash every file of a dataset and look for leaks between its splits. Raises UsageError where there is none."""
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder}: no dataset with a manifest is there; `collect --list` shows those there are")
    rows = read_manifest(folder)
    collected = read_dataset(folder) if (folder / DATASET_FILE).is_file() else None
    check = Check(len(rows))
    _check_files(folder, rows, check)
    if collected is None:
        check.differences.append(f"{DATASET_FILE}: missing")
    elif collected.manifest_sha256 != manifest_sha256(rows):
        check.differences.append(f"{MANIFEST}: not the one that {DATASET_FILE} speaks of")
    leaks = _twins_across(folder, rows)
    if collected is None or (collected.recipe.split == "owner" and not collected.upstream_split):
        leaks += _owners_across(rows)
    if collected and collected.upstream_split:
        check.known_leaks = leaks
    else:
        check.leaks = leaks
    return check


def _check_files(folder: Path, rows: Sequence[Row], check: Check) -> None:
    listed = {r.file for r in rows}
    for row in rows:
        path = folder / row.file
        if not path.is_file():
            check.differences.append(f"{row.file}: missing")
        elif file_sha256(path) != row.sha256:
            check.differences.append(f"{row.file}: changed, sha256 is not the manifest's")
    for split in sorted({r.split for r in rows} | {"train", "test"}):
        for path in sorted((folder / split).rglob("*")):
            file = path.relative_to(folder).as_posix()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and file not in listed:
                check.differences.append(f"{file}: not in the manifest")


def _twins_across(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Photos that stand in two splits, exactly or nearly."""
    copies: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        copies[row.sha256].append(row)
    lines = [
        f"{one.file} and {other.file} are the same file"
        for same in copies.values()
        for one in same
        for other in same
        if one.split == "train" and other.split != "train"
    ]
    distinct = [same[0] for same in copies.values()]

    def thumb(i: int) -> np.ndarray | None:
        try:
            with Image.open(folder / distinct[i].file) as image:
                return thumbnail(image)
        except OSError:
            return None  # already among the differences

    for pair in find_near_duplicates([r.phash for r in distinct], thumb):
        first, second = copies[distinct[pair.first].sha256], copies[distinct[pair.second].sha256]
        if {r.split for r in first} != {r.split for r in second} or len({r.split for r in first}) > 1:
            lines.append(f"{first[0].file} and {second[0].file} show the same photo: {pair.evidence}")
    return lines


def _owners_across(rows: Sequence[Row]) -> list[str]:
    """Photographers whose photos stand in two splits."""
    files: dict[tuple[str | None, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        if who := owner_of(row):
            files[row.source, who].setdefault(row.split, row.file)
    return [
        f"photos of {owner} stand on both sides: {' and '.join(by_split.values())}"
        for (_, owner), by_split in files.items()
        if len(by_split) > 1
    ]
