"""Accuracy where classes have unequal numbers of images. Standard library only."""

from collections.abc import Collection, Mapping

from bench.records.run import Result, Run

UNEQUAL = 1.5
"""Classes are unequal if the largest has more than this many times the images of the smallest."""


def are_unequal(counts: Collection[int]) -> bool:
    """Whether classes with these numbers of images are unequal."""
    return len(counts) > 1 and max(counts) > UNEQUAL * min(counts)


def counts_by_class(run: Run) -> dict[str, int]:
    """The number of test images of each class; empty without a confusion matrix."""
    return {name: sum(row) for name, row in zip(run.dataset.classes, run.result.confusion or [], strict=False)}


def balanced_accuracy(result: Result) -> float | None:
    """The mean of the classes' accuracies; computed from the confusion matrix if it is not stored."""
    if result.balanced_accuracy is not None or result.confusion is None:
        return result.balanced_accuracy
    shares = [row[k] / sum(row) for k, row in enumerate(result.confusion) if any(row)]
    return sum(shares) / len(shares)


def always_guessing(counts: Mapping[str, int]) -> tuple[str, float]:
    """The largest class, and the accuracy of always answering it."""
    name = max(counts, key=lambda name: counts[name])
    return name, counts[name] / sum(counts.values())
