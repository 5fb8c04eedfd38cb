"""A list of addresses as a source: .csv with columns url and class, or .txt with one address a line."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from collect.candidate import Candidate, SourceContext, Streams, wanted_class
from collect.datasets import Dataset, valid_name
from collect.errors import SourceError
from collect.sources.download import fetch_list

COLUMNS = ("url", "class", "owner", "owner_name", "license", "title", "page_url")


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The addresses of the list at `dataset.url`, by class, in the list's order.

    A .csv has a header with COLUMNS, of which url and class are required. A .txt has one address per line, its class
    (default: the file's name) after it; # starts a comment. Raises SourceError that names the invalid line.
    """
    path = fetch_list(dataset, context)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise SourceError(f"{path}: cannot be read: {err}") from err
    try:
        candidates = [*(_from_csv(text, path) if path.suffix.lower() == ".csv" else _from_text(text, path))]
    except csv.Error as err:
        raise SourceError(f"{path}: cannot be read as CSV: {err}") from err
    by_class: dict[str, list[Candidate]] = defaultdict(list, {name: [] for name in dataset.class_names})
    for candidate in candidates:
        if wanted_class(dataset, candidate.class_):
            by_class[candidate.class_].append(candidate)
    if not any(by_class.values()):
        raise SourceError(f"{path}: no addresses in it")
    return {name: iter(listed) for name, listed in by_class.items()}


def _from_csv(text: str, path: Path) -> Iterator[Candidate]:
    reader = csv.DictReader(text.splitlines())
    columns = [c.strip().lower() for c in reader.fieldnames or ()]
    if not {"url", "class"} <= set(columns):
        raise SourceError(f"{path}:1: it needs the columns url and class, but has {', '.join(columns) or 'none'}")
    reader.fieldnames = columns
    for row in reader:
        values = {k: v.strip() for k, v in row.items() if k in COLUMNS and v and v.strip()}
        if not valid_name(values.get("class", "")) or "url" not in values:
            raise SourceError(f"{path}:{reader.line_num}: each row needs a url and a class that is a valid folder name")
        name, url = values.pop("class"), values.pop("url")
        yield Candidate(name, url, url=url, source="urls", **values)  # type: ignore[arg-type]


def _from_text(text: str, path: Path) -> Iterator[Candidate]:
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(^|\s)#.*", "", line).split(maxsplit=1)
        if words:
            name = words[1].strip() if len(words) > 1 else path.stem
            if not valid_name(name):
                raise SourceError(f"{path}:{number}: {name!r} is not a valid folder name")
            yield Candidate(name, words[0], url=words[0], source="urls")
