"""Where photos come from: every source is a module with `streams(dataset, context)`, yielding candidates lazily."""

import os
from collections.abc import Callable
from importlib import import_module

from collect.candidate import SourceContext, Streams
from collect.datasets import Dataset

LOCAL = ("archive", "folder", "synthetic")  # give bytes, not addresses
ENDPOINTS = {"flickr": "FLICKR_API_URL", "openverse": "OPENVERSE_API_URL"}  # replace the API's address


def open_streams(dataset: Dataset, context: SourceContext) -> Streams:
    """The dataset's candidates: one stream per class for searches, a single one under "" for sources that mix classes.

    Raises UsageError, SourceError.
    """
    streams: Callable[[Dataset, SourceContext], Streams] = import_module(f"collect.sources.{dataset.source}").streams
    return streams(dataset, context)


def endpoint(dataset: Dataset) -> str | None:
    """The API address that the environment sets in place of the source's own, None where it sets none."""
    return os.environ.get(ENDPOINTS.get(dataset.source, "")) or None


def drawable_classes() -> tuple[str, ...]:
    """Names of the classes that the synthetic source can draw."""
    from collect.sources.synthetic.drawing import CLASSES

    return CLASSES


def license_reader(dataset: Dataset, context: SourceContext) -> Callable[[str], str | None]:
    """A function that asks Flickr for the licence code of a photo id; it gives None if the photo is gone."""
    flickr, licenses = import_module("collect.sources.flickr"), import_module("collect.sources.flickr_licenses")
    client = flickr.Client(context, endpoint(dataset))
    codes = licenses.read_licenses(client.ask)
    return lambda photo_id: flickr.license_now(client, photo_id, codes)
