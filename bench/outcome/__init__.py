"""The outcome of a run: its record, result, notes and pictures, and the facts of its dataset."""

from bench.outcome.facts import keep_facts
from bench.outcome.pictures import make_pictures
from bench.outcome.record import (
    Opened,
    RunInputs,
    build_run,
    load_inputs,
    open_inputs,
    record_failure,
    run_cost,
    select_inputs,
)
from bench.outcome.result import make_result, notes_after_training, notes_before_training, save_weights
