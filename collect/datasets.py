"""What to collect: the entries of `datasets.toml`, parsed strictly into frozen dataclasses. Standard library only."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from collect.command_line import HELP_FLAGS as HELP_FLAGS
from collect.command_line import FlagsGivenOnce as FlagsGivenOnce
from collect.command_line import name_hint as name_hint
from collect.command_line import print_version as print_version
from collect.command_line import vggbench_version as vggbench_version
from collect.errors import DISK_FULL as DISK_FULL
from collect.errors import UsageError as UsageError
from collect.errors import VggbenchError as VggbenchError
from collect.errors import connection_error_text as connection_error_text
from collect.errors import file_error_text as file_error_text
from collect.errors import run_command as run_command
from collect.lock import is_locked as is_locked
from collect.lock import lock_folder as lock_folder
from collect.schema import TYPE_WORDS as TYPE_WORDS
from collect.schema import check_value as check_value
from collect.schema import parse_toml, parse_values
from collect.terminal import announce as announce
from collect.terminal import live_view as live_view
from collect.terminal import make_console as make_console
from collect.terminal import make_table as make_table
from collect.terminal import print_text as print_text
from collect.wording import counted as counted
from collect.wording import duration as duration
from collect.wording import size_text as size_text

SOURCES = ("flickr", "openverse", "archive", "folder", "urls", "manifest", "synthetic")
SEARCHES, LICENSED = ("flickr", "openverse", "synthetic"), ("flickr", "openverse")  # endless; searchable by licence
DEFAULT_COUNTS = {"train": 1000, "test": 300}  # per class, of a search
FEWEST_PHOTOS = {"train": 50, "test": 20}  # per class; fewer give a warning
MOST_TIMES_THE_PHOTOS = 3  # of the smallest class that the largest may have without a warning
LICENSES = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "nkc", "usgov", "arr")
OPEN_LICENSES = ("by", "by-sa", "cc0", "pdm")

# The flags of `bench run` that a `[NAME.bench]` table may set, and their types. It may hold a table for each model with
# these flags or any field of a recipe; bench, which knows the fields, checks their names and types.
BENCH_FLAGS: dict[str, Any] = {
    "epochs": int | Literal["auto"],
    **dict.fromkeys(("batch_size", "size", "seeds", "tune"), int),
    **dict.fromkeys(("arch", "weights", "head", "device", "precision", "budget"), str),
    "width": float,
    "train_images": int | list[int],
    "deterministic": bool,
    "set": dict,
}
BENCH_MODELS = ("scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn")


@dataclass(frozen=True, slots=True)
class ClassSearch:
    """One class and how to search for it. `query` defaults to the name with spaces for underscores."""

    name: str
    query: str = ""
    tags: str = ""

    @property
    def text(self) -> str:
        """The words to search for."""
        return self.query or self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset to collect. `train` and `test` are images per class; None keeps an upstream split, or makes 80/20."""

    name: str
    source: str
    classes: tuple[ClassSearch, ...] = ()
    train: int | None = None
    test: int | None = None
    seed: int = 1
    split: Literal["owner", "image"] = "owner"
    group_by: str | None = None  # a pattern: files that it gives the same text stay on one side of the split
    keep_metadata: bool = False  # store JPEGs with their GPS position and serial numbers
    licenses: tuple[str, ...] = OPEN_LICENSES
    url: str | None = None  # or a local path: archive, folder, URL list or manifest
    bytes: int | None = None  # size and digest that an archive must have
    sha256: str | None = None
    md5: str | None = None
    labels: str | None = None  # a CSV with the class of each file of a folder or archive
    bench: Mapping[str, Any] = field(default_factory=dict)  # default flags for `bench run`, also for single models

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the recipe's order; empty if they come from the source."""
        return tuple(c.name for c in self.classes)

    @property
    def per_class(self) -> int | None:
        """Images per class, None if no counts are asked for."""
        return None if self.train is None else self.train + (self.test or 0)


def valid_name(name: str) -> bool:
    """Whether `name` can be a folder: no separator, no leading dot, not blank, no control character."""
    return bool(name.strip()) and not re.search(r"[/\\\x00-\x1f\x7f]", name) and not name.startswith(".")


def is_text(name: str) -> bool:
    """Whether `name` can be written as UTF-8: the name of a file that is in another encoding cannot."""
    return not re.search(r"[\ud800-\udfff]", name)


def parse_dataset(name: str, table: object, file: str) -> Dataset:
    """Parse one table of a datasets.toml. Raises UsageError naming file, table and key."""
    where = f"{file}: [{name}]"
    if not isinstance(table, dict):
        raise UsageError(f"{file}: {name} must be a table")
    if "name" in table:
        raise UsageError(f'{where}: unknown key "name"; the table itself has the name of the dataset')
    values = {**table, "name": name}
    if isinstance(classes := table.get("classes"), list):  # "car" is short for {name = "car"}
        values["classes"] = [{"name": c} if isinstance(c, str) else c for c in classes]
    if "bench" in table:
        values["bench"] = _bench_flags(table["bench"], where)
    return _checked(parse_values(Dataset, values, where, UsageError), where)


