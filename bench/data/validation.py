"""Validation images, carved out of train by group: no photographer and no near duplicate is on both sides."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bench.data.source import Source
from bench.errors import UsageError

NEAR_BITS, BANDS, TILE_ROWS = 4, 5, 512  # hashes at most 4 of 64 bits apart are equal in at least one of 5 bands


def carve_validation(source: Source, chosen: Sequence[int], share: float, seed: int) -> set[int]:
    """About `share` of the `chosen` rows of each class, whole groups at a time; empty for a share of 0.

    Rows of one owner, equal files and near duplicates (perceptual hashes at most 4 bits apart) are one group. Raises
    UsageError for a class from which no group can be spared.
    """
    if not share:
        return set()
    groups = sorted(_groups(source, chosen), key=lambda group: _rank(source, group, seed))
    sized = [(group, Counter(source.rows[i].class_ for i in group)) for group in groups]
    total = Counter(source.rows[i].class_ for i in chosen)
    wanted = {name: max(1, round(share * count)) for name, count in total.items()}
    half = {name: count // 2 for name, count in total.items()}
    held: Counter[str] = Counter()
    validation: set[int] = set()

    def fits(size: Counter[str], limit: dict[str, int]) -> bool:
        return all(held[name] + count <= limit[name] for name, count in size.items())

    for group, size in sized:
        if fits(size, wanted):
            validation.update(group)
            held += size
    for name in total:  # every group of the class is larger than its share: the smallest that leaves half for training
        if not held[name] and (spare := [pair for pair in sized if name in pair[1] and fits(pair[1], half)]):
            group, size = min(spare, key=lambda pair: len(pair[0]))
            validation.update(group)
            held += size
    if missing := [name for name in total if not held[name]]:
        raise UsageError(
            f"class {missing[0]!r}: its {total[missing[0]]} train images are too few, or of too few photographers, to "
            "hold some out for validation; give --epochs N, which needs none"
        )
    return validation


def _rank(source: Source, group: Sequence[int], seed: int) -> str:
    names = (f"{seed}:validation:{source.rows[i].sha256}:{source.rows[i].file}" for i in group)
    return min(hashlib.sha256(name.encode()).hexdigest() for name in names)


def _groups(source: Source, chosen: Sequence[int]) -> list[list[int]]:
    """The chosen rows as groups that must stay together."""
    edges = np.array([*_equal(source, chosen), *_near(source, chosen)], dtype=np.int64).reshape(-1, 2)
    count = len(chosen)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [[chosen[place] for place in part.tolist()] for part in parts]


def _equal(source: Source, chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of places whose rows have the same owner or the same bytes."""
    first: dict[tuple[str, str], int] = {}
    for place, i in enumerate(chosen):
        row = source.rows[i]
        for key in (("owner", row.owner), ("sha256", row.sha256), ("source", row.source_sha256)):
            if key[1]:
                yield first.setdefault((key[0], key[1]), place), place


def _near(source: Source, chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of places whose perceptual hashes are at most NEAR_BITS apart, found through equal bands of bits."""
    hashed = [(place, int(phash, 16)) for place, i in enumerate(chosen) if (phash := source.rows[i].phash)]
    places = np.array([place for place, _ in hashed], dtype=np.int64)
    hashes = np.array([value for _, value in hashed], dtype=np.uint64)
    for low, high in itertools.pairwise(np.linspace(0, 64, BANDS + 1).astype(int)):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            for top in range(0, len(bucket), TILE_ROWS):
                tile = bucket[top : top + TILE_ROWS]
                near = np.bitwise_count(hashes[tile][:, None] ^ hashes[bucket][None]) <= NEAR_BITS
                for i, j in zip(*np.nonzero(near), strict=True):
                    yield int(places[tile[i]]), int(places[bucket[j]])
