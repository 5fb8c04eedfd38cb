"""What an earlier run left in the dataset's folder, and whether this run may continue it."""

import hashlib
import json
import os
import platform
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from collect.candidate import RejectReason
from collect.datasets import Dataset, dataset_table
from collect.dedupe import Exclusions, dropped_photos, remember_dropped, restore_dropped
from collect.errors import UsageError, VggbenchError
from collect.fetch import STAGED, clear_staged
from collect.files import atomic_write, file_sha256, has_size
from collect.journal import JOURNAL, OWNER, Journal
from collect.manifest import DATASET_FILE, MANIFEST, Key, Row, manifest_sha256, parse_json, read_manifest
from collect.redact import redact
from collect.verify import can_read_heic
from collect.wording import counted
from collect.write import is_unsettled, published, read_dataset_file, recorded_rejects

COMMAND = ".command"  # what continues the run under way; a finished run removes it, because it may name private folders
MAY_CHANGE = ("train", "test", "bench")
NOTHING = Exclusions()


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """The rows of an earlier run, by key: `present` if the file is in its place, `missing` if it is not or has changed.

    `listed` are all rows of the manifest, also when a new split replaces them.
    """

    present: dict[Key, Row] = field(default_factory=dict)
    missing: dict[Key, Row] = field(default_factory=dict)
    listed: list[Row] = field(default_factory=list)


def source_state(dataset: Dataset) -> str:
    """What a local source looks like now: size and time of a file, or of all files of a folder; "" for remote ones.

    It also says whether HEIC can be read, because that changes what the source gives.
    """
    listed = _stamp(Path(dataset.labels)) + " " if dataset.labels and Path(dataset.labels).is_file() else ""
    state = listed + _file_state(dataset)
    return f"{state} heif" if state and can_read_heic() else state


def _file_state(dataset: Dataset) -> str:
    path = Path(dataset.url or "")
    if dataset.source not in ("archive", "folder", "urls", "manifest") or not dataset.url or not path.exists():
        return ""
    if path.is_file():
        return _stamp(path)
    listing = (f"{p.relative_to(path)} {_stamp(p)}" for p in sorted(path.rglob("*")) if p.is_file())
    return hashlib.sha256("\n".join(listing).encode("utf-8", "surrogateescape")).hexdigest()


def reasons_to_retry() -> list[RejectReason]:
    """Why photos were rejected that this run may find usable, at no cost for their hosts."""
    reasons = [RejectReason.NO_FILE, RejectReason.UNREADABLE, RejectReason.CLASS_CONFLICT]
    return [*reasons, RejectReason.NEEDS_HEIF] if can_read_heic() else reasons


def _stamp(path: Path) -> str:
    info = path.stat()
    return f"{info.st_size}:{info.st_mtime_ns}"


