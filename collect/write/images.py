"""The image files of a dataset: their names, and how they get into its folder without a half-written one."""

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from collect.fetch import staged_path
from collect.files import move
from collect.manifest import Row

MOST_BYTES = 200  # of the class in a file's name: file systems allow 255 in all
NO_LINKS = (errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


def name_files(rows: Iterable[Row], listed: Iterable[Row]) -> list[Row]:
    """Rows with their `file`: none is one that the present manifest, with the rows `listed`, uses for another photo.

    Names of an earlier run or of the source stay, also of photos that stay in their split and class; other rows get the
    lowest free numbers.
    """
    rows, listed = list(rows), list(listed)
    owner_of = {r.file: r.sha256 for r in listed}
    earlier = {(r.split, r.class_, r.sha256): r.file for r in listed}
    given = [row.file for row in rows]
    kept = [earlier.get((row.split, row.class_, row.sha256), "") for row in rows]
    files: dict[int, str] = {}
    used: set[str] = set()
    for names in (given, kept):
        for i, file in enumerate(names):
            if file and i not in files and file not in used and owner_of.get(file, rows[i].sha256) == rows[i].sha256:
                files[i] = file
                used.add(file)
    used |= owner_of.keys()
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for i, row in enumerate(rows):
        stem = row.class_.encode()[:MOST_BYTES].decode(errors="ignore")
        while i not in files:
            file = f"{row.split}/{row.class_}/{stem}_{numbers[row.split, row.class_]:04d}.jpg"
            numbers[row.split, row.class_] += 1
            if file not in used:
                files[i] = file
    return [replace(row, file=files[i]) for i, row in enumerate(rows)]


def write_images(folder: Path, mirror: Path, rows: Sequence[Row]) -> None:
    """Link every row's staged photo to its file. The folder of a new split appears at once with all its files."""
    for split in sorted({r.split for r in rows}):
        base = folder / split
        is_new = not base.exists()
        for row in rows:
            if row.split == split:
                _place(staged_path(folder, row.sha256), (mirror if is_new else folder) / row.file)
        if is_new and (mirror / split).is_dir():
            (mirror / split).rename(base)


def _place(staged: Path, target: Path) -> None:
    if not staged.exists() or (target.exists() and target.samefile(staged)):
        return  # kept from an earlier run, or placed before a kill
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{staged.stem}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(staged, part)
    except OSError as err:
        if err.errno not in NO_LINKS:
            raise
        shutil.copyfile(staged, part)
    move(part, target)
