"""Warnings about classes with few photos, or with far fewer than another class."""

from collections.abc import Mapping, Sequence

from collect.datasets import FEWEST_PHOTOS, MOST_TIMES_THE_PHOTOS
from collect.wording import counted

Counts = Mapping[str, int]
MOST_NAMES = 3


def balance_warnings(counts: Mapping[str, Counts]) -> list[str]:
    """One line for each problem and what to do about it; `counts` is split -> class -> photos."""
    train, test = counts.get("train", {}), counts.get("test") or counts.get("val") or {}
    if len(train) < 2:
        return []
    limit = max(train.values()) / MOST_TIMES_THE_PHOTOS
    small = sorted((c for c in train if train[c] < limit), key=lambda c: train[c])
    few = [c for c in sorted(train, key=lambda c: train[c]) if _has_few(c, train, test)]
    lines = [_unequal(small, train, test)] if small else []
    return lines + ([_few(few, train, test)] if set(few) - set(small) else [])


def _has_few(name: str, train: Counts, test: Counts) -> bool:
    return train[name] < FEWEST_PHOTOS["train"] or (bool(test) and test.get(name, 0) < FEWEST_PHOTOS["test"])


def _unequal(small: Sequence[str], train: Counts, test: Counts) -> str:
    largest = max(train, key=lambda c: train[c])
    numbers = ", ".join(f"{c} {train[c]:,}" for c in small[:MOST_NAMES]) + (", ..." if len(small) > MOST_NAMES else "")
    line = f"classes are unequal: {largest} has {counted(train[largest], 'train photo')}, {numbers}."
    if test:
        line += (
            f" Always answering {largest} would be right on {test.get(largest, 0) / sum(test.values()):.1%} of test."
        )
    return f"{line} {_remedy(small, train, test)}"


def _remedy(small: Sequence[str], train: Counts, test: Counts) -> str:
    more = f"Collect more photos of {_named(small)}"
    if any(_has_few(c, train, test) for c in small):
        return more
    return f"{more}, or use --train {min(train.values())} --test {min(test.values(), default=0)} to balance"


def _few(few: Sequence[str], train: Counts, test: Counts) -> str:
    photos = f"{few[0]} has {train[few[0]]:,} train and {counted(test.get(few[0], 0), 'test photo')}"
    others = (
        f", and {counted(len(few) - 1, 'more class')} {'has' if len(few) == 2 else 'have'} too few" if few[1:] else ""
    )
    least = f"at least {FEWEST_PHOTOS['train']} train and {FEWEST_PHOTOS['test']} test photos per class"
    return f"few photos: {photos}{others}. Results will vary by chance; collect {least}"


def _named(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) <= MOST_NAMES else f"{names[0]} and {len(names) - 1} more classes"
