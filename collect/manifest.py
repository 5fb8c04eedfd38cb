"""The rows of a dataset: the manifest on disk, the hash over it, and the list of rejects. Standard library only."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from time import time_ns
from typing import TypeVar

from collect.datasets import is_text, valid_name
from collect.errors import VggbenchError
from collect.files import atomic_write as atomic_write
from collect.files import file_sha256 as file_sha256
from collect.schema import parse_json as parse_json
from collect.schema import parse_values as parse_values

T = TypeVar("T", "Row", "Rejected")
Key = tuple[str, str]  # class, source_id

MANIFEST = "manifest.jsonl"
DATASET_FILE = "dataset.toml"
REJECTED = "rejected.jsonl"
TEST_FOLDERS = ("test", "val")
SPLITS = ("train", *TEST_FOLDERS)
HEX_DIGITS = {"sha256": 64, "source_sha256": 64, "phash": 16}  # of these fields of a row
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif", ".heic", ".heif")


@dataclass(frozen=True, slots=True)
class Row:
    """One kept image. Fields that a source does not know are None."""

    file: str  # relative to the dataset's folder, with forward slashes
    class_: str
    split: str
    sha256: str
    source_sha256: str | None = None
    phash: str | None = None  # 16 hex digits
    width: int | None = None  # pixels of the upright image, as height
    height: int | None = None
    bytes: int | None = None  # the size of the file
    source: str | None = None
    source_id: str | None = None
    url: str | None = None
    page_url: str | None = None
    owner: str | None = None
    owner_name: str | None = None
    license: str | None = None
    title: str | None = None
    retrieved: str | None = None  # UTC, ISO 8601
    metadata: str | None = None  # "removed" if the file is the source's without metadata such as the GPS position

    @property
    def key(self) -> Key:
        """What identifies it within the dataset."""
        return self.class_, self.source_id or ""

    def rejected(self, reason: str, detail: str) -> "Rejected":
        """The same candidate as a reject."""
        return Rejected(self.class_, self.source_id, self.url, reason, detail)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One candidate that was not kept. `reason` is a code such as `exact-duplicate`, `detail` is for a human reader."""

    class_: str
    source_id: str | None
    url: str | None
    reason: str
    detail: str = ""


def _write(path: Path, records: Iterable[T]) -> None:
    with atomic_write(path) as out:
        for record in records:
            values = {f.name.rstrip("_"): getattr(record, f.name) for f in fields(record)}
            out.write(json.dumps(values, ensure_ascii=False) + "\n")


def _read(path: Path, kind: type[T]) -> dict[str, T]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise VggbenchError(f"{path}: cannot be read: {err}") from err
    lines = {f"{path}:{i}": line for i, line in enumerate(text.split("\n"), 1) if line.strip()}
    values = ((at, parse_json(line, at, VggbenchError)) for at, line in lines.items())
    return {at: parse_values(kind, value, at, VggbenchError) for at, value in values}


def _check_row(row: Row, where: str) -> None:
    if not valid_place(row.file) or row.file.split("/")[:2] != [row.split, row.class_]:
        place = f"{row.split}/{row.class_}/NAME, with split train, test or val"
        raise VggbenchError(f"{where}: file {row.file!r} must be SPLIT/CLASS/NAME, here {place}")
    for key, digits in HEX_DIGITS.items():
        if (value := getattr(row, key)) is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            raise VggbenchError(f'{where}: key "{key}" must be {digits} hex digits, not {value!r:.60}')
    if bad := [key for key in ("width", "height", "bytes") if not 0 <= (getattr(row, key) or 0) < 2**53]:
        raise VggbenchError(f'{where}: key "{bad[0]}" must be a size, not {getattr(row, bad[0])!r:.60}')


def valid_place(file: str) -> bool:
    """Whether a path has the form SPLIT/CLASS/NAME (or deeper), and so is inside the dataset's folder."""
    parts = file.split("/")
    return parts[0] in SPLITS and len(parts) > 2 and all(map(valid_name, parts))


def read_manifest(path: Path) -> list[Row]:
    """The rows of a manifest.jsonl, or of a folder's. Raises VggbenchError naming file and line."""
    path = path / MANIFEST if path.is_dir() else path
    files: set[str] = set()
    rows = _read(path, Row)
    for where, row in rows.items():
        _check_row(row, where)
        if row.file in files:
            raise VggbenchError(f"{where}: file {row.file!r} is in an earlier line too; remove one of them")
        files.add(row.file)
    return list(rows.values())


