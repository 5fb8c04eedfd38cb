"""One of every photo: exact copies, near copies and photos that two classes claim are found and rejected."""

from collect.dedupe.exact import Duplicates, dedupe
from collect.dedupe.near import NearDuplicate, find_near_duplicates
