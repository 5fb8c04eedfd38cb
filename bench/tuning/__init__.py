"""Equal tuning: the same number of trials or the same time for every model, judged on validation images."""

from bench.tuning.estimate import check_budget, seconds_ahead, tuning_text
from bench.tuning.tune import tune_plans
