"""The class of each file from a CSV: `collect --from FOLDER --labels labels.csv`."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from collect.candidate import Candidate, RejectError, RejectReason, reject
from collect.datasets import valid_name
from collect.errors import SourceError
from collect.sources.layout import FilePlace, class_name, held_out_split, source_id, split_name
from collect.sources.table import TableRow, read_table
from collect.wording import counted

MOST_SHOWN = 10
FILE_ADDRESS = re.compile("file://[^/]*", re.I)


@dataclass(slots=True)
class Arrangement:
    """The place of each file that has a class, and the candidates that are rejected without being read."""

    places: dict[str, FilePlace]
    rejected: list[Candidate] = field(default_factory=list)


class FileIndex:
    """Finds files by their path, its last parts, or their name, with or without its ending."""

    def __init__(self, paths: Iterable[str]):
        self._with_ending: dict[str, list[str]] = defaultdict(list)
        self._without: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            parts = PurePosixPath(path).parts
            for i in range(len(parts)):
                tail = "/".join(parts[i:])
                self._with_ending[tail].append(path)
                self._without[str(PurePosixPath(tail).with_suffix(""))].append(path)

    def find(self, value: str) -> list[str]:
        """The files that a value of a table may mean: one, none, or several of the same name."""
        path = local_path(value).replace("\\", "/")
        parts = [part for part in path.split("/") if part not in ("", ".")]
        tails = ["/".join(parts[i:]) for i in range(len(parts))]
        for index in (self._with_ending, self._without):
            for tail in tails:
                if found := index.get(tail):
                    return [tail] if tail in found else found
        return []


def local_path(value: str) -> str:
    """A path as a list gives it: as it is, or as a file:// address."""
    return unquote(FILE_ADDRESS.sub("", value)) if FILE_ADDRESS.match(value) else value


def label_files(images: Sequence[str], path: Path, notify: Callable[[str], None]) -> Arrangement:
    """The class of each image from the CSV at `path`. Shows what was guessed.

    A row without a file, and a file to which rows give different classes, becomes a rejected candidate. Raises
    SourceError that names the file and the line.
    """
    index = FileIndex(images)
    table = read_table(path, lambda value: bool(index.find(value)))
    claims: dict[str, dict[str, int]] = defaultdict(dict)  # file -> class -> line
    lost: list[TableRow] = []
    arrangement = Arrangement({})
    for row in filter(lambda row: row.label, table.rows):
        name, found = class_name(row.label), index.find(row.file)
        if not valid_name(name):
            raise SourceError(f"{path}:{row.line}: {row.label!r} cannot be the name of a folder")
        if len(found) == 1:
            claims[found[0]].setdefault(name, row.line)
            continue
        lost.append(row)
        detail = f"{len(found):,} files match, such as {found[0]} and {found[1]}" if found else "no such file"
        read = _rejecter(RejectReason.NO_FILE, f"{path.name}:{row.line}: {detail}")
        arrangement.rejected.append(Candidate(name, row.file or f"line {row.line}", source="labels", read=read))
    if not claims:
        example = f", such as {lost[0].file!r} in line {lost[0].line}" if lost else ""
        raise SourceError(f"{path}: none of its {counted(len(table.rows), 'row')} names a file that is there{example}")
    sides = {file: side for file in claims if (side := _side(file))}
    held_out = held_out_split(set(sides.values())) if len(sides) == len(claims) else None
    for file, classes in claims.items():
        name, *others = classes
        if others:
            detail = f"{path.name}: line {classes[name]} says {name}, line {classes[others[0]]} {others[0]}"
            read = _rejecter(RejectReason.CLASS_CONFLICT, detail)
            arrangement.rejected.append(Candidate(name, source_id(file), source="labels", read=read))
        else:
            split = sides[file] if held_out else None
            arrangement.places[file] = FilePlace(name, "test" if split and split == held_out else split, "")
    _show(path, table.guess, lost, arrangement.places, notify)
    return arrangement


def _side(file: str) -> str | None:
    """The split in whose folder a file is."""
    return next(filter(None, map(split_name, PurePosixPath(file).parts[:-1])), None)


def _rejecter(reason: RejectReason, detail: str) -> Callable[[], bytes]:
    return partial(reject, RejectError(reason, detail))


def _show(
    path: Path, guess: str, lost: Sequence[TableRow], places: dict[str, FilePlace], notify: Callable[[str], None]
) -> None:
    """Tell the user how the CSV was understood."""
    notify(f"{path.name}: {guess}")
    show_classes(Counter(place.class_ for place in places.values()), notify)
    if lost:
        examples = ", ".join(f"{row.file!r} (line {row.line})" for row in lost[:3])
        notify(f"  {counted(len(lost), 'row')} without a file, such as {examples}")


def show_classes(classes: Counter[str], notify: Callable[[str], None]) -> None:
    """Tell the user how many files each class has."""
    names = ", ".join(f"{name} {number:,}" for name, number in classes.most_common(MOST_SHOWN))
    more = f" and {len(classes) - MOST_SHOWN:,} more" if len(classes) > MOST_SHOWN else ""
    notify(f"  {counted(classes.total(), 'file')} in {counted(len(classes), 'class')}: {names}{more}")
