"""What to collect: the entries of `datasets.toml`, parsed strictly into frozen dataclasses. Standard library only."""

import json
import re
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from collect.errors import UsageError as UsageError
from collect.errors import VggbenchError as VggbenchError
from collect.errors import exit_codes as exit_codes
from collect.version import vggbench_version as vggbench_version

SOURCES = ("flickr", "openverse", "archive", "folder", "urls", "manifest", "synthetic")
SEARCHES, LICENSED = ("flickr", "openverse", "synthetic"), ("flickr", "openverse")  # endless; can be asked by licence
DEFAULT_COUNTS = {"train": 1000, "test": 300}  # per class, of a search
LICENSES = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "nkc", "usgov", "arr")
OPEN_LICENSES = ("by", "by-sa", "cc0", "pdm")

# The flags of `bench run` that a `[NAME.bench]` table may set, with the TOML types they take.
BENCH_FLAGS: dict[str, tuple[type, ...]] = {
    "epochs": (int,),
    "batch_size": (int,),
    "size": (int,),
    "seeds": (int,),
    "arch": (str,),
    "width": (float, int),
    "weights": (str,),
    "head": (str,),
    "train_images": (list,),
    "device": (str,),
    "precision": (str,),
    "deterministic": (bool,),
    "set": (dict,),
}


@dataclass(frozen=True, slots=True)
class ClassSearch:
    """One class and how to look for it; `query` defaults to the name, underscores read as spaces."""

    name: str
    query: str = ""
    tags: str = ""

    @property
    def text(self) -> str:
        """The words a search source is asked for."""
        return self.query or self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset to collect. `train` and `test` are images per class; None keeps an upstream split, else 80/20.

    `url` is a URL or a local path (archive, folder, URL list or manifest); `bytes`, `sha256` and `md5` are what an
    archive must measure. `bench` holds default flags for `bench run`.
    """

    name: str
    source: str
    classes: tuple[ClassSearch, ...] = ()
    train: int | None = None
    test: int | None = None
    seed: int = 1
    split: Literal["owner", "image"] = "owner"
    licenses: tuple[str, ...] = OPEN_LICENSES
    url: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    bench: Mapping[str, Any] = field(default_factory=dict)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the recipe's order; empty when the source itself tells them."""
        return tuple(c.name for c in self.classes)


def valid_name(name: str) -> bool:
    """Whether `name` can be a folder: no separator, no leading dot, not blank, no control character."""
    return bool(name.strip()) and not re.search(r"[/\\\x00-\x1f\x7f]", name) and not name.startswith(".")


def _check_type(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_check_type(value, h) for h in get_args(hint))
    if get_args(hint) and hint.__class__.__name__ == "_LiteralGenericAlias":
        return value in get_args(hint)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)


def _class_search(value: Any, where: str) -> ClassSearch:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise UsageError(
            f'{where}: key "classes": each must be a string or {{name = "...", query = "...", tags = "..."}}'
        )
    if unknown := set(value) - {f.name for f in fields(ClassSearch)}:
        raise UsageError(f'{where}: key "classes": unknown key "{sorted(unknown)[0]}" (known: name, query, tags)')
    if not valid_name(value.get("name", "")):
        raise UsageError(f'{where}: key "classes": {value.get("name", "")!r} cannot be a folder name')
    return ClassSearch(**value)


def _bench_table(table: Any, where: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f'{where}: key "bench" must be a table')
    flags: dict[str, Any] = {}
    for key, value in table.items():
        flag = key.replace("-", "_")
        if flag not in BENCH_FLAGS:
            raise UsageError(f'{where}.bench: unknown key "{key}" (known: {", ".join(BENCH_FLAGS)})')
        kinds = BENCH_FLAGS[flag]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(k.__name__ for k in kinds)
            raise UsageError(f'{where}.bench: key "{key}" must be {wanted}, not {type(value).__name__}')
        flags[flag] = value
    return flags


