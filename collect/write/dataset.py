"""The write stage: photos first, then what describes them, the manifest last."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from collect.fetch import clear_staged
from collect.files import atomic_write
from collect.journal import Photo
from collect.manifest import MANIFEST, Key, Rejected, Row, read_manifest, sort_rows, write_manifest, write_rejected
from collect.sources import LOCAL
from collect.write.credits import write_credits
from collect.write.images import write_images
from collect.write.preview import write_preview
from collect.write.recipe import Collected, write_dataset_file

METADATA = "metadata.jsonl"


def write_dataset(
    folder: Path, collected: Collected, rows: Sequence[Row], rejected: Sequence[Rejected], photos: Mapping[Key, Photo]
) -> None:
    """Put a dataset's photos and everything that describes them into its folder; remove files it no longer lists."""
    earlier_files = {r.file for r in read_manifest(folder)} if (folder / MANIFEST).is_file() else set()
    write_images(folder, rows)
    write_rejected(folder, rejected)
    license_urls = {key: url for key, photo in photos.items() if (url := photo.facts().get("license_url"))}
    write_credits(folder, rows, license_urls)
    write_preview(folder, sort_rows(rows), rejected, photos)
    _write_metadata(folder, rows)
    write_manifest(folder, rows)
    write_dataset_file(folder, collected, rows)
    for file in earlier_files - {r.file for r in rows}:
        (folder / file).unlink(missing_ok=True)
    # photos that are not needed now serve when the dataset grows; local sources give them again
    spare = set() if collected.recipe.source in LOCAL else {p.sha256 for p in photos.values() if p.sha256}
    clear_staged(folder, spare - {r.sha256 for r in rows})


def _write_metadata(folder: Path, rows: Sequence[Row]) -> None:
    """The manifest by split, as Hugging Face's imagefolder reads it: `file_name` first, no nulls."""
    for split in sorted({r.split for r in rows}):
        with atomic_write(folder / split / METADATA) as out:
            for row in sort_rows(r for r in rows if r.split == split):
                plain = {f.name.rstrip("_"): getattr(row, f.name) for f in fields(Row)}
                values = {key: "" if value is None else value for key, value in plain.items()}
                name = values.pop("file").partition("/")[2]
                out.write(json.dumps({"file_name": name, "label": row.class_, **values}, ensure_ascii=False) + "\n")
