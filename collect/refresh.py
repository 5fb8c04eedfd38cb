"""Photos leave a dataset: `collect --refresh`, if their owners removed or relicensed them, and `collect --drop`."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from collect.candidate import RejectError, RejectReason, SourceContext
from collect.datasets import Dataset
from collect.dedupe import DETAIL, Exclusions, remember_dropped
from collect.errors import ShortfallError, UsageError
from collect.fetch import Host, show_progress
from collect.http import MovedError, fetch, guard, host_of, open_session
from collect.journal import Journal, PhotoStatus
from collect.manifest import MANIFEST, Row, read_manifest
from collect.sources import endpoint, license_reader
from collect.wording import counted
from collect.write import (
    Collected,
    Summary,
    no_manifest,
    read_dataset_file,
    recorded_rejects,
    settle,
    summarise,
    write_dataset,
)

WORKERS, TRIES = 16, 2
GONE = (RejectReason.GONE, RejectReason.FORBIDDEN, RejectReason.PLACEHOLDER, RejectReason.HTML)
Ask = Callable[[Row], RejectError | None]


def refresh(name: str, data: Path, *, allow_private: bool = False, quiet: bool = False) -> Summary:
    """Check whether every photo is still available, and drop those that are not, with their files.

    Asks Flickr for the licence too, and other hosts for one byte of each photo. Photos whose host does not answer stay.
    Raises UsageError if there is no such dataset, SourceError if a source refuses, ShortfallError if a class would be
    lost.
    """
    started = time.monotonic()
    folder = _folder(name, data)
    with Journal(folder) as journal, show_progress(quiet) as display:
        settle(folder, journal.photos())
        collected, rows = read_dataset_file(folder), read_manifest(folder)
        journal.restore(rows)
        context = SourceContext(data, journal, allow_private, display.notify, threading.Event())
        remote = [r for r in rows if r.url and r.source not in ("archive", "folder", "synthetic")]
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                answers = list(pool.map(_asker(collected.recipe, context), remote))
            finally:
                context.stop.set()  # after Ctrl-C no further requests
        removed = {row: err for row, err in zip(remote, answers, strict=True) if err and not err.transient}
        summary = _remove(folder, journal, collected, rows, removed)
    notes = [*summary.notes, *(f"{row.file} dropped: {err.reason}, {err.detail}" for row, err in removed.items())]
    unsure = sum(err is not None and err.transient for err in answers)
    notes.append(f"{len(answers) - unsure:,} of {counted(len(rows), 'photo')} checked, {len(removed):,} dropped")
    if unsure:
        notes.append(f"{unsure:,} could not be checked and stay: no answer, or an address whose secret is not stored")
    if removed:
        notes.append("run the command that made the dataset again to replace the dropped photos")
    return replace(summary, seconds=time.monotonic() - started, notes=tuple(notes))


def drop(name: str, data: Path, files: Sequence[str]) -> Summary:
    """Remove photos from a dataset for good: later runs of collect do not bring them back, nor copies of them.

    `files` are as in the manifest, or paths of the files themselves. Raises UsageError for one that is none of them,
    ShortfallError if a class would be lost.
    """
    folder = _folder(name, data)
    with Journal(folder) as journal:
        settle(folder, journal.photos())
        collected, rows = read_dataset_file(folder), read_manifest(folder)
        by_file = {row.file: row for row in rows}
        named = [by_file.get(file) or by_file.get(_below(file, folder)) for file in files]
        if None in named:
            unknown = files[named.index(None)]
            raise UsageError(f"--drop {name}: {unknown}: no such photo in {folder / MANIFEST}; nothing was changed")
        digests = {row.sha256 for row in named if row}
        removed = {row: RejectError(RejectReason.DROPPED, DETAIL) for row in rows if row.sha256 in digests}
        journal.restore(rows)
        summary = _remove(folder, journal, collected, rows, removed)
        remember_dropped(journal, Exclusions(frozenset(digests)))
    notes = [*summary.notes, f"{counted(len(removed), 'photo')} dropped; later runs of collect do not bring them back"]
    if collected.recipe.train is not None:
        notes.append("run the command that made the dataset again to replace them")
    return replace(summary, notes=tuple(notes))


def _folder(name: str, data: Path) -> Path:
    if not (data / name / MANIFEST).is_file():
        raise no_manifest(data / name)
    return data / name


def _below(file: str, folder: Path) -> str:
    """The path of a file relative to the dataset's folder, "" if it is elsewhere."""
    path, base = Path(file).absolute(), folder.absolute()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else ""


def _remove(
    folder: Path, journal: Journal, collected: Collected, rows: Sequence[Row], removed: Mapping[Row, RejectError]
) -> Summary:
    """Take photos out of a dataset, with their files. Raises ShortfallError if no photo of a class would be left."""
    started = time.monotonic()
    kept = [r for r in rows if r not in removed]
    if lost := {(r.class_, r.split) for r in rows} - {(r.class_, r.split) for r in kept}:
        problem = "no {1} photo of class {0!r} would be left".format(*min(lost))
        raise ShortfallError(f"{folder}: {problem}; nothing was changed. Collect more photos, or remove the dataset")
    rejected, notes = recorded_rejects(folder)
    rejected += [row.rejected(err.reason, err.detail) for row, err in removed.items()]
    photos = journal.photos()
    for row, err in removed.items():
        journal.save(replace(photos[row.key], status=PhotoStatus.REJECTED, reason=err.reason, detail=err.detail))
    journal.forget_answers()
    journal.commit()
    if removed:
        write_dataset(folder, collected, kept, rejected, journal.photos())
    return replace(summarise(folder, kept, rejected, started), notes=tuple(notes))


def _asker(recipe: Dataset, context: SourceContext) -> Ask:
    """A function that says why a row's photo is no longer available; its error is transient if the host is silent."""
    if recipe.source != "flickr":
        return _web_asker(recipe, context)
    context.journal.forget_answers()  # they may be older than the change
    license_of = license_reader(recipe, context)

    def ask(row: Row) -> RejectError | None:
        code = license_of(row.source_id or "")
        if code is None:
            return RejectError(RejectReason.GONE, "Flickr no longer shows it")
        return RejectError(RejectReason.RELICENSED, f"was {row.license}, is {code}") if code != row.license else None

    return ask


def _web_asker(recipe: Dataset, context: SourceContext) -> Ask:
    session = open_session(guard(context.allow_private, endpoint(recipe)), WORKERS)
    hosts: dict[str, Host] = defaultdict(Host)
    lock = threading.Lock()

    def ask(row: Row) -> RejectError | None:
        url = row.url or ""
        for _ in range(TRIES):
            with lock:
                host = hosts[host_of(url)]
                wait = host.not_before - time.monotonic()
            if host.given_up or context.stop.wait(max(0.0, wait)):
                break
            try:
                fetch(session, url, probe=True)
            except MovedError:
                return None
            except RejectError as err:
                if err.reason in GONE:
                    return err
                if not err.transient:
                    break
                with lock:
                    host.protested(time.monotonic(), err.retry_after)
            else:
                with lock:
                    host.succeeded()
                return None
        return RejectError(RejectReason.CONNECTION, "its host does not answer", transient=True)

    return ask
