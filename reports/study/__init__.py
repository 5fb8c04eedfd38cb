"""What is known about one dataset: its stored runs, who is compared with whom, and how far apart they are."""

from reports.study.choose import ExclusionReason
from reports.study.compare import CleanPart, Comparison, compare_study
from reports.study.conditions import CONDITION_NAMES, NOTED_CONDITIONS, SEEN_IMAGES, Condition, condition
from reports.study.contenders import Contender, names_of, weights_line
from reports.study.decide import Decision, Lack, Outcome
from reports.study.floor import Floor, FloorRule, is_shown_above
from reports.study.history import CHANGES_OF_TIME, REGRESSIONS, Change, ChangeKind, changes
from reports.study.leak import LeakEffect, LeakStudy, leak_study
from reports.study.learning import (
    Crossing,
    Measured,
    accuracy_within,
    crossings,
    curves,
    elapsed,
    late_gain,
    measured_on,
    seconds_to_reach,
)
from reports.study.load import RunGroup, load_study, parts_seconds, recipe_of, select_datasets, total_seconds
from reports.study.measures import Measures, all_measures
from reports.study.pairs import Pair
from reports.study.pictures import ReportPhoto, StoredPicture
from reports.study.predictions import Predictions
from reports.study.statistics import (
    Interval,
    deviation,
    images_needed,
    pareto,
    seeds_needed,
    share_interval,
    smallest_detectable,
    t_interval,
    wilson,
)
from reports.study.tuning import Lead, TuningCurve, leads_by_time, leads_by_trials, overtaking, tuning_curves
