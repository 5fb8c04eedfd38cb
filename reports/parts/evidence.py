"""The evidence of the verdict: one function for each kind of statement, none if it does not apply."""

from collections import Counter
from itertools import pairwise

import numpy as np

from bench.records import RunStatus
from reports import study
from reports.parts.balance import unequal_classes
from reports.parts.dataset import floor_texts
from reports.parts.history import before_and_after
from reports.parts.leak import leak_sentence
from reports.parts.pairs import pair_anchor, pair_sentence
from reports.study import Comparison, Contender, Crossing, Measured, Pair
from reports.words import big, clean, duration, listed, mid_sentence, model_name, percent, plural, points

MOST_UNFINISHED = 4
Clause = tuple[str, str]
"""One statement, and the id of the place that proves it."""


def image_variance(comparison: Comparison, pair: Pair | None) -> float:
    """Variance of the per-image difference of a pair; without predictions as if the two erred independently."""
    best = comparison.contenders[0].accuracy
    return (pair.variance if pair else None) or max(2 * best * (1 - best), 0.01)


def _against_others(comparison: Comparison) -> list[Clause]:
    best = comparison.best
    if not best:
        return []
    others = [c for c in comparison.contenders if c is not best]
    return [(pair_sentence(comparison, c, best), pair_anchor(c, best)) for c in others]


def _clean_images(comparison: Comparison) -> list[Clause]:
    if clean := comparison.few_clean:
        rows = []
        for c in comparison.contenders:
            few = clean.contenders[c.name]
            low, high = few.image_interval
            figures = f"{percent(few.accuracy)} ({percent(low)} to {percent(high)})"
            rows.append(f"{mid_sentence(c.name)} {percent(c.accuracy)} on all, {figures} on the clean ones")
        both = f"on all {comparison.contenders[0].images:,} test images, and on the {clean.images:,} that the weights"
        limits = "The first figure is too optimistic for pretrained models, the second too uncertain to decide"
        return [(f"Accuracy {both} have not seen: {'; '.join(rows)}. {limits}.", "fairness")]
    if not comparison.clean_images:
        return []
    seen = comparison.contenders[0].group.example.dataset.test - comparison.clean_images
    text = f"Accuracy counts only the {comparison.clean_images:,} test images that the pretrained weights have not seen"
    return [(f"{text}; they may have seen the other {seen:,}.", "fairness")]


def _smallest_gap(comparison: Comparison) -> list[Clause]:
    first, *others = comparison.fair or comparison.contenders
    pair = comparison.pair(first, others[0]) if others else None
    gap = study.smallest_detectable(first.images, image_variance(comparison, pair))
    sample = f"{plural(first.images, 'test image')}, {plural(len(first.by_seed), 'seed')}"
    text = f"The smallest gap between the leading models that this test can show is {points(gap)} ({sample})."
    return [(f"{text} A smaller gap may be chance.", "pairs" if others else "table")]


def unfinished_runs(comparison: Comparison) -> list[Clause]:
    """Runs that stalled or failed, and files that could not be used: no figure includes them."""
    groups = [g for g in comparison.study.groups if g.unfinished]
    texts = []
    for group in groups[:MOST_UNFINISHED]:
        counts = Counter(run.result.status for run in group.unfinished)
        parts = [f"{plural(counts[s], 'run')} {s}" for s in (RunStatus.STALLED, RunStatus.FAILED) if counts[s]]
        texts.append(f"{model_name(group.example.model.name)}: {listed(parts)}")
    if len(groups) > MOST_UNFINISHED:
        texts.append(plural(len(groups) - MOST_UNFINISHED, "more recipe"))
    clauses = [(f"Not in any figure: {'; '.join(texts)}.", "table")] if texts else []
    if comparison.left_out:
        files = plural(len(comparison.left_out), "stored file")
        clauses.append((f"{files} could not be used.", "left-out"))
    return clauses


def leaks(comparison: Comparison) -> list[Clause]:
    """A warning if test images are also in train, and what that means."""
    if not comparison.facts or not comparison.facts.leaked_images:
        return []
    images = plural(comparison.facts.leaked_images, "test image is", "test images are")
    text = f"Warning: {images} also in train, so accuracy here may be too optimistic."
    effect = leak_sentence(comparison)
    return [(f"{text} {effect}", "leak") if effect else (text, "dataset")]


