"""A CSV whose columns are not known: which one names the files and which one their classes is found out."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from collect.errors import SourceError

DELIMITERS = ",;\t|"
# Usual headers, the surest first. A column's values decide before its header does.
FILE_HEADERS = (
    *("url", "file", "filename", "file_name", "filepath", "filepaths", "file_path", "path", "image", "image_url"),
    *("image_path", "image_name", "image_id", "img", "img_path", "photo", "picture", "id", "name"),
)
LABEL_HEADERS = (
    *("class", "label", "labels", "class_name", "classname", "label_name", "category", "breed", "species"),
    *("target", "type", "tag"),
)
MOST_TRIED = 300  # rows whose values are looked up, to find the column with the files


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table and its line; `values` are the columns other than the two, by their header."""

    line: int
    file: str
    label: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table, and how its columns were understood, in words."""

    rows: list[TableRow]
    guess: str


def read_text(path: Path) -> str:
    """The text of a list. Raises SourceError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise SourceError(f"{path}: cannot be read: {err}") from err


def read_table(path: Path, is_file: Callable[[str], bool]) -> Table:
    """Read a CSV. `is_file` says whether a value names a file, or has its address.

    Raises SourceError that names the file and the line.
    """
    text = read_text(path)
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count))
    try:
        lines = [(reader.line_num, [value.strip() for value in row]) for row in reader]
    except csv.Error as err:
        raise SourceError(f"{path}:{reader.line_num}: cannot be read as CSV: {err}") from err
    lines = [(number, values) for number, values in lines if any(values)]
    if not lines:
        raise SourceError(f"{path}: is empty; it needs a column with files and one with their classes")
    first, has_header = lines[0][1], not any(map(is_file, lines[0][1]))
    header = [value.lower() for value in first] if has_header else [""] * len(first)
    rows = lines[has_header:]
    file = _file_column(header, [values for _, values in rows[:MOST_TRIED]], is_file)
    label = _label_column(header, file)
    if file is None or label is None:
        missing = "files" if file is None else "classes"
        shown = ", ".join(first[:20]) or "none"
        advice = "call the one with the files filename, and the one with the classes label"
        raise SourceError(f"{path}:{lines[0][0]}: which column has the {missing}? The columns are {shown}; {advice}")
    others = [i for i in range(len(header)) if i not in (file, label) and header[i]]
    found = [
        TableRow(number, v[file], v[label], {header[i]: v[i] for i in others if v[i]})
        for number, v in ((number, values + [""] * (len(header) - len(values))) for number, values in rows)
    ]
    names = [f'"{first[i]}"' if has_header else str(i + 1) for i in (file, label)]
    return Table(found, f"column {names[0]} has the files, column {names[1]} the classes")


def _file_column(header: Sequence[str], rows: Sequence[Sequence[str]], is_file: Callable[[str], bool]) -> int | None:
    """The column with most values that name a file; the surest header decides where as many do."""
    hits = [sum(i < len(row) and is_file(row[i]) for row in rows) for i in range(len(header))]
    ranks = [FILE_HEADERS.index(name) if name in FILE_HEADERS else len(FILE_HEADERS) for name in header]
    best = min(range(len(header)), key=lambda i: (-hits[i], ranks[i]))
    return best if hits[best] or header[best] in FILE_HEADERS else None


def _label_column(header: Sequence[str], file: int | None) -> int | None:
    """The column with the surest header, or the only one that is left."""
    others = [i for i in range(len(header)) if i != file]
    named = [i for i in others if header[i] in LABEL_HEADERS]
    if named:
        return min(named, key=lambda i: LABEL_HEADERS.index(header[i]))
    return others[0] if len(others) == 1 else None
