"""The write stage: photos first, then what describes them, then the manifest, which makes it all count."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from collect.files import atomic_write
from collect.journal import Photo
from collect.manifest import MANIFEST, Key, Rejected, Row, read_manifest, sort_rows, write_manifest, write_rejected
from collect.write.change import METADATA, begin_change, settle
from collect.write.credits import write_credits
from collect.write.images import write_images
from collect.write.preview import write_preview
from collect.write.recipe import Collected, write_dataset_file


def write_dataset(
    folder: Path, collected: Collected, rows: Sequence[Row], rejected: Sequence[Rejected], photos: Mapping[Key, Photo]
) -> None:
    """Put a dataset's photos and everything that describes them into its folder; remove files it no longer lists."""
    earlier = read_manifest(folder) if (folder / MANIFEST).is_file() else []
    mirror = begin_change(folder, {r.file for r in (*earlier, *rows)})
    write_images(folder, mirror, rows)
    write_rejected(mirror, rejected)
    license_urls = {key: url for key, photo in photos.items() if (url := photo.facts().get("license_url"))}
    write_credits(mirror, rows, license_urls)
    write_preview(mirror, sort_rows(rows), rejected, photos)
    _write_metadata(mirror, rows)
    write_dataset_file(mirror, collected, rows)
    write_manifest(folder, rows)
    settle(folder, photos)


def _write_metadata(folder: Path, rows: Sequence[Row]) -> None:
    """The manifest by split, as Hugging Face's imagefolder reads it: `file_name` first, no nulls."""
    for split in sorted({r.split for r in rows}):
        with atomic_write(folder / split / METADATA) as out:
            for row in sort_rows(r for r in rows if r.split == split):
                plain = {f.name.rstrip("_"): getattr(row, f.name) for f in fields(Row)}
                values = {key: "" if value is None else value for key, value in plain.items()}
                name = values.pop("file").partition("/")[2]
                out.write(json.dumps({"file_name": name, "label": row.class_, **values}, ensure_ascii=False) + "\n")