def read_rejected(folder: Path) -> list[Rejected]:
    """The rejected candidates of a dataset's folder; empty if none were recorded."""
    path = folder / REJECTED
    return list(_read(path, Rejected).values()) if path.is_file() else []


def sort_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order in which a dataset is hashed, read and packed: train first, then by split, class, file."""
    return sorted(rows, key=lambda r: (r.split != "train", r.split, r.class_, r.file))


def write_manifest(folder: Path, rows: Iterable[Row]) -> None:
    """Write `folder`/manifest.jsonl atomically, sorted by split, class, file."""
    _write(folder / MANIFEST, sorted(rows, key=lambda r: (r.split, r.class_, r.file)))


def write_rejected(folder: Path, rejected: Iterable[Rejected]) -> None:
    """Write `folder`/rejected.jsonl atomically, sorted."""
    _write(folder / REJECTED, sorted(rejected, key=lambda r: (r.class_, r.source_id or "", r.url or "", r.reason)))


def manifest_sha256(rows: Iterable[Row]) -> str:
    """Hash over split, class, file and sha256 of every row, independent of their order."""
    digest = hashlib.sha256()
    for row in sort_rows(rows):
        digest.update(f"{row.split}\t{row.class_}\t{row.file}\t{row.sha256}\n".encode())
    return digest.hexdigest()


def is_dataset(folder: Path) -> bool:
    """Whether `folder` holds a collected dataset or plain train/ and test/ (or val/) folders."""
    has_split = (folder / "train").is_dir() and any((folder / t).is_dir() for t in TEST_FOLDERS)
    return (folder / MANIFEST).is_file() or has_split


def scan_folder(folder: Path) -> list[Row]:
    """Rows of a plain folder with train/CLASS/ and test/CLASS/ (or val/CLASS/). Raises VggbenchError for others."""
    test = next((t for t in TEST_FOLDERS if (folder / t).is_dir()), None)
    if test is None or not (folder / "train").is_dir():
        raise VggbenchError(f"{folder}: needs train/ and test/ (or val/) with a folder per class")
    rows, classes = [], {}
    for split, name in (("train", "train"), ("test", test)):
        for path in sorted((folder / name).rglob("*")):
            parts = path.relative_to(folder).parts
            hidden = any(p.startswith(".") for p in parts)  # .ipynb_checkpoints, the ._x.jpg of macOS
            if path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file() and len(parts) > 2:
                file = "/".join(parts)
                if not valid_place(file) or not is_text(file):
                    raise VggbenchError(f"{folder}: {file!r} has backslashes, control signs or no UTF-8; rename it")
                rows.append(Row(file, parts[1], split, file_sha256(path), bytes=path.stat().st_size, source="folder"))
        classes[split] = {p.name for p in (folder / name).iterdir() if p.is_dir() and not p.name.startswith(".")}
        if empty := classes[split] - {r.class_ for r in rows if r.split == split}:
            raise VggbenchError(f"{folder / name}: class {min(empty)!r} has no images; remove the folder or fill it")
    if odd := classes["train"] ^ classes["test"]:
        raise VggbenchError(f"{folder}: class {min(odd)!r} is not in both train/ and {test}/")
    return sort_rows(rows)


def load_rows(folder: Path) -> list[Row]:
    """The rows of a dataset folder, train first: from its manifest, or from its files if it has none."""
    return sort_rows(read_manifest(folder)) if (folder / MANIFEST).is_file() else scan_folder(folder)


def _marked(data: Path) -> list[tuple[int, Path]]:
    files = data.glob(f"*/{DATASET_FILE}")
    return sorted((p.stat().st_mtime_ns, p.parent) for p in files if (p.parent / MANIFEST).is_file())


def last_collected(data: Path) -> str | None:
    """Name of the dataset in `data` that was marked last; None if there is none."""
    return next((folder.name for _, folder in reversed(_marked(data))), None)


def mark_last_collected(folder: Path) -> None:
    """Make the dataset in `folder` the one collected last: `bench run` without --dataset uses it."""
    others = [at + 10**9 for at, other in _marked(folder.parent) if other != folder]
    now = max(time_ns(), *others, 0)  # not the time alone: the clock may have been set back
    os.utime(folder / DATASET_FILE, ns=(now, now))
