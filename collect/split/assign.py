"""Which photos are for training and which for testing: exact counts, no group in both, stable when a dataset grows."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from collect.split.exact import choose_test_groups
from collect.split.groups import SplitGroup, SplitItem, make_groups, ranking

Counts = Mapping[str, int]  # class -> photos

# Which part of its test count a class gets whose whole groups do not add up. With nothing it is an error.
SHARES_WITHOUT_COUNTS, SHARES_WITH_COUNTS = (0.5, 0.0), (0.0,)


@dataclass(slots=True)
class Assignment:
    """Where each photo goes, by id; missing photos by (class, side), and the largest group of each such class.

    `bridging` are new photos whose group is already in both train and test.
    """

    sides: dict[str, str] = field(default_factory=dict)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    bridging: list[str] = field(default_factory=list)
    obstacles: dict[str, str] = field(default_factory=dict)


def split(items: Sequence[SplitItem], seed: int, train: Counts | None, test: Counts) -> Assignment:
    """Place `items` so that every class gets exactly `test` and `train` photos and no group is in both.

    `train=None` puts all other photos into train, which are at least half of each class; a class whose groups are too
    large for that may get half of its test photos. Earlier sides are kept. The order of the items does not matter.
    """
    assignment = Assignment()
    groups = _placed(make_groups(items, seed), assignment)
    chosen, test = _choose(groups, train, test, seed)
    for group in groups:
        group.side = group.side or ("test" if group.name in chosen else "train")
    for side, counts in (("train", train), ("test", test)):
        # without counts for train nothing is surplus: all photos of a group that goes to test stay there
        _fill(assignment, [g for g in groups if g.side == side], side, counts if train else None, seed)
        placed = Counter(i.class_ for i in items if assignment.sides.get(i.id) == side)
        assignment.missing.update({(c, side): n - placed[c] for c, n in (counts or {}).items() if n > placed[c]})
    assignment.obstacles = {c: _largest(groups, c) for c, _ in assignment.missing}
    return assignment


def _choose(groups: list[SplitGroup], train: Counts | None, test: Counts, seed: int) -> tuple[set[str], Counts]:
    """Names of the free groups for test, and the test counts that they meet.

    If no choice meets all counts, the classes that no choice can meet even on their own get fewer.
    """
    free, asked, met = [g for g in groups if not g.side], dict(test), dict(test)
    for share in SHARES_WITHOUT_COUNTS if train is None else SHARES_WITH_COUNTS:
        windows = _windows(groups, train, asked)
        if (chosen := choose_test_groups(free, windows, seed)) is not None:
            return chosen, met
        blocked = [c for c in test if not _can_meet(free, c, windows[c], seed)] or list(test)
        asked |= {c: math.ceil(share * test[c]) for c in blocked}
        met |= {c: asked[c] or test[c] for c in blocked}
    return choose_test_groups(free, _windows(groups, train, asked), seed) or set(), met


def _can_meet(groups: list[SplitGroup], class_: str, window: tuple[int, int], seed: int) -> bool:
    """Whether some whole groups hold a number of photos of one class within its window."""
    parts = [(g.name, g.rank, [i for i in g.items if i.class_ == class_]) for g in groups]
    return choose_test_groups([SplitGroup(*p) for p in parts if p[-1]], {class_: window}, seed) is not None


def _placed(groups: list[SplitGroup], assignment: Assignment) -> list[SplitGroup]:
    """Groups with the side of their earlier members; new photos that would join two sides are set aside."""
    placed = []
    for group in groups:
        by_side = {s: [i for i in group.items if i.side == s] for s in sorted({i.side for i in group.items if i.side})}
        if len(by_side) > 1:
            assignment.bridging += [i.id for i in group.items if i.side is None]
            placed += [SplitGroup(f"{group.name} {s}", group.rank, items, s) for s, items in by_side.items()]
        else:
            group.side = next(iter(by_side), None)
            placed.append(group)
    return placed


def _windows(groups: list[SplitGroup], train: Counts | None, test: Counts) -> dict[str, tuple[int, int]]:
    """For each class the fewest and the most photos of free groups that may go to test.

    A class with too few photos for both sides fills test first, so that no more than the difference is missing.
    """
    sizes: dict[str | None, Counter[str]] = defaultdict(Counter)
    for group in groups:
        sizes[group.side].update(group.sizes)
    windows = {}
    for class_ in {c for counts in sizes.values() for c in counts} | set(test):
        free, fixed = sizes[None][class_], sizes["train"][class_]
        fewest = min(max(test.get(class_, 0) - sizes["test"][class_], 0), free)
        half = math.ceil(sum(counts[class_] for counts in sizes.values()) / 2)
        for_train = half if train is None else train.get(class_, 0)
        windows[class_] = fewest, max(fewest, free + fixed - for_train)
    return windows


def _fill(assignment: Assignment, groups: list[SplitGroup], side: str, counts: Counts | None, seed: int) -> None:
    """Take as many photos of each class as are needed: earlier ones first, then by rank; the rest is surplus."""
    by_class: dict[str, list[tuple[bool, str, str]]] = defaultdict(list)
    for item in chain.from_iterable(group.items for group in groups):
        by_class[item.class_].append((item.side is None, ranking(seed, item.id), item.id))
    for class_, entries in by_class.items():
        ids = [entry[-1] for entry in sorted(entries)]
        number = len(ids) if counts is None else counts.get(class_, 0)
        assignment.sides.update(dict.fromkeys(ids[:number], side))


def _largest(groups: list[SplitGroup], class_: str) -> str:
    sized = [(g.sizes[class_], max(i.owner for i in g.items) or g.name) for g in groups if len(g.items) > 1]
    size, name = max(sized, default=(0, ""))
    return f"{name} has {size:,} of them" if size > 1 else ""