def _time_to_accuracy(comparison: Comparison) -> list[Clause]:
    """How long each model needs to reach the final accuracy of the frozen one, on test or on validation images."""
    frozen = next((c for c in comparison.contenders if c.group.example.model.name == "frozen-vgg"), None)
    measured = study.measured_on([c.group for c in comparison.contenders])
    if not frozen or not measured or len(comparison.contenders) < 2:
        return []
    target, texts = frozen.group.accuracy, []
    if measured is Measured.VALIDATION:
        target = float(np.mean([run.epochs[-1].val_accuracy for run in frozen.group.runs]))
    for c in [c for c in comparison.contenders if c is not frozen]:
        by_seed = [study.seconds_to_reach(run, target, measured) for run in c.group.runs]
        reached = [seconds for seconds in by_seed if seconds is not None]
        if not reached:
            texts.append(f"{c.name} does not reach it in {plural(len(c.group.example.epochs), 'epoch')}")
        else:
            part = "" if len(reached) == len(by_seed) else f" in {len(reached)} of {len(by_seed)} seeds"
            texts.append(f"{c.name} needs {duration(float(np.mean(reached)))}{part}")
    own = duration(frozen.group.training_seconds)
    images = " on the validation images" if measured is Measured.VALIDATION else ""
    goal = f"Time to reach {percent(target)}{images}, the accuracy of {mid_sentence(frozen.name)} after {own}"
    return [(f"{goal}: {'; '.join(texts)}.", "curves")]


def _price_step(comparison: Comparison, a: Contender, b: Contender) -> str:
    name = mid_sentence(b.name)
    if not comparison.pair(a, b).is_clear:
        return f"more time for {name} brings no measurable gain"
    gain = 100 * (b.accuracy - a.accuracy)
    seconds = (b.group.training_seconds - a.group.training_seconds) / gain
    joules = [c.group.energy_joules for c in (a, b)]
    energy = (joules[1] - joules[0]) / gain if joules[0] and joules[1] else 0.0
    also = f" and {big(energy, 'J')}" if energy > 0 else ""
    return f"each point from there to {name} costs another {duration(seconds)}{also}"


def _price_per_point(comparison: Comparison) -> list[Clause]:
    """What each further point of accuracy costs along the Pareto front."""
    above = comparison.above_floor
    front = [above[i] for i in study.pareto([c.group.training_seconds for c in above], [c.accuracy for c in above])]
    if len(front) < 2 or comparison.few_clean:
        return []
    steps = [f"{front[0].name} takes {duration(front[0].group.training_seconds)}"]
    steps += [_price_step(comparison, a, b) for a, b in pairwise(front)]
    return [(f"Price per point: {'; '.join(steps)}.", "cost")]


def _certainty(crossing: Crossing) -> str:
    low, high = crossing.low, crossing.high
    if low is None and high is None:
        return "too few seeds or sizes to say how certain this is"
    if low is None:
        return f"certain only from {high:.0f}, undecided below"
    if high is None:
        return f"certain only up to {low:.0f}, undecided above"
    return f"certain up to {low:.0f} and from {high:.0f}, undecided in between"


def _training_images(comparison: Comparison) -> list[Clause]:
    """From how many images per class another model leads."""
    crossed = [
        f"Below about {x.images:.0f} images per class {mid_sentence(x.a.name)} leads, above it "
        f"{mid_sentence(x.b.name)} ({_certainty(x)})."
        for x in study.crossings(comparison)
    ]
    families = study.curves(comparison)
    if families and not crossed:
        sizes = [g.images_per_class for groups in families.values() for g in groups]
        tried = f"{min(sizes):.0f} to {max(sizes):.0f} images per class"
        crossed = [f"The order of the models is the same at every size tried, {tried}."]
    return [(text, "learning") for text in crossed]


def _floors(comparison: Comparison) -> list[Clause]:
    """The accuracy of trivial rules, and which models may not be better."""
    floor = comparison.floor
    if not floor or not comparison.facts or not comparison.facts.floors:
        return []
    under = [c.name for c in comparison.contenders if not study.is_shown_above(c, floor)]
    end = f"{listed(under)} may not be better." if under else "Every model is clearly above."
    rules = "; ".join(f"{rule} gives {accuracy}" for rule, accuracy in floor_texts(comparison.facts))
    return [(f"Floor: {rules}. {end}", "dataset")]


def _regressions(comparison: Comparison) -> list[Clause]:
    clauses = []
    for change in study.changes(comparison.study):
        if change.kind in study.REGRESSIONS:
            name = mid_sentence(model_name(change.group.example.model.name))
            what = "time per epoch" if change.kind in study.CHANGES_OF_TIME else "accuracy"
            before, after = before_and_after(change)
            commits = clean(change.commit_before, 20), clean(change.commit_after, 20)
            text = f"Regression: {what} of {name} was {before} ({commits[0]}) and is now {after} ({commits[1]})."
            clauses.append((text, "history"))
    return clauses


_TEST_SET = (_clean_images, _against_others, _smallest_gap, unequal_classes, unfinished_runs, leaks)
_BACKGROUND = (_time_to_accuracy, _price_per_point, _training_images, _floors, _regressions)


def evidence(comparison: Comparison) -> list[Clause]:
    """All statements about a comparison, in the order of the page; without contenders only what is missing."""
    if not comparison.contenders:
        return unfinished_runs(comparison)
    return [clause for kind in (*_TEST_SET, *_BACKGROUND) for clause in kind(comparison)]
