"""Fetch: candidates become verified, staged photos, politely and on many threads."""

from collect.fetch.gatherer import Gatherer
from collect.fetch.hosts import Host
from collect.fetch.ledger import Gathered
from collect.fetch.progress import Display, show_progress
from collect.fetch.staging import STAGED, clear_staged, staged_path, thumbnails

__all__ = [
    "STAGED",
    "Display",
    "Gathered",
    "Gatherer",
    "Host",
    "clear_staged",
    "show_progress",
    "staged_path",
    "thumbnails",
]
