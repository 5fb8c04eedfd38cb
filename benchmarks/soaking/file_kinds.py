"""Damage to files that the three commands write and read: text that no longer means what it should."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.soaking import damage

ODD_VALUES = (
    None,
    True,
    5,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    "",
    "\x00",
    "\x1b[2J",
    "<b>",
    "a/b",
    "..",
    "x" * 10**5,
)
DEPTH, DIGITS = 100_000, "9" * 5000


def _places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of all values inside a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in pairs for place in ((*path, key), *_places(inner, (*path, key)))]


def _change(document: object, path: tuple[object, ...], change: Callable[[dict, object], None]) -> None:
    for key in path[:-1]:
        document = document[key]  # type: ignore[index]
    change(document, path[-1])  # type: ignore[arg-type]


def in_json(change: Callable[[Random, dict, object], None]) -> damage.Damage:
    """Change one value of a JSON document, or of one line of JSON lines."""

    def apply(random: Random, data: bytes) -> bytes:
        lines = data.decode().split("\n") if b"\n{" in data else [data.decode()]
        number = random.randrange(len([line for line in lines if line.strip()]))
        document = json.loads(lines[number])
        places = _places(document)
        if places:
            _change(document, random.choice(places), lambda parent, key: change(random, parent, key))
        lines[number] = json.dumps(document)
        return "\n".join(lines).encode()

    return apply


def _set_odd(random: Random, parent: dict, key: object) -> None:
    parent[key] = random.choice(ODD_VALUES)


def _set_surrogate(random: Random, parent: dict, key: object) -> None:
    parent[key] = "\ud800"


def _remove(random: Random, parent: dict, key: object) -> None:
    del parent[key]


def _add(random: Random, parent: dict, key: object) -> None:
    if isinstance(parent, dict):
        parent["unknown_key"] = 1
    else:
        parent.append(None)


def long_number(random: Random, data: bytes) -> bytes:
    """A number of 5,000 digits in place of a number."""
    found = list(re.finditer(rb"(?<=[ :=,\[])\d+", data))
    if not found:
        return data + DIGITS.encode()
    place = random.choice(found)
    return data[: place.start()] + DIGITS.encode() + data[place.end() :]


def deep(random: Random, data: bytes) -> bytes:
    """Brackets in brackets."""
    start = b"" if data.lstrip().startswith(b"{") else b"a = "
    return start + b"[" * DEPTH + b"]" * DEPTH


def half_the_lines(random: Random, data: bytes) -> bytes:
    """Every second line, with the first."""
    return b"".join(data.splitlines(keepends=True)[::2])


def lines_twice(random: Random, data: bytes) -> bytes:
    """All lines but the first come twice."""
    first, *others = data.splitlines(keepends=True) or [b""]
    return first + b"".join(others) * 2


TEXT_DAMAGES: dict[str, damage.Damage] = {
    **damage.DAMAGES,
    "deep nesting": deep,
    "5,000 digits": long_number,
    "half the lines": half_the_lines,
    "lines twice": lines_twice,
    "CR line ends": lambda random, data: data.replace(b"\n", b"\r"),
    "BOM": lambda random, data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda random, data: data.decode("utf-8", "replace").encode("utf-16"),
    "Latin-1": lambda random, data: data.replace(b"a", b"\xe4", 3),
    "NUL": lambda random, data: data.replace(b" ", b"\x00", 2) if b" " in data else data + b"\x00",
}
JSON_DAMAGES: dict[str, damage.Damage] = {
    **TEXT_DAMAGES,
    "odd value": in_json(_set_odd),
    "surrogate": in_json(_set_surrogate),
    "missing key": in_json(_remove),
    "unknown key": in_json(_add),
}


def _replace(path: Path, make: Callable[[], object]) -> None:
    path.unlink()
    make()


OTHERS: dict[str, Callable[[Path], None]] = {  # something else in place of the file
    "missing": lambda path: path.unlink(),
    "a folder": lambda path: _replace(path, path.mkdir),
    "a fifo": lambda path: _replace(path, lambda: os.mkfifo(path)),
    "a link to itself": lambda path: _replace(path, lambda: path.symlink_to(path.name)),
    "a link to nothing": lambda path: _replace(path, lambda: path.symlink_to("nothing")),
}
