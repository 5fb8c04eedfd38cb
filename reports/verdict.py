"""The answer in plain words: what to take, how sure that is, what it costs and what would change it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reports import statistics as st
from reports.compare import Comparison, Contender, Pair
from reports.history import changes
from reports.learning import crossings, curves, reached, rising
from reports.words import MODEL_NAMES, anchor, clean, duration, listed, percent, plural, points, signed, times

BUDGETS = (("under 1 minute of training", 60.0), ("under 10 minutes of training", 600.0))


@dataclass(frozen=True)
class Clause:
    """One statement with the id of the place that proves it."""

    text: str
    link: str


@dataclass(frozen=True)
class Verdict:
    """`title` answers the question, `clauses` are its evidence, `budgets` what to take under a limit."""

    title: str
    clauses: list[Clause]
    budgets: list[tuple[str, str]]
    would_change: list[str]


def pair_anchor(a: Contender, b: Contender) -> str:
    """The id of the comparison of two contenders, the same in either direction."""
    return "pair-" + "-".join(sorted((anchor(a.name), anchor(b.name))))


def spread(pair: Pair) -> str:
    """The interval of a pair's difference and what it is taken over."""
    low, high = pair.interval
    over = plural(pair.seed_count, "seed") if pair.seeds else "test images, 1 seed"
    return f"{signed(low)} to {signed(high)}, {over}"


def doubt(pair: Pair) -> str:
    """Why a difference cannot be told from luck."""
    reasons = []
    if pair.blocked:
        return f"not a fair comparison ({pair.blocked})"
    if not pair.beyond_images:
        by = f", p = {pair.p:.2f}" if pair.p is not None else ""
        reasons.append(f"so few test images can show such a gap by chance{by}")
    if pair.beyond_seeds is False:
        reasons.append("from seed to seed the results move by as much")
    return " and ".join(reasons)


def _cost(ratio: float) -> str:
    if 0.95 <= ratio <= 1.05:
        return "for about the same training time"
    return f"for {times(ratio)} the training time" if ratio > 1 else f"and it trains {times(1 / ratio)} faster"


def against(comparison: Comparison, other: Contender, best: Contender) -> str:
    """One sentence on `best` against `other`."""
    pair = comparison.pair(other, best)
    change = f"{signed(pair.difference)} points over {other.name} ({spread(pair)})"
    cost = _cost(_ratio(best, other))
    if pair.clear:
        return f"{best.name}: {change}, {cost}."
    if pair.blocked:
        return f"{best.name} against {other.name}: {signed(pair.difference)} points, but {doubt(pair)}."
    return f"{best.name} or {other.name}: cannot tell. {change}; {doubt(pair)}."


def _ratio(a: Contender, b: Contender) -> float:
    return a.group.training_seconds / max(b.group.training_seconds, 1e-9)


def _title(comparison: Comparison) -> str:
    best = comparison.best
    if best is None:
        return "No finished run to judge"
    facts = comparison.study.facts.get(best.group.any.dataset.manifest_sha256)
    floor = facts[0].floors.get("majority", 0.0) if facts else 0.0
    if best.image_interval[0] <= max(floor, 1 / len(best.group.any.dataset.classes)):
        return "No model has learnt the task: none is better than guessing"
    right = f"{percent(best.accuracy)} of the test images right"
    fair = [c for c in comparison.contenders if c.name not in comparison.unfair]
    if len(comparison.contenders) == 1:
        return f"{best.name}: {right}; nothing yet to compare it with"
    if len(fair) == 1:
        return f"{best.name}: {right}; the other models ran under other conditions"
    if len(comparison.tied) > 1:
        names = [c.name for c in comparison.tied]
        cheapest, *_, slowest = sorted(comparison.tied, key=lambda c: c.group.training_seconds)
        saved = _ratio(slowest, cheapest)
        why = f": it trains {times(saved)} faster" if saved > 1.05 else ""
        return f"Cannot tell {listed(names)} apart. Take {cheapest.name}{why}"
    return f"Take {best.name}: {right}, {points(best.accuracy - fair[1].accuracy)} more than {fair[1].name}"


def _variance(comparison: Comparison, pair: Pair | None) -> float:
    """Variance of the per-image difference of a pair, without its predictions as if the two erred independently."""
    best = comparison.contenders[0].accuracy
    return (pair.variance if pair else None) or max(2 * best * (1 - best), 0.01)


def smallest(comparison: Comparison) -> float:
    """The smallest difference between the two leading models that this test set can show, a fraction."""
    leading = comparison.contenders[:2]
    pair = comparison.pair(*leading) if len(leading) == 2 else None
    return st.smallest_detectable(leading[0].images, _variance(comparison, pair))


def _times_to(comparison: Comparison) -> list[Clause]:
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


