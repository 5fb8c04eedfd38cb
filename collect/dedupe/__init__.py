"""collect.dedupe."""

from collect.dedupe.exact import Duplicates, dedupe
from collect.dedupe.near import find_twins

__all__ = [
    "Duplicates",
    "dedupe",
    "find_twins",
]
