"""Train or test: whole groups of photos are assigned so that every class gets exactly its counts."""

from collect.split.assign import Assignment, split
from collect.split.groups import group_of, items_of, owner_of
