"""collect.http."""

from collect.fetch.entries import Entry
from collect.fetch.gatherer import Gatherer
from collect.fetch.hosts import Host
from collect.fetch.progress import Show, progress
from collect.fetch.staging import STAGED, clear_staged, staged_path

__all__ = [
    "STAGED",
    "Entry",
    "Gatherer",
    "Host",
    "Show",
    "clear_staged",
    "progress",
    "staged_path",
]
