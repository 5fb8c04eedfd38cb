"""Which whole groups go to test: one integer program, solved by HiGHS through SciPy."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from collect.split.groups import SplitGroup, ranking

Windows = Mapping[str, tuple[int, int]]  # class -> the fewest and the most photos to take

FINE = 2**20  # costs are integers, so that the optimum does not depend on the solver's tolerances
MOST_NODES = 20_000  # of the search tree: contrived cases would take hours, real ones need a few


def choose_test_groups(groups: Sequence[SplitGroup], windows: Windows, seed: int) -> set[str] | None:
    """Names of the groups that together hold a number of photos within the window of every class.

    None if no choice of whole groups does, or MOST_NODES did not suffice. Groups with equally many photos of each class
    form a profile, whose lowest ranks are taken. Each profile first gets its share of test, rounded by a keyed hash.
    The program then changes these numbers as little as possible, with no more photos than needed. A keyed hash weighs
    the moves, so that every version of the solver returns the one optimum.
    """
    import numpy as np  # late: most runs of collect split nothing
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack

    members: dict[tuple[tuple[str, int], ...], list[SplitGroup]] = defaultdict(list)
    available: Counter[str] = Counter()
    for group in sorted(groups, key=lambda g: (g.rank, g.name)):
        members[tuple(sorted(group.sizes.items()))].append(group)
        available.update(group.sizes)
    if not members:
        return set()
    profiles, classes = sorted(members), sorted(windows)
    row_of = {class_: i for i, class_ in enumerate(classes)}
    entries = [(n, row_of[c], column) for column, profile in enumerate(profiles) for c, n in profile]
    numbers, rows, columns = np.array(entries).T
    sizes = csr_array((numbers, (rows, columns)), shape=(len(classes), len(profiles)))
    photos = sizes.sum(axis=0)
    share = {c: windows[c][0] / available[c] for c in available}
    drawn, weights = [], []
    for profile in profiles:
        digest = ranking(seed, f"profile {profile}")
        expected = len(members[profile]) * sum(n * share[c] for c, n in profile) / sum(n for _, n in profile)
        drawn.append(min(len(members[profile]), math.floor(expected + int(digest[:8], 16) / 16**8)))
        weights.append(FINE + int(digest[8:], 16) % FINE)
    taken = np.array(drawn)
    room = np.array([len(members[profile]) for profile in profiles]) - taken
    # a photo more in test costs more than any move, a photo less saves as much
    cost = np.concatenate([photos * (2 * FINE + np.array(weights)), photos * (np.array(weights) - 2 * FINE)])
    low, high = np.array([windows[c] for c in classes]).T - sizes @ taken
    result = milp(
        cost,
        integrality=np.ones_like(cost),
        bounds=Bounds(0, np.concatenate([room, taken])),
        constraints=LinearConstraint(hstack([sizes, -sizes]), low, high),
        options={"mip_rel_gap": 0.0, "node_limit": MOST_NODES},
    )
    if result.x is None:
        return None
    more, fewer = np.split(np.rint(result.x).astype(int), 2)
    chosen = zip(profiles, taken + more - fewer, strict=True)
    return {group.name for profile, number in chosen for group in members[profile][:number]}
