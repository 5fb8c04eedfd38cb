"""bench.runs."""

from bench.runs.runner import finished, make_run, make_runs

__all__ = [
    "finished",
    "make_run",
    "make_runs",
]
