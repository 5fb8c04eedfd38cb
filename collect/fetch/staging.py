"""Verified photos that wait for their place in the dataset, named by their content. A file here is always complete."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from collect.journal import Photo
from collect.manifest import Key, Row
from collect.verify import THUMB_SIDE, read_thumbnail

STAGED = ".staged"


def staged_path(folder: Path, sha256: str) -> Path:
    """Where the photo with this digest is staged."""
    return folder / STAGED / sha256[:2] / f"{sha256}.jpg"


def stage(folder: Path, sha256: str, jpeg: bytes) -> None:
    """Write a photo there, atomically."""
    target = staged_path(folder, sha256)
    # two threads may stage copies of one photo at the same time
    part = target.with_name(f".{sha256}.{threading.get_ident()}.part")
    try:
        part.write_bytes(jpeg)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(jpeg)
    part.replace(target)


def clear_staged(folder: Path, keep: Iterable[str]) -> None:
    """Remove all photos except those with the digests in `keep`, and what a kill left half-written."""
    wanted = set(keep)
    for path in (folder / STAGED).glob("*/*"):
        if path.stem not in wanted or path.name.startswith("."):
            path.unlink(missing_ok=True)
    for path in (*(folder / STAGED).glob("*"), folder / STAGED):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def thumbnails(folder: Path, photos: Mapping[Key, Photo]) -> Callable[[Row], np.ndarray | None]:
    """A function that gives the 32 x 32 grey pixels of a row, from the journal's record or from the photo itself."""

    def thumb(row: Row) -> np.ndarray | None:
        photo = photos.get(row.key)
        if photo and photo.thumb:
            return np.frombuffer(photo.thumb, np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)
        path = folder / row.file if row.file else staged_path(folder, row.sha256)
        return read_thumbnail(path)

    return thumb
