"""What would change the verdict: for each doubt what would remove it, the most important first."""

from math import log10

from bench.records import RunStatus, StopReason
from reports.parts.balance import more_images
from reports.parts.evidence import image_variance, leaks
from reports.parts.leak import CLEAN_SPLIT
from reports.parts.title import FORMAT_RULE, floor_name, is_format_a_shortcut
from reports.study import (
    Comparison,
    Floor,
    FloorRule,
    Lack,
    Outcome,
    Pair,
    deviation,
    images_needed,
    late_gain,
    seeds_needed,
)
from reports.words import clean, listed, mid_sentence, plural, points, signed

SMALL_GAP = 0.01
MOST_IMAGES, MOST_SEEDS = 10_000, 20
"""A gap below SMALL_GAP that needs more than this to be shown is called too small to matter."""

STOP_LIMITS = {
    StopReason.CEILING: "the largest number of steps; raise it with --set max_steps=N",
    StopReason.TIME: "the time limit; give more time with --budget",
}


def _rounded(number: int) -> str:
    """A count with two significant digits."""
    return f"{round(number, 1 - int(log10(max(number, 1)))):,}"


def _one_format() -> str:
    return (
        "One format for all classes: take every class from the same sources, and crop and resize all photos to the "
        f"same shape before collecting again. As long as {FORMAT_RULE} tell the classes apart, high accuracy does not "
        "show that a model looks at the content."
    )


def _rarer_classes(comparison: Comparison, floor: Floor) -> str:
    counts = comparison.facts.counts.get("train", {}) if comparison.facts else {}
    rarest = min(counts, key=lambda name: counts[name], default=None)
    of = f", above all of {clean(rarest, 40)} ({plural(counts[rarest], 'image')} in train)" if rarest else ""
    return (
        f"More images of the rarer classes{of}: as long as {floor_name(floor)} is correct so often, accuracy hardly "
        "shows whether a model tells the classes apart."
    )


def _better_training(comparison: Comparison) -> str:
    rules = {str(c.group.example.recipe.get("epochs")) for c in comparison.contenders}
    longer = "" if rules == {"auto"} else " train longer (--epochs),"
    return f"Better training:{longer} try other learning rates (--set lr=...), and check that the labels are correct."


def _above_floor_images(comparison: Comparison, floor: Floor) -> str:
    best = comparison.fair[0]
    gap, p = best.accuracy - floor.height, max(best.accuracy * (1 - best.accuracy), 0.01)
    about = (
        f": about {_rounded(images_needed(gap, p))} would show that {mid_sentence(best.name)} does better"
        if gap > 0
        else ""
    )
    return f"More test images{about}."


def _for_outcome(comparison: Comparison) -> list[str]:
    """What the decision itself lacks."""
    decision, floor = comparison.decision, comparison.floor
    if decision.outcome is Outcome.FEW_CLEAN:
        return [
            "More clean test images: collect test photos that are not in the pretraining set; for Imagenette and "
            "Imagewoof use --set holdout_clean=true."
        ]
    if floor and decision.outcome in (Outcome.BELOW_FLOOR, Outcome.UNSURE):
        if floor.is_format:
            return [_one_format()]
        if floor.rule is FloorRule.MAJORITY:
            return more_images(comparison) or [_rarer_classes(comparison, floor)]
        if decision.outcome is Outcome.BELOW_FLOOR:
            return [_better_training(comparison)]
        if decision.lack is Lack.IMAGES:
            return [_above_floor_images(comparison, floor)]
        varies = f"{mid_sentence(comparison.fair[0].name)} varies too much from seed to seed"
        return [f"Steadier training: a lower learning rate (--set lr=...), then more seeds; {varies}."]
    return [_one_format()] if is_format_a_shortcut(comparison) else []


def _more_of_the_same(comparison: Comparison, pair: Pair) -> list[str]:
    """What would separate a tied pair, or that their difference is too small to matter."""
    gap, rows = abs(pair.difference), []
    names = f"{mid_sentence(pair.a.name)} and {mid_sentence(pair.b.name)}"
    if gap == 0:
        return [f"Harder test images: on these, {names} have the same accuracy."]
    images = 0 if pair.is_beyond_images else images_needed(gap, image_variance(comparison, pair))
    spread = pair.is_beyond_seeds is False and pair.seeds and deviation(pair.seeds, pair.seed_count)
    seeds = seeds_needed(gap, spread) if spread else 0
    if gap < SMALL_GAP and (images > MOST_IMAGES or seeds is None or seeds > MOST_SEEDS):
        return [f"The gap of {points(gap)} between {names} is too small to matter: choose by cost."]
    if images:
        rows.append(
            f"About {_rounded(images)} test images would separate {names}, if the gap of {points(gap)} is real."
        )
    if spread:
        too_similar = f"More seeds are unlikely to separate {names}: each varies too much from seed to seed."
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


def _stopped_early(comparison: Comparison) -> list[str]:
    """The limit to raise for models whose training ended before validation was flat."""
    rows = []
    for reason, limit in STOP_LIMITS.items():
        runs = [(c.name, run.training) for c in comparison.contenders for run in c.group.runs]
        if names := list(dict.fromkeys(name for name, training in runs if training and training.stop is reason)):
            rows.append(f"Longer training: {listed(names)} reached {limit}.")
    return rows


def _stalled(comparison: Comparison) -> list[str]:
    names = [
        c.name for c in comparison.contenders if any(r.result.status is RunStatus.STALLED for r in c.group.unfinished)
    ]
    return [f"A lower learning rate (--set lr=...) for {listed(names)}: some of the runs stalled."] if names else []


def _more_seeds(comparison: Comparison) -> list[str]:
    if all(len(c.by_seed) > 1 for c in comparison.fair):
        return []
    return ["More seeds: one seed does not show how much training varies; use --seeds 3."]


def would_change(comparison: Comparison) -> list[str]:
    """What would remove each remaining doubt. The first row is the next step to take."""
    if not comparison.contenders:
        return ["A run that finishes. The runs and files that cannot be used are listed below."]
    images = more_images(comparison)
    rows = [*dict.fromkeys([*_for_outcome(comparison), *images]), *_stalled(comparison)]
    is_above = comparison.decision.outcome not in (Outcome.BELOW_FLOOR, Outcome.UNSURE)
    if is_above and comparison.decision.outcome is not Outcome.FEW_CLEAN:
        for other in comparison.tied[1:]:
            rows += _more_of_the_same(comparison, comparison.pair(other, comparison.tied[0]))
        rows += [] if images else _more_seeds(comparison)
    rows += _stopped_early(comparison) + _more_epochs(comparison)
    if leaks(comparison):
        rows.append(f"A clean split: {CLEAN_SPLIT}.")
    for c in comparison.contenders:
        if reasons := comparison.unfair_text(c):
            rows.append(f"Equal conditions for {mid_sentence(c.name)}: {reasons}.")
    if len(comparison.contenders) == 1:
        rows.append("Another model to compare it with: bench run all.")
    elif comparison.best and not rows:
        rows.append("Only other images: these runs leave no doubt about the order.")
    return rows
