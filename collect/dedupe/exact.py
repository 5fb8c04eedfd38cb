"""Keep one of every photo: exact copies, near copies, photos that two classes claim, placeholders."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from collect.candidate import RejectReason
from collect.dedupe.dropped import as_row
from collect.dedupe.near import NearDuplicate, clusters, find_near_duplicates
from collect.journal import Photo
from collect.manifest import Key, Rejected, Row
from collect.sources import LOCAL

PLACEHOLDER_OWNERS = 4
SPLITS = ("train", "test")


@dataclass(slots=True)
class Duplicates:
    """What dedupe found: the photos by their fate, and counts; `conflicts` are photos that two classes claim.

    Of a source's own split `leaks` counts the test images also in train, `leaks_exact` those that are the same file.
    """

    kept: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    exact: int = 0
    near: int = 0
    conflicts: int = 0
    leaks: int = 0
    leaks_exact: int = 0
    test_files: int = 0


def dedupe(
    rows: Sequence[Row],
    thumb: Callable[[Row], np.ndarray | None],
    earlier: Collection[Key],
    published: Mapping[Key, str],
    dropped: Collection[Photo] = (),
) -> Duplicates:
    """Find the duplicates among `rows`, which are in their source's order, earlier ones first.

    The first of every group is kept; a group that two classes claim belongs to neither. Rows in `earlier` are always
    kept. `thumb` gives a row's 32 x 32 grey pixels, `published` the split in which the source itself has a photo.
    Copies of photos that the user has `dropped` are rejected too.
    """
    duplicates = Duplicates()
    unwanted = [as_row(photo) for photo in dropped if photo.sha256]
    rows = [*unwanted, *_without_placeholders(rows, duplicates)]
    first_of: dict[str, int] = {}
    for i, row in enumerate(rows):
        first_of.setdefault(row.sha256, i)
    distinct = list(first_of.values())
    pairs = find_near_duplicates([rows[i].phash for i in distinct], lambda k: thumb(rows[distinct[k]]))
    group_of = clusters(len(distinct), [(pair.first, pair.second) for pair in pairs])
    pair_of = {pair.second: pair for pair in reversed(pairs)}
    position = {rows[i].sha256: k for k, i in enumerate(distinct)}
    members: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        members[group_of[position[row.sha256]]].append(i)
    duplicates.exact = len(rows) - len(distinct)
    duplicates.near = len(distinct) - len(members)
    for group in members.values():
        in_train, in_test = ([rows[i].sha256 for i in group if published.get(rows[i].key) == s] for s in SPLITS)
        duplicates.leaks += len(in_test) if in_train else 0
        duplicates.leaks_exact += sum(digest in in_train for digest in in_test)
        kept = [i for i in group if rows[i].key in earlier]
        if group[0] < len(unwanted):
            copies = [rows[i] for i in group if i >= len(unwanted) and i not in kept]
            detail = f"shows the same as {rows[group[0]].source_id}, which was removed by hand"
            duplicates.rejected += [row.rejected(RejectReason.DROPPED, detail) for row in copies]
            duplicates.kept += [rows[i] for i in kept]
            continue
        conflict = not kept and len({rows[i].class_ for i in group}) > 1
        kept = [] if conflict else kept or group[:1]
        duplicates.kept += [rows[i] for i in kept]
        for i in group:
            if conflict:
                others = {f"{rows[k].class_} ({rows[k].source_id})" for k in group if rows[k].class_ != rows[i].class_}
                detail = f"also found as {', '.join(sorted(others))}"
                duplicates.rejected.append(rows[i].rejected(RejectReason.CLASS_CONFLICT, detail))
            elif i not in kept:
                copies = [rows[k] for k in (*kept, *(k for k in group if k < i))]
                pair = pair_of.get(position[rows[i].sha256])
                duplicates.rejected.append(_rejected_copy(rows[i], copies, pair))
        duplicates.conflicts += len(group) if conflict else 0
    duplicates.test_files = sum(published.get(r.key) == "test" for r in rows)
    return duplicates


def _rejected_copy(row: Row, copies: Sequence[Row], pair: NearDuplicate | None) -> Rejected:
    """The rejection of a row that repeats `copies`: the kept rows first, then those before it in its group.

    An exact copy of a rejected near copy counts as exact, because the source has its bytes twice.
    """
    if same := next((copy for copy in copies if copy.sha256 == row.sha256), None):
        return row.rejected(RejectReason.EXACT_DUPLICATE, f"same file as {same.source_id}")
    evidence = f": {pair.evidence}" if pair else ""
    return row.rejected(RejectReason.NEAR_DUPLICATE, f"shows the same as {copies[0].source_id}{evidence}")


def _without_placeholders(rows: Sequence[Row], duplicates: Duplicates) -> list[Row]:
    """Rows without those whose exact bytes come from many owners: a host's "not available" picture, not a photo."""
    owners: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.source not in LOCAL and row.owner and row.source_sha256:
            owners[row.source_sha256].add(row.owner)
    kept = []
    for row in rows:
        if (number := len(owners[row.source_sha256 or ""])) >= PLACEHOLDER_OWNERS:
            detail = f"photos of {number} owners have exactly these bytes"
            duplicates.rejected.append(row.rejected(RejectReason.PLACEHOLDER, detail))
        else:
            kept.append(row)
    return kept
