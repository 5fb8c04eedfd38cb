"""What test images that are also in train are worth: accuracy with and without them, and the order of the models."""

from bench.records import DatasetFacts
from reports.parts.part import Part
from reports.study import Comparison, Interval, LeakEffect, LeakStudy, leak_study, wilson
from reports.words import PERCENT, clean, listed, mid_sentence, percent, plural, points, signed

CLEAN_SPLIT = "collect the dataset again with --train and --test, which removes images that are in both"
MOST_CLASSES = 10


def _shown(interval: Interval) -> str:
    return f"{signed(interval[0])} to {signed(interval[1])}"


def _sure(interval: Interval) -> str:
    return f"95{PERCENT} interval {_shown(interval)}"


def effect_sentence(effect: LeakEffect) -> str:
    """One contender with and without the leaked images."""
    sides = f"{percent(effect.leaked)} on the leaked images, {percent(effect.unleaked)} on the others"
    text = f"{effect.contender.name}: {sides}."
    if effect.difference is None or effect.interval is None:
        return text
    gap = f"{signed(effect.difference)} points ({_sure(effect.interval)})"
    if effect.interval[0] <= 0 <= effect.interval[1]:
        return f"{text} Within classes the difference is {gap}: it may be chance."
    text = f"{text} Within classes the difference is {gap}"
    if effect.excess is None:
        return f"{text}."
    return f"{text}: accuracy on all is {points(effect.excess)} too {'high' if effect.excess > 0 else 'low'}."


def class_sentence(study: LeakStudy, names: list[str]) -> str | None:
    """Which classes this split says nothing about, because all their test images are leaked; None if there is none."""
    if not study.unmeasured_classes:
        return None
    unknown = listed([names[k] for k in study.unmeasured_classes[:MOST_CLASSES]])
    return (
        f"Every test image of {unknown} is also in train: accuracy on new images of {unknown} is not known. "
        "The leaked and the other images are mostly of different classes, so their accuracies cannot be compared."
    )


def ranking_sentences(study: LeakStudy, names: list[str]) -> list[str]:
    """Whether the order of the models changes without the leaked images, and how certain each change is."""
    if len(study.effects) < 2:
        return []
    left = [names[k] for k, (_, others) in study.by_class.items() if others]
    only = f" (images of {listed(left)} only)" if study.unmeasured_classes else ""
    if not study.reversals:
        return [f"The order of the models is the same without the leaked images{only}."]
    first, *others = [effect.contender.name for effect in study.ranking]
    order = listed([first, *map(mid_sentence, others)])
    rows = [f"The order of the models changes. Without the leaked images{only} it is: {order}."]
    for r in study.reversals:
        doubt = "" if r.interval[0] > 0 else "; this may be chance"
        gap = f"{r.ahead.name} is then {points(r.difference)} above {mid_sentence(r.behind.name)}"
        rows.append(f"{gap} ({_sure(r.interval)}){doubt}.")
    return rows


def leak_sentence(comparison: Comparison) -> str | None:
    """What the leak means for the verdict, None if it cannot be said."""
    study = leak_study(comparison)
    if study is None or comparison.run is None:
        return None
    names = _class_names(comparison)
    if study.unmeasured_classes:
        unknown = listed([names[k] for k in study.unmeasured_classes[:MOST_CLASSES]])
        return f"Every test image of {unknown} is: accuracy on new images of {unknown} is not known."
    best = study.effects[0]
    name = best.contender.name
    return f"{name} is right on {percent(best.leaked)} of them and on {percent(best.unleaked)} of the others."


def _class_names(comparison: Comparison) -> list[str]:
    return [clean(name, 40) for name in comparison.run.dataset.classes] if comparison.run else []


def _row(effect: LeakEffect, rank: int, study: LeakStudy) -> tuple[int, str, list[str]]:
    low, high = wilson(effect.unleaked, study.unleaked_images)
    unleaked = f"{percent(effect.unleaked)} ({100 * low:.1f} to {100 * high:.1f})"
    gap = "–"
    if effect.difference is not None and effect.interval is not None:
        gap = f"{signed(effect.difference)} ({_shown(effect.interval)})"
    excess = "not known" if effect.excess is None else signed(effect.excess)
    cells = [percent(effect.overall), percent(effect.leaked), unleaked, gap, excess, str(rank)]
    return effect.contender.style, effect.contender.name, cells


def _notes(comparison: Comparison, facts: DatasetFacts, study: LeakStudy) -> list[str]:
    """Which images are leaked, how they were found, and what limits the figures."""
    same = "is the same file as one in train", "are the same file as one in train"
    exact = plural(facts.leaks, f"test image {same[0]}", f"test images {same[1]}")
    near = "near duplicates were not searched for"
    if facts.nearly_leaked is not None:
        more = len(facts.nearly_leaked)
        near = f"{more:,} more {'is a near duplicate' if more == 1 else 'are near duplicates'}"
    notes = [f"{exact}; {near}. collect --verify lists them."]
    shares = [(name, *study.by_class.get(k, (0, 0))) for k, name in enumerate(_class_names(comparison))]
    texts = [f"{name} {leaked:,} of {leaked + others:,}" for name, leaked, others in shares if leaked + others]
    if len(texts) <= MOST_CLASSES:
        notes.append(f"Leaked by class: {', '.join(texts)}.")
    train, known = comparison.run.dataset.train if comparison.run else 0, sum(facts.counts["train"].values())
    if train < known:
        notes.append(f"These runs trained on {train:,} of {known:,} train images: they did not see every copy.")
    notes.append("Leaked images may also be easier or harder than the others; the difference includes that.")
    return notes


def part(comparison: Comparison) -> Part | None:
    """Accuracy on leaked and other test images by model; None if no leaked image is known."""
    study, facts = leak_study(comparison), comparison.facts
    if study is None or facts is None:
        return None
    names, ranks = _class_names(comparison), {e.contender.name: rank for rank, e in enumerate(study.ranking, 1)}
    limits = class_sentence(study, names)
    heads = [
        f"All {study.leaked_images + study.unleaked_images:,}",
        f"{study.leaked_images:,} leaked",
        f"{study.unleaked_images:,} others",
        "Leaked minus others within classes, points",
        "Accuracy on all is too high by, points",
        "Rank on the others",
    ]
    values: dict[str, object] = {
        "sentences": [
            *([limits] if limits else []),
            *map(effect_sentence, study.effects),
            *ranking_sentences(study, names),
        ],
        "heads": heads,
        "lines": [_row(effect, ranks[effect.contender.name], study) for effect in study.effects],
        "notes": _notes(comparison, facts, study),
        "advice": f"{CLEAN_SPLIT[0].upper()}{CLEAN_SPLIT[1:]}.",
    }
    return Part("leak", "Leak", "What the leak was worth", values)
