"""A folder of class folders as a source."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from collect.candidate import Candidate, RejectError, RejectReason, SourceContext, Streams
from collect.datasets import Dataset
from collect.errors import SourceError
from collect.sources.layout import source_id
from collect.sources.members import check_size
from collect.sources.tree import FileTree, arrange
from collect.verify import HEAD_BYTES


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The images below `dataset.url`, sorted by path. Raises SourceError, ShortfallError, UsageError."""
    root = Path(dataset.url or "")
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder")
    found = arrange(_read_tree(root, context.data), root.resolve().name, dataset, context)

    def candidates() -> Iterator[Candidate]:
        yield from found.rejected
        for path, place in found.places.items():
            read = partial(read_file, root / path)
            yield Candidate(place.class_, source_id(path), split=place.split, source="folder", read=read)

    return {"": candidates()}


def _read_tree(root: Path, data: Path) -> FileTree:
    """The files below a folder, but not those that collect itself keeps there. Raises OSError for an unreadable one."""
    tree, paths, own = FileTree(), [], data.resolve()
    for folder, subfolders, names in os.walk(root, onerror=_raise):
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        tree.ignored["linked"] += len(links)
        subfolders[:] = [n for n in subfolders if n not in links and Path(folder, n).resolve() != own]
        if not subfolders and not names:
            tree.empty.append(Path(folder).relative_to(root).as_posix())
        paths += [Path(folder, name) for name in names]
    for path in sorted(paths):
        if path.is_file():
            tree.add(path.relative_to(root).as_posix(), partial(_head, path))
        else:
            tree.ignored["linked"] += 1
    return tree


def _raise(error: OSError) -> None:
    raise error


def _head(path: Path) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def read_file(path: Path) -> bytes:
    """A photo's bytes. Raises RejectError if they cannot be read or are too many."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            check_size(size)
            return file.read(size)
    except OSError as err:
        raise RejectError(RejectReason.UNREADABLE, f"the file cannot be read: {err.strerror}") from err
