"""Runs in processes of their own: started, watched and recorded."""

from bench.runs.runner import Worker, finished_run, make_run, make_runs
