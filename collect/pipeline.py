"""candidates -> fetch -> verify -> dedupe -> split -> write."""

import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from collect.candidate import RejectReason, SourceContext
from collect.datasets import DEFAULT_COUNTS, SEARCHES, Dataset
from collect.dedupe import Duplicates, dedupe
from collect.errors import VggbenchError
from collect.fetch import Gatherer, Show, clear_staged, progress
from collect.http import MAX_PER_HOST, guard, open_session
from collect.journal import Journal, Key
from collect.manifest import MANIFEST, Rejected, Row, read_manifest, read_rejected, write_rejected
from collect.rows import candidate_of, gathered_rows, rejected_rows, remember_rows, thumbs
from collect.sources import LOCAL, endpoint, open_streams
from collect.split import Assignment, items_of, split
from collect.state import check_folder, check_recipe, earlier_rows, is_complete, source_state, sweep
from collect.write import (
    Collected,
    Summary,
    check_classes,
    describe,
    duplicate_notes,
    license_warnings,
    name_files,
    remove_files,
    shortfall,
    summarise,
    write_images,
)

TEST_FRACTION = 0.2
DROPPED = (  # good photos that the dataset does not use
    RejectReason.EXACT_DUPLICATE,
    RejectReason.NEAR_DUPLICATE,
    RejectReason.CLASS_CONFLICT,
    RejectReason.BRIDGES_SPLIT,
    RejectReason.SURPLUS,
)


@dataclass(slots=True)
class Settled:
    """The photos that make the dataset, in their places, and the ones that don't."""

    rows: list[Row]
    rejected: list[Rejected]
    duplicates: Duplicates
    upstream: bool
    gone: list[str]


def collect(
    dataset: Dataset,
    data: Path = Path("data"),
    *,
    workers: int | None = None,
    allow_private: bool = False,
    quiet: bool = False,
) -> Summary:
    """Collect `dataset` into `data`/NAME, or continue where an earlier run stopped.

    `workers` is the number of requests (and decodings) at once, at most 64 per host. Raises VggbenchError with its exit
    code: UsageError, ShortfallError, SourceError.
    """
    started = time.monotonic()
    if dataset.source in SEARCHES and dataset.train is None:
        dataset = replace(dataset, train=DEFAULT_COUNTS["train"], test=DEFAULT_COUNTS["test"])
    folder = data / dataset.name
    if is_complete(folder, dataset):
        return summarise(dataset.name, folder, read_manifest(folder), read_rejected(folder), started, changed=False)
    check_folder(folder)
    wanted = dataset.train + (dataset.test or 0) if dataset.train is not None else None
    with Journal(folder) as journal, progress(quiet, wanted) as show, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what Pillow warns of, verify decides
        try:
            check_recipe(folder, dataset, journal)
            context = SourceContext(data, journal, allow_private, show.tell, threading.Event())
            settled = _settle(dataset, folder, context, show, workers or MAX_PER_HOST)
        except VggbenchError:
            if not journal.photos():
                journal.remove()
                sweep(folder)
            raise
        _write(dataset, folder, journal, settled)
        journal.end_run()
    rows, rejected, found = settled.rows, settled.rejected, settled.duplicates
    notes = [*duplicate_notes(found, settled.upstream), *license_warnings(rows)]
    notes += [f"{file} had vanished and its photo cannot be had again" for file in settled.gone]
    missing = []
    if dataset.source == "manifest":
        missing = [f"{r.class_} {r.source_id}: {r.reason} {r.detail}" for r in rejected if r.reason not in DROPPED]
    return summarise(dataset.name, folder, rows, rejected, started, changed=True, notes=notes, missing=missing)


