"""The answer in plain words: which model to use, how certain that is, what it costs, what would change it."""

from dataclasses import replace

from reports.charts import TRAINING_TIME, accuracy_by_cost, judged_on
from reports.parts.evidence import evidence
from reports.parts.part import Part
from reports.parts.remedies import would_change
from reports.study import Comparison, Contender, Outcome, compare_study
from reports.words import duration, listed, mid_sentence, percent

BUDGETS = (("under 1 minute", 60.0), ("under 10 minutes", 600.0))


def _best_of(comparison: Comparison, candidates: list[Contender]) -> str | None:
    """The model to use among some contenders, by the same rules as the title; None if none can be recommended."""
    decision = comparison.decide_among(candidates)
    if decision is None:
        return None
    choice, names = decision.choice, [c.name for c in decision.named]
    if choice is None:
        return f"not decided between {listed([names[0], *map(mid_sentence, names[1:])])}"
    tied = [mid_sentence(c.name) for c in decision.named if c is not choice]
    also = f" (tied with {listed(tied)})" if tied else ""
    return f"{choice.name}, {percent(choice.accuracy)} in {duration(choice.group.price_seconds)}{also}"


def _without_gpu(comparison: Comparison) -> str | None:
    """The model to use among the runs on a CPU; None if there is neither such a run nor any to compare."""
    contenders = comparison.contenders
    if contenders and contenders[0].group.example.device.kind == "cpu":
        best = _best_of(comparison, contenders)
        return f"{best}: all these runs used a CPU" if best else None
    groups = tuple(g for g in comparison.study.groups if g.runs and g.example.device.kind == "cpu")
    if not groups:
        return "not measured; run `bench run all --device cpu`" if comparison.above_floor else None
    on_cpu = compare_study(replace(comparison.study, groups=groups))
    best = _best_of(on_cpu, on_cpu.contenders)
    return f"{best}: other runs, on a CPU" if best else "none of the models is shown to do better than the floor"


def budgets(comparison: Comparison) -> list[tuple[str, str]]:
    """(limit, the model to use within it) for a minute, for ten, and without a GPU; empty if nothing is recommended."""
    if not comparison.above_floor or comparison.decision.outcome is Outcome.FEW_CLEAN:
        return []
    is_tuned = any(c.group.tuning_seconds for c in comparison.above_floor)
    rows = []
    for words, limit in BUDGETS:
        within = [c for c in comparison.above_floor if c.group.price_seconds <= limit]
        rows.append(
            (
                f"{words} {'with tuning' if is_tuned else 'of training'}",
                _best_of(comparison, within) or "none of these models",
            )
        )
    without_gpu = _without_gpu(comparison)
    return [*rows, ("CPU only", without_gpu)] if without_gpu else rows


def part(comparison: Comparison) -> Part:
    """The evidence, the best choices, the remaining doubts, and the chart of accuracy against training time."""
    chart = accuracy_by_cost(comparison, TRAINING_TIME)
    values: dict[str, object] = {
        "clauses": evidence(comparison),
        "budgets": budgets(comparison),
        "judged_on": judged_on(comparison),
        "would_change": would_change(comparison),
        "chart": chart,
    }
    return Part("verdict", "Verdict", "What the runs show", values, [chart] if chart else [])
