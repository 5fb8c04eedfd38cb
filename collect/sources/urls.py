"""A list as a source: a .csv with a column of addresses or paths and one of classes, or a .txt with one a line."""

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from collect.candidate import Candidate, SourceContext, Streams, wanted_class
from collect.datasets import Dataset, valid_name
from collect.errors import SourceError
from collect.sources.download import fetch_list, is_remote
from collect.sources.folder import read_file
from collect.sources.labels import local_path, show_classes
from collect.sources.layout import class_name, readable, source_id
from collect.sources.table import TableRow, read_table, read_text
from collect.wording import counted

COLUMNS = ("owner", "owner_name", "license", "title", "page_url")  # that a .csv may have beside file and class


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The addresses and paths of the list at `dataset.url`, by class, in the list's order.

    A line of a .txt may have its class after it (default: the folder of a path, else the file's name); # starts a
    comment. Paths are relative to the list, and only a list on this machine may have them. Raises SourceError that
    names the invalid line.
    """
    path = fetch_list(dataset, context)
    is_csv = path.suffix.lower() in (".csv", ".tsv")
    guess, rows = _from_csv(path) if is_csv else ("one a line", list(_from_text(path)))
    candidates = []
    for row in rows:
        if not valid_name(row.label) or not row.file or "\0" in local_path(row.file):
            raise SourceError(f"{path}:{row.line}: each row needs a url and a class that is a valid folder name")
        if not _is_address(row.file) and is_remote(dataset.url or ""):
            raise SourceError(f"{path}:{row.line}: {row.file[:60]!r} is no address; only a local list may name files")
        candidates.append(_candidate(row, path.parent))
    wanted = [c for c in candidates if wanted_class(dataset, c.class_)]
    if not wanted:
        raise SourceError(f"{path}: no addresses in it")
    if any(c.url for c in wanted):
        by_class: dict[str, list[Candidate]] = defaultdict(list, {name: [] for name in dataset.class_names})
        for candidate in wanted:
            by_class[candidate.class_].append(candidate)
        return {name: iter(listed) for name, listed in by_class.items()}
    context.notify(f"{path.name}: {guess}")
    show_classes(Counter(c.class_ for c in wanted), context.notify)
    if missing := [row for row in rows if not _is_file(row.file, path.parent)]:
        first = f"{missing[0].file[:60]!r} (line {missing[0].line})"
        context.notify(f"  {counted(len(missing), 'row')} without a file, such as {first}")
    context.files.candidates.update(c.source_id for c in wanted)
    context.files.ignored["of other classes"] = len({c.source_id for c in candidates}) - len(context.files.candidates)
    return {"": iter(wanted)}


def _from_csv(path: Path) -> tuple[str, list[TableRow]]:
    table = read_table(path, lambda value: _is_address(value) or _is_file(value, path.parent))
    return table.guess, table.rows


def _from_text(path: Path) -> Iterator[TableRow]:
    is_file: Callable[[str], bool] = partial(_is_file, folder=path.parent)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text:
            file, label = _split_line(text, is_file)
            folder = "" if _is_address(file) else _place(file, path.parent).parent.name
            yield TableRow(number, file, label or readable(folder) or path.stem, {})


def _split_line(text: str, is_file: Callable[[str], bool]) -> tuple[str, str]:
    """A line's file and class, "" without one. Paths may have spaces, so the files that are there decide."""
    if "\t" in text:
        file, _, label = text.partition("\t")
        return file.strip(), label.strip()
    cuts = [len(text), *(found.start() for found in re.finditer(r"\s+", text))]
    cut = next((c for c in cuts if not _is_address(text) and is_file(text[:c])), None)
    if cut is None:
        file, *rest = text.split(maxsplit=1)
        return file, rest[0] if rest else ""
    return text[:cut], text[cut:].strip()


def _is_address(value: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]+://", value, re.I) is not None and not value.lower().startswith("file:")


def _place(value: str, folder: Path) -> Path:
    """Where the file is that a list in `folder` names."""
    return Path(os.path.normpath(folder.absolute() / local_path(value)))


def _is_file(value: str, folder: Path) -> bool:
    try:
        return bool(value) and _place(value, folder).is_file()
    except (OSError, ValueError):  # no path: too long, or with a null
        return False


def _candidate(row: TableRow, folder: Path) -> Candidate:
    facts = {name: value for name, value in row.values.items() if name in COLUMNS}
    if _is_address(row.file):
        return Candidate(row.label, row.file, url=row.file, source="urls", **facts)  # type: ignore[arg-type]
    place = _place(row.file, folder)
    read = partial(read_file, place)
    return Candidate(class_name(row.label), _id(place, folder), source="urls", read=read, **facts)  # type: ignore[arg-type]


def _id(place: Path, folder: Path) -> str:
    """The id of a local file: its path below the list's folder, else its name and a hash, which hides where it is."""
    if place.is_relative_to(folder.absolute()):
        return source_id(place.relative_to(folder.absolute()).as_posix())
    return f"{source_id(place.name)}#{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}"
