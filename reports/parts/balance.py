"""What the report says where classes have unequal numbers of images."""

from bench.records import (
    FEWEST_PHOTOS,
    MOST_TIMES_THE_PHOTOS,
    always_guessing,
    are_unequal,
    balanced_accuracy,
    counts_by_class,
)
from reports.study import Comparison
from reports.words import clean, listed, mid_sentence, percent


def unequal_classes(comparison: Comparison) -> list[tuple[str, str]]:
    """Balanced accuracies and what always guessing gives, and where to see them; empty if test classes are equal."""
    counts = counts_by_class(comparison.run) if comparison.run else {}
    if not are_unequal(counts.values()):
        return []
    largest, share = always_guessing(counts)
    means = []
    for c in comparison.contenders:
        values = [v for run in c.group.runs if (v := balanced_accuracy(run.result)) is not None]
        if values:
            means.append(f"{percent(sum(values) / len(values))} for {mid_sentence(c.name)}")
    guess = f"The test classes are unequal: always answering {clean(largest, 40)} gives {percent(share)}."
    balanced = (
        f"Balanced accuracy, the mean over classes, is {listed(means)}; guessing gives {percent(1 / len(counts))}."
    )
    under = [mid_sentence(c.name) for c in comparison.contenders if c.image_interval[0] <= share]
    doubt = f" Not shown to be better than always guessing: {listed(under)}." if under else ""
    return [(f"{guess} {balanced}{doubt}", "table")]


def _train_counts(comparison: Comparison) -> dict[str, int]:
    """Images of each class in train; without stored facts, in test."""
    if comparison.facts:
        return comparison.facts.counts.get("train", {})
    return counts_by_class(comparison.run) if comparison.run else {}


def more_images(comparison: Comparison) -> list[str]:
    """What to do about strongly unequal classes; empty if they are not."""
    counts = _train_counts(comparison)
    limit = max(counts.values(), default=0) / MOST_TIMES_THE_PHOTOS
    small = sorted((c for c in counts if counts[c] < limit), key=lambda c: counts[c])
    if not small:
        return []
    largest, _ = always_guessing(counts)
    name = clean(small[0], 40) if len(small) == 1 else f"{clean(small[0], 40)} and {len(small) - 1} more"
    numbers = f"{clean(largest, 40)} has {counts[largest]:,}, {clean(small[0], 40)} {counts[small[0]]:,}"
    text = f"More images of {name}: {numbers}"
    if counts[small[0]] < FEWEST_PHOTOS["train"]:
        return [f"{text}. More seeds do not replace them."]
    return [f"{text}. Or make the classes equal: collect again with --train {counts[small[0]]} and --test."]
