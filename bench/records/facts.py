"""The facts of a dataset, kept once beside its runs. Standard library only."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import RecordError
from bench.records.pictures import Picture, check_pictures
from bench.records.schema import build, load_json
from collect.manifest import atomic_write

FACTS_FILE = "dataset.json"


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What a reader should know about a dataset, kept beside its runs so that a report needs no photos.

    `counts` is split -> class -> images, `pixels` the shortest and longest side over all images, `rejected` reason ->
    candidates, `leaks` the number of test images that are the same file as one in train, `floors` the accuracy of
    trivial rules: the most common class (`majority`), and a logistic regression on size, colour, borders and file size
    (`trivial`). `leaked` lists the files of the leaks and `nearly_leaked` the test files that are only near duplicates
    of one in train; None if they were not searched for.
    """

    name: str
    manifest_sha256: str
    classes: list[str]
    counts: dict[str, dict[str, int]]
    sources: dict[str, int]
    licenses: dict[str, int]
    owners: int | None
    pixels: list[int] | None
    rejected: dict[str, int]
    leaks: int
    floors: dict[str, float]
    samples: list[Picture]
    leaked: list[str] | None = None
    nearly_leaked: list[str] | None = None

    @property
    def leaked_images(self) -> int:
        """The number of test images that are also in train, near duplicates included."""
        return self.leaks + len(self.nearly_leaked or ())


def facts_folder(results: Path, dataset: str, manifest_sha256: str) -> Path:
    """The folder of the facts of one state of a dataset: `results`/`dataset`/manifest-<12 hex digits>."""
    return results / dataset / f"manifest-{manifest_sha256[:12]}"


def write_facts(folder: Path, facts: DatasetFacts) -> None:
    """Write `folder`/dataset.json; the pictures that it names are in the same folder."""
    with atomic_write(folder / FACTS_FILE) as out:
        json.dump(asdict(facts), out, indent=1, ensure_ascii=False, allow_nan=False)


def read_facts(folder: Path) -> DatasetFacts | None:
    """The facts of `folder`/dataset.json, None if there is no such file.

    Raises RecordError, also for facts that are impossible or belong to another dataset.
    """
    path = folder / FACTS_FILE
    if not path.exists():
        return None
    try:
        facts = build(DatasetFacts, load_json(path), str(path))
        for problem in _problems(facts, folder):
            raise RecordError(f"{path}: {problem}")
        check_pictures(facts.samples, facts.classes, path)
    except RecordError as err:
        raise RecordError(f"{err}; delete it, and the next bench run of the dataset makes it again") from err
    return facts


def _problems(facts: DatasetFacts, folder: Path) -> Iterator[str]:
    if facts_folder(folder.parent.parent, folder.parent.name, facts.manifest_sha256) != folder:
        yield "manifest_sha256 is that of another dataset"
    counts = [n for by_class in facts.counts.values() for n in by_class.values()]
    numbers = [*counts, *facts.sources.values(), *facts.licenses.values(), *facts.rejected.values(), facts.leaks]
    if any(n < 0 for n in (*numbers, facts.owners or 0)):
        yield "a count is negative"
    if any(set(by_class) - set(facts.classes) for by_class in facts.counts.values()):
        yield "counts images of a class that is not one of the classes"
    if "train" not in facts.counts:
        yield "counts no images of train"
    if facts.pixels is not None and (len(facts.pixels) != 2 or not 0 < facts.pixels[0] <= facts.pixels[1]):
        yield "pixels are not the shortest and the longest side"
    if not all(0 <= share <= 1 for share in facts.floors.values()):
        yield "a floor is not between 0 and 1"
    if facts.leaked is not None and len(facts.leaked) != facts.leaks:
        yield f"leaked lists {len(facts.leaked)} files, not {facts.leaks}"
