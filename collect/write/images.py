"""Put the split photos in their places: whole files first, the manifest last, nothing half-written ever visible."""

import errno
import json
import os
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from collect.datasets import Dataset, dataset_table, parse_dataset, toml_value
from collect.errors import VggbenchError
from collect.fetch import staged_path
from collect.http import user_agent
from collect.journal import Key, Photo
from collect.manifest import Rejected, Row, atomic_write, manifest_sha256, sort_rows, write_manifest
from collect.write.credits import write_credits
from collect.write.preview import write_preview

DATASET_FILE = "dataset.toml"
METADATA = "metadata.jsonl"
NEW = ".new"
ROW_FIELDS = fields(Row)
NO_LINKS = (errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a dataset.toml says: the recipe as it was run and what came of it.

    `upstream_split` tells that the source's own split was kept as it is, `source_state` what the source looked like,
    `unfinished` how many photos are worth another try.
    """

    recipe: Dataset
    upstream_split: bool
    source_state: str
    unfinished: int
    manifest_sha256: str = ""


def name_files(rows: Iterable[Row], earlier: Iterable[Row]) -> list[Row]:
    """Rows with their `file`: what an earlier run or the source named stays, the others get the lowest free numbers."""
    rows = list(rows)
    taken = {r.file for r in earlier} | {r.file for r in rows}
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    named = []
    for row in rows:
        if not row.file:
            key, file = (row.split, row.class_), ""
            while not file or file in taken:
                file = f"{row.split}/{row.class_}/{row.class_}_{numbers[key]:04d}.jpg"
                numbers[key] += 1
            row = replace(row, file=file)
        named.append(row)
    return named


def write_images(folder: Path, rows: Sequence[Row]) -> None:
    """Link every row's staged photo to its file. A split's folder that is new appears in one step, complete."""
    for split in sorted({r.split for r in rows}):
        base = folder / split
        fresh = not base.exists()
        for row in rows:
            if row.split == split:
                target = folder / NEW / row.file if fresh else folder / row.file
                _place(staged_path(folder, row.sha256), target)
        if fresh:
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


def remove_files(folder: Path, files: Iterable[str]) -> None:
    """Remove files that the new manifest no longer lists."""
    for file in files:
        (folder / file).unlink(missing_ok=True)


def describe(
    folder: Path, collected: Collected, rows: Sequence[Row], rejected: Sequence[Rejected], known: Mapping[Key, Photo]
) -> None:
    """Write what describes the photos: credits, contact sheet, metadata, dataset.toml and, at the end, the manifest."""
    urls = {k: url for k, p in known.items() if (url := p.facts().get("license_url"))}
    write_credits(folder, collected.recipe.name, list(rows), urls)
    write_preview(folder, collected.recipe.name, sort_rows(rows), rejected, known)
    _write_metadata(folder, rows)
    write_manifest(folder, rows)
    head = {
        "collected_by": user_agent().partition(" ")[0],
        "manifest_sha256": manifest_sha256(rows),
        "upstream_split": collected.upstream_split,
        "source_state": collected.source_state,
        "unfinished": collected.unfinished,
    }
    with atomic_write(folder / DATASET_FILE) as out:
        out.writelines(f"{key} = {toml_value(value)}\n" for key, value in head.items())
        out.write(f"\n[{json.dumps(collected.recipe.name, ensure_ascii=False)}]\n")
        out.writelines(f"{key} = {toml_value(value)}\n" for key, value in dataset_table(collected.recipe).items())


def _write_metadata(folder: Path, rows: Sequence[Row]) -> None:
    """The manifest once more, by split, as Hugging Face's imagefolder reads it: `file_name` first, no nulls."""
    for split in sorted({r.split for r in rows}):
        with atomic_write(folder / split / METADATA) as out:
            for row in sort_rows(r for r in rows if r.split == split):
                values = {f.name.rstrip("_"): getattr(row, f.name) for f in ROW_FIELDS}
                values = {k: "" if v is None else v for k, v in values.items()}
                name = values.pop("file").partition("/")[2]
                record = {"file_name": name, "label": row.class_, **values}
                out.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_dataset(folder: Path) -> Collected:
    """What `folder`/dataset.toml says. Raises VggbenchError where there is none or it cannot be read."""
    path = folder / DATASET_FILE
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        name, table = next((k, v) for k, v in values.items() if isinstance(v, dict))
        return Collected(
            parse_dataset(name, table, str(path)),
            values["upstream_split"],
            values["source_state"],
            values["unfinished"],
            values["manifest_sha256"],
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, StopIteration) as err:
        raise VggbenchError(f"{path}: cannot be read: {err!r}") from err