def _price(comparison: Comparison) -> list[Clause]:
    fair = [c for c in comparison.contenders if c.name not in comparison.unfair]
    front = st.pareto([c.group.training_seconds for c in fair], [c.accuracy for c in fair])
    steps = [f"{fair[front[0]].name} costs {duration(fair[front[0]].group.training_seconds)}"] if front else []
    for i, j in pairwise(front):
        a, b = fair[i], fair[j]
        if comparison.pair(a, b).clear:
            extra = (b.group.training_seconds - a.group.training_seconds) / (100 * (b.accuracy - a.accuracy))
            steps.append(f"each point from there to {b.name} costs {duration(extra)} more")
        else:
            steps.append(f"more time for {b.name} buys nothing that can be shown")
    return [Clause(f"Price per point: {'; '.join(steps)}.", "cost")] if len(steps) > 1 else []


def _learning(comparison: Comparison) -> list[Clause]:
    said = []
    for x in crossings(comparison):
        if x.low is not None and x.high is not None:
            sure = f"sure up to {x.low:.0f} and from {x.high:.0f}, open between"
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


def _budgets(comparison: Comparison) -> list[tuple[str, str]]:
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
        rows.append(("CPU only", "not tried; `bench run all --device cpu` would tell"))
    return rows


def _best_of(comparison: Comparison, within: list[Contender]) -> str | None:
    if not within:
        return None
    top = max(within, key=lambda c: c.accuracy)
    level = [c.name for c in within if c is not top and not comparison.pair(c, top).clear]
    also = f" (level with {listed(level)})" if level else ""
    return f"{top.name}, {percent(top.accuracy)} in {duration(top.group.training_seconds)}{also}"


def _would_change(comparison: Comparison) -> list[str]:
    rows, best = [], comparison.best
    if any(len(c.by_seed) < 2 for c in comparison.contenders):
        rows.append("More seeds: with one seed the luck of training is not measured. `--seeds 3` shows it.")
    for other in comparison.tied[1:]:
        pair = comparison.pair(other, comparison.tied[0])
        gap = abs(pair.difference)
        if gap == 0:
            continue
        if not pair.beyond_images:
            need = st.images_needed(gap, _variance(comparison, pair))
            who = f"{pair.a.name} against {pair.b.name}"
            rows.append(f"About {need:,} test images would settle {who}, if the gap of {points(gap)} is real.")
        if pair.beyond_seeds is False and pair.seeds and pair.seed_count > 1:
            half = (pair.seeds[1] - pair.seeds[0]) / 2
            spread = half * np.sqrt(pair.seed_count) / st.stats.t.ppf(0.975, pair.seed_count - 1)
            seeds = st.seeds_needed(gap, float(spread))
            rows.append(
                f"About {seeds} seeds would settle {pair.a.name} against {pair.b.name}."
                if seeds
                else f"More seeds will hardly settle {pair.a.name} against {pair.b.name}: they are too alike."
            )
    for c in comparison.contenders:
        if gain := rising(c.group):
            span = max(1, len(c.group.any.epochs) // 3)
            last = "its last epoch" if span == 1 else f"its last {span} epochs"
            rows.append(f"More epochs: {c.name} was still rising, {signed(gain)} points in {last}.")
    for name, reason in comparison.unfair.items():
        rows.append(f"Equal conditions for {name}: {reason}.")
    if best and not rows:
        rows.append("Other photos. Nothing in these runs themselves leaves the order open.")
    return rows


def _floors(comparison: Comparison) -> list[Clause]:
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
    under = [c.name for c in comparison.contenders if c.image_interval[0] <= height]
    end = f" {listed(under)} cannot be shown to be better." if under else " Every model is clearly above."
    return [Clause(f"The floor: {'; '.join(said)}.{end}", "dataset")]


def judge(comparison: Comparison) -> Verdict:
    """The verdict of a comparison; says `cannot tell` where that is the truth."""
    best, clauses = comparison.best, []
    if not comparison.contenders:
        return Verdict(_title(comparison), [], [], ["A run that finishes: the conditions below say why none did."])
    if best:
        others = [c for c in comparison.contenders if c is not best]
        clauses += [Clause(against(comparison, c, best), pair_anchor(c, best)) for c in others]
    first = comparison.contenders[0]
    if comparison.clean_images:
        clauses.append(
            Clause(
                f"Judged on the {comparison.clean_images:,} test images that the pretrained weights have not seen; "
                f"{first.group.any.dataset.test - comparison.clean_images:,} others were in the pretraining set.",
                "fairness",
            )
        )
    clauses.append(
        Clause(
            f"Smallest gap this test can show between the leading models: {points(smallest(comparison))} "
            f"({plural(first.images, 'test image')}, {plural(len(first.by_seed), 'seed')}). Smaller ones may be luck.",
            "pairs",
        )
    )
    clauses += _times_to(comparison) + _price(comparison) + _learning(comparison) + _floors(comparison)
    for change in changes(comparison.study):
        if change.kind in ("worse", "slower"):
            was, now = (
                (percent(change.before), percent(change.after))
                if change.kind == "worse"
                else (duration(change.before), duration(change.after))
            )
            what = "accuracy" if change.kind == "worse" else "time per epoch"
            clauses.append(
                Clause(
                    f"Regression: {change.group.any.model.name}, {what} {was} before ({change.commit_before}), "
                    f"{now} now ({change.commit_after}).",
                    "history",
                )
            )
    return Verdict(_title(comparison), clauses, _budgets(comparison), _would_change(comparison))
