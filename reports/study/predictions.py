"""The stored predictions of a group's runs as arrays, and how reliable their confidence is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.records import PREDICTIONS_FILE, Prediction, RecordError, Run, is_stored, read_predictions
from reports.study.load import RunGroup, short_error
from reports.study.statistics import calibration, coverage


@dataclass(frozen=True)
class Predictions:
    """What a group's runs predict for each test image: arrays of shape [images] and [seeds, images].

    `truth` and `predicted` index the classes; `clean` is True if the image is known to be new to the weights.
    """

    files: tuple[str, ...]
    seeds: tuple[int, ...]
    truth: NDArray[np.int32]
    predicted: NDArray[np.int32]
    probability: NDArray[np.float64]
    clean: NDArray[np.bool_] | None

    @cached_property
    def correct(self) -> NDArray[np.float64]:
        """1 where a seed is correct, shape [seeds, images]."""
        return np.asarray(self.predicted == self.truth, float)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error in ten bins, mean over seeds."""
        return float(np.mean([calibration(p, c)[1] for p, c in zip(self.probability, self.correct, strict=True)]))

    @property
    def bins(self) -> list[tuple[float, float, int]]:
        """(mean confidence, accuracy, answers) for each filled bin of confidence; over all seeds."""
        return calibration(self.probability.ravel(), self.correct.ravel())[0]

    def accuracy_at(self, share: float) -> float:
        """Accuracy on this share of the images, those with the most confident answers; mean over seeds."""
        last = max(0, round(share * len(self.files)) - 1)
        rows = zip(self.probability, self.correct, strict=True)
        return float(np.mean([coverage(probability, correct)[1][last] for probability, correct in rows]))

    def accepted(self, threshold: float, label: int | None = None) -> tuple[float, float | None, int]:
        """Share, accuracy and number of the answers (`label` only, if given) of at least this confidence; all seeds."""
        counted = np.ones_like(self.predicted, bool) if label is None else self.predicted == label
        accepted = counted & (self.probability >= threshold)
        share = float(accepted.sum() / max(1, counted.sum()))
        return share, float(self.correct[accepted].mean()) if accepted.any() else None, int(accepted.sum())


def _rows(group: RunGroup, run: Run) -> list[Prediction]:
    """The predictions of a run, none if it stores none. Raises RecordError."""
    folder = group.folders[run.run]
    return read_predictions(folder, run) if is_stored(folder, run, PREDICTIONS_FILE) else []


def read_group_predictions(group: RunGroup) -> tuple[Predictions | None, list[str]]:
    """The predictions of a group's runs, None if it has none, and a line for each unusable file."""
    by_seed: dict[int, list[Prediction]] = {}
    left_out = []
    for run in group.runs:
        try:
            if rows := _rows(group, run):
                first = next(iter(by_seed.values()), rows)
                if [(p.file, p.truth) for p in rows] != [(p.file, p.truth) for p in first]:
                    path = group.folders[run.run] / PREDICTIONS_FILE
                    raise RecordError(f"{path}: lists other images than the first seed")
                by_seed[run.seed] = rows
        except RecordError as err:
            left_out.append(short_error(err, group.folders[run.run].parent.parent))
    if not by_seed:
        return None, left_out
    table = list(by_seed.values())
    index = {name: i for i, name in enumerate(group.example.dataset.classes)}
    flags = next((rows for rows in reversed(table) if any(p.clean is not None for p in rows)), None)
    return Predictions(
        files=tuple(p.file for p in table[0]),
        seeds=tuple(by_seed),
        truth=np.array([index[p.truth] for p in table[0]], np.int32),
        predicted=np.array([[index[p.predicted] for p in rows] for rows in table], np.int32),
        probability=np.array([[p.probability for p in rows] for rows in table]),
        clean=None if flags is None else np.array([bool(p.clean) for p in flags]),
    ), left_out
