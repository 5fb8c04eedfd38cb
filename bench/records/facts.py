"""The facts of a dataset, kept once beside its runs. Standard library only."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.records.artifacts import Picture
from bench.records.schema import build, load_json
from collect.manifest import atomic_write


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
    with atomic_write(folder / "dataset.json") as out:
        json.dump(asdict(facts), out, indent=1, ensure_ascii=False, allow_nan=False)


def read_facts(folder: Path) -> DatasetFacts | None:
    """The facts of `folder`/dataset.json, None if there is no such file. Raises RecordError."""
    path = folder / "dataset.json"
    return build(DatasetFacts, load_json(path), str(path)) if path.is_file() else None
