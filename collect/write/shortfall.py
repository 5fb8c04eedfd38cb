"""Too few photos: the error that says which class, how many, why the others were rejected and what to change."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from collect.datasets import SEARCHES, Dataset
from collect.errors import ShortfallError
from collect.manifest import REJECTED, Rejected, Row
from collect.split import Assignment, owner_of
from collect.wording import counted, joined_counts

MOST_SHOWN = 20  # classes in an error


def count_shortfall(
    dataset: Dataset, assignment: Assignment, distinct: Mapping[str, int], rejected: Sequence[Rejected]
) -> ShortfallError | None:
    """The error if the split misses photos; `distinct` has the number of usable photos of each class."""
    if not assignment.missing:
        return None
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for reject in rejected:
        reasons[reject.class_][reject.reason] += 1
    every = {*distinct, *reasons, *(c for c, _ in assignment.missing)}
    classes = sorted(every if len(every) <= MOST_SHOWN else {c for c, _ in assignment.missing})[:MOST_SHOWN]
    width = max(map(len, classes))
    lines = [f"{dataset.name}: {_head(dataset, assignment, distinct)}"]
    for class_ in classes:
        usable = distinct.get(class_, 0)
        line = f"  {class_:<{width}}  {usable + reasons[class_].total():,} candidates, {usable:,} distinct"
        lines.append("; ".join(filter(None, [line, joined_counts(reasons[class_].most_common())])))
    if len(every) > len(classes):
        lines.append(f"  and {counted(len(every) - len(classes), 'more class')}")
    fewest = min(distinct.get(c, 0) for c, _ in assignment.missing)
    return ShortfallError("\n".join([*lines, f"  {_advice(dataset, fewest)}"]))


def _head(dataset: Dataset, assignment: Assignment, distinct: Mapping[str, int]) -> str:
    train, test = dataset.train or 0, dataset.test or 0
    enough = sorted({c for c, _ in assignment.missing if distinct.get(c, 0) >= train + test})
    if not enough:
        fewest, class_ = min((distinct.get(c, 0), c) for c, _ in assignment.missing)
        wanted = f"{train + test:,} are needed ({train:,} train + {test:,} test)"
        return f"{class_} has {counted(fewest, 'distinct photo')}, {wanted}"
    class_ = enough[0]
    side = next(s for c, s in assignment.missing if c == class_)
    target = "that leaves earlier photos" if dataset.train is None else f"into {train:,} train and {test:,} test"
    problem = f"but no split of whole groups {target}: {side} needs {assignment.missing[class_, side]:,} more"
    advice = "--split image lets photos of one photographer be in both train and test"
    count = counted(distinct[class_], "distinct photo")
    return "; ".join(filter(None, [f"{class_} has {count}, {problem}", assignment.obstacle, advice]))


def class_shortfall(
    dataset: Dataset, required: Mapping[str, Collection[str]], rows: Sequence[Row], rejected: Sequence[Rejected]
) -> ShortfallError | None:
    """The error if a class lacks photos to train or test with, without counts; `required`: the splits each class needs.

    `rows` are the photos that are left after dedupe and split.
    """
    if dataset.train is not None:
        return None
    counts = Counter((r.class_, r.split) for r in rows)
    for class_, splits in sorted(required.items()):
        if empty := next((s for s in ("train", "test") if s in splits and not counts[class_, s]), None):
            number = sum(counts[class_, split] for split in splits)
            reasons = Counter(r.reason for r in rejected if r.class_ == class_).most_common()
            problem = f"{counted(number, 'usable image')}, needs 2" if number < 2 else f"no usable {empty} images"
            owners = {owner_of(r) for r in rows if r.class_ == class_}
            if len(owners) == 1 and None not in owners and number > 1:
                problem += f": all {number} are of one photographer; --split image may separate them"
            details = f" (rejected: {joined_counts(reasons)}; {REJECTED} says why)" if reasons else ""
            return ShortfallError(f"{dataset.name}: class {class_!r} has {problem}{details}")
    return None


def _advice(dataset: Dataset, fewest: int) -> str:
    train, test = dataset.train or 0, dataset.test or 0
    fewer = "ask for fewer"
    if train + test == 0:
        fewer = "give counts (--train N --test N)"
    elif fewest >= 2:
        fewer_test = fewest * test // (train + test)
        fewer += f" (--train {fewest - fewer_test} --test {fewer_test})"
    if dataset.source in SEARCHES:
        words = 'try other words (classes = [{name = "...", query = "..."}])'
        return f"{fewer}, {words} or more licences (--license any)"
    return f"{fewer}, or add images to {dataset.url}"
