"""Fetch: candidates become verified, staged photos, politely and on many threads."""

from collect.fetch.gatherer import Gatherer
from collect.fetch.hosts import Host
from collect.fetch.ledger import Gathered
from collect.fetch.progress import ProgressDisplay, show_progress
from collect.fetch.staging import STAGED, clear_staged, read_thumbnail, staged_path, thumbnails
