"""What is known about one dataset: its stored runs, who is compared with whom, and how far apart they are."""

from reports.study import statistics
from reports.study.compare import CONDITION_NAMES, Comparison, Condition, Pair, compare
from reports.study.contenders import Contender, ExclusionReason, names_of, weights_line
from reports.study.history import Change, ChangeKind, changes
from reports.study.learning import (
    Crossing,
    accuracy_within,
    crossings,
    curves,
    elapsed,
    late_gain,
    seconds_to_reach,
)
from reports.study.load import RunGroup, datasets, load, recipe_of, select_datasets
from reports.study.measures import Measures, all_measures
from reports.study.pictures import ReportPhoto, StoredPicture
from reports.study.predictions import Predictions
from reports.study.times import parts_seconds, total_seconds

__all__ = [
    "CONDITION_NAMES",
    "Change",
    "ChangeKind",
    "Comparison",
    "Condition",
    "Contender",
    "Crossing",
    "ExclusionReason",
    "Measures",
    "Pair",
    "Predictions",
    "ReportPhoto",
    "RunGroup",
    "StoredPicture",
    "accuracy_within",
    "all_measures",
    "changes",
    "compare",
    "crossings",
    "curves",
    "datasets",
    "elapsed",
    "late_gain",
    "load",
    "names_of",
    "parts_seconds",
    "recipe_of",
    "seconds_to_reach",
    "select_datasets",
    "statistics",
    "total_seconds",
    "weights_line",
]