def _settle(dataset: Dataset, folder: Path, context: SourceContext, show: Show, workers: int) -> Settled:
    """Gather, dedupe and split until every class has its counts; rejects are replaced by the source's next ones."""
    journal = context.journal
    earlier, lost = earlier_rows(folder, dataset)
    remember_rows([*earlier.values(), *lost.values()], journal)
    session = open_session(guard(context.allow_private, endpoint(dataset)), workers)
    streams = dict(open_streams(dataset, context))
    if dataset.source in SEARCHES:  # a search may not find again what it found before; other sources list it
        for row in lost.values():
            streams[row.class_] = chain([candidate_of(row)], streams[row.class_])
    gatherer = Gatherer(folder, streams, journal, session, workers, earlier, show.state, context.stop)
    total = dataset.train + (dataset.test or 0) if dataset.train is not None else None
    need = dict.fromkeys(filter(None, streams), total)
    try:
        for turn in range(1, 10_000):
            gatherer.until(need)
            kept = {**earlier, **_again(gatherer, lost)}
            rows = gathered_rows(gatherer.ranked, kept)
            rejected = rejected_rows(gatherer.ranked)
            entries = [e for ranked in gatherer.ranked.values() for e in ranked]
            published = {e.photo.key: e.candidate.split for e in entries if e.candidate.split}
            found = dedupe(rows, thumbs(folder, journal), kept, published)
            write_rejected(folder, rejected)
            check_classes(dataset, gatherer.ranked, rows, bool(published))
            gone = [r.file for k, r in lost.items() if k not in kept]
            if dataset.train is None and published:
                return Settled(name_files(rows, kept.values()), rejected, found, True, gone)
            plan = _split(dataset, found.kept, kept, journal, gatherer.ranked)
            short = Counter({c: 0 for c, _ in plan.missing})
            for (class_, _), number in plan.missing.items():
                short[class_] += number
            growing = {c: n for c, n in short.items() if need.get(c) and not gatherer.exhausted(c)}
            if not growing:
                break
            for class_, number in growing.items():
                need[class_] = gatherer.good[class_] + number * turn
        rejected += found.rejected
        if plan.missing:
            write_rejected(folder, rejected)
            journal.forget_answers()
            journal.end_run()
            raise shortfall(dataset, plan, Counter(r.class_ for r in found.kept), rejected)
    finally:
        gatherer.close()
    placed, unused = _placed(found.kept, plan)
    return Settled(name_files(placed, kept.values()), rejected + unused, found, False, gone)


def _again(gatherer: Gatherer, lost: dict[Key, Row]) -> dict[Key, Row]:
    """Earlier rows whose file had vanished and whose photo, the very same, has been had again."""
    good = {e.photo.key: e.photo for entries in gatherer.ranked.values() for e in entries if e.state == "good"}
    return {k: row for k, row in lost.items() if k in good and good[k].sha256 == row.sha256}


def _split(
    dataset: Dataset, rows: Sequence[Row], earlier: dict[Key, Row], journal: Journal, classes: Iterable[str]
) -> Assignment:
    sides = {k: r.split for k, r in earlier.items()}
    items = items_of(rows, dataset.split, sides, journal.photos())
    if dataset.train is not None:
        names = sorted({*dataset.class_names, *classes})
        train, test = dict.fromkeys(names, dataset.train), dict.fromkeys(names, dataset.test or 0)
        return split(items, dataset.seed, train, test)
    sizes = Counter(r.class_ for r in rows)
    return split(items, dataset.seed, None, {c: max(1, round(TEST_FRACTION * n)) for c, n in sizes.items()})


def _placed(rows: Sequence[Row], plan: Assignment) -> tuple[list[Row], list[Rejected]]:
    """Rows with their side, and those that got none."""
    placed = [
        replace(r, split=side, file=r.file if r.split == side else "")
        for r in rows
        if (side := plan.sides.get(r.sha256))
    ]
    bridging = set(plan.bridging)
    unused = [
        Rejected(r.class_, r.source_id, r.url, RejectReason.BRIDGES_SPLIT, "its group is already in train and in test")
        if r.sha256 in bridging
        else Rejected(r.class_, r.source_id, r.url, RejectReason.SURPLUS, "fine, but more than you asked for")
        for r in rows
        if r.sha256 not in plan.sides
    ]
    # by the photo, not by arrival, so that file names too depend on content alone
    return sorted(placed, key=lambda r: (r.class_, r.split, r.sha256)), unused


def _write(dataset: Dataset, folder: Path, journal: Journal, settled: Settled) -> None:
    """Everything a reader of the dataset sees: photos first, then what describes them, the manifest last."""
    known = journal.photos()
    rows = settled.rows
    had = {r.file for r in read_manifest(folder)} if (folder / MANIFEST).is_file() else set()
    write_images(folder, rows)
    write_rejected(folder, settled.rejected)
    unfinished = sum(1 for p in known.values() if p.status == "failed")
    collected = Collected(dataset, settled.upstream, source_state(dataset), unfinished)
    describe(folder, collected, rows, settled.rejected, known)
    remove_files(folder, had - {r.file for r in rows})
    placed = {r.sha256 for r in rows}
    # what was fetched and is not needed now serves when the dataset grows; local sources give it again
    spare = () if dataset.source in LOCAL else (p.sha256 for p in known.values() if p.sha256 and p.sha256 not in placed)
    clear_staged(folder, spare)
