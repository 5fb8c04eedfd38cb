"""`collect --refresh`: drop the photos that their owners took down or put under another licence."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from collect.candidate import RejectError, RejectReason, SourceContext
from collect.datasets import Dataset
from collect.errors import UsageError, VggbenchError
from collect.fetch import Host, progress
from collect.http import MovedError, fetch, guard, host_of, open_session
from collect.journal import Journal
from collect.manifest import MANIFEST, Rejected, Row, read_manifest, read_rejected, write_rejected
from collect.rows import key_of, remember_rows
from collect.sources import endpoint, license_reader
from collect.write import Summary, describe, read_dataset, remove_files, summarise

WORKERS, TRIES = 16, 2
GONE = (RejectReason.GONE, RejectReason.FORBIDDEN, RejectReason.PLACEHOLDER, RejectReason.HTML)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a photo: `reason` is "" while it is still there under a licence of the recipe."""

    row: Row
    reason: str = ""
    detail: str = ""
    checked: bool = True


def refresh(name: str, data: Path, *, allow_private: bool = False, quiet: bool = False) -> Summary:
    """Ask every photo's host whether it is still there, and drop those that are not, with their files.

    Flickr is asked for the licence too, other hosts for one byte of each photo. A photo whose host does not answer is
    kept. Raises UsageError for a dataset that is not there, SourceError where a source refuses.
    """
    started = time.monotonic()
    folder = data / name
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder}: no dataset with a manifest is there; `collect --list` shows those there are")
    collected, rows = read_dataset(folder), read_manifest(folder)
    with Journal(folder) as journal, progress(quiet) as show:
        remember_rows(rows, journal)
        context = SourceContext(data, journal, allow_private, show.tell, threading.Event())
        asked = [r for r in rows if r.url and r.source not in ("archive", "folder", "synthetic")]
        look = _looker(collected.recipe, context)
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                verdicts = list(pool.map(look, asked))
            finally:
                context.stop.set()  # after Ctrl-C nothing more is asked
        dropped = {key_of(v.row): v for v in verdicts if v.reason}
        kept = [r for r in rows if key_of(r) not in dropped]
        if not {r.split for r in kept} >= {r.split for r in rows}:
            raise VggbenchError(f"{folder}: every photo of a split is gone; nothing was changed")
        rejected = [*read_rejected(folder), *(_rejection(v) for v in dropped.values())]
        known = journal.photos()
        for key, verdict in dropped.items():
            photo = known[key]
            journal.save(replace(photo, status="rejected", reason=verdict.reason, detail=verdict.detail))
        journal.forget_answers()
        journal.commit()
        if dropped:
            write_rejected(folder, rejected)
            describe(folder, collected, kept, rejected, journal.photos())
            remove_files(folder, (v.row.file for v in dropped.values()))
    notes = [f"{v.row.file} dropped: {v.reason}, {v.detail}" for v in dropped.values()]
    unsure = sum(not v.checked for v in verdicts)
    notes += [f"{len(asked) - unsure:,} of {len(rows):,} photos were asked for, {len(dropped):,} dropped"]
    notes += [f"{unsure:,} could not be checked, their hosts do not answer; they stay"] if unsure else []
    notes += ["the command that made the dataset fills it up again"] if dropped else []
    return summarise(name, folder, kept, rejected, started, changed=True, notes=notes)


def _looker(recipe: Dataset, context: SourceContext) -> Callable[[Row], Verdict]:
    if recipe.source == "flickr":
        context.journal.forget_answers()  # they may be older than the change
        license_of = license_reader(recipe, context)

        def ask(row: Row) -> Verdict:
            code = license_of(row.source_id or "")
            if code is None:
                return Verdict(row, RejectReason.GONE, "Flickr no longer shows it")
            if code != row.license:
                return Verdict(row, RejectReason.RELICENSED, f"was {row.license}, is {code}")
            return Verdict(row)

        return ask
    session = open_session(guard(context.allow_private, endpoint(recipe)), WORKERS)
    hosts: dict[str, Host] = defaultdict(Host)
    lock = threading.Lock()

    def look(row: Row) -> Verdict:
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
                return Verdict(row)
            except RejectError as err:
                if err.reason in GONE:
                    return Verdict(row, err.reason, err.detail)
                if not err.transient:
                    break
                with lock:
                    host.protested(time.monotonic(), err.retry_after)
            else:
                with lock:
                    host.succeeded()
                return Verdict(row)
        return Verdict(row, checked=False)

    return look


def _rejection(verdict: Verdict) -> Rejected:
    row = verdict.row
    return Rejected(row.class_, row.source_id, row.url, verdict.reason, verdict.detail)