def _is_described(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and (folder / DATASET_FILE).is_file()


def earlier_rows(folder: Path, dataset: Dataset) -> EarlierRows:
    """The rows of an earlier run. Raises UsageError if it had counts and this one has none."""
    listed = read_manifest(folder) if (folder / MANIFEST).is_file() else []
    if not _is_described(folder):
        return EarlierRows(listed=listed)
    collected = read_dataset_file(folder)
    if collected.recipe.train is not None and dataset.train is None:
        counts = f"--train {collected.recipe.train} --test {collected.recipe.test or 0}"
        advice = "without counts its photos would change sides: give counts, or choose another --name"
        raise UsageError(f"{folder}: was collected with {counts}; {advice}")
    if collected.upstream_split and dataset.train is not None:
        return EarlierRows(listed=listed)  # counts replace the upstream split
    rows, is_ours = {r.key: r for r in listed}, collected.manifest_sha256 == manifest_sha256(listed)
    present = {r.key: r for r in _intact(folder, rows.values(), is_ours)}
    return EarlierRows(present, {k: r for k, r in rows.items() if k not in present}, listed)


def without_dropped(earlier: EarlierRows, folder: Path, journal: Journal, exclusions: Exclusions) -> EarlierRows:
    """The earlier rows less those that the user removed by hand, now or before; all of them are in the journal then."""
    journal.restore([*earlier.present.values(), *earlier.missing.values()])
    restore_dropped(journal, recorded_rejects(folder)[0] if _is_described(folder) else ())
    remember_dropped(journal, exclusions)
    dropped = dropped_photos(journal.photos())
    present, missing = (
        {k: r for k, r in rows.items() if k not in dropped} for rows in (earlier.present, earlier.missing)
    )
    return replace(earlier, present=present, missing=missing)


def is_complete(folder: Path, dataset: Dataset, exclusions: Exclusions = NOTHING, allow_private: bool = False) -> bool:
    """Whether the folder holds exactly the dataset of this recipe less `exclusions`, with every file in its place.

    With `allow_private`, photos at private addresses that an earlier run rejected are missing.
    """
    if not _is_described(folder) or is_unsettled(folder):
        return False
    collected, rows = read_dataset_file(folder), read_manifest(folder)
    if dataset.train is None:
        reasons = {reject.reason for reject in recorded_rejects(folder)[0]} if allow_private else set()
        is_finished = not collected.unfinished and RejectReason.PRIVATE_ADDRESS not in reasons
    else:  # a refresh may have dropped some
        counts = Counter((r.class_, r.split) for r in rows)
        wanted = (("train", dataset.train), ("test", dataset.test or 0))
        names = {*dataset.class_names, *(r.class_ for r in rows)}
        is_finished = all(counts[c, split] == number for c in names for split, number in wanted)
    return (
        is_finished
        and not any(map(exclusions.include, rows))
        and dataset_table(published(collected.recipe)) == dataset_table(published(dataset))
        and collected.manifest_sha256 == manifest_sha256(rows)
        and collected.source_state == source_state(dataset)
        and len(_intact(folder, rows)) == len(rows)
    )


def _intact(folder: Path, rows: Collection[Row], is_ours: bool = True) -> list[Row]:
    """The rows whose file is in its place. Files that are younger than the manifest are hashed, and all if somebody
    else has changed the manifest (`is_ours`).
    """
    written = (folder / MANIFEST).stat().st_mtime_ns if is_ours else -1
    return [
        row
        for row in rows
        if has_size(path := folder / row.file, row.bytes)
        and (path.stat().st_mtime_ns <= written or file_sha256(path) == row.sha256)
    ]


def check_folder(folder: Path) -> None:
    """Raise UsageError if the folder holds something that collect did not make."""
    ours = is_unsettled(folder) or any((folder / name).exists() for name in (JOURNAL, DATASET_FILE, STAGED))
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise UsageError(f"{folder}: exists already and was not made by collect; choose another --name")


def check_recipe(folder: Path, dataset: Dataset, journal: Journal) -> None:
    """Forget an unfinished run of another recipe. Raises UsageError for a finished one; only its counts may change."""
    wanted = _identity(published(dataset))
    # as hashes, because the journal may be published too: its folder tells nobody where the source is;
    # a corrected pattern of groups uses the photos that are already here
    recipe = _sha256(json.dumps({key: value for key, value in wanted.items() if key != "group_by"}))
    place = _sha256(dataset.url if dataset.url and Path(dataset.url).is_absolute() else "")
    if (folder / DATASET_FILE).is_file():
        before = _identity(published(read_dataset_file(folder).recipe))
        advice = "choose another --name, or remove the folder"
        if before != wanted:
            key = min(k for k in {*before, *wanted} if before.get(k) != wanted.get(k))
            change = f"{key} {_show(before.get(key))}, not {_show(wanted.get(key))}"
            raise UsageError(f"{folder}: was collected with {change}; {advice}")
        if journal.get("place") not in (None, place):
            raise UsageError(f"{folder}: was collected from another place than {dataset.url}; {advice}")
    elif (journal.get("recipe") or recipe, journal.get("place") or place) != (recipe, place):
        journal.forget_photos()
        journal.forget_answers()
        clear_staged(folder, ())
    journal.set("recipe", recipe)
    journal.set("place", place)
    journal.commit()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _identity(dataset: Dataset) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dataset_table(dataset)))
    return {k: v for k, v in plain.items() if k not in MAY_CHANGE}


def _show(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def note_command(folder: Path, command: str) -> None:
    """Record the command that continues this run, without secrets, until `forget_command`."""
    if command:
        with atomic_write(folder / COMMAND) as out:
            out.write(redact(command))


def forget_command(folder: Path) -> None:
    """The run is finished."""
    (folder / COMMAND).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class UnfinishedCollection:
    """A dataset whose last run is not finished: the command to continue ("" if not known), and photos so far."""

    command: str
    staged: int
    is_running: bool

    def as_lines(self, name: str) -> list[str]:
        """The state for a person."""
        photos = f"{counted(self.staged, 'photo')} so far"
        if self.is_running:
            return [f"{name}: being collected now, {photos}"]
        how = "run this to continue" if self.command else "run the command that makes it again to continue"
        hidden = ", with the secret in place of ***" if "***" in self.command else ""
        command = [f"  {self.command}"] if self.command else []
        return [f"{name}: not finished, {photos}; {how}{hidden}", *command]


def _is_in_use(folder: Path) -> bool:
    """Whether a process has the journal of a dataset open."""
    try:
        owner = parse_json((folder / OWNER).read_text(encoding="utf-8"), OWNER, VggbenchError)
        os.kill(owner["process"], 0)
        return bool(owner["host"] == platform.node())
    except (OSError, ValueError, TypeError, KeyError, OverflowError, VggbenchError):
        return False


def unfinished_runs(data: Path) -> dict[str, UnfinishedCollection]:
    """The datasets in `data` whose last run was interrupted or is under way, by name."""
    found = {}
    for folder in sorted(data.iterdir()) if data.is_dir() else ():
        if (folder / JOURNAL).is_file() and (not _is_described(folder) or (folder / COMMAND).is_file()):
            noted = folder / COMMAND
            command = noted.read_text(encoding="utf-8", errors="replace") if noted.is_file() else ""
            staged = sum(1 for _ in (folder / STAGED).glob("*/[!.]*"))
            found[folder.name] = UnfinishedCollection(command, staged, _is_in_use(folder))
    return found


def remove_empty(folder: Path) -> None:
    """Remove the folder of a dataset in which nothing was collected, and its staged files. The journal is closed."""
    clear_staged(folder, ())
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
