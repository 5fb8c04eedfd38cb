"""What lies beside the run records: predictions, pictures, facts about the dataset. Standard library only."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.errors import RecordError
from bench.records.schema import build, load_json
from collect.manifest import atomic_write

PREDICTIONS_FILE, PICTURES = "predictions.csv", "pictures"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One test image as the model sees it after the last epoch; `probability` is that of the predicted class.

    `clean` tells whether the image is known not to be in the pretraining set; None where nothing is known.
    """

    file: str
    truth: str
    predicted: str
    probability: float
    loss: float
    clean: bool | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One image file in a run's pictures/; `kind` is sample, worst, activation, filters or cam."""

    kind: str
    picture: str
    file: str | None = None
    truth: str | None = None
    predicted: str | None = None
    probability: float | None = None
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What a reader should know of a dataset, kept beside its runs so that a report needs no photos.

    `counts` is split -> class -> images, `pixels` the shortest and longest side over all images, `rejected` reason ->
    candidates, `leaks` the images that stand in train and test alike, `floors` the accuracy of trivial rules: always
    the commonest class (`majority`), and a logistic regression on size, colour, borders and file size (`trivial`).
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


def write_predictions(folder: Path, predictions: Iterable[Prediction]) -> None:
    """Write `folder`/predictions.csv, one row per test image."""
    with atomic_write(folder / PREDICTIONS_FILE) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(f.name for f in fields(Prediction))
        for p in predictions:
            clean = "" if p.clean is None else int(p.clean)
            writer.writerow([p.file, p.truth, p.predicted, f"{p.probability:.6f}", f"{p.loss:.6f}", clean])


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions of a run's folder, in the order of the test set. Raises RecordError."""
    path = folder / PREDICTIONS_FILE
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return [
                Prediction(
                    r["file"],
                    r["truth"],
                    r["predicted"],
                    float(r["probability"]),
                    float(r["loss"]),
                    bool(int(r["clean"])) if r["clean"] else None,
                )
                for r in csv.DictReader(handle)
            ]
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError) as err:
        raise RecordError(f"{path}: cannot be read: {err!r}") from err


def write_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write `folder`/pictures/pictures.json, the list of the image files beside it."""
    with atomic_write(folder / PICTURES / "pictures.json") as out:
        json.dump([asdict(p) for p in pictures], out, indent=1, ensure_ascii=False, allow_nan=False)


def read_pictures(folder: Path) -> list[Picture]:
    """The pictures of a run's folder; empty where it has none. Raises RecordError."""
    path = folder / PICTURES / "pictures.json"
    if not path.is_file():
        return []
    return [build(Picture, values, f"{path}[{i}]") for i, values in enumerate(load_json(path))]


def facts_folder(results: Path, dataset: str, manifest_sha256: str) -> Path:
    """Where the facts of one state of a dataset lie: `results`/`dataset`/manifest-<12 hex digits>."""
    return results / dataset / f"manifest-{manifest_sha256[:12]}"


def write_facts(folder: Path, facts: DatasetFacts) -> None:
    """Write `folder`/dataset.json; the pictures it names lie in the same folder."""
    with atomic_write(folder / "dataset.json") as out:
        json.dump(asdict(facts), out, indent=1, ensure_ascii=False, allow_nan=False)


def read_facts(folder: Path) -> DatasetFacts | None:
    """The facts of `folder`/dataset.json, None where there is none. Raises RecordError."""
    path = folder / "dataset.json"
    return build(DatasetFacts, load_json(path), str(path)) if path.is_file() else None
