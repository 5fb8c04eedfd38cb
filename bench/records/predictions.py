"""predictions.csv: the answers of a run, checked against its record. Standard library only."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from bench.errors import RecordError
from bench.records.check import is_share
from bench.records.run import Run
from bench.records.schema import read_text
from bench.records.store import PREDICTIONS_FILE, check_file
from collect.manifest import atomic_write


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


CLEAN = {"": None, "0": False, "1": True}
"""How `clean` is written."""


def write_predictions(folder: Path, predictions: Iterable[Prediction]) -> None:
    """Write `folder`/predictions.csv, one row per test image."""
    with atomic_write(folder / PREDICTIONS_FILE) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(f.name for f in fields(Prediction))
        for p in predictions:
            clean = "" if p.clean is None else int(p.clean)
            writer.writerow([p.file, p.truth, p.predicted, f"{p.probability:.6f}", f"{p.loss:.6f}", clean])


def read_predictions(folder: Path, run: Run) -> list[Prediction]:
    """The predictions in the folder of `run`, in the order of the test set.

    Raises RecordError for a file that is damaged, holds impossible values, or is not what the run's record counts.
    """
    path = check_file(folder, run, PREDICTIONS_FILE)
    lines = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        header = next(lines, [])
        predictions = [_parse(dict(zip(header, line, strict=True))) for line in lines]
    except (csv.Error, KeyError, ValueError) as err:
        raise RecordError(f"{path}:{lines.line_num}: is not a prediction: {err!r}") from err
    for problem in _problems(run, predictions):
        raise RecordError(f"{path}: {problem}")
    return predictions


def _parse(row: dict[str, str]) -> Prediction:
    probability, loss, clean = float(row["probability"]), float(row["loss"]), CLEAN[row["clean"]]
    return Prediction(row["file"], row["truth"], row["predicted"], probability, loss, clean)


def _problems(run: Run, predictions: Sequence[Prediction]) -> Iterator[str]:
    """What is impossible, or not what the record counts. With `holdout_clean`, more images follow the tested ones."""
    result, dataset, count = run.result, run.dataset, len(predictions)
    if unknown := {name for p in predictions for name in (p.truth, p.predicted)} - set(dataset.classes):
        yield f"{min(unknown)!r:.60} is not one of the classes"
    if not all(0 <= p.probability <= 1 for p in predictions):
        yield "a probability is not between 0 and 1"
    if not all(0 <= p.loss < math.inf for p in predictions):
        yield "a loss is negative or not a number"
    if len({p.file for p in predictions}) < count:
        yield "an image is listed twice"
    if count < dataset.test or (count > dataset.test and not run.recipe.get("holdout_clean")):
        yield f"lists {count:,} images, but the run was tested on {dataset.test:,}"
    tested = predictions[: dataset.test]
    right = sum(p.truth == p.predicted for p in tested)
    if result.accuracy is not None and not is_share(result.accuracy, right, dataset.test):
        yield f"{right:,} of {dataset.test:,} answers are right, but the accuracy in run.json is {result.accuracy:.4f}"
    pairs = Counter((p.truth, p.predicted) for p in tested)
    if result.confusion not in (None, [[pairs[t, p] for p in dataset.classes] for t in dataset.classes]):
        yield "contradicts result.confusion in run.json"
    clean = [p.truth == p.predicted for p in predictions if p.clean]
    if (
        result.clean_images is not None
        and result.clean_accuracy is not None
        and (len(clean) != result.clean_images or not is_share(result.clean_accuracy, sum(clean), max(1, len(clean))))
    ):
        yield "contradicts result.clean_accuracy in run.json"
