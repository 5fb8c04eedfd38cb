"""Train scratch, frozen and fine-tuned VGGs and a small CNN on the same device under the same rules.

In a notebook, `bench.run("all", "car-bicycle", size=64)` returns a pandas.DataFrame and `bench.load_run(folder)` one
run's record.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import run
    from bench.records import read_run as load_run

__all__ = ["load_run", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # late: `import bench` alone must stay quick
    return import_module("bench.api").run if name == "run" else import_module("bench.records").read_run
