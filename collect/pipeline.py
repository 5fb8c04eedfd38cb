"""candidates -> fetch -> verify -> dedupe -> split -> write."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from collect import manifest, resume, write
from collect.candidate import UNUSED, RejectReason, SourceContext, candidate_of
from collect.datasets import DEFAULT_COUNTS, SEARCHES, Dataset
from collect.dedupe import Exclusions, dropped_photos, read_exclusions, remember_dropped
from collect.errors import ShortfallError, VggbenchError
from collect.fetch import Gathered, Gatherer, ProgressDisplay, show_progress
from collect.http import MAX_PER_HOST, guard, open_session
from collect.journal import Journal, PhotoStatus
from collect.redact import is_redacted
from collect.selection import PhotoSelection, group_notes, owner_notes, select, workable_changes
from collect.sources import endpoint, open_streams, plan_lines
from collect.verify import quiet_decoders
from collect.wording import counted


def collect(  # its parameters are the options of the command
    dataset: Dataset,
    data: Path = Path("data"),
    *,
    workers: int | None = None,
    allow_private: bool = False,
    quiet: bool = False,
    exclude: Path | None = None,
    command: str = "",
) -> write.Summary:
    """Collect `dataset` into `data`/NAME, or continue where an earlier run stopped.

    `workers` is the number of requests (and decodings) at once, at most 64 per host, `exclude` a list of photos to drop
    for good, `command` what continues this run if it is interrupted. Raises VggbenchError with its exit code:
    UsageError, ShortfallError, SourceError.
    """
    started, exclusions = time.monotonic(), read_exclusions(exclude)
    dataset = _with_counts(dataset)
    folder = data / dataset.name
    if resume.is_complete(folder, dataset, exclusions, allow_private):
        return _nothing_to_do(folder, started)
    resume.check_folder(folder)
    with Journal(folder) as journal, show_progress(quiet) as display, quiet_decoders():
        if write.settle(folder, journal.photos()) and resume.is_complete(folder, dataset, exclusions, allow_private):
            return _nothing_to_do(folder, started)
        try:
            resume.check_recipe(folder, dataset, journal)
            resume.note_command(folder, command)
            if allow_private:
                journal.retry(RejectReason.PRIVATE_ADDRESS)
            context = SourceContext(
                data, journal, allow_private, display.notify, threading.Event(), dataset.keep_metadata
            )
            chosen = _gather_and_select(dataset, folder, context, display, workers or MAX_PER_HOST, exclusions)
        except VggbenchError:
            if not journal.photos():
                resume.forget_command(folder)
                journal.remove()
                resume.remove_empty(folder)
            raise
        photos, rejected = journal.photos(), [*chosen.rejected, *chosen.unused]
        unfinished = sum(photo.status is PhotoStatus.FAILED for photo in photos.values())
        collected = write.Collected(dataset, chosen.is_published, resume.source_state(dataset), unfinished)
        write.write_dataset(folder, collected, chosen.rows, rejected, photos)
        journal.end_run()
    resume.forget_command(folder)
    manifest.mark_last_collected(folder)
    summary = write.summarise(folder, chosen.rows, rejected, started, context.files)
    missing = [r for r in chosen.rejected if dataset.source == "manifest" and r.reason not in UNUSED]
    return replace(
        summary,
        notes=(*_notes(dataset, chosen, summary), *exclusions.warnings(dropped_photos(photos).values())),
        missing=tuple(f"{r.class_} {r.source_id}: {r.reason} {r.detail}" for r in missing),
    )


def plan(dataset: Dataset, data: Path = Path("data"), *, workers: int | None = None) -> list[str]:
    """What `collect` would do, one line each. It makes no request and writes nothing."""
    dataset, folder = _with_counts(dataset), data / dataset.name
    if resume.is_complete(folder, dataset):
        return [f"{folder}: already complete, nothing to do"]
    resume.check_folder(folder)
    earlier = resume.earlier_rows(folder, dataset)
    each = f"{dataset.train:,} train and {dataset.test or 0:,} test photos per class" if dataset.train else "all photos"
    here = f"; it has {counted(len(earlier.present), 'photo')} already" if earlier.present else ""
    return [f"would collect {each} into {folder}{here}", *plan_lines(dataset, data, workers), "nothing was done"]


def _with_counts(dataset: Dataset) -> Dataset:
    """The recipe with the usual counts if it is a search without counts."""
    if dataset.source in SEARCHES and dataset.train is None:
        return replace(dataset, train=DEFAULT_COUNTS["train"], test=DEFAULT_COUNTS["test"])
    return dataset


def _notes(dataset: Dataset, chosen: PhotoSelection, summary: write.Summary) -> list[str]:
    """What the user should know about a new dataset, one line each."""
    notes = write.duplicate_notes(chosen.duplicates, chosen.is_published) + write.license_warnings(chosen.rows)
    if bare := sum(row.metadata is not None for row in chosen.rows):
        notes.append(
            f"{counted(bare, 'photo')} stored without GPS position and serial numbers; --keep-metadata keeps them"
        )
    notes += group_notes(dataset, chosen) + owner_notes(dataset, chosen)
    if private := summary.rejected.get(RejectReason.PRIVATE_ADDRESS):
        notes.append(f"warning: --allow-private would fetch {counted(private, 'photo')} at private addresses")
    notes += [f"warning: {line}" for line in write.balance_warnings(summary.counts)]
    notes += [f"{file} was missing and its photo is no longer available" for file in chosen.unavailable]
    return notes + write.missing_extra(chosen.rejected)


def _nothing_to_do(folder: Path, started: float) -> write.Summary:
    resume.forget_command(folder)
    manifest.mark_last_collected(folder)
    rejected, notes = write.recorded_rejects(folder)
    summary = write.summarise(folder, manifest.read_manifest(folder), rejected, started)
    return replace(summary, changed=False, notes=tuple(notes))


def _gather_and_select(
    dataset: Dataset,
    folder: Path,
    context: SourceContext,
    display: ProgressDisplay,
    workers: int,
    exclusions: Exclusions,
) -> PhotoSelection:
    """Gather and select until nothing is missing or the source has no more. Raises ShortfallError for too few."""
    journal = context.journal
    earlier = resume.without_dropped(resume.earlier_rows(folder, dataset), folder, journal, exclusions)
    for reason in resume.reasons_to_retry():
        journal.retry(reason)
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
            remember_dropped(journal, exclusions)
            selection = select(dataset, folder, gathered, earlier, journal.photos())
            still_missing = _more_needed(selection.assignment.missing, gathered, needed, turn)
            if not still_missing:
                break
            needed |= still_missing
    if error := _shortfall(dataset, selection, gathered, journal):
        manifest.write_rejected(folder, selection.rejected)
        journal.forget_answers()
        journal.end_run()
        raise ShortfallError("\n  ".join([str(error), *write.missing_extra(selection.rejected)]))
    return selection


def _shortfall(
    dataset: Dataset, selection: PhotoSelection, gathered: Gathered, journal: Journal
) -> ShortfallError | None:
    """The error if there are too few photos."""
    assignment, distinct = selection.assignment, Counter(r.class_ for r in selection.duplicates.kept)
    rejected, needed = [*selection.rejected, *selection.unused], _splits_needed(selection, gathered)

    def changes() -> list[str]:
        return workable_changes(dataset, selection, journal.photos())

    return write.class_shortfall(
        dataset, needed, assignment, selection.rows, rejected, changes
    ) or write.count_shortfall(dataset, assignment, distinct, selection.rejected, changes)


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
