"""Train scratch, frozen and fine-tuned VGGs and a small CNN on the same device under the same rules.

In a notebook, `bench.run("all", "car-bicycle", size=64)` returns a pandas.DataFrame and `bench.load_run(folder)` one
run's record.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import run
    from bench.records import read_run as load_run

__all__ = ["load_run", "run"]


def __getattr__(name: str) -> Any:
    """Import the public functions on first use: `import bench` alone must stay quick."""
    if name == "run":
        from bench.api import run

        return run
    if name == "load_run":
        from bench.records import read_run

        return read_run
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
