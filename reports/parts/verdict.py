"""The answer in plain words: which model to use, how certain that is, what it costs, what would change it."""

from reports.charts import TRAINING_TIME, accuracy_by_cost
from reports.parts.balance import more_images
from reports.parts.evidence import evidence, image_variance, leaks
from reports.parts.leak import CLEAN_SPLIT
from reports.parts.pairs import time_ratio
from reports.parts.part import Part
from reports.study import Comparison, Contender, Pair, deviation, images_needed, late_gain, seeds_needed
from reports.words import duration, listed, mid_sentence, model_name, percent, points, signed, times

BUDGETS = (("under 1 minute of training", 60.0), ("under 10 minutes of training", 600.0))


def verdict_title(comparison: Comparison) -> str:
    """The answer in one sentence; a tie is called a tie."""
    best = comparison.best
    if best is None:
        return "No run has finished yet"
    if _has_learned_nothing(comparison, best):
        return "No model has learned the task: none does better than guessing"
    accuracy = f"{percent(best.accuracy)} test accuracy"
    if images := comparison.clean_images:
        accuracy = f"{percent(best.accuracy)} accuracy on the {images:,} test images new to its weights"
    if len(comparison.contenders) == 1:
        return f"{best.name}: {accuracy}; there is no other model to compare it with yet"
    if len(comparison.fair) == 1:
        return f"{best.name}: {accuracy}; the other models ran under different conditions"
    if len(comparison.tied) == 1:
        second = comparison.fair[1]
        gap = points(best.accuracy - second.accuracy)
        return f"Use {mid_sentence(best.name)}: {accuracy}, {gap} above {mid_sentence(second.name)}"
    first, *others = [c.name for c in comparison.tied]
    cheapest, *_, slowest = sorted(comparison.tied, key=lambda c: c.group.training_seconds)
    saved = time_ratio(slowest, cheapest)
    why = f": it trains {times(saved)} faster than {mid_sentence(slowest.name)}" if saved > 1.05 else ""
    names = listed([first, *map(mid_sentence, others)])
    return f"{names} are statistically tied. Use {mid_sentence(cheapest.name)}{why}"


def recommended(comparison: Comparison) -> Contender | None:
    """The model that the title recommends: the best, or the fastest of those tied with it; None if none is."""
    if comparison.best is None or _has_learned_nothing(comparison, comparison.best):
        return None
    return min(comparison.tied, key=lambda c: c.group.training_seconds)


def _has_learned_nothing(comparison: Comparison, best: Contender) -> bool:
    floor = comparison.facts.floors.get("majority", 0.0) if comparison.facts else 0.0
    return best.image_interval[0] <= max(floor, 1 / len(best.group.example.dataset.classes))


def _best_of(comparison: Comparison, candidates: list[Contender]) -> str | None:
    if not candidates:
        return None
    top = max(candidates, key=lambda c: c.accuracy)
    tied = [mid_sentence(c.name) for c in candidates if c is not top and not comparison.pair(c, top).is_clear]
    also = f" (tied with {listed(tied)})" if tied else ""
    return f"{top.name}, {percent(top.accuracy)} in {duration(top.group.training_seconds)}{also}"


def _without_gpu(comparison: Comparison) -> str | None:
    """The best model among the runs on a CPU; None if there is neither such a run nor any to compare."""
    fair = comparison.fair
    if fair and fair[0].group.example.device.kind == "cpu":
        return f"{_best_of(comparison, fair)}: all these runs used a CPU"
    on_cpu = [g for g in comparison.study.groups if g.runs and g.example.device.kind == "cpu"]
    if not on_cpu:
        return "not measured; run `bench run all --device cpu`" if fair else None
    best = max(on_cpu, key=lambda g: g.accuracy)
    return f"{model_name(best.example.model.name)}, {percent(best.accuracy)} in {duration(best.training_seconds)}"


def budgets(comparison: Comparison) -> list[tuple[str, str]]:
    """(limit, the best model within it) for a minute, for ten, and without a GPU."""
    rows = []
    for words, limit in BUDGETS:
        within = [c for c in comparison.fair if c.group.training_seconds <= limit]
        rows.append((words, _best_of(comparison, within) or "none of these models"))
    without_gpu = _without_gpu(comparison)
    return [*rows, ("CPU only", without_gpu)] if without_gpu else rows


def _more_of_the_same(comparison: Comparison, pair: Pair) -> list[str]:
    """How many images and seeds would separate a tied pair."""
    gap, rows = abs(pair.difference), []
    names = f"{mid_sentence(pair.a.name)} and {mid_sentence(pair.b.name)}"
    if gap == 0:
        return []
    if not pair.is_beyond_images:
        images = images_needed(gap, image_variance(comparison, pair))
        rows.append(f"About {images:,} test images would separate {names}, if the gap of {points(gap)} is real.")
    if pair.is_beyond_seeds is False and pair.seeds and pair.seed_count > 1:
        seeds = seeds_needed(gap, deviation(pair.seeds, pair.seed_count))
        too_similar = f"More seeds are unlikely to separate {names}: their results are too similar."
        rows.append(f"About {seeds} seeds would separate {names}." if seeds else too_similar)
    return rows


def _more_epochs(comparison: Comparison) -> list[str]:
    improving = [(c, gain) for c in comparison.contenders if (gain := late_gain(c.group))]
    if len(improving) > 2:
        return [f"More epochs: {listed([c.name for c, _ in improving])} were still improving at their last epoch."]
    rows = []
    for c, gain in improving:
        span = max(1, len(c.group.example.epochs) // 3)
        epochs = "its last epoch" if span == 1 else f"its last {span} epochs"
        rows.append(f"More epochs: {c.name} was still improving, {signed(gain)} points in {epochs}.")
    return rows


def would_change(comparison: Comparison) -> list[str]:
    """What would remove each remaining doubt: seeds, images, epochs, a clean split, equal conditions."""
    if not comparison.contenders:
        return ["A run that finishes. The runs and files that cannot be used are listed below."]
    rows = more_images(comparison)
    if not rows and any(len(c.by_seed) < 2 for c in comparison.contenders):
        rows.append("More seeds: one seed does not show how much training varies; use --seeds 3.")
    for other in comparison.tied[1:]:
        rows += _more_of_the_same(comparison, comparison.pair(other, comparison.tied[0]))
    rows += _more_epochs(comparison)
    if leaks(comparison):
        rows.append(f"A clean split: {CLEAN_SPLIT}.")
    for c in comparison.contenders:
        if reasons := comparison.unfair_text(c):
            rows.append(f"Equal conditions for {mid_sentence(c.name)}: {reasons}.")
    if comparison.best and not rows:
        rows.append("Only other images: these runs leave no doubt about the order.")
    return rows


def part(comparison: Comparison) -> Part:
    """The evidence, the best choices, the remaining doubts, and the chart of accuracy against training time."""
    chart = accuracy_by_cost(comparison, TRAINING_TIME)
    values: dict[str, object] = {
        "clauses": evidence(comparison),
        "budgets": budgets(comparison) if comparison.contenders else [],
        "would_change": would_change(comparison),
        "chart": chart,
    }
    return Part("verdict", "Verdict", "What the runs show", values, [chart] if chart else [])
