"""From a dataset's present state to the next one in one step: the manifest alone decides which of them counts.

First `.next` gets the names of all files of both states and everything that describes the new one. New photos come
under names that the present manifest does not use. The step is to replace the manifest; a storage that cannot rename
folders can do that too. Then the descriptions take their places, and files that only the old state had are removed.
`settle` does this, or after a kill before the step, undoes everything.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from collect.candidate import RejectReason
from collect.errors import VggbenchError
from collect.fetch import clear_staged
from collect.files import atomic_write, move
from collect.journal import Photo
from collect.manifest import (
    DATASET_FILE,
    MANIFEST,
    SPLITS,
    Key,
    manifest_sha256,
    parse_json,
    read_manifest,
    valid_place,
)
from collect.sources import LOCAL
from collect.write.recipe import read_dataset_file

NEXT, FILES = ".next", "files.json"
METADATA = "metadata.jsonl"


def is_unsettled(folder: Path) -> bool:
    """Whether a run that changes the dataset was killed, or is under way."""
    return (folder / NEXT).is_dir()


def begin_change(folder: Path, files: Iterable[str]) -> Path:
    """Record the photos of both states. Returns the folder for what describes the new state, which mirrors `folder`."""
    with atomic_write(folder / NEXT / FILES) as out:
        json.dump(sorted(files), out)
    return folder / NEXT / folder.name


def settle(folder: Path, photos: Mapping[Key, Photo]) -> bool:
    """Complete a change whose manifest is in place, undo any other, and remove what is left over.

    Returns whether there was a change. A kill at any moment is fine: the next call continues.
    """
    _remove_parts(folder)
    if not is_unsettled(folder):
        return False
    rows = read_manifest(folder) if (folder / MANIFEST).is_file() else []
    for mirror in (folder / NEXT).glob("*/"):
        described = mirror / DATASET_FILE  # takes its place last: without it, all others have taken theirs
        if described.is_file() and read_dataset_file(mirror).manifest_sha256 == manifest_sha256(rows):
            for path in sorted(mirror.rglob("*"), key=lambda p: p == described):
                if path.is_file():
                    (folder / path.relative_to(mirror)).parent.mkdir(exist_ok=True)
                    move(path, folder / path.relative_to(mirror))
    listed, splits = {r.file for r in rows}, {r.split for r in rows}
    files = _files_of_both(folder)
    for parent in {(folder / file).parent for file in files}:
        _remove_parts(parent)
    for file in files:
        if file not in listed:
            _remove(folder, folder / file)
    for split in set(SPLITS) - splits:
        _remove(folder, folder / split / METADATA)
    if (folder / DATASET_FILE).is_file():
        # photos that are not needed now serve when the dataset grows; local sources give them again
        is_local = read_dataset_file(folder).recipe.source in LOCAL
        spare = (
            set() if is_local else {p.sha256 for p in photos.values() if p.sha256 and p.reason != RejectReason.DROPPED}
        )
        clear_staged(folder, spare - {r.sha256 for r in rows})
    shutil.rmtree(folder / NEXT)
    return True


def _files_of_both(folder: Path) -> list[str]:
    """The photos of both states. Raises VggbenchError for a name outside of the dataset's folders."""
    path = folder / NEXT / FILES
    if not path.is_file():
        return []  # killed before the first photo came, or after the last one went
    files = parse_json(path.read_text(encoding="utf-8", errors="replace"), str(path), VggbenchError)
    if not isinstance(files, list) or not all(isinstance(file, str) and valid_place(file) for file in files):
        raise VggbenchError(f"{path}: must be a list of SPLIT/CLASS/NAME; remove the folder {path.parent}")
    return files


def _remove_parts(folder: Path) -> None:
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def _remove(folder: Path, path: Path) -> None:
    """Remove a file, and folders that are empty then: readers of folders take each of them for a class."""
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()
