"""The image files of a dataset: their names, and how they get into its folder without a half-written one."""

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from collect.fetch import staged_path
from collect.manifest import Row

NEW = ".new"
NO_LINKS = (errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


def name_files(rows: Iterable[Row], earlier: Iterable[Row]) -> list[Row]:
    """Rows with their `file`. Names of an earlier run or of the source stay, other rows get the lowest free numbers."""
    rows = list(rows)
    used = {r.file for r in earlier} | {r.file for r in rows}
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    named = []
    for row in rows:
        if not row.file:
            key, file = (row.split, row.class_), ""
            while not file or file in used:
                file = f"{row.split}/{row.class_}/{row.class_}_{numbers[key]:04d}.jpg"
                numbers[key] += 1
            row = replace(row, file=file)
        named.append(row)
    return named


def write_images(folder: Path, rows: Sequence[Row]) -> None:
    """Link every row's staged photo to its file. The folder of a new split appears at once with all its files."""
    for split in sorted({r.split for r in rows}):
        base = folder / split
        is_new = not base.exists()
        for row in rows:
            if row.split == split:
                _place(staged_path(folder, row.sha256), (folder / NEW if is_new else folder) / row.file)
        if is_new and (folder / NEW / split).is_dir():
            (folder / NEW / split).rename(base)
    shutil.rmtree(folder / NEW, ignore_errors=True)


def _place(staged: Path, target: Path) -> None:
    if not staged.exists() or (target.exists() and target.samefile(staged)):
        return  # kept from an earlier run, or placed before a kill
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(staged, part)
    except OSError as err:
        if err.errno not in NO_LINKS:
            raise
        shutil.copyfile(staged, part)
    part.replace(target)
