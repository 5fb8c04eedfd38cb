"""Which photos show the same: near by perceptual hash, wider by structural similarity."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NEAR_BITS = 4
WIDE_BITS = 12
MIN_SIMILARITY = 0.78
TILE_ROWS, TILE_COLUMNS = 128, 4096
# Mirroring a picture flips the sign of its odd horizontal DCT coefficients, so every second bit of the hash.
MIRROR = np.uint64(0x5555555555555555)


@dataclass(frozen=True, slots=True)
class Twin:
    """Photo `second` shows what photo `first` shows; positions in the sequence that was searched, first < second.

    `bits` is the distance of their hashes, `similarity` the structural similarity where the hash alone did not decide.
    """

    first: int
    second: int
    bits: int
    similarity: float | None = None

    @property
    def why(self) -> str:
        """The evidence, in words."""
        if self.similarity is None:
            return f"hashes {self.bits} bits apart"
        return f"hashes {self.bits} bits apart, structural similarity {self.similarity:.2f}"


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


def find_twins(phashes: Sequence[str | None], thumb: Callable[[int], np.ndarray | None]) -> list[Twin]:
    """All pairs that show the same photo, in order of their positions.

    `phashes` are 16 hex digits each; a photo without one is nobody's twin. `thumb(i)` gives the 32 x 32 grey pixels of
    photo i (uint8) or None where they cannot be had. Pairs up to 4 bits apart are twins; pairs up to 12 bits apart,
    also with one of them mirrored, are only when the structural similarity (Wang et al., 2004) of their thumbnails is
    at least 0.78.
    """
    hashed = np.array([i for i, p in enumerate(phashes) if p], dtype=np.int64)
    hashes = np.array([int(p, 16) for p in phashes if p], dtype=np.uint64)
    twins: dict[tuple[int, int], Twin] = {}
    for flipped in (False, True):
        for firsts, seconds, distances in pairs_within(hashes, hashes ^ MIRROR if flipped else hashes, WIDE_BITS):
            found = zip(hashed[firsts].tolist(), hashed[seconds].tolist(), distances.tolist(), strict=True)
            for i, j, bits in found:
                if (i, j) in twins:
                    continue
                if bits <= NEAR_BITS and not flipped:
                    twins[i, j] = Twin(i, j, bits)
                elif (alike := _similarity(thumb(i), thumb(j), flipped)) >= MIN_SIMILARITY:
                    twins[i, j] = Twin(i, j, bits, alike)
    return [twins[key] for key in sorted(twins)]


def _similarity(first: np.ndarray | None, second: np.ndarray | None, flipped: bool) -> float:
    if first is None or second is None:
        return 0.0
    from skimage.metrics import structural_similarity

    return float(structural_similarity(first, second[:, ::-1] if flipped else second, data_range=255))


def clusters(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """For each of `count` items the smallest position it is linked to, directly or through others."""
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for a, b in links:
        low, high = sorted((find(a), find(b)))
        root[high] = low
    return [find(i) for i in range(count)]
