"""bench.plans."""

from bench.plans.expand import estimate_seconds, expand, make_plans, resolve_models, smaller_size
from bench.plans.plan import Plan, fresh_copy, public_recipe

__all__ = [
    "Plan",
    "estimate_seconds",
    "expand",
    "fresh_copy",
    "make_plans",
    "public_recipe",
    "resolve_models",
    "smaller_size",
]
