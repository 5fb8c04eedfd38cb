"""What must stay on one side of the split: photos of one owner, of one burst, and of one group that the user names."""

import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from collect.journal import Photo
from collect.manifest import Key, Row

OWNER_SECONDS = 60  # between two photos of one owner's burst
CAMERA_SECONDS = 3  # of one camera's: somebody who photographs one thing after another needs more


Shot = tuple[datetime, tuple[str, str]]  # when, and make and model of the camera


@dataclass(frozen=True, slots=True)
class SplitItem:
    """One distinct photo. `links` name its owner, bursts and group, `side` is where an earlier run put it."""

    id: str
    class_: str
    links: tuple[str, ...] = ()
    side: str | None = None
    owner: str = ""


@dataclass
class SplitGroup:
    """Photos that must not be separated. `rank` is a keyed hash; it does not depend on the order of arrival."""

    name: str
    rank: str
    items: list[SplitItem]
    side: str | None = None

    @cached_property
    def sizes(self) -> Counter[str]:
        """Number of photos by class."""
        return Counter(i.class_ for i in self.items)


def ranking(seed: int, content: str) -> str:
    """A hash of content keyed by the seed: the same photo has the same rank whenever it arrives."""
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest()


def make_groups(items: Sequence[SplitItem], seed: int) -> list[SplitGroup]:
    """Groups of items that share a link, directly or through others, in ranked order."""
    from scipy.cluster.hierarchy import DisjointSet  # late: most runs of collect split nothing

    linked = DisjointSet()
    for item in items:
        linked.add(node := f"item {item.id}")
        for link in item.links:
            linked.add(link)
            linked.merge(node, link)
    members: dict[str, list[SplitItem]] = defaultdict(list)
    for item in items:
        members[linked[f"item {item.id}"]].append(item)
    groups = []
    for group in members.values():
        names = {link for i in group for link in i.links} or {f"item {group[0].id}"}
        rank = min(ranking(seed, name) for name in names)
        groups.append(SplitGroup(max(names), rank, group))
    return sorted(groups, key=lambda g: (g.rank, g.name))


def items_of(
    rows: Sequence[Row], by: str, sides: Mapping[Key, str], photos: Mapping[Key, Photo], group_by: str | None = None
) -> list[SplitItem]:
    """The rows as items to split; `by` is owner or image, `sides` says where earlier rows are.

    Owners are global over classes, and so are the groups of the pattern `group_by`. Bursts and groups stay together
    even when the split is by image.
    """
    bursts = _bursts(rows, photos)
    names = {(r.source, owner_of(r)): r.owner_name for r in rows if r.owner_name}  # other rows may have the id alone
    items = []
    for row in rows:
        owner_id = owner_of(row) if by == "owner" else None
        owner = f"{row.source}:{owner_id}"
        group = group_of(row, group_by)
        links = [*([f"owner {owner}"] if owner_id else []), *([f"group {group}"] if group else []), *bursts[row.key]]
        shown = f"owner {names.get((row.source, owner_id), owner_id)} ({owner})" if owner_id else ""
        items.append(SplitItem(row.sha256, row.class_, tuple(links), sides.get(row.key), shown))
    return items


def group_of(row: Row, group_by: str | None) -> str | None:
    """The first group, or else the whole match, of the pattern in the row's path or name in its source."""
    found = re.search(group_by, row.source_id or row.file) if group_by else None
    return (next(iter(found.groups()), None) or found[0] or None) if found else None


def owner_of(row: Row) -> str | None:
    """Who a row's photographer is within its source, None if nobody is named."""
    return row.owner or row.owner_name


def _bursts(rows: Iterable[Row], photos: Mapping[Key, Photo]) -> Mapping[Key, list[str]]:
    links: dict[Key, list[str]] = defaultdict(list)
    by_owner: dict[str, list[tuple[datetime, Key]]] = defaultdict(list)
    by_camera: dict[Shot, list[Key]] = defaultdict(list)
    for row in rows:
        facts = photo.facts() if (photo := photos.get(row.key)) else {}
        if (owner := owner_of(row)) and (taken := _time(facts.get("taken"))):
            by_owner[owner].append((taken, row.key))
        if taken := _time(facts.get("exif_taken")):
            by_camera[taken, _camera(facts.get("camera"))].append(row.key)
    for owner, times in by_owner.items():
        times.sort()
        for (earlier, first), (later, second) in itertools.pairwise(times):
            if (later - earlier).total_seconds() <= OWNER_SECONDS:
                for key in (first, second):
                    links[key].append(f"burst of {owner} at {earlier:%Y-%m-%d %H:%M:%S}")
    shots = sorted(by_camera)
    for i, (earlier, camera) in enumerate(shots):
        burst = f"burst of {' '.join(filter(None, camera)) or 'one camera'} at {earlier:%Y-%m-%d %H:%M:%S}"
        for later, other in (shots[k] for k in range(i, len(shots))):
            if (later - earlier).total_seconds() > CAMERA_SECONDS:
                break
            if _may_be_one(camera, other):
                for key in by_camera[later, other]:
                    links[key].append(burst)
    return links


def _camera(text: str | None) -> tuple[str, str]:
    """Make and model, "" for what is not known."""
    make, _, model = (text or "").partition("|")
    return make, model


def _may_be_one(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two cameras may be the same: what both name is equal. Some programs drop the make, the model or both."""
    return all(a == b for a, b in zip(one, other, strict=True) if a and b)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None
