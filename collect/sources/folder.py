"""A folder of class folders as a source."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams, wanted_class
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.layout import check_layout, check_size, read_layout, source_id


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The images below `dataset.url`, sorted by path. Raises SourceError, ShortfallError."""
    root = Path(dataset.url or "")
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder")
    below = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*"))}
    empty = [name for name, path in below.items() if path.is_dir() and not any(path.iterdir())]
    places = read_layout([name for name, path in below.items() if path.is_file()], root.resolve().name)
    check_layout(places, empty, dataset)

    def candidates() -> Iterator[Candidate]:
        for path, place in places.items():
            if wanted_class(dataset, place.class_):
                read = partial(read_file, root / path)
                yield Candidate(place.class_, source_id(path), split=place.split, source="folder", read=read)

    return {"": candidates()}


def read_file(path: Path) -> bytes:
    """A photo's bytes. Raises RejectError if they cannot be read or are too many."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            check_size(size)
            return file.read(size)
    except OSError as err:
        raise RejectError(RejectReason.UNREADABLE, f"the file cannot be read: {err.strerror}") from err
