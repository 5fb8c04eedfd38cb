"""Too few photos: the error that says which class, what was found, why the rest was rejected and what to change."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from collect.datasets import SEARCHES, Dataset
from collect.errors import ShortfallError
from collect.manifest import Rejected, Row
from collect.split import Assignment


def shortfall(
    dataset: Dataset, plan: Assignment, distinct: Mapping[str, int], rejected: Sequence[Rejected]
) -> ShortfallError:
    """The error for a plan that is short; `distinct` is how many usable photos each class has."""
    train, test = dataset.train or 0, dataset.test or 0
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for reject in rejected:
        reasons[reject.class_][reject.reason] += 1
    short = sorted({c for c, _ in plan.missing})
    first = min(short, key=lambda c: (distinct.get(c, 0), c))
    blocked = [c for c in short if distinct.get(c, 0) >= train + test]
    if blocked:
        side = next(s for c, s in plan.missing if c == blocked[0])
        head = (
            f"{dataset.name}: {blocked[0]} has {distinct[blocked[0]]:,} distinct photos, but no split of whole groups "
            f"into {train:,} train and {test:,} test: {side} lacks {plan.missing[blocked[0], side]:,}"
            + (f"; {plan.obstacle}" if plan.obstacle else "")
            + "; --split image lets one photographer stand on both sides"
        )
    else:
        head = (
            f"{dataset.name}: {first} has {distinct.get(first, 0):,} distinct photos, "
            f"{train + test:,} are wanted ({train:,} train + {test:,} test)"
        )
    width = max(len(c) for c in {*distinct, *reasons, *short})
    lines = [head]
    for class_ in sorted({*distinct, *reasons, *short}):
        why = ", ".join(f"{n:,} {reason}" for reason, n in reasons[class_].most_common())
        found = distinct.get(class_, 0) + sum(reasons[class_].values())
        lines.append(
            f"  {class_:<{width}}  {found:,} found, {distinct.get(class_, 0):,} distinct" + (f"; {why}" if why else "")
        )
    return ShortfallError("\n".join([*lines, f"  {_advice(dataset, min(distinct.get(c, 0) for c in short))}"]))


def check_classes(dataset: Dataset, found: Iterable[str], rows: Sequence[Row], upstream: bool) -> None:
    """Raise ShortfallError when counts are not asked for and a class has nothing to train or to test with; `upstream`
    tells that the source came with a split.
    """
    if dataset.train is not None:
        return
    splits: dict[str, Counter[str]] = {class_: Counter() for class_ in found}
    for row in rows:
        splits[row.class_][row.split] += 1
    for class_, counts in sorted(splits.items()):
        lacking = [side for side in ("train", "test") if not counts[side]] if upstream else []
        if lacking or counts.total() < 2:
            what = f"no usable {lacking[0]} images" if lacking else f"{counts.total()} usable images, needs at least 2"
            raise ShortfallError(
                f"{dataset.name}: class {class_!r} has {what}; the rejected ones are in rejected.jsonl"
            )


def _advice(dataset: Dataset, most: int) -> str:
    train, test = dataset.train or 0, dataset.test or 0
    fewer_test = most * test // (train + test)
    advice = f"ask for fewer (--train {most - fewer_test} --test {fewer_test})" if most >= 2 else "ask for fewer"
    if dataset.source in SEARCHES:
        return (
            f'{advice}, for other words (classes = [{{name = "...", query = "..."}}]) or more licences (--license any)'
        )
    return f"{advice}, or add images to {dataset.url}"
