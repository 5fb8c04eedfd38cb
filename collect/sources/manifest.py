"""An earlier manifest as a source: the same photos in the same places, from wherever they are still available."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from collect.candidate import Candidate, SourceContext, Streams, candidate_of, wanted_class
from collect.datasets import Dataset
from collect.errors import SourceError, VggbenchError
from collect.manifest import Row, read_manifest
from collect.redact import is_redacted
from collect.sources.archive import photos
from collect.sources.download import download, fetch_list, is_remote
from collect.sources.folder import read_file
from collect.sources.layout import source_id

DRAWN = re.compile(r"(-?\d+)/(\d+)")  # seed and index of a synthetic photo


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The rows of the manifest at `dataset.url`: from the files beside it, else drawn, read or fetched as before.

    Raises SourceError naming file and line.
    """
    path = fetch_list(dataset, context)
    folder = path if path.is_dir() else path.parent
    try:
        rows = [r for r in read_manifest(path) if wanted_class(dataset, r.class_)]
    except VggbenchError as err:
        raise SourceError(str(err)) from err
    if not rows:
        raise SourceError(f"{path}: no images in it")
    return {"": _candidates(rows, folder, dataset, context)}


def _candidates(rows: list[Row], folder: Path, dataset: Dataset, context: SourceContext) -> Iterator[Candidate]:
    from collect.sources.synthetic.drawing import CLASSES, draw

    archived: dict[str, dict[str, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        candidate = _candidate(row, keep_place=dataset.train is None)
        if (folder / row.file).is_file():
            yield replace(candidate, read=partial(read_file, folder / row.file))
        elif row.source == "synthetic" and row.class_ in CLASSES and (drawn := DRAWN.fullmatch(row.source_id or "")):
            yield replace(candidate, read=partial(draw, row.class_, int(drawn[1]), int(drawn[2])))
        elif row.source != "archive" or is_redacted(row.url or ""):
            yield candidate
        elif is_remote(row.url or "") and row.source_id:
            archived[row.url or ""][row.source_id].append(candidate)
        else:
            yield replace(candidate, url=None)
    for url, wanted in archived.items():
        archive = replace(dataset, url=url, bytes=None, sha256=None, md5=None)  # they are the manifest's
        for name, read, held_bytes in photos(download(archive, context), partial(_is_listed, wanted), context.data):
            for candidate in wanted.pop(source_id(name), []):
                yield replace(candidate, read=read, held_bytes=held_bytes)
        for candidates in wanted.values():
            yield from (replace(c, url=None) for c in candidates)  # the archive no longer has them


def _is_listed(wanted: Collection[str], name: str) -> bool:
    return source_id(name) in wanted


def _candidate(row: Row, keep_place: bool) -> Candidate:
    return replace(
        candidate_of(row),
        source_id=row.source_id or row.file,
        split=row.split if keep_place else None,
        file=row.file if keep_place else None,
        expected_sha256=(row.sha256, row.source_sha256 or row.sha256),
    )
