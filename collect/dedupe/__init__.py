"""One of every photo: exact copies, near copies and photos that two classes claim are found and rejected."""

from collect.dedupe.dropped import (
    DETAIL,
    Exclusions,
    dropped_photos,
    read_exclusions,
    rejected_by_hand,
    remember_dropped,
    restore_dropped,
)
from collect.dedupe.exact import Duplicates, dedupe
from collect.dedupe.near import NearDuplicate, find_near_duplicates
