"""Which photos show the same: close perceptual hashes, or less close ones confirmed by structural similarity."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NEAR_BITS = 4
WIDE_BITS = 12
MIN_SIMILARITY = 0.78
TILE_ROWS, TILE_COLUMNS = 128, 4096
# Mirroring a picture flips the sign of its odd horizontal DCT coefficients, hence every second bit of the hash.
MIRROR = np.uint64(0x5555555555555555)


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Photo `second` shows what photo `first` shows; positions in the sequence that was searched, first < second.

    `bits` is the distance of their hashes, `similarity` the structural similarity, None if the hashes alone decided.
    """

    first: int
    second: int
    bits: int
    similarity: float | None = None

    @property
    def evidence(self) -> str:
        """How the pair was recognised, in words."""
        similarity = "" if self.similarity is None else f", structural similarity {self.similarity:.2f}"
        return f"hashes {self.bits} bits apart{similarity}"


def pairs_within(hashes: np.ndarray, others: np.ndarray, bits: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Positions i < j and the distance of every pair hashes[i], others[j] at most `bits` apart.

    `hashes` and `others` are uint64 of one shape (n,). Exhaustive: n^2/2 comparisons, in tiles that stay in the cache.
    """
    for top in range(0, len(hashes), TILE_ROWS):
        for left in range(top, len(others), TILE_COLUMNS):
            tile = hashes[top : top + TILE_ROWS, None] ^ others[None, left : left + TILE_COLUMNS]
            distances = np.bitwise_count(tile)
            near = distances <= bits
            if near.any():
                i, j = np.nonzero(near)
                upper = j + left > i + top
                i, j = i[upper], j[upper]
                yield i + top, j + left, distances[i, j]


def find_near_duplicates(
    phashes: Sequence[str | None], thumb: Callable[[int], np.ndarray | None]
) -> list[NearDuplicate]:
    """All pairs that show the same photo, in order of their positions.

    `phashes` are 16 hex digits each; a photo without one is in no pair. `thumb(i)` gives its 32 x 32 grey pixels
    (uint8) or None. Pairs up to 4 bits apart show the same photo; pairs up to 12 bits apart, also mirrored, do if the
    structural similarity (Wang et al., 2004) of their thumbnails is at least 0.78.
    """
    hashed = np.array([i for i, p in enumerate(phashes) if p], dtype=np.int64)
    hashes = np.array([int(p, 16) for p in phashes if p], dtype=np.uint64)
    pairs: dict[tuple[int, int], NearDuplicate] = {}
    for flipped in (False, True):
        for firsts, seconds, distances in pairs_within(hashes, hashes ^ MIRROR if flipped else hashes, WIDE_BITS):
            for i, j, bits in zip(hashed[firsts].tolist(), hashed[seconds].tolist(), distances.tolist(), strict=True):
                if (i, j) in pairs:
                    continue
                if bits <= NEAR_BITS and not flipped:
                    pairs[i, j] = NearDuplicate(i, j, bits)
                elif (alike := _similarity(thumb(i), thumb(j), flipped)) >= MIN_SIMILARITY:
                    pairs[i, j] = NearDuplicate(i, j, bits, alike)
    return [pairs[key] for key in sorted(pairs)]


def _similarity(first: np.ndarray | None, second: np.ndarray | None, flipped: bool) -> float:
    if first is None or second is None:
        return 0.0
    from skimage.metrics import structural_similarity

    return float(structural_similarity(first, second[:, ::-1] if flipped else second, data_range=255))


def clusters(count: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` items the smallest position to which it is linked, directly or through others."""
    from scipy.cluster.hierarchy import DisjointSet  # late: it takes half a second to import

    linked = DisjointSet(range(count))
    for first, second in links:
        linked.merge(first, second)
    smallest = {i: first for subset in linked.subsets() for first in [min(subset)] for i in subset}
    return [smallest[i] for i in range(count)]
