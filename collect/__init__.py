"""Collect labelled photos into a reproducible, leak-free train/test split.

import collect
collect.collect(collect.load_datasets()["imagenette-160"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collect.datasets import Dataset, load_datasets
    from collect.pipeline import collect

__all__ = ["Dataset", "collect", "load_datasets"]


def __getattr__(name: str) -> Any:
    # late, so that `collect.manifest` and `collect.datasets` need the standard library alone
    if name in __all__:
        return getattr(import_module("collect.pipeline" if name == "collect" else "collect.datasets"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
