"""How long tuning and the runs after it will take, before anything is trained, and whether a budget is enough."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from bench.data import Source
from bench.errors import UsageError
from bench.plans import Plan, estimate_range, estimate_seconds, time_text
from bench.runs import finished_run
from bench.tuning.tune import TuningJob, tuned_plan, tuning_jobs


def check_budget(plans: Sequence[Plan], source: Source) -> None:
    """Raise UsageError if there is nothing to tune, or if a recipe's share of the budget is too short for a trial and
    the final runs of one epoch each.
    """
    for job in tuning_jobs(plans, source).values():
        share, (model, recipe) = job.quota.seconds, job.key
        plan = next(p for p in plans if (p.model, p.recipe) == job.key)
        shortest = estimate_seconds(replace(plan, recipe=replace(recipe, epochs=1)), source)
        least = shortest * (1 + job.quota.seeds)
        if share is not None and least > share:
            runs = "the final run" if job.quota.seeds == 1 else f"{job.quota.seeds} final runs"
            raise UsageError(
                f"--budget: too short: each recipe gets {time_text(round(share))}, but a trial and {runs} of {model} "
                f"take about {least:.0f} s with one epoch each; give more time, fewer models or seeds, or a smaller "
                "--size"
            )


def seconds_ahead(plans: Sequence[Plan], source: Source) -> tuple[float, float]:
    """The fewest and the most seconds of all trials and final runs of plans to be tuned, without what earlier commands
    did. Trials that are stopped early make it less.
    """
    ranges = [_range_of(job, plans, source) for job in tuning_jobs(plans, source).values()]
    fewest, most = (sum(times) for times in zip(*ranges, strict=True))
    return fewest, most


def _range_of(job: TuningJob, plans: Sequence[Plan], source: Source) -> tuple[float, float]:
    own = [plan for plan in plans if (plan.model, plan.recipe) == job.key]
    trials, has_ended = job.earlier()
    if has_ended:
        left = sum(finished_run(tuned_plan(plan, trials, job.quota)) is None for plan in own)
    else:
        left = max(0, (job.quota.trials or 0) - len(trials)) + len(own)
    one = [median(t.seconds for t in trials)] * 2 if trials else estimate_range(own[:1], source)[0]
    fewest, most = (left * seconds for seconds in one)
    if job.quota.seconds is None or has_ended:
        return fewest, most
    unspent = max(0.0, job.quota.seconds - sum(t.seconds for t in trials))
    return (unspent, unspent) if job.quota.trials is None else (min(fewest, unspent), min(most, unspent))


def tuning_text(plans: Sequence[Plan], source: Source) -> str:
    """What tuning the plans means, in one sentence."""
    jobs = list(tuning_jobs(plans, source).values())
    quota, recipes = jobs[0].quota, "1 recipe" if len(jobs) == 1 else f"each of {len(jobs)} recipes"
    runs = "the run with the best" if quota.seeds == 1 else f"the {quota.seeds} runs with the best"
    trials = f"{quota.trials} trials" if quota.trials else "trials"
    if quota.seconds is None:
        return f"First {trials} for {recipes}, then {runs}; trials that fall behind are stopped early."
    return f"{time_text(round(quota.seconds))} for {recipes}: {trials} and {runs}."
