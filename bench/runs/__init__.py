"""A process per run: started, watched and recorded."""

from bench.runs.runner import finished_run, make_run, make_runs
