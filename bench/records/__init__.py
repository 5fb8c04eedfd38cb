"""The files of a run as dataclasses, written and strictly read. Standard library only."""

from bench.errors import (
    HELP_FLAGS,
    FlagsGivenOnce,
    RecordError,
    UsageError,
    name_hint,
    print_text,
    print_version,
    run_command,
)
from bench.records.balance import always_guessing, are_unequal, balanced_accuracy, counts_by_class
from bench.records.facts import FACTS_FILE, DatasetFacts, facts_folder, read_facts, write_facts
from bench.records.pictures import Picture, read_pictures, write_pictures
from bench.records.predictions import Prediction, read_predictions, write_predictions
from bench.records.run import (
    CodeInfo,
    Cost,
    DatasetInfo,
    DeviceInfo,
    Epoch,
    ModelInfo,
    Result,
    Run,
    RunStatus,
    StopReason,
    Training,
)
from bench.records.store import (
    PICTURES,
    PREDICTIONS_FILE,
    RUN_FILE,
    WEIGHTS_FILE,
    check_file,
    file_hashes,
    hide_home,
    is_stored,
    read_run,
    read_runs,
    run_folders,
    write_run,
)
from bench.records.tuning import Trial, TrialStatus, Tuning
from bench.records.unfinished import CHECKPOINT_FILE, UnfinishedRun, command_kept, unfinished_runs
from collect.datasets import FEWEST_PHOTOS, MOST_TIMES_THE_PHOTOS, valid_name
from collect.manifest import atomic_write
