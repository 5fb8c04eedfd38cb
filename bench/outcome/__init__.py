"""bench.outcome."""

from bench.outcome.facts import keep_facts
from bench.outcome.pictures import make_pictures
from bench.outcome.result import dataset_info, make_notes, make_result, model_info, save_weights

__all__ = [
    "dataset_info",
    "keep_facts",
    "make_notes",
    "make_pictures",
    "make_result",
    "model_info",
    "save_weights",
]
