"""Records as JSON: read from a file, and parsed strictly into dataclasses. Standard library only."""

import json
from pathlib import Path
from typing import Any, TypeVar

from bench.errors import RecordError
from collect.manifest import parse_values

T = TypeVar("T")


def build(kind: type[T], values: object, where: str) -> T:
    """A `kind` from a JSON object. Raises RecordError that begins with `where` and names the key."""
    return parse_values(kind, values, where, RecordError)


def load_json(path: Path) -> Any:
    """The JSON of a file. Raises RecordError naming the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise RecordError(f"{path}: cannot be read: {err}") from err
