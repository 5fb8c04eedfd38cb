"""Keep one of every photo: exact copies, near copies, photos that two classes claim, placeholders."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from collect.dedupe.near import Twin, clusters, find_twins
from collect.manifest import Rejected, Row
from collect.sources import LOCAL

PLACEHOLDER_OWNERS = 4


@dataclass(slots=True)
class Duplicates:
    """What dedupe found. `kept` are the distinct photos, `rejected` the others with the photo they repeat.

    `exact` counts files that repeat another file, `near` those that repeat another photo, `leaks` the test images that
    stand in train too, exactly or nearly, where the source came with a split; `leaks_exact` those of them that are
    the same file, `test_files` how many there were.
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
    earlier: Collection[tuple[str, str]],
    published: Mapping[tuple[str, str], str],
) -> Duplicates:
    """Sort out duplicates among `rows`, which stand in their source's order, earlier ones first.

    Of every group the first stays; a group that two classes claim belongs to neither. Rows whose (class, source_id) is
    in `earlier` are never dropped: newcomers that repeat them are. `thumb` gives a row's 32 x 32 grey pixels.
    `published` says on which side the source itself has a (class, source_id); leaks are counted by it.
    """
    found = Duplicates()
    rows = _without_placeholders(rows, found)
    first_of: dict[str, int] = {}
    for i, row in enumerate(rows):
        first_of.setdefault(row.sha256, i)
    distinct = list(first_of.values())
    twins = find_twins([rows[i].phash for i in distinct], lambda k: thumb(rows[distinct[k]]))
    root = clusters(len(distinct), [(t.first, t.second) for t in twins])
    evidence = {t.second: t for t in reversed(twins)}
    position = {rows[i].sha256: k for k, i in enumerate(distinct)}
    members: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        members[root[position[row.sha256]]].append(i)
    found.exact = len(rows) - len(distinct)
    found.near = len(distinct) - len(members)
    for group in members.values():
        _count_leaks([(rows[i].sha256, published.get(rows[i].key)) for i in group], found)
        staying = [i for i in group if rows[i].key in earlier]
        conflict = not staying and len({rows[i].class_ for i in group}) > 1
        staying = [] if conflict else staying or group[:1]
        found.kept += [rows[i] for i in staying]
        for i in group:
            if i not in staying:
                twin = evidence.get(position[rows[i].sha256])
                found.rejected.append(_rejection(rows, i, group, staying, conflict, twin))
        found.conflicts += len(group) if conflict else 0
    found.test_files = sum(1 for r in rows if published.get(r.key) == "test")
    return found


def _rejection(
    rows: Sequence[Row], i: int, group: list[int], staying: list[int], conflict: bool, twin: Twin | None
) -> Rejected:
    row = rows[i]
    if conflict:
        others = sorted({f"{rows[k].class_} ({rows[k].source_id})" for k in group if rows[k].class_ != row.class_})
        return Rejected(row.class_, row.source_id, row.url, "class-conflict", f"also found as {', '.join(others)}")
    same = next((rows[k] for k in staying if rows[k].sha256 == row.sha256), None)
    if same:
        return Rejected(row.class_, row.source_id, row.url, "exact-duplicate", f"same file as {same.source_id}")
    # an exact copy of another near copy counts as exact: its bytes stand there twice
    copy = next((rows[k] for k in group if k < i and rows[k].sha256 == row.sha256), None)
    if copy:
        return Rejected(row.class_, row.source_id, row.url, "exact-duplicate", f"same file as {copy.source_id}")
    like = rows[staying[0]].source_id
    why = f": {twin.why}" if twin else ""
    return Rejected(row.class_, row.source_id, row.url, "near-duplicate", f"shows the same as {like}{why}")


def _count_leaks(group: list[tuple[str, str | None]], found: Duplicates) -> None:
    """Count over one photo's copies, each as its digest and where the source has it."""
    in_train = {digest for digest, split in group if split == "train"}
    tested = [digest for digest, split in group if split == "test"]
    found.leaks += len(tested) if in_train else 0
    found.leaks_exact += sum(1 for digest in tested if digest in in_train)


def _without_placeholders(rows: Sequence[Row], found: Duplicates) -> list[Row]:
    """Rows less those whose very bytes many owners serve: that is a host's "not available" picture, not a photo."""
    owners: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.source not in LOCAL and row.owner and row.source_sha256:
            owners[row.source_sha256].add(row.owner)
    served = Counter({sha: len(who) for sha, who in owners.items() if len(who) >= PLACEHOLDER_OWNERS})
    kept = []
    for row in rows:
        if number := served[row.source_sha256 or ""]:
            why = f"the same bytes come for photos of {number} owners"
            found.rejected.append(Rejected(row.class_, row.source_id, row.url, "placeholder", why))
        else:
            kept.append(row)
    return kept
