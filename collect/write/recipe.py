"""The recipe as TOML: in the dataset's own dataset.toml, and back in the user's datasets.toml."""

import json
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collect.datasets import Dataset, dataset_table, name_hint, parse_dataset, shipped_file, toml_value
from collect.errors import UsageError, VggbenchError
from collect.files import atomic_write
from collect.http import user_agent
from collect.journal import JOURNAL
from collect.manifest import DATASET_FILE, MANIFEST, Row, manifest_sha256
from collect.redact import redact
from collect.schema import check_value, parse_toml

USER_FILE = "datasets.toml"
HEAD: dict[str, Any] = {"upstream_split": bool, "source_state": str, "unfinished": int, "manifest_sha256": str}


@dataclass(frozen=True, slots=True)
class Collected:
    """The content of a dataset.toml; `upstream_split`: as in the source, `unfinished`: photos worth another try."""

    recipe: Dataset
    upstream_split: bool
    source_state: str
    unfinished: int
    manifest_sha256: str = ""


def write_dataset_file(folder: Path, collected: Collected, rows: Sequence[Row]) -> None:
    """Write `folder`/dataset.toml for these rows."""
    head = {"collected_by": user_agent().partition(" ")[0], "manifest_sha256": manifest_sha256(rows)}
    head |= {name: getattr(collected, name) for name in ("upstream_split", "source_state", "unfinished")}
    table = dataset_table(published(collected.recipe))
    with atomic_write(folder / DATASET_FILE) as out:
        out.writelines(f"{key} = {toml_value(value)}\n" for key, value in head.items())
        out.write(f"\n[{json.dumps(collected.recipe.name, ensure_ascii=False)}]\n")
        out.writelines(f"{key} = {toml_value(value)}\n" for key, value in table.items())


def no_manifest(folder: Path) -> UsageError:
    """The error for a folder without a manifest: it names the datasets beside it."""
    if (folder / JOURNAL).is_file():
        return UsageError(f"{folder}: not collected yet; run the command that makes it again to continue")
    hint = name_hint(folder.name, (path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}")))
    return UsageError(f"{folder}: no dataset with a manifest; {hint} (`collect --list` shows what is there)")


def read_dataset_file(folder: Path) -> Collected:
    """The content of `folder`/dataset.toml. Raises VggbenchError if it is missing or cannot be read."""
    path = folder / DATASET_FILE
    try:
        values = parse_toml(path.read_text(encoding="utf-8"), str(path), VggbenchError)
        head = {key: values[key] for key in HEAD}
        name, table = next((k, v) for k, v in values.items() if isinstance(v, dict))
    except (OSError, UnicodeDecodeError, KeyError, StopIteration) as err:
        advice = "remove it and run the command that made the dataset again"
        raise VggbenchError(f"{path}: cannot be read: {err!r}; {advice}") from err
    for key, kind in HEAD.items():
        check_value(head[key], kind, key, str(path), VggbenchError)
    return Collected(parse_dataset(name, table, str(path)), **head)


def remember_recipe(dataset: Dataset, directory: Path | None = None) -> str:
    """Put `dataset` into `directory`/datasets.toml, so that `collect --dataset NAME` repeats it. Comments stay.

    Returns a note for the user if the file is the one that ships with vggbench, which stays unchanged; else "".
    """
    import tomlkit  # late: drawing a dataset works without it

    path = (directory or Path.cwd()) / USER_FILE
    if path.resolve() == shipped_file().resolve():
        return f"the recipe was not added to {path}, which ships with vggbench; it is in the dataset's {DATASET_FILE}"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        parse_toml(text, str(path), UsageError)
        document = tomlkit.parse(text)
    except (ValueError, RecursionError) as err:
        raise UsageError(f"{path}: cannot be read: {err}") from err
    table = document.setdefault(dataset.name, tomlkit.table())
    if not isinstance(table, MutableMapping):
        raise UsageError(f"{path}: {dataset.name} must be a table")
    wanted = {key: value for key, value in dataset_table(dataset).items() if key != "bench"}
    for key in table.keys() - wanted.keys() - {"bench"}:
        del table[key]
    table.update({key: value for key, value in wanted.items() if table.get(key) != value})
    with atomic_write(path) as out:
        out.write(tomlkit.dumps(document))
    return ""


def published(dataset: Dataset) -> Dataset:
    """The recipe as files may hold it: without secrets in addresses, and of absolute paths with the last part only."""
    return replace(dataset, url=_public(dataset.url), labels=_public(dataset.labels))


def _public(place: str | None) -> str | None:
    path = Path(place or "")
    return path.name if path.is_absolute() else place and redact(place)
