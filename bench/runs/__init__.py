"""Runs in processes of their own: started, watched and recorded."""

from bench.runs.display import show_progress
from bench.runs.runner import RunError, Worker, finished_run, lock_results, make_run, make_runs, waiting_plans
from bench.runs.table import print_runs
from bench.runs.worker import LOG_FILE
