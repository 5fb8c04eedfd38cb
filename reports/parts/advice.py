"""Clauses of the verdict beyond who wins: floors, prices, budgets, amounts of data, and what would change it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reports.charts import price_of
from reports.study import Comparison, Contender, Pair, crossings, curves, reached, rising
from reports.study import statistics as st
from reports.words import MODEL_NAMES, big, clean, duration, listed, percent, plural, points, signed

MOST_LOST = 4
BUDGETS = (("under 1 minute of training", 60.0), ("under 10 minutes of training", 600.0))


@dataclass(frozen=True)
class Clause:
    """One statement with the id of the place that proves it."""

    text: str
    link: str


def variance(comparison: Comparison, pair: Pair | None) -> float:
    """Variance of the per-image difference of a pair, without its predictions as if the two erred independently."""
    best = comparison.contenders[0].accuracy
    return (pair.variance if pair else None) or max(2 * best * (1 - best), 0.01)


def smallest(comparison: Comparison) -> float:
    """The smallest difference between the two leading models that this test set can show, a fraction."""
    leading = comparison.contenders[:2]
    pair = comparison.pair(*leading) if len(leading) == 2 else None
    return st.smallest_detectable(leading[0].images, variance(comparison, pair))


def times_to(comparison: Comparison) -> list[Clause]:
    """How long each model needs for the accuracy that the frozen one ends with."""
    frozen = next((c for c in comparison.contenders if c.group.any.model.name == "frozen-vgg"), None)
    if not frozen or len(comparison.contenders) < 2:
        return []
    target, said = frozen.group.accuracy, []
    for c in comparison.contenders:
        if c is frozen:
            continue
        found = [reached(run, target) for run in c.group.runs]
        got = [t for t in found if t is not None]
        epochs = plural(len(c.group.any.epochs), "epoch")
        if not got:
            said.append(f"{c.name} never does in its {epochs}")
        else:
            part = "" if len(got) == len(found) else f" in {len(got)} of {len(found)} seeds"
            said.append(f"{c.name} needs {duration(float(np.mean(got)))}{part}")
    own = duration(frozen.group.training_seconds)
    return [Clause(f"Time to reach {frozen.name}'s {percent(target)} (it took {own}): {'; '.join(said)}.", "curves")]


def price(comparison: Comparison) -> list[Clause]:
    """What each further point of accuracy costs along the models that no other beats."""
    fair = [c for c in comparison.contenders if c.name not in comparison.unfair]
    front = st.pareto([c.group.training_seconds for c in fair], [c.accuracy for c in fair])
    steps = [f"{fair[front[0]].name} costs {duration(fair[front[0]].group.training_seconds)}"] if front else []
    for i, j in pairwise(front):
        a, b = fair[i], fair[j]
        if comparison.pair(a, b).clear:
            extra = (b.group.training_seconds - a.group.training_seconds) / (100 * (b.accuracy - a.accuracy))
            joules = [price_of(c.group, "joules") for c in (a, b)]
            energy = (joules[1] - joules[0]) / (100 * (b.accuracy - a.accuracy)) if joules[0] and joules[1] else None
            more = f" and {big(energy, 'J')}" if energy and energy > 0 else ""
            steps.append(f"each point from there to {b.name} costs {duration(extra)}{more} more")
        else:
            steps.append(f"more time for {b.name} buys nothing that can be shown")
    return [Clause(f"Price per point: {'; '.join(steps)}.", "cost")] if len(steps) > 1 else []


def learning(comparison: Comparison) -> list[Clause]:
    """From how many images per class another model leads."""
    said = []
    for x in crossings(comparison):
        if x.low is not None and x.high is not None:
            sure = f"sure up to {x.low:.0f} and from {x.high:.0f}, open between"
        elif x.high is not None:
            sure = f"sure only from {x.high:.0f}, open below"
        elif x.low is not None:
            sure = f"sure only up to {x.low:.0f}, open above"
        else:
            sure = "too few seeds or sizes to say how surely"
        said.append(
            Clause(
                f"With fewer than about {x.at:.0f} images per class {x.a.name} leads, with more {x.b.name} ({sure}).",
                "learning",
            )
        )
    found = curves(comparison)
    if found and not said:
        sizes = sorted({g.images_per_class for groups in found.values() for g in groups})
        said.append(
            Clause(
                f"The order of the models is the same at every size tried, {sizes[0]:.0f} to {sizes[-1]:.0f} "
                "images per class.",
                "learning",
            )
        )
    return said


def budgets(comparison: Comparison) -> list[tuple[str, str]]:
    """(limit, the best model within it) for a minute, for ten, and without a GPU."""
    fair = [c for c in comparison.contenders if c.name not in comparison.unfair]
    rows = []
    for words, limit in BUDGETS:
        within = [c for c in fair if c.group.training_seconds <= limit]
        rows.append((words, _best_of(comparison, within) or "none of these models"))
    kinds = {g.any.device.kind for g in comparison.study.groups if g.runs}
    if fair and fair[0].group.any.device.kind == "cpu":
        rows.append(("CPU only", f"{_best_of(comparison, fair)}: all of this ran on a CPU"))
    elif "cpu" in kinds:
        on_cpu = [g for g in comparison.study.groups if g.runs and g.any.device.kind == "cpu"]
        best = max(on_cpu, key=lambda g: g.accuracy)
        name = clean(MODEL_NAMES.get(best.any.model.name, best.any.model.name), 60)
        rows.append(("CPU only", f"{name}, {percent(best.accuracy)} in {duration(best.training_seconds)}"))
    elif fair:
        rows.append(("CPU only", "not tried; bench run all --device cpu would tell"))
    return rows


def _best_of(comparison: Comparison, within: list[Contender]) -> str | None:
    if not within:
        return None
    top = max(within, key=lambda c: c.accuracy)
    level = [c.name for c in within if c is not top and not comparison.pair(c, top).clear]
    also = f" (level with {listed(level)})" if level else ""
    return f"{top.name}, {percent(top.accuracy)} in {duration(top.group.training_seconds)}{also}"


def would_change(comparison: Comparison) -> list[str]:
    """What would remove each doubt that is left: seeds, images, epochs, a clean split, equal conditions."""
    rows, best = [], comparison.best
    if any(len(c.by_seed) < 2 for c in comparison.contenders):
        rows.append("More seeds: with one seed the luck of training is not measured; --seeds 3 would show it.")
    for other in comparison.tied[1:]:
        pair = comparison.pair(other, comparison.tied[0])
        gap = abs(pair.difference)
        if gap == 0:
            continue
        if not pair.beyond_images:
            need = st.images_needed(gap, variance(comparison, pair))
            who = f"{pair.a.name} against {pair.b.name}"
            rows.append(f"About {need:,} test images would settle {who}, if the gap of {points(gap)} is real.")
        if pair.beyond_seeds is False and pair.seeds and pair.seed_count > 1:
            seeds = st.seeds_needed(gap, st.deviation(pair.seeds, pair.seed_count))
            rows.append(
                f"About {seeds} seeds would settle {pair.a.name} against {pair.b.name}."
                if seeds
                else f"More seeds will hardly settle {pair.a.name} against {pair.b.name}: they are too alike."
            )
    still = [(c, gain) for c in comparison.contenders if (gain := rising(c.group))]
    if len(still) > 2:
        rows.append(f"More epochs: {listed([c.name for c, _ in still])} were still rising at their last epoch.")
    for c, gain in still if len(still) < 3 else []:
        span = max(1, len(c.group.any.epochs) // 3)
        last = "its last epoch" if span == 1 else f"its last {span} epochs"
        rows.append(f"More epochs: {c.name} was still rising, {signed(gain)} points in {last}.")
    if leaks(comparison):
        rows.append("A clean split: collect it anew with --train and --test, and what stands in both is taken out.")
    for name, reason in comparison.unfair.items():
        rows.append(f"Equal conditions for {name}: {reason}.")
    if best and not rows:
        rows.append("Other images. Nothing in these runs themselves leaves the order open.")
    return rows


def lost(comparison: Comparison) -> list[Clause]:
    """Runs that stalled or failed, and records that could not be used: they are in no figure, so they are named."""
    told = []
    groups = [g for g in comparison.study.groups if g.lost]
    for group in groups[:MOST_LOST]:
        statuses = [str(run.result.status) for run in group.lost]
        parts = [f"{plural(statuses.count(s), 'run')} {s}" for s in ("stalled", "failed") if s in statuses]
        name = clean(MODEL_NAMES.get(group.any.model.name, group.any.model.name), 60)
        told.append(f"{name}: {listed(parts)}")
    if len(groups) > MOST_LOST:
        told.append(f"{len(groups) - MOST_LOST} more recipes")
    clauses = [Clause(f"Not in any figure: {'; '.join(told)}.", "table")] if told else []
    if number := len(comparison.study.left_out):
        clauses.append(Clause(f"{plural(number, 'stored file')} could not be used.", "left-out"))
    return clauses


def leaks(comparison: Comparison) -> list[Clause]:
    """That test images stand in train too, where they do."""
    run = comparison.contenders[0].group.any
    facts = comparison.study.facts.get(run.dataset.manifest_sha256)
    if not facts or not facts[0].leaks:
        return []
    told = plural(facts[0].leaks, "image stands", "images stand")
    return [Clause(f"Careful: {told} in train and test alike, so every accuracy here flatters.", "dataset")]


def floors(comparison: Comparison) -> list[Clause]:
    """What trivial rules reach, and which models cannot be shown to clear it."""
    facts = comparison.study.facts.get(comparison.contenders[0].group.any.dataset.manifest_sha256)
    floors = facts[0].floors if facts else {}
    names = {
        "majority": "always naming the commonest class",
        "trivial": "a rule on size, colour, borders and file size alone",
    }
    said = [f"{names.get(k, k)} gives {percent(v)}" for k, v in floors.items()]
    if not said:
        return []
    height = max(floors.values())
    under = [c.name for c in comparison.contenders if any(i and i[0] <= height for i in (c.image_interval, c.interval))]
    end = f" {listed(under)} cannot be shown to be better." if under else " Every model is clearly above."
    return [Clause(f"The floor: {'; '.join(said)}.{end}", "dataset")]