def _bench_flags(table: object, where: str) -> dict[str, Any]:
    check_value(table, dict, "bench", where, UsageError)
    flags: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", table).items():
        if key in BENCH_MODELS:
            flags[key] = _model_values(value, key, where)
            continue
        flag = key.replace("-", "_")
        if flag not in BENCH_FLAGS:
            kind, known = ("model", BENCH_MODELS) if isinstance(value, dict) else ("key", tuple(BENCH_FLAGS))
            raise UsageError(f'{where}: unknown {kind} "bench.{key}"; {name_hint(key, known)}')
        check_value(value, BENCH_FLAGS[flag], f"bench.{flag}", where, UsageError)
        flags[flag] = value
    return flags


def _model_values(table: object, model: str, where: str) -> dict[str, Any]:
    check_value(table, dict, f"bench.{model}", where, UsageError)
    values = {key.replace("-", "_"): value for key, value in cast("dict[str, Any]", table).items()}
    for key, value in values.items():
        kind = BENCH_FLAGS.get(key, str | int | float | bool)
        check_value(value, kind, f"bench.{model}.{key}", where, UsageError)
    return values


def _checked(dataset: Dataset, where: str) -> Dataset:
    """The dataset itself. Raises UsageError that begins with `where` if its values do not go together."""
    if dataset.source not in SOURCES:
        raise UsageError(f'{where}: key "source" must be one of {", ".join(SOURCES)}, not {dataset.source!r}')
    names = dataset.class_names
    if bad := [name for name in (dataset.name, *names) if not valid_name(name) or not is_text(name)]:
        raise UsageError(f"{where}: {bad[0]!r} cannot be the name of a folder")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f'{where}: key "classes" has {repeated[0]!r} twice')
    if unknown := [code for code in dataset.licenses if code not in LICENSES]:
        raise UsageError(f'{where}: key "licenses" has {unknown[0]!r}, which is none of {", ".join(LICENSES)}')
    for key, count, least in (("train", dataset.train, 1), ("test", dataset.test, 0)):
        if count is not None and count < least:
            raise UsageError(f'{where}: key "{key}" must be at least {least}, not {count}')
    if dataset.group_by is not None:
        if dataset.source in SEARCHES:
            raise UsageError(f"{where}: group_by (--group-by) is for --from only: {dataset.source} has no file names")
        check_pattern(dataset.group_by, f'{where}: key "group_by"')
    if dataset.source in SEARCHES and not names:
        raise UsageError(f'{where}: key "classes" is missing; {dataset.source} needs the names of the classes')
    if dataset.labels and dataset.source not in ("archive", "folder"):
        raise UsageError(f'{where}: key "labels" is for archive and folder only, not for {dataset.source}')
    if dataset.source not in SEARCHES and not dataset.url:
        raise UsageError(f'{where}: key "url" is missing; {dataset.source} needs a URL or a path')
    return dataset


def check_pattern(pattern: str, where: str) -> None:
    """Raise UsageError that begins with `where` if a pattern is not a regular expression."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as err:
        raise UsageError(f"{where}: {pattern!r} is not a regular expression: {err}") from err


def parse_file(path: Path) -> dict[str, Dataset]:
    """All datasets of one TOML file, by name. Raises UsageError for bad TOML, keys or types."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise UsageError(f"{path}: not valid TOML: {err}") from err
    tables = parse_toml(text, str(path), UsageError)
    return {name: parse_dataset(name, table, str(path)) for name, table in tables.items()}


def shipped_file() -> Path:
    """The datasets.toml of the package: beside this file in a wheel, one level up in a checkout."""
    here = Path(__file__).resolve().parent
    return next(p for p in (here / "datasets.toml", here.parent / "datasets.toml") if p.is_file())


def _own_file(directory: Path | None) -> Path | None:
    own = (directory or Path.cwd()) / "datasets.toml"
    return own if own.is_file() and own.resolve() != shipped_file() else None


def load_datasets(directory: Path | None = None) -> dict[str, Dataset]:
    """The shipped datasets, overlaid by the datasets.toml in `directory` (default: the working directory)."""
    own = _own_file(directory)
    return parse_file(shipped_file()) | (parse_file(own) if own else {})


def file_of(name: str, directory: Path | None = None) -> Path:
    """The file whose table of this name `load_datasets` uses."""
    own = _own_file(directory)
    return own if own and name in parse_file(own) else shipped_file()


def dataset_table(dataset: Dataset) -> dict[str, Any]:
    """The values of the dataset that differ from the defaults, for TOML; `parse_dataset` reads them back."""
    table: dict[str, Any] = {"source": dataset.source}
    for item in fields(Dataset):
        value = getattr(dataset, item.name)
        if item.name in ("name", "source") or value is None or value == {} or value == ():
            continue
        if item.name == "classes":
            plain = [{k: v for k, v in asdict(c).items() if v} for c in value]
            table["classes"] = [c["name"] if len(c) == 1 else c for c in plain]
        elif item.name == "licenses":
            table |= {"licenses": list(value)} if dataset.source in LICENSED else {}
        elif item.name == "bench":
            table["bench"] = dict(value)
        elif value != item.default or item.name == "seed":
            table[item.name] = value
    return table


def toml_value(value: Any) -> str:
    """`value` as TOML. Strings, numbers, booleans and arrays look as in JSON; tables are written inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
