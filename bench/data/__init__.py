"""bench.data."""

from bench.data.augment import augment
from bench.data.decode import DECODER, decode, naming
from bench.data.source import (
    MEAN,
    PACK_VERSION,
    STD,
    Selection,
    Source,
    Split,
    batches,
    make_split,
    open_source,
    pack,
    seen_list,
    select,
    to_input,
)

__all__ = [
    "DECODER",
    "MEAN",
    "PACK_VERSION",
    "STD",
    "Selection",
    "Source",
    "Split",
    "augment",
    "batches",
    "decode",
    "make_split",
    "naming",
    "open_source",
    "pack",
    "seen_list",
    "select",
    "to_input",
]
