"""Too few photos: the error that says which class, how many, why the others were rejected and what to change."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from collect.candidate import RejectReason
from collect.datasets import LICENSED, LICENSES, Dataset
from collect.errors import ShortfallError
from collect.manifest import REJECTED, Rejected, Row
from collect.split import Assignment, owner_of
from collect.wording import counted, joined_counts

MOST_SHOWN = 20  # classes in an error


def count_shortfall(
    dataset: Dataset,
    assignment: Assignment,
    distinct: Mapping[str, int],
    rejected: Sequence[Rejected],
    changes: Callable[[], Sequence[str]],
) -> ShortfallError | None:
    """The error if the split misses photos; `distinct` has the number of usable photos of each class.

    `changes` gives changes of the recipe that help, as advice.
    """
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
    short = {c for c, _ in assignment.missing}
    advice = [*changes(), *_more_photos(dataset, [r for r in rejected if r.class_ in short])]
    return ShortfallError("\n".join([*lines, *(f"  or {line}" if i else f"  {line}" for i, line in enumerate(advice))]))


def _head(dataset: Dataset, assignment: Assignment, distinct: Mapping[str, int]) -> str:
    train, test = dataset.train or 0, dataset.test or 0
    classes = sorted({c for c, _ in assignment.missing})
    fewest, class_ = min((distinct.get(c, 0), c) for c in classes)
    if fewest < train + test:
        wanted = f"{train + test:,} are needed ({train:,} train + {test:,} test)"
        return f"{class_} has {counted(fewest, 'distinct photo')}, {wanted}"
    class_ = next((c for c in classes if assignment.obstacles.get(c)), classes[0])
    side = next(s for c, s in assignment.missing if c == class_)
    target = "that leaves earlier photos" if dataset.train is None else f"has {train:,} train and {test:,} test"
    problem = f"but no split of whole groups {target}: {side} needs {assignment.missing[class_, side]:,} more"
    count = counted(distinct[class_], "distinct photo")
    return "; ".join(filter(None, [f"{class_} has {count}, {problem}", assignment.obstacles.get(class_)]))


def class_shortfall(
    dataset: Dataset,
    required: Mapping[str, Collection[str]],
    assignment: Assignment,
    rows: Sequence[Row],
    rejected: Sequence[Rejected],
    changes: Callable[[], Sequence[str]],
) -> ShortfallError | None:
    """The error if a class lacks photos to train or test with, without counts; `required`: the splits each class needs.

    `rows` are the photos that are left after dedupe and split, `changes` gives those of the recipe that help.
    """
    if dataset.train is not None:
        return None
    counts = Counter((r.class_, r.split) for r in rows)
    for class_, splits in sorted(required.items()):
        if empty := next((s for s in ("train", "test") if s in splits and not counts[class_, s]), None):
            number = sum(counts[class_, split] for split in splits)
            of_class = [r for r in rejected if r.class_ == class_]
            reasons = joined_counts(Counter(r.reason for r in of_class).most_common())
            details = f" (rejected: {reasons}; {REJECTED} says why)" if reasons else ""
            problem = f"{counted(number, 'usable image')}, needs 2" if number < 2 else f"no usable {empty} images"
            owners = {owner_of(r) for r in rows if r.class_ == class_}
            if number > 1 and len(owners) == 1 and None not in owners:
                problem += f": all {number} are of one photographer"
            elif number > 1 and assignment.obstacles.get(class_):
                problem += f": {assignment.obstacles[class_]}, which stay together"
            advice = [*(changes() if number > 1 else ()), *_more_photos(dataset, of_class)]
            return ShortfallError(f"{dataset.name}: class {class_!r} has {problem}{details}; {', or '.join(advice)}")
    return None


def _more_photos(dataset: Dataset, rejected: Sequence[Rejected]) -> list[str]:
    """How to get more photos of classes, of which these were rejected."""
    advice = []
    if private := sum(r.reason == RejectReason.PRIVATE_ADDRESS for r in rejected):
        advice.append(f"--allow-private fetches {counted(private, 'photo')} at private addresses")
    if dataset.source in LICENSED:
        words = 'try other words (in datasets.toml: classes = [{name = "...", query = "..."}])'
        advice.append(words + ("" if set(LICENSES) <= set(dataset.licenses) else " or more licences (--license any)"))
    elif dataset.url and dataset.source != "manifest" and "://" not in dataset.url:
        advice.append(f"add images to {dataset.url}")
    return advice or ["use another source"]
