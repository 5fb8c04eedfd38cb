"""What a collected dataset is: its rows, its manifest on disk and the hash over them. Standard library only."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, TypeVar, get_type_hints

from collect.datasets import valid_name
from collect.errors import VggbenchError

T = TypeVar("T", "Row", "Rejected")

MANIFEST = "manifest.jsonl"
REJECTED = "rejected.jsonl"
TEST_FOLDERS = ("test", "val")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")


@dataclass(frozen=True, slots=True)
class Row:
    """One kept image. `file` is relative to the dataset's folder, with forward slashes; `bytes` is the file's size.

    `phash` is 16 hex digits; `width` and `height` are pixels of the upright image; `retrieved` is UTC, ISO 8601.
    Fields a source does not know are None.
    """

    file: str
    class_: str
    split: str
    sha256: str
    source_sha256: str | None = None
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    source: str | None = None
    source_id: str | None = None
    url: str | None = None
    page_url: str | None = None
    owner: str | None = None
    owner_name: str | None = None
    license: str | None = None
    title: str | None = None
    retrieved: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One candidate that was not kept; `reason` is a code such as `exact-duplicate`, `detail` words for a reader."""

    class_: str
    source_id: str | None
    url: str | None
    reason: str
    detail: str = ""


def _to_json(record: Row | Rejected) -> str:
    return json.dumps({f.name.rstrip("_"): getattr(record, f.name) for f in fields(record)}, ensure_ascii=False)


def _read(path: Path, kind: type[T]) -> list[T]:
    known = {f.name.rstrip("_"): f.name for f in fields(kind)}
    types = get_type_hints(kind)
    records = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise VggbenchError(f"{path}: cannot be read: {err}") from err
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values: dict[str, Any] = json.loads(line)
            record = kind(**{known[k]: v for k, v in values.items()})
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as err:
            raise VggbenchError(f"{path}:{number}: not a {kind.__name__.lower()} record: {err!r}") from err
        if odd := [k for k, v in values.items() if not isinstance(v, types[known[k]])]:
            raise VggbenchError(f"{path}:{number}: {odd[0]} cannot be {values[odd[0]]!r}")
        if isinstance(record, Row) and not _in_place(record):
            raise VggbenchError(
                f"{path}:{number}: file {record.file!r} must be SPLIT/CLASS/NAME, "
                f"here {record.split}/{record.class_}/NAME, with split train, test or val"
            )
        records.append(record)
    return records


def _in_place(row: Row) -> bool:
    """Whether a row's file lies below the folders of its split and class, so inside of the dataset's folder."""
    parts = row.file.split("/")
    known = row.split in ("train", *TEST_FOLDERS)
    return known and len(parts) > 2 and parts[:2] == [row.split, row.class_] and all(map(valid_name, parts))


def read_manifest(path: Path) -> list[Row]:
    """The rows of a manifest.jsonl (or of the one in a dataset's folder).

    Raises VggbenchError naming file and line, also for a file that does not lie in SPLIT/CLASS/.
    """
    return _read(path / MANIFEST if path.is_dir() else path, Row)


def read_rejected(folder: Path) -> list[Rejected]:
    """The rejected candidates of a dataset's folder; empty where none were recorded."""
    path = folder / REJECTED
    return _read(path, Rejected) if path.is_file() else []


def sort_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows as a dataset is hashed and read: train first, then by split, class, file.

    The packed images that bench keeps under `manifest_sha256` stand in this order.
    """
    return sorted(rows, key=lambda r: (r.split != "train", r.split, r.class_, r.file))


def write_manifest(folder: Path, rows: Iterable[Row]) -> None:
    """Write `folder`/manifest.jsonl, sorted by split, class, file, in one visible step."""
    ordered = sorted(rows, key=lambda r: (r.split, r.class_, r.file))
    with atomic_write(folder / MANIFEST) as out:
        out.writelines(_to_json(r) + "\n" for r in ordered)


def write_rejected(folder: Path, rejected: Iterable[Rejected]) -> None:
    """Write `folder`/rejected.jsonl, sorted, in one visible step."""
    ordered = sorted(rejected, key=lambda r: (r.class_, r.source_id or "", r.url or "", r.reason))
    with atomic_write(folder / REJECTED) as out:
        out.writelines(_to_json(r) + "\n" for r in ordered)


def manifest_sha256(rows: Iterable[Row]) -> str:
    """Hash over split, class, file and sha256 of every row, independent of their order."""
    digest = hashlib.sha256()
    for row in sort_rows(rows):
        digest.update(f"{row.split}\t{row.class_}\t{row.file}\t{row.sha256}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_dataset(folder: Path) -> bool:
    """Whether `folder` holds a collected dataset or plain train/ and test/ (or val/) folders."""
    has_split = (folder / "train").is_dir() and any((folder / t).is_dir() for t in TEST_FOLDERS)
    return (folder / MANIFEST).is_file() or has_split


def scan_folder(folder: Path) -> list[Row]:
    """Rows for a plain folder with train/CLASS/ and test/CLASS/ (or val/CLASS/), hashing every image file.

    Raises VggbenchError when there is no such layout, or a class of one side is missing or empty on the other.
    """
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
                rows.append(Row(file, parts[1], split, file_sha256(path), bytes=path.stat().st_size, source="folder"))
        folders = {p.name for p in (folder / name).iterdir() if p.is_dir() and not p.name.startswith(".")}
        classes[split] = folders
        if empty := folders - {r.class_ for r in rows if r.split == split}:
            raise VggbenchError(
                f"{folder / name}: class {sorted(empty)[0]!r} has no images; remove the folder or fill it"
            )
    if odd := classes["train"] ^ classes["test"]:
        raise VggbenchError(f"{folder}: class {sorted(odd)[0]!r} is not in both train/ and {test}/")
    return sort_rows(rows)


def load_rows(folder: Path) -> list[Row]:
    """The rows of a dataset folder, train first: from its manifest, else by looking at the files."""
    return sort_rows(read_manifest(folder)) if (folder / MANIFEST).is_file() else scan_folder(folder)


@contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it over `path` at the end; on an error `path` stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    handle = tempfile.NamedTemporaryFile(  # noqa: SIM115
        mode, dir=path.parent, prefix=".", suffix=".part", delete=False, encoding=encoding
    )
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        Path(handle.name).chmod(0o644)
        Path(handle.name).replace(path)
    except BaseException:
        Path(handle.name).unlink(missing_ok=True)
        raise


def last_collected(data: Path) -> str | None:
    """Name of the dataset in `data` that `collect` made, or found complete, last; None when there is none."""
    found = [p for p in data.glob("*/dataset.toml") if (p.parent / MANIFEST).is_file()]
    return max(found, key=lambda p: p.stat().st_mtime_ns).parent.name if found else None
