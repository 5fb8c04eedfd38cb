"""Values from TOML or JSON into dataclasses; wrong keys and types are errors. Standard library only."""

import json
import math
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from collect.command_line import name_hint
from collect.errors import VggbenchError

T = TypeVar("T")
SCALARS: dict[type, set[type]] = {kind: {kind} for kind in (str, int, bool, NoneType)} | {float: {float, int}}

TYPE_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: "keys with values",
    Mapping: "keys with values",
}


MOST_DIGITS = 19  # of an integer: more do not fit in 64 bits
SHOWN = reprlib.Repr()  # of a value of any depth
SHOWN.maxstring = SHOWN.maxother = 60


def parse_json(text: str, where: str, error: type[VggbenchError]) -> Any:
    """The value of a JSON text. Raises `error` about `where`, also for what is valid but cannot be used: a key that is
    there twice, an integer beyond 64 bits, NaN, infinity, half of a surrogate pair, values nested too deeply.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_keys, parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
        if "\\ud" in text.lower():  # perhaps half of a surrogate pair, which no file and no hash can hold
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as err:
        raise error(f"{where}: not valid JSON: {_problem(err)}") from err
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r:.60} appears twice")
    return values


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    if not -(2**63) <= (value := int(text)) < 2**63:
        raise ValueError(f"{text} does not fit in 64 bits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.60} is not a finite number")
    return value


def parse_toml(text: str, where: str, error: type[VggbenchError]) -> dict[str, Any]:
    """The tables of a TOML text. Raises `error` about `where`, also for text that is valid but cannot be used."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as err:
        raise error(f"{where}: not valid TOML: {_problem(err)}") from err


def _problem(err: ValueError | RecursionError) -> str:
    if isinstance(err, UnicodeEncodeError):
        return "it holds half of a surrogate pair, which is not a character"
    if isinstance(err, RecursionError):
        return "it is nested too deeply"
    return "a number has too many digits" if "integer string conversion" in str(err) else str(err)


def parse_values(kind: type[T], values: object, where: str, error: type[VggbenchError]) -> T:
    """A dataclass from the plain values of one table or line; `class` fills `class_`. Raises `error` about `where`."""
    parsed: T = _dataclass(kind, values, "", where, error)
    return parsed


def check_value(value: object, hint: Any, key: str, where: str, error: type[VggbenchError]) -> None:
    """Raise `error` if the value of `key` does not have the type `hint`."""
    if not _fits(value, hint):
        raise error(f'{where}: key "{key}" must be {_words(hint)}, not {SHOWN.repr(value)}')


@cache
def _fields(kind: Any) -> dict[str, tuple[str, Any, set[type]]]:
    """The name, type and possible plain types of each field of a dataclass, by key."""
    hints = get_type_hints(kind)
    return {f.name.rstrip("_"): (f.name, hints[f.name], _scalars(hints[f.name])) for f in fields(kind)}


@cache
def _required(kind: Any) -> set[str]:
    return {f.name.rstrip("_") for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if _is_union(hint) else (hint,)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _scalars(hint: Any) -> set[type]:
    return set().union(*(SCALARS.get(kind, ()) for kind in _kinds(hint)))


def _dataclass(kind: Any, values: object, key: str, where: str, error: type[VggbenchError]) -> Any:
    known = _fields(kind)
    if not isinstance(values, dict):
        subject = f'{where}: key "{key}"' if key else where
        raise error(f"{subject} must be keys with values ({', '.join(known)}), not {SHOWN.repr(values)}")
    prefix = f"{key}." if key else ""
    parsed = {}
    for name, value in values.items():
        if name not in known:
            raise error(f'{where}: unknown key "{prefix}{name}"; {name_hint(name, known)}')
        field, hint, scalars = known[name]
        parsed[field] = value if type(value) in scalars else _value(hint, value, f"{prefix}{name}", where, error)
    if missing := _required(kind) - values.keys():
        raise error(f'{where}: key "{prefix}{min(missing)}" is missing')
    return kind(**parsed)


def _value(hint: Any, value: object, key: str, where: str, error: type[VggbenchError]) -> Any:
    nested = next((kind for kind in _kinds(hint) if is_dataclass(kind)), None)
    if nested is not None and value is not None:
        return _dataclass(nested, value, key, where, error)
    container = get_origin(hint)
    if container in (list, tuple) and isinstance(value, list):
        item = get_args(hint)[0]
        return container(_value(item, v, f"{key}[{i}]", where, error) for i, v in enumerate(value))
    enums = [kind for kind in _kinds(hint) if isinstance(kind, type) and issubclass(kind, Enum)]
    for member in (member for kind in enums for member in kind):
        if member == value:
            return member
    check_value(value, hint, key, where, error)
    return value


def _fits(value: object, hint: Any) -> bool:
    if hint is Any or type(value) in _scalars(hint):
        return True
    if _is_union(hint):
        return any(_fits(value, kind) for kind in _kinds(hint))
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in args
    if origin is list:
        return isinstance(value, list) and all(_fits(v, args[0]) for v in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_fits(v, args[1]) for v in value.values())
    return hint not in SCALARS and isinstance(hint, type) and isinstance(value, hint)


def _words(hint: Any) -> str:
    if _is_union(hint):
        kinds = [kind for kind in _kinds(hint) if kind is not int or float not in _kinds(hint)]
        return " or ".join("null" if kind is NoneType else _words(kind) for kind in kinds)
    if get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        return " or ".join(map(str, get_args(hint) or hint))
    origin = get_origin(hint) or hint
    return TYPE_WORDS.get(origin) or str(getattr(origin, "__name__", hint))
