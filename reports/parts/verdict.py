"""The answer in plain words: what to take, how sure that is, what it costs and what would change it."""

from dataclasses import dataclass

from reports.parts import advice
from reports.study import Comparison, Contender, Pair, changes
from reports.words import MODEL_NAMES, anchor, clean, duration, listed, percent, plural, points, signed, times


@dataclass(frozen=True)
class Verdict:
    """`title` answers the question, `clauses` are its evidence, `budgets` what to take under a limit."""

    title: str
    clauses: list[advice.Clause]
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


def doubt(pair: Pair, pairs: int) -> str:
    """Why a difference cannot be told from luck; `pairs` were compared in all."""
    reasons = []
    if pair.blocked:
        return f"not a fair comparison ({pair.blocked})"
    if not pair.beyond_images:
        many = f" after correcting for {pairs} comparisons" if pairs > 1 else ""
        by = f", p = {pair.p:.2f}{many}" if pair.p is not None else ""
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
    why = doubt(pair, len(comparison.pairs))
    if pair.blocked:
        return f"{best.name} against {other.name}: {signed(pair.difference)} points, but {why}."
    return f"{best.name} or {other.name}: cannot tell. {change}; {why}."


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
    new = f"{comparison.clean_images:,} test images new to its weights" if comparison.clean_images else "test images"
    right = f"{percent(best.accuracy)} of the {new} right"
    fair = [c for c in comparison.contenders if c.name not in comparison.unfair]
    if len(comparison.contenders) == 1:
        return f"{best.name}: {right}; nothing yet to compare it with"
    if len(fair) == 1:
        return f"{best.name}: {right}; the other models ran under other conditions"
    if len(comparison.tied) > 1:
        names = [c.name for c in comparison.tied]
        cheapest, *_, slowest = sorted(comparison.tied, key=lambda c: c.group.training_seconds)
        saved = _ratio(slowest, cheapest)
        why = f": it trains {times(saved)} faster than {slowest.name}" if saved > 1.05 else ""
        return f"Cannot tell {listed(names)} apart. Take {cheapest.name}{why}"
    return f"Take {best.name}: {right}, {points(best.accuracy - fair[1].accuracy)} more than {fair[1].name}"


def judge(comparison: Comparison) -> Verdict:
    """The verdict of a comparison; says `cannot tell` where that is the truth."""
    best, clauses = comparison.best, []
    if not comparison.contenders:
        why = ["A run that finishes; what is stored of those that did not stands below."]
        return Verdict(_title(comparison), advice.lost(comparison), [], why)
    if best:
        others = [c for c in comparison.contenders if c is not best]
        clauses += [advice.Clause(against(comparison, c, best), pair_anchor(c, best)) for c in others]
    first = comparison.contenders[0]
    if comparison.clean_images:
        clauses.append(
            advice.Clause(
                f"Judged on the {comparison.clean_images:,} test images that the pretrained weights have not seen; "
                f"{first.group.any.dataset.test - comparison.clean_images:,} others they may have seen.",
                "fairness",
            )
        )
    clauses.append(
        advice.Clause(
            f"Smallest gap this test can show between the leading models: {points(advice.smallest(comparison))} "
            f"({plural(first.images, 'test image')}, {plural(len(first.by_seed), 'seed')}). Smaller ones may be luck.",
            "pairs",
        )
    )
    for part in (advice.lost, advice.leaks, advice.times_to, advice.price, advice.learning, advice.floors):
        clauses += part(comparison)
    for change in changes(comparison.study):
        if change.kind in ("worse", "slower"):
            was, now = (
                (percent(change.before), percent(change.after))
                if change.kind == "worse"
                else (duration(change.before), duration(change.after))
            )
            model = change.group.any.model.name
            name = clean(MODEL_NAMES.get(model, model), 60)
            what = "accuracy" if change.kind == "worse" else "time per epoch"
            clauses.append(
                advice.Clause(
                    f"Regression: {name}, {what} {was} before ({change.commit_before}), "
                    f"{now} now ({change.commit_after}).",
                    "history",
                )
            )
    return Verdict(_title(comparison), clauses, advice.budgets(comparison), advice.would_change(comparison))
