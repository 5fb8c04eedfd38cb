"""Two models side by side: their difference, its doubts, and the images on which they disagree."""

import re

from reports.parts.images import MOST_FLIPS, Shot, shown_predictions
from reports.parts.part import Part
from reports.study import Comparison, Contender, Pair
from reports.words import PERCENT, clean, duration, is_about_one, listed, mid_sentence, plural, points, signed, times


def pair_anchor(a: Contender, b: Contender) -> str:
    """The id of the comparison of two contenders, the same in either direction."""
    names = sorted(re.sub(r"[^a-z0-9]+", "-", c.name.lower()).strip("-") or "x" for c in (a, b))
    return f"pair-{'-'.join(names)}"


def time_ratio(a: Contender, b: Contender) -> float:
    """The training time of `a` in multiples of that of `b`."""
    return a.group.training_seconds / max(b.group.training_seconds, 1e-9)


def _spread(pair: Pair) -> str:
    """The interval of a pair's difference and what it is taken over."""
    low, high = pair.interval
    over = plural(pair.seed_count, "seed") if pair.seeds else "test images, 1 seed"
    return f"95{PERCENT} interval {signed(low)} to {signed(high)}, {over}"


def _doubts(pair: Pair, pairs: int) -> str:
    """Why a difference may be chance; `pairs` is the number of comparisons."""
    reasons = []
    if not pair.is_beyond_images:
        correction = f" after correction for {pairs} comparisons" if pairs > 1 else ""
        p = f" (p = {pair.p:.2f}{correction})" if pair.p is not None else ""
        reasons.append(f"with so few test images, chance alone can cause such a gap{p}")
    if pair.is_beyond_seeds is False:
        reasons.append("results vary as much from seed to seed")
    return " and ".join(reasons)


def _cost(ratio: float) -> str:
    if is_about_one(ratio):
        return "with about the same training time"
    return f"with {times(ratio)} the training time" if ratio > 1 else f"and it trains {times(1 / ratio)} faster"


def pair_sentence(comparison: Comparison, other: Contender, best: Contender) -> str:
    """One sentence on `best` against `other`."""
    pair, name = comparison.pair(other, best), mid_sentence(other.name)
    side = "above" if pair.difference >= 0 else "below"
    where = " on all test images" if comparison.few_clean else ""
    gap = f"{best.name} is {points(pair.difference)} {side} {name}{where}"
    if not pair.is_fair:
        unfair = [(c.name, text) for c in (pair.a, pair.b) if (text := comparison.unfair_text(c))]
        return f"{gap}, but the comparison is not fair ({'; '.join(f'{who}: {why}' for who, why in unfair)})."
    cost = _cost(time_ratio(best, other))
    if pair.is_clear:
        return f"{gap} ({_spread(pair)}), {cost}."
    tied = f"{best.name} and {name} are statistically tied: {signed(pair.difference)} points"
    return f"{tied} ({_spread(pair)}), {cost}; {_doubts(pair, len(comparison.pairs))}."


def _shots(comparison: Comparison, pair: Pair, places: tuple[int, ...]) -> list[Shot]:
    """Photos of the test images at `places`, as far as their pictures are stored."""
    predictions, photos = pair.a.predictions, comparison.gallery.by_file
    if predictions is None:
        return []
    classes = pair.a.group.example.dataset.classes
    both = [c for c in comparison.contenders if c in (pair.a, pair.b)]
    images = [(predictions.files[i], classes[int(predictions.truth[i])]) for i in places]
    stored = [(file, clean(truth, 60)) for file, truth in images if file in photos]
    return [Shot(photos[file], truth, shown_predictions(both, file)) for file, truth in stored[:MOST_FLIPS]]


def _facts(pair: Pair) -> list[tuple[str, str]]:
    low, high = pair.images
    method = "paired, image by image" if pair.raw_p is not None else "Newcombe, unpaired"
    ratio = time_ratio(pair.b, pair.a)
    factor = times(ratio) if ratio >= 0.95 else f"1/{1 / ratio:.1f}"
    seconds = [duration(c.group.training_seconds) for c in (pair.a, pair.b)]
    rows = [("Difference", f"{signed(pair.difference)} points")]
    if pair.seeds:
        over_seeds = f"{signed(pair.seeds[0])} to {signed(pair.seeds[1])}"
        rows.append(("Over seeds", f"{over_seeds} (Student's t, {plural(pair.seed_count, 'seed')})"))
    rows.append(("Over images", f"{signed(low)} to {signed(high)} ({method})"))
    if pair.p is not None:
        p = "p < 0.001" if pair.p < 0.001 else f"p = {pair.p:.3f}"
        flips = f"{pair.b.name} fixes {len(pair.fixed)} and breaks {len(pair.broken)}"
        rows.append(("McNemar", f"{p}; {flips}"))
    return [*rows, ("Training time", f"{listed(seconds)} ({factor})")]


def part(comparison: Comparison) -> Part | None:
    """All pairs of contenders; None if there is only one."""
    if not comparison.pairs:
        return None
    index = {c.name: i for i, c in enumerate(comparison.contenders)}
    rows = [
        {
            "id": pair_anchor(pair.a, pair.b),
            "a_index": index[pair.b.name],
            "b_index": index[pair.a.name],
            "b_name": pair.b.name,
            "sentence": pair_sentence(comparison, pair.a, pair.b),
            "facts": _facts(pair),
            "fixed": _shots(comparison, pair, pair.fixed),
            "broken": _shots(comparison, pair, pair.broken),
        }
        for pair in comparison.pairs.values()
    ]
    several_seeds = any(len(c.by_seed) > 1 for c in comparison.contenders)
    values: dict[str, object] = {"pairs": rows, "names": list(index), "several_seeds": several_seeds}
    about = "the images that one gets right and the other wrong"
    return Part("pairs", "Side by side", "Two models side by side", values, about=about)
