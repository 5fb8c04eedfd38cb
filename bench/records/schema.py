"""Records as JSON: read from a file, and parsed strictly into dataclasses. Standard library only."""

from pathlib import Path
from typing import Any, TypeVar

from bench.errors import RecordError
from collect.manifest import parse_json, parse_values

T = TypeVar("T")


def build(kind: type[T], values: object, where: str) -> T:
    """A `kind` from a JSON object. Raises RecordError that begins with `where` and names the key."""
    return parse_values(kind, values, where, RecordError)


def read_text(path: Path) -> str:
    """The text of a file. Raises RecordError naming it, also for a pipe or a device, which might never end."""
    try:
        if path.exists() and not path.is_file():
            raise RecordError(f"{path}: is not a file")
        return path.read_text(encoding="utf-8")
    except OSError as err:
        raise RecordError(f"{path}: cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise RecordError(f"{path}: cannot be read: {err}") from err


def load_json(path: Path) -> Any:
    """The JSON of a file. Raises RecordError naming the file."""
    return parse_json(read_text(path), str(path), RecordError)
