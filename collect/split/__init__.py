"""collect.split."""

from collect.split.assign import Plan, split
from collect.split.groups import items_of, owner_of

__all__ = [
    "Plan",
    "items_of",
    "owner_of",
    "split",
]
