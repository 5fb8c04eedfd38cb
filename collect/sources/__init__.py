"""Where photos come from: every source is one module with a function `streams(dataset, context)`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from collect.candidate import SourceContext, Streams
from collect.datasets import Dataset
from collect.sources.api import endpoint
from collect.sources.flickr import license_reader
from collect.sources.origin import source_of

LOCAL = ("archive", "folder", "synthetic")  # give bytes, not addresses


def open_streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The dataset's candidates: one stream per class for searches, a single one under "" for sources that mix classes.

    Raises UsageError, SourceError.
    """
    streams: Callable[[Dataset, SourceContext], Streams] = import_module(f"collect.sources.{dataset.source}").streams
    return streams(dataset, context)


def plan_lines(dataset: Dataset, data: Path, workers: int | None) -> list[str]:
    """What collecting the dataset would request and read, and how long that takes, one line each."""
    from collect.sources import plan  # late: it imports every source

    return plan.plan_lines(dataset, data, workers)


def drawable_classes() -> tuple[str, ...]:
    """Names of the classes that the synthetic source can draw."""
    from collect.sources.synthetic.drawing import CLASSES  # late: only the sources in use load their libraries

    return CLASSES
