"""What must stay on one side of the split: photos of one owner and photos of one burst."""

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from collect.journal import Photo
from collect.manifest import Key, Row

BURST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SplitItem:
    """One distinct photo to be placed. `links` name its owner and bursts, `side` is where an earlier run put it."""

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


def items_of(rows: Sequence[Row], by: str, sides: Mapping[Key, str], photos: Mapping[Key, Photo]) -> list[SplitItem]:
    """The rows as items to split; `by` is owner or image, `sides` says where earlier rows are.

    Owners are global over classes. Photos that one took within a minute stay together even when the split is by image.
    """
    bursts = _bursts(rows, photos)
    names = {(r.source, owner_of(r)): r.owner_name for r in rows if r.owner_name}  # other rows may have the id alone
    items = []
    for row in rows:
        owner_id = owner_of(row) if by == "owner" else None
        owner = f"{row.source}:{owner_id}"
        links = (*((f"owner {owner}",) if owner_id else ()), *bursts[row.key])
        shown = f"owner {names.get((row.source, owner_id), owner_id)} ({owner})" if owner_id else ""
        items.append(SplitItem(row.sha256, row.class_, links, sides.get(row.key), shown))
    return items


def owner_of(row: Row) -> str | None:
    """Who a row's photographer is within its source, None if nobody is named."""
    return row.owner or row.owner_name


def _bursts(rows: Iterable[Row], photos: Mapping[Key, Photo]) -> Mapping[Key, list[str]]:
    links: dict[Key, list[str]] = defaultdict(list)
    shots: dict[str, list[tuple[datetime, Key]]] = defaultdict(list)
    for row in rows:
        photo = photos.get(row.key)
        if (owner := owner_of(row)) and photo and (taken := _time(photo.facts().get("taken"))):
            shots[owner].append((taken, row.key))
    for owner, times in shots.items():
        times.sort()
        for (earlier, first), (later, second) in itertools.pairwise(times):
            if (later - earlier).total_seconds() <= BURST_SECONDS:
                for key in (first, second):
                    links[key].append(f"burst of {owner} at {earlier:%Y-%m-%d %H:%M:%S}")
    return links


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None
