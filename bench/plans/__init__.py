"""From flags to plans: which runs there will be, under which names, and how long they will take."""

from bench.plans.disk import disk_bytes, disk_line
from bench.plans.estimate import REPORT_SECONDS, estimate_range, estimate_seconds, smaller_size
from bench.plans.expand import (
    check_images,
    check_networks,
    expand_recipes,
    make_plans,
    resolve_models,
)
from bench.plans.limit import TuningLimit, parse_limit, time_text
from bench.plans.plan import Plan, TuningOrder, backbone_key, fresh_copy, public_recipe, run_name
