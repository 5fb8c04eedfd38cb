"""The files beside a run.json: predictions and the list of pictures. Standard library only."""

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
    """The model's answer to one test image after the last epoch; `probability` is that of the predicted class.

    `clean` is True if the image is known not to be in the pretraining set, None if nothing is known.
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
            predictions = []
            for r in csv.DictReader(handle):
                clean = bool(int(r["clean"])) if r["clean"] else None
                numbers = (float(r["probability"]), float(r["loss"]), clean)
                predictions.append(Prediction(r["file"], r["truth"], r["predicted"], *numbers))
            return predictions
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError) as err:
        raise RecordError(f"{path}: cannot be read: {err!r}") from err


def write_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write `folder`/pictures/pictures.json, the list of the image files beside it."""
    with atomic_write(folder / PICTURES / "pictures.json") as out:
        json.dump([asdict(p) for p in pictures], out, indent=1, ensure_ascii=False, allow_nan=False)


def read_pictures(folder: Path) -> list[Picture]:
    """The pictures of a run's folder; empty if it has none. Raises RecordError."""
    path = folder / PICTURES / "pictures.json"
    if not path.is_file():
        return []
    return [build(Picture, values, f"{path}[{i}]") for i, values in enumerate(load_json(path))]
