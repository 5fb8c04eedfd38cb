"""JSON values into dataclasses, strictly: unknown or missing keys and wrong types are errors. Standard library only."""

import json
import types
from dataclasses import is_dataclass
from enum import EnumType
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from bench.errors import RecordError

T = TypeVar("T")


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, h) for h in get_args(hint))
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is list:
        return isinstance(value, list) and all(_fits(v, get_args(hint)[0]) for v in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(v, get_args(hint)[1]) for v in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def build(kind: type[T], values: Any, where: str) -> T:
    """A `kind` from a JSON object. Raises RecordError that starts with `where` and names the key."""
    if not isinstance(values, dict):
        raise RecordError(f"{where}: must be an object")
    hints = get_type_hints(kind)
    if unknown := set(values) - set(hints):
        raise RecordError(f'{where}: unknown key "{sorted(unknown)[0]}"')
    made: dict[str, Any] = {}
    for key, value in values.items():
        hint, inside = hints[key], f"{where}.{key}"
        if isinstance(hint, type) and is_dataclass(hint):
            made[key] = build(hint, value, inside)
        elif get_origin(hint) is list and is_dataclass(get_args(hint)[0]) and isinstance(value, list):
            made[key] = [build(get_args(hint)[0], v, f"{inside}[{i}]") for i, v in enumerate(value)]
        elif isinstance(hint, EnumType) and value in list(hint):
            made[key] = hint(value)
        elif _fits(value, hint):
            made[key] = value
        else:
            expected = " or ".join(hint) if isinstance(hint, EnumType) else getattr(hint, "__name__", hint)
            raise RecordError(f"{inside}: must be {expected}, not {value!r:.60}")
    try:
        return kind(**made)
    except TypeError as err:
        raise RecordError(f"{where}: {str(err).partition('() ')[2]}") from err


def load_json(path: Path) -> Any:
    """The JSON of a file. Raises RecordError naming the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise RecordError(f"{path}: cannot be read: {err}") from err
