"""Which of the gathered photos make the dataset, and on which side of the split each of them is."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from collect import write
from collect.candidate import RejectReason
from collect.datasets import Dataset
from collect.dedupe import Duplicates, dedupe, dropped_photos, rejected_by_hand
from collect.errors import UsageError
from collect.fetch import Gathered, thumbnails
from collect.journal import Photo
from collect.manifest import Key, Rejected, Row
from collect.resume import EarlierRows
from collect.split import Assignment, group_of, items_of, owner_of, split
from collect.wording import counted

TEST_FRACTION = 0.2
LESS_PERCENT = (100, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10)


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
    sides: Mapping[Key, str]  # where earlier photos are


def select(
    dataset: Dataset, folder: Path, gathered: Gathered, earlier: EarlierRows, photos: Mapping[Key, Photo]
) -> PhotoSelection:
    """Dedupe and split what was gathered. Earlier photos stay in their places."""
    dropped = dropped_photos(photos)
    fetched = {row.key: row for row in gathered.rows if row.key not in dropped}
    fetched_again = {k: again for k, row in earlier.missing.items() if (again := _again(row, fetched.get(k)))}
    kept = {**earlier.present, **fetched_again}
    usable = [*kept.values(), *(row for key, row in fetched.items() if key not in kept)]
    unavailable = [row.file for key, row in earlier.missing.items() if key not in kept]
    is_published = dataset.train is None and bool(gathered.published)
    unwanted = () if is_published else dropped.values()
    duplicates = dedupe(usable, thumbnails(folder, photos), kept, gathered.published, unwanted)
    rejected = [*gathered.rejected, *rejected_by_hand(dropped, gathered.rows, gathered.rejected)]
    if is_published:
        rows = write.name_files(usable, earlier.listed)
        return PhotoSelection(rows, rejected, [], duplicates, Assignment(), True, unavailable, {})
    sides = {key: row.split for key, row in kept.items()}
    _check_groups(duplicates.kept, dataset)
    items = items_of(duplicates.kept, dataset.split, sides, photos, dataset.group_by)
    assignment = split(items, dataset.seed, *_counts(dataset, gathered.classes, duplicates.kept))
    rows, unused = _place(duplicates.kept, assignment)
    rejected += duplicates.rejected
    rows = write.name_files(rows, earlier.listed)
    return PhotoSelection(rows, rejected, unused, duplicates, assignment, False, unavailable, sides)


def _again(row: Row, fetched: Row | None) -> Row | None:
    """The row of an earlier photo that was fetched again, None if it is another one."""
    if fetched is None or fetched.sha256 == row.sha256:
        return row if fetched else None
    # the same bytes are stored without metadata now, which earlier versions kept
    is_same = row.source_sha256 is not None and fetched.source_sha256 == row.source_sha256
    return replace(fetched, split=row.split, file=row.file) if is_same else None


def _check_groups(rows: list[Row], dataset: Dataset) -> None:
    """Raise UsageError if the recipe's pattern of groups matches none of the photos."""
    if dataset.group_by and rows and not any(group_of(row, dataset.group_by) for row in rows):
        pattern, first = dataset.group_by, rows[0].source_id
        raise UsageError(
            f"--group-by {pattern!r} matches none of {counted(len(rows), 'photo')}; the first is {first!r}"
        )


def group_notes(dataset: Dataset, chosen: PhotoSelection) -> list[str]:
    """What the recipe's pattern of groups did."""
    if not dataset.group_by:
        return []
    if chosen.is_published:
        return ["warning: --group-by has no effect on the source's own split; --train N --test N makes a new one"]
    groups = Counter(group_of(row, dataset.group_by) for row in chosen.rows)
    alone = groups.pop(None, 0)
    rest = f"; {counted(alone, 'photo')} without a match can go to either side" if alone else ""
    return [f"--group-by: {counted(len(groups), 'group')}, each in train or in test as a whole{rest}"]


def owner_notes(dataset: Dataset, chosen: PhotoSelection) -> list[str]:
    """A warning about classes of two photographers, of whom one is in train and one in test."""
    if chosen.is_published or dataset.train is not None or dataset.split == "image":
        return []
    owners: dict[str, set[str | None]] = {}
    for row in chosen.rows:
        owners.setdefault(row.class_, set()).add(owner_of(row))
    if not (few := sorted(c for c, names in owners.items() if len(names) == 2 and None not in names)):
        return []
    others = f" (and of {counted(len(few) - 1, 'more class')})" if few[1:] else ""
    return [
        f"warning: the photos of {few[0]}{others} are of 2 photographers, of whom one is in test; --split image, with "
        "another --name, puts photos of both into train and test"
    ]


def workable_changes(dataset: Dataset, chosen: PhotoSelection, photos: Mapping[Key, Photo]) -> list[str]:
    """Changes of the counts or the split with which these photos are enough, as advice. Each was tried."""
    if chosen.is_published:
        return []
    kept, advice = chosen.duplicates.kept, []
    classes = tuple({*dataset.class_names, *(r.class_ for r in kept), *(c for c, _ in chosen.assignment.missing)})

    def is_possible(changed: Dataset) -> bool:
        items = items_of(kept, changed.split, chosen.sides, photos, changed.group_by)
        return not split(items, changed.seed, *_counts(changed, classes, kept)).missing

    fewer = (replace(dataset, train=train, test=test) for train, test in _fewer_counts(dataset, classes, kept))
    if possible := next(filter(is_possible, fewer), None):
        advice.append(f"ask for fewer (--train {possible.train} --test {possible.test})")
    if dataset.split == "owner" and is_possible(replace(dataset, split="image")):
        elsewhere = " (it needs another --name)" if chosen.sides else ""
        advice.append(f"--split image{elsewhere} lets photos of one photographer be in both train and test")
    return advice


def _fewer_counts(dataset: Dataset, classes: tuple[str, ...], rows: list[Row]) -> Iterator[tuple[int, int]]:
    """Counts for train and test in the ratio that was asked for, smaller and smaller."""
    train, test = dataset.train or 0, dataset.test or 0
    sizes = Counter(r.class_ for r in rows)
    fewest = min((sizes[c] for c in classes), default=0)
    for percent in LESS_PERCENT if train else ():
        number = min(fewest, train + test) * percent // 100
        fewer_test = max(number * test // (train + test), min(test, 1))
        if number - fewer_test > 0 and number < train + test:
            yield number - fewer_test, fewer_test


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
