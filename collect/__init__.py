"""Collect labelled photos into a reproducible, leak-free train/test split.

import collect
collect.collect(collect.load_datasets()["imagenette-160"])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collect.datasets import Dataset, load_datasets
    from collect.pipeline import collect

__all__ = ["Dataset", "collect", "load_datasets"]


def __getattr__(name: str) -> Any:
    # late, so that `collect.manifest` and `collect.datasets` stay importable with the standard library alone
    if name == "collect":
        from collect.pipeline import collect

        return collect
    if name in ("Dataset", "load_datasets"):
        from collect import datasets as recipe

        return getattr(recipe, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
