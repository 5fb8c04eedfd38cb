"""Which photos are for training and which for testing: exact counts, no group in both, stable when a dataset grows."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from collect.split.exact import choose_test_groups
from collect.split.groups import SplitGroup, SplitItem, make_groups, ranking

Counts = Mapping[str, int]  # class -> photos


@dataclass(slots=True)
class Assignment:
    """Where each photo goes, by id; missing photos by (class, side), and the largest group among their classes.

    `bridging` are new photos whose group is already in both train and test.
    """

    sides: dict[str, str] = field(default_factory=dict)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    bridging: list[str] = field(default_factory=list)
    obstacle: str = ""


def split(items: Sequence[SplitItem], seed: int, train: Counts | None, test: Counts) -> Assignment:
    """Place `items` so that every class gets exactly `test` and `train` photos and no group is in both.

    `train=None` puts all other photos into train. Earlier sides are kept. The order of the items does not matter.
    """
    assignment = Assignment()
    groups = _placed(make_groups(items, seed), assignment)
    free = [g for g in groups if not g.side]
    chosen = choose_test_groups(free, _windows(groups, train or {}, test), seed) or set()
    for group in free:
        group.side = "test" if group.name in chosen else "train"
    for side, counts in (("train", train), ("test", test)):
        # without counts for train nothing is surplus: all photos of a group that goes to test stay there
        _fill(assignment, [g for g in groups if g.side == side], side, counts if train else None, seed)
        placed = Counter(i.class_ for i in items if assignment.sides.get(i.id) == side)
        assignment.missing.update({(c, side): n - placed[c] for c, n in (counts or {}).items() if n > placed[c]})
    if assignment.missing:
        assignment.obstacle = _largest(groups, {c for c, _ in assignment.missing})
    return assignment


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


def _windows(groups: list[SplitGroup], train: Counts, test: Counts) -> dict[str, tuple[int, int]]:
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
        windows[class_] = fewest, max(fewest, free + fixed - train.get(class_, 0))
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


def _largest(groups: list[SplitGroup], classes: set[str]) -> str:
    shared = [g for g in groups if len(g.items) > 1]
    sized = [(sum(g.sizes[c] for c in classes), max(i.owner for i in g.items) or g.name) for g in shared]
    size, name = max(sized, default=(0, ""))
    return f"{name} has {size:,} of them" if size > 1 else ""
