"""An exact choice of whole groups for the test side, for when taking one after the other does not come out even."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

Sizes = Mapping[str, int]  # class -> photos
Windows = Mapping[str, tuple[int, int]]  # class -> the fewest and the most photos to take

ORDERS, STEPS = 4, 20_000  # so many orders of the groups that span classes are searched, each so far


class Sums:
    """The numbers of photos that groups within one class can add up to, at most `most`; bit n stands for n."""

    def __init__(self, sizes: Sizes, most: int):
        self._names: dict[int, list[str]] = defaultdict(list)
        for name, size in sizes.items():
            self._names[size].append(name)
        self._reach = [1]  # with the groups of no size yet, of the first size, of the first two, ...
        for size, names in self._names.items():
            bits = self._reach[-1]
            for _ in names:
                bits |= bits << size & (1 << most + 1) - 1
            self._reach.append(bits)

    @property
    def largest(self) -> int:
        """The largest number there is."""
        return self._reach[-1].bit_length() - 1

    def within(self, low: int, high: int) -> int | None:
        """The smallest number from `low` to `high`, None where there is none."""
        low = max(low, 0)
        bits = self._reach[-1] >> low & (1 << max(high - low + 1, 0)) - 1
        return low + (bits & -bits).bit_length() - 1 if bits else None

    def names(self, number: int) -> list[str]:
        """The groups that add up to `number`, one of the numbers there are."""
        taken = []
        for size, before in zip(reversed(self._names), reversed(self._reach[:-1]), strict=True):
            count = 0
            while not before >> number & 1:
                number -= size
                count += 1
            taken += self._names[size][:count]
        return taken


def choose_exactly(groups: Mapping[str, Sizes], windows: Windows, seed: int) -> set[str] | None:
    """Names of groups that add up to a number within the window of every class, None where none were found.

    Groups within one class are a subset sum, solved exactly by dynamic programming over their sizes. Those that span
    classes are searched depth first in the given order, past STEPS in others drawn from `seed`: only after ORDERS of
    them an answer may be missed.
    """
    if any(high < max(low, 0) for low, high in windows.values()):
        return None
    within: dict[str, dict[str, int]] = {c: {} for c in windows}
    spanning = []
    for name, sizes in groups.items():
        if len(sizes) == 1:
            within[next(iter(sizes))][name] = next(iter(sizes.values()))
        else:
            spanning.append(name)
    sums = {c: Sums(within[c], most) for c, (_, most) in windows.items()}
    for turn in range(ORDERS):
        if turn:
            random.Random(f"{seed}:{turn}").shuffle(spanning)
        taken, complete = _search([(n, groups[n]) for n in spanning], windows, sums)
        if taken is not None:
            have: Counter[str] = Counter()
            for name in taken:
                have.update(groups[name])
            rest = {c: sums[c].within(low - have[c], high - have[c]) for c, (low, high) in windows.items()}
            return {*taken, *(name for c, number in rest.items() for name in sums[c].names(number or 0))}
        if complete:
            break
    return None


def _search(
    order: Sequence[tuple[str, Sizes]], windows: Windows, sums: Mapping[str, Sums]
) -> tuple[list[str] | None, bool]:
    """The first choice among groups that span classes which `sums` can complete, and whether all were looked at."""
    classes = list(windows)
    sizes = [[group.get(c, 0) for c in classes] for _, group in order]
    left = [[sums[c].largest for c in classes]]  # what can still be added from the i-th group on
    for size in reversed(sizes):
        left.insert(0, [a + b for a, b in zip(left[0], size, strict=True)])
    bounds = [windows[c] for c in classes]
    stack: list[tuple[int, tuple[int, ...], tuple[str, ...]]] = [(0, (0,) * len(classes), ())]
    seen: set[tuple[int, tuple[int, ...]]] = set()
    while stack:
        i, have, taken = stack.pop()
        if (i, have) in seen or any(h + n < low for h, n, (low, _) in zip(have, left[i], bounds, strict=True)):
            continue
        if len(seen) == STEPS:
            return None, False
        seen.add((i, have))
        missing = zip(classes, have, bounds, strict=True)
        if all(sums[c].within(low - h, high - h) is not None for c, h, (low, high) in missing):
            return list(taken), True
        if i < len(order):
            stack.append((i + 1, have, taken))
            more = tuple(h + n for h, n in zip(have, sizes[i], strict=True))
            if all(m <= high for m, (_, high) in zip(more, bounds, strict=True)):
                stack.append((i + 1, more, (*taken, order[i][0])))
    return None, True