def parse_dataset(name: str, table: Any, file: str) -> Dataset:
    """Parse one table of a datasets.toml.

    Raises UsageError naming file, table and key where a key is unknown or a value has the wrong type.
    """
    where = f"{file}: [{name}]"
    if not isinstance(table, dict):
        raise UsageError(f"{file}: {name} must be a table")
    hints = get_type_hints(Dataset)
    known = [f.name for f in fields(Dataset) if f.name != "name"]
    values: dict[str, Any] = {"name": name}
    for key, value in table.items():
        if key not in known:
            raise UsageError(f'{where}: unknown key "{key}" (known: {", ".join(known)})')
        if key == "classes":
            if not isinstance(value, list):
                raise UsageError(f'{where}: key "classes" must be a list')
            values[key] = tuple(_class_search(v, where) for v in value)
        elif key == "licenses":
            if not isinstance(value, list) or not all(v in LICENSES for v in value):
                raise UsageError(f'{where}: key "licenses" must be a list of {", ".join(LICENSES)}')
            values[key] = tuple(value)
        elif key == "bench":
            values[key] = _bench_table(value, where)
        elif not _check_type(value, hints[key]):
            wanted = str(getattr(hints[key], "__name__", hints[key])).removesuffix(" | None")
            raise UsageError(f'{where}: key "{key}" must be {wanted}, not {value!r}')
        else:
            values[key] = value
    return checked(values, where)


def checked(values: dict[str, Any], where: str) -> Dataset:
    """Build a Dataset from `values`, or raise UsageError naming `where` when they don't go together."""
    if values.get("source") not in SOURCES:
        raise UsageError(f'{where}: key "source" must be one of {", ".join(SOURCES)}, not {values.get("source")!r}')
    dataset = Dataset(**values)
    if not valid_name(dataset.name):
        raise UsageError(f"{where}: {dataset.name!r} cannot be a folder name")
    names = dataset.class_names
    if twice := {n for n in names if names.count(n) > 1}:
        raise UsageError(f'{where}: key "classes": {sorted(twice)[0]!r} stands there twice')
    for key, least in (("train", 1), ("test", 0)):
        count = getattr(dataset, key)
        if count is not None and count < least:
            raise UsageError(f'{where}: key "{key}" must be at least {least}, not {count}')
    if dataset.source in SEARCHES and not names:
        raise UsageError(f'{where}: key "classes" is missing; {dataset.source} needs to know what to look for')
    if dataset.source not in SEARCHES and not dataset.url:
        raise UsageError(f'{where}: key "url" is missing; {dataset.source} needs a URL or a path')
    return dataset


def parse_file(path: Path) -> dict[str, Dataset]:
    """All datasets of one TOML file, by name. Raises UsageError for bad TOML, keys or types."""
    try:
        with path.open("rb") as handle:
            tables = tomllib.load(handle)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise UsageError(f"{path}: not valid TOML: {err}") from err
    return {name: parse_dataset(name, table, str(path)) for name, table in tables.items()}


def shipped_file() -> Path:
    """The datasets.toml that came with the package: beside this file in a wheel, one level up in a checkout."""
    here = Path(__file__).resolve().parent
    return next(p for p in (here / "datasets.toml", here.parent / "datasets.toml") if p.is_file())


def load_datasets(directory: Path | None = None) -> dict[str, Dataset]:
    """The shipped datasets, overlaid by the datasets.toml in `directory` (default: the working directory)."""
    shipped, own = shipped_file(), (directory or Path.cwd()) / "datasets.toml"
    datasets = parse_file(shipped)
    if own.is_file() and own.resolve() != shipped:
        datasets.update(parse_file(own))
    return datasets


def dataset_table(dataset: Dataset) -> dict[str, Any]:
    """The dataset as plain values for TOML: only what differs from the defaults, `parse_dataset` reads it back."""
    table: dict[str, Any] = {"source": dataset.source}
    for item in fields(Dataset):
        value = getattr(dataset, item.name)
        if item.name in ("name", "source") or value is None or value == {} or value == ():
            continue
        if item.name == "classes":
            plain = [{k: getattr(c, k) for k in ("name", "query", "tags") if getattr(c, k)} for c in value]
            table["classes"] = [c["name"] if len(c) == 1 else c for c in plain]
        elif item.name == "licenses":
            table |= {"licenses": list(value)} if dataset.source in LICENSED else {}
        elif item.name == "bench":
            table["bench"] = dict(value)
        elif value != item.default or item.name == "seed":
            table[item.name] = value
    return table


def toml_value(value: Any) -> str:
    """`value` as TOML. JSON's strings, numbers, booleans and arrays are TOML's; tables are written inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
