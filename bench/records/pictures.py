"""pictures.json: the list of a run's pictures. Standard library only."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import RecordError
from bench.records.run import Run
from bench.records.schema import build, load_json
from bench.records.store import PICTURES_FILE, check_file, is_stored
from collect.manifest import atomic_write


@dataclass(frozen=True, slots=True)
class Picture:
    """One image file in a run's pictures/; `kind` is sample, worst, activation, filters or cam."""

    kind: str
    picture: str
    file: str | None = None
    truth: str | None = None
    predicted: str | None = None
    probability: float | None = None
    layer: str | None = None


def write_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write `folder`/pictures/pictures.json, the list of the image files beside it."""
    with atomic_write(folder / PICTURES_FILE) as out:
        json.dump([asdict(p) for p in pictures], out, indent=1, ensure_ascii=False, allow_nan=False)


def read_pictures(folder: Path, run: Run) -> list[Picture]:
    """The pictures in the folder of `run`; empty if it has none. Raises RecordError."""
    if not is_stored(folder, run, PICTURES_FILE):
        return []
    path = check_file(folder, run, PICTURES_FILE)
    values = load_json(path)
    if not isinstance(values, list):
        raise RecordError(f"{path}: is not a list of pictures")
    pictures = [build(Picture, value, f"{path}[{i}]") for i, value in enumerate(values)]
    check_pictures(pictures, run.dataset.classes, path)
    return pictures


def check_pictures(pictures: Iterable[Picture], classes: Iterable[str], path: Path) -> None:
    """Raise RecordError about `path` for a picture of a class that is not among `classes`, or an odd probability."""
    known = {None, *classes}
    for i, p in enumerate(pictures):
        if p.truth not in known or p.predicted not in known:
            raise RecordError(f"{path}[{i}]: its class is not one of the classes")
        if p.probability is not None and not 0 <= p.probability <= 1:
            raise RecordError(f"{path}[{i}]: its probability is not between 0 and 1")
