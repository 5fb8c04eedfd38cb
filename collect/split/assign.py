"""Which photos are for training and which for testing: no group on both sides, exact counts, stable when growing."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from collect.split.exact import choose_exactly

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One distinct photo to be placed. `links` name what it must stay together with: owner, twins, burst.

    `side` is where an earlier run put it, None for a newcomer; `owner` is what messages call its photographer.
    """

    id: str
    class_: str
    links: tuple[str, ...] = ()
    side: str | None = None
    owner: str = ""


@dataclass(slots=True)
class Plan:
    """Where each photo goes. `short` is how many are missing by (class, split), `why` names the groups in the way.

    `surplus` are photos that no count needs, `bridging` newcomers whose group already stands on both sides.
    """

    sides: dict[str, str] = field(default_factory=dict)
    short: Counter[tuple[str, str]] = field(default_factory=Counter)
    surplus: list[str] = field(default_factory=list)
    bridging: list[str] = field(default_factory=list)
    why: str = ""


@dataclass(slots=True)
class Group:
    """Photos that must not be separated; `rank` is the keyed hash that orders groups, whatever order they came in."""

    name: str
    rank: str
    items: list[Item]
    side: str | None = None
    sizes: Counter[str] = field(default_factory=Counter)


def ranking(seed: int, content: str) -> str:
    """A hash of content keyed by the seed: the same photo ranks the same whenever it arrives."""
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest()


def make_groups(items: Iterable[Item], seed: int) -> list[Group]:
    """Groups of items that share a link, in ranked order."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        root.setdefault(key, key)
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    items = list(items)
    for item in items:
        for link in item.links:
            a, b = sorted((find(f"item {item.id}"), find(link)))
            root[b] = a
    members = defaultdict(list)
    for item in items:
        members[find(f"item {item.id}")].append(item)
    groups = []
    for found in members.values():
        names = sorted({link for i in found for link in i.links} or {f"item {found[0].id}"}, reverse=True)
        sizes = Counter(i.class_ for i in found)
        groups.append(Group(names[0], min(ranking(seed, n) for n in names), found, sizes=sizes))
    return sorted(groups, key=lambda g: (g.rank, g.name))


def split(items: Sequence[Item], seed: int, train: Counts | None, test: Counts) -> Plan:
    """Place `items` so that every class gets exactly `test` and `train` photos and no group stands on both sides.

    `train=None` puts everything that is not needed for testing into train. Earlier sides are kept; the plan is a
    function of seed and content alone, not of the items' order. Where exact counts cannot be met, `plan.short` says so.
    """
    plan = Plan()
    groups = _placed(make_groups(items, seed), plan)
    total: Counter[str] = Counter()
    for group in groups:
        total.update(group.sizes)
    classes = sorted({*total, *test})
    spare = {c: total[c] - test.get(c, 0) - (train.get(c, 0) if train else 0) for c in classes}
    fixed = [g for g in groups if g.side]
    free = [g for g in groups if not g.side]
    chosen = _choose_test(fixed, free, test, spare)
    if chosen is None:  # large groups stand in the way of small ones: place them first
        chosen = _choose_test(fixed, sorted(free, key=lambda g: -sum(g.sizes.values())), test, spare)
    if chosen is None:
        least = {c: test.get(c, 0) - sum(g.sizes[c] for g in fixed if g.side == "test") for c in classes}
        windows = {c: (n, n + spare[c]) for c, n in least.items()}
        chosen = choose_exactly({g.name: g.sizes for g in free}, windows, seed)
    chosen = chosen or set()
    for group in free:
        group.side = "test" if group.name in chosen else "train"
    for side, counts in (("train", train), ("test", test)):
        # without counts for train nothing is surplus: what a group brings to test beyond the count stays there too
        _fill(plan, [g for g in groups if g.side == side], side, counts if train else None, seed)
        for class_, number in (counts or {}).items():
            if (missing := number - sum(1 for i in items if i.class_ == class_ and plan.sides.get(i.id) == side)) > 0:
                plan.short[class_, side] = missing
    if plan.short:
        plan.why = _largest(groups, {c for c, _ in plan.short})
    return plan


def _placed(groups: list[Group], plan: Plan) -> list[Group]:
    """Groups with the side their earlier members have; newcomers that would join two sides are put aside."""
    kept = []
    for group in groups:
        sides = {i.side for i in group.items if i.side}
        if len(sides) > 1:
            plan.bridging += [i.id for i in group.items if i.side is None]
            for side in sorted(sides):
                items = [i for i in group.items if i.side == side]
                sizes = Counter(i.class_ for i in items)
                kept.append(Group(f"{group.name} {side}", group.rank, items, side, sizes))
        else:
            group.side = next(iter(sides), None)
            kept.append(group)
    return kept


def _choose_test(fixed: list[Group], free: list[Group], test: Counts, spare: Counts) -> set[str] | None:
    """Names of the groups that go to test, taken in order while they are needed and waste no more than is spare.

    None when some class does not get its number.
    """
    need = Counter(test)
    left = Counter(spare)
    for group in fixed:
        if group.side == "test":
            _take(group, need, left)
    chosen = set()
    for group in free:
        if not any(need[c] > 0 for c in group.sizes):
            continue
        if all(n - max(need[c], 0) <= max(left[c], 0) for c, n in group.sizes.items()):
            _take(group, need, left)
            chosen.add(group.name)
    return chosen if all(n <= 0 for n in need.values()) else None


def _take(group: Group, need: Counter[str], left: Counter[str]) -> None:
    for class_, size in group.sizes.items():
        left[class_] -= max(0, size - max(need[class_], 0))
        need[class_] -= size


def _fill(plan: Plan, groups: list[Group], side: str, counts: Counts | None, seed: int) -> None:
    """Take as many photos of each class as are wanted: earlier ones first, then by rank; the rest is surplus."""
    by_class: dict[str, list[tuple[bool, str, str]]] = defaultdict(list)
    for group in groups:
        for item in group.items:
            by_class[item.class_].append((item.side is None, ranking(seed, item.id), item.id))
    for class_, entries in by_class.items():
        ids = [entry[-1] for entry in sorted(entries)]
        number = len(ids) if counts is None else counts.get(class_, 0)
        plan.sides.update(dict.fromkeys(ids[:number], side))
        plan.surplus += ids[number:]


def _largest(groups: list[Group], classes: set[str]) -> str:
    sized = [
        (sum(g.sizes[c] for c in classes), max(i.owner for i in g.items) or g.name) for g in groups if len(g.items) > 1
    ]
    size, name = max(sized, default=(0, ""))
    return f"{name} has {size:,} of them" if size > 1 else ""
