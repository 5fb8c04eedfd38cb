"""candidates -> fetch -> verify -> dedupe -> split -> write."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from collect import manifest, resume, write
from collect.candidate import SourceContext, candidate_of
from collect.datasets import DEFAULT_COUNTS, SEARCHES, Dataset
from collect.dedupe import Duplicates, dedupe
from collect.errors import ShortfallError, VggbenchError
from collect.fetch import Gathered, Gatherer, ProgressDisplay, show_progress, thumbnails
from collect.http import MAX_PER_HOST, guard, open_session
from collect.journal import Journal, Photo, PhotoStatus
from collect.manifest import UNUSED, Key, Rejected, RejectReason, Row
from collect.redact import is_redacted
from collect.sources import endpoint, open_streams
from collect.split import Assignment, items_of, split
from collect.verify import quiet_decoders

TEST_FRACTION = 0.2


@dataclass(frozen=True, slots=True)
class PhotoSelection:
    """Which photos make the dataset."""

    rows: list[Row]  # with their split and file
    rejected: list[Rejected]  # all rejects but the unused
    unused: list[Rejected]  # good photos that the split left out
    duplicates: Duplicates
    assignment: Assignment
    is_published: bool  # the source's split was kept
    unavailable: list[str]  # missing files of an earlier run whose photo could not be fetched again


def collect(
    dataset: Dataset,
    data: Path = Path("data"),
    *,
    workers: int | None = None,
    allow_private: bool = False,
    quiet: bool = False,
) -> write.Summary:
    """Collect `dataset` into `data`/NAME, or continue where an earlier run stopped.

    `workers` is the number of requests (and decodings) at once, at most 64 per host. Raises VggbenchError with its exit
    code: UsageError, ShortfallError, SourceError.
    """
    started = time.monotonic()
    if dataset.source in SEARCHES and dataset.train is None:
        dataset = replace(dataset, train=DEFAULT_COUNTS["train"], test=DEFAULT_COUNTS["test"])
    folder = data / dataset.name
    if resume.is_complete(folder, dataset):
        return _nothing_to_do(folder, started)
    resume.check_folder(folder)
    with Journal(folder) as journal, show_progress(quiet, dataset.per_class) as display, quiet_decoders():
        if write.settle(folder, journal.photos()) and resume.is_complete(folder, dataset):
            return _nothing_to_do(folder, started)
        try:
            resume.check_recipe(folder, dataset, journal)
            context = SourceContext(data, journal, allow_private, display.notify, threading.Event())
            chosen = _gather_and_select(dataset, folder, context, display, workers or MAX_PER_HOST)
        except VggbenchError:
            if not journal.photos():
                journal.remove()
                resume.remove_empty(folder)
            raise
        photos, rejected = journal.photos(), [*chosen.rejected, *chosen.unused]
        unfinished = sum(photo.status is PhotoStatus.FAILED for photo in photos.values())
        collected = write.Collected(dataset, chosen.is_published, resume.source_state(dataset), unfinished)
        write.write_dataset(folder, collected, chosen.rows, rejected, photos)
        journal.end_run()
    manifest.mark_last_collected(folder)
    summary = write.summarise(folder, chosen.rows, rejected, started, context.files)
    notes = write.duplicate_notes(chosen.duplicates, chosen.is_published) + write.license_warnings(chosen.rows)
    notes += [f"warning: {line}" for line in write.balance_warnings(summary.counts)]
    notes += [f"{file} was missing and its photo is no longer available" for file in chosen.unavailable]
    notes += write.missing_extra(rejected)
    missing = [r for r in chosen.rejected if dataset.source == "manifest" and r.reason not in UNUSED]
    return replace(
        summary,
        notes=tuple(notes),
        missing=tuple(f"{r.class_} {r.source_id}: {r.reason} {r.detail}" for r in missing),
    )


def _nothing_to_do(folder: Path, started: float) -> write.Summary:
    manifest.mark_last_collected(folder)
    rejected, notes = write.recorded_rejects(folder)
    summary = write.summarise(folder, manifest.read_manifest(folder), rejected, started)
    return replace(summary, changed=False, notes=tuple(notes))


def _gather_and_select(
    dataset: Dataset, folder: Path, context: SourceContext, display: ProgressDisplay, workers: int
) -> PhotoSelection:
    """Gather and select until nothing is missing or the source has no more. Raises ShortfallError for too few."""
    journal, earlier = context.journal, resume.earlier_rows(folder, dataset)
    for reason in resume.reasons_to_retry():
        journal.retry(reason)
    journal.restore([*earlier.present.values(), *earlier.missing.values()])
    session = open_session(guard(context.allow_private, endpoint(dataset)), workers)
    streams = dict(open_streams(dataset, context))
    for row in earlier.missing.values() if dataset.source in SEARCHES else ():
        # a search gets earlier photos whose file is missing first: it may not find them again
        if not is_redacted(row.url or ""):
            streams[row.class_] = chain([candidate_of(row)], streams[row.class_])
    needed = dict.fromkeys(filter(None, streams), dataset.per_class)
    with closing(Gatherer(folder, streams, context, session, workers, earlier.present)) as gatherer:
        for turn in count(1):
            gathered = gatherer.gather(needed, display.show)
            selection = _select(dataset, folder, gathered, earlier, journal.photos())
            still_missing = _more_needed(selection.assignment.missing, gathered, needed, turn)
            if not still_missing:
                break
            needed |= still_missing
    distinct = Counter(r.class_ for r in selection.duplicates.kept)
    all_rejected = [*selection.rejected, *selection.unused]
    error = write.class_shortfall(dataset, _splits_needed(selection, gathered), selection.rows, all_rejected)
    error = error or write.count_shortfall(dataset, selection.assignment, distinct, selection.rejected)
    if error:
        manifest.write_rejected(folder, selection.rejected)
        journal.forget_answers()
        journal.end_run()
        raise ShortfallError("\n  ".join([str(error), *write.missing_extra(selection.rejected)]))
    return selection


def _splits_needed(selection: PhotoSelection, gathered: Gathered) -> dict[str, set[str]]:
    """The splits in which each class needs a photo: those of the source if they were kept, else train and test."""
    if not selection.is_published:
        return {class_: {"train", "test"} for class_ in gathered.classes}
    needed: dict[str, set[str]] = {}
    for (class_, _), side in gathered.published.items():
        needed.setdefault(class_, set()).add(side)
    return needed


def _more_needed(
    missing: Mapping[tuple[str, str], int], gathered: Gathered, needed: Mapping[str, int | None], turn: int
) -> dict[str, int | None]:
    """How many good photos to gather of each class that misses some and has more candidates; each turn adds more."""
    by_class: Counter[str] = Counter()
    for (class_, _), number in missing.items():
        by_class[class_] += number
    growing = [c for c in by_class if needed.get(c) and c not in gathered.exhausted]
    return {c: gathered.good[c] + by_class[c] * turn for c in growing}


def _select(
    dataset: Dataset, folder: Path, gathered: Gathered, earlier: resume.EarlierRows, photos: Mapping[Key, Photo]
) -> PhotoSelection:
    """Dedupe and split what was gathered. Earlier photos stay in their places."""
    sha256_of = {row.key: row.sha256 for row in gathered.rows}
    fetched_again = {k: row for k, row in earlier.missing.items() if sha256_of.get(k) == row.sha256}
    kept = {**earlier.present, **fetched_again}
    usable = [*kept.values(), *(row for row in gathered.rows if row.key not in kept)]
    unavailable = [row.file for key, row in earlier.missing.items() if key not in kept]
    duplicates = dedupe(usable, thumbnails(folder, photos), kept, gathered.published)
    if dataset.train is None and gathered.published:
        rows = write.name_files(usable, earlier.listed)
        return PhotoSelection(rows, gathered.rejected, [], duplicates, Assignment(), True, unavailable)
    sides = {key: row.split for key, row in kept.items()}
    items = items_of(duplicates.kept, dataset.split, sides, photos)
    assignment = split(items, dataset.seed, *_counts(dataset, gathered.classes, duplicates.kept))
    rows, unused = _place(duplicates.kept, assignment)
    rejected = [*gathered.rejected, *duplicates.rejected]
    rows = write.name_files(rows, earlier.listed)
    return PhotoSelection(rows, rejected, unused, duplicates, assignment, False, unavailable)


def _counts(
    dataset: Dataset, classes: tuple[str, ...], rows: list[Row]
) -> tuple[dict[str, int] | None, dict[str, int]]:
    """How many photos of each class go to train (None: all the others) and to test."""
    if dataset.train is not None:
        names = sorted({*dataset.class_names, *classes})
        return dict.fromkeys(names, dataset.train), dict.fromkeys(names, dataset.test or 0)
    sizes = Counter(r.class_ for r in rows)
    return None, {c: max(1, round(TEST_FRACTION * n)) for c, n in sizes.items()}


def _place(rows: list[Row], assignment: Assignment) -> tuple[list[Row], list[Rejected]]:
    """The rows with their split, and those that have none. A row that changes its split loses its file."""
    placed, unused, bridging = [], [], set(assignment.bridging)
    for row in rows:
        if side := assignment.sides.get(row.sha256):
            placed.append(replace(row, split=side, file=row.file if row.split == side else ""))
        elif row.sha256 in bridging:
            unused.append(row.rejected(RejectReason.BRIDGES_SPLIT, "its group is already in both train and test"))
        else:
            unused.append(row.rejected(RejectReason.SURPLUS, "fine, but more than you asked for"))
    # by the photo, not by arrival, so that file names too depend on content alone
    return sorted(placed, key=lambda r: (r.class_, r.split, r.sha256)), unused
