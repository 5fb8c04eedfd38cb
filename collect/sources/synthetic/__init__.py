"""Drawn photos as a source: no network, no owners, the same drawings for the same seed."""

from collections.abc import Iterator
from functools import partial
from itertools import count

from collect.candidate import Candidate, SourceContext, Streams
from collect.datasets import Dataset, name_hint
from collect.errors import UsageError


def streams(dataset: Dataset, context: SourceContext) -> Streams:
    """Endless drawings of each class. Raises UsageError for a class that it cannot draw."""
    from collect.sources.synthetic.drawing import CLASSES, draw

    if unknown := [n for n in dataset.class_names if n not in CLASSES]:
        raise UsageError(f"{unknown[0]}: the synthetic source cannot draw this; {name_hint(unknown[0], CLASSES)}")

    def drawings(name: str, seed: int) -> Iterator[Candidate]:
        for index in count():
            read = partial(draw, name, seed, index)
            yield Candidate(name, f"{seed}/{index}", license="cc0", source="synthetic", read=read)

    return {name: drawings(name, dataset.seed) for name in dataset.class_names}
