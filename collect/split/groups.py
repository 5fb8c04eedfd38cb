"""What must stay on one side of the split: photos of one owner, of one burst."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from collect.journal import Photo
from collect.manifest import Key, Row
from collect.split.assign import Item

BURST_SECONDS = 60


def items_of(rows: Sequence[Row], by: str, sides: Mapping[Key, str], known: Mapping[Key, Photo]) -> list[Item]:
    """The rows as items to split; `by` is owner or image, `sides` says where earlier rows stand.

    Owners are global over classes and known by their id, where the source gives none by their name. Photos of one
    owner taken within a minute of each other stay together even when the split is by image. A photo without an owner
    is its own group.
    """
    bursts = _bursts(rows, known)
    names = {(r.source, owner_of(r)): r.owner_name for r in rows if r.owner_name}  # some rows may have the id alone
    items = []
    for row in rows:
        key = row.key
        owner = (f"owner {row.source}:{who}",) if (who := owner_of(row)) and by == "owner" else ()
        shown = f"owner {names.get((row.source, who), who)} ({row.source}:{who})" if owner else ""
        items.append(Item(row.sha256, row.class_, (*owner, *bursts[key]), sides.get(key), shown))
    return items


def owner_of(row: Row) -> str | None:
    """Who a row's photographer is within its source, None when nobody is named."""
    return row.owner or row.owner_name


def _bursts(rows: Iterable[Row], known: Mapping[Key, Photo]) -> Mapping[Key, list[str]]:
    links: dict[Key, list[str]] = defaultdict(list)
    shots: dict[str, list[tuple[datetime, Key]]] = defaultdict(list)
    for row in rows:
        key = row.key
        photo = known.get(key)
        if (who := owner_of(row)) and photo and (taken := _time(photo.facts().get("taken"))):
            shots[who].append((taken, key))
    for owner, taken_at in shots.items():
        taken_at.sort()
        for (earlier, a), (later, b) in itertools.pairwise(taken_at):
            if (later - earlier).total_seconds() <= BURST_SECONDS:
                name = f"burst of {owner} at {earlier:%Y-%m-%d %H:%M:%S}"
                links[a].append(name)
                links[b].append(name)
    return links


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None
