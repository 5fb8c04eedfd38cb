"""Photos with what the models predict for them, as several sections show them."""

from dataclasses import dataclass

from reports.study import Contender, ReportPhoto, StoredPicture
from reports.words import clean

MOST_SAMPLES, MOST_WORST, MOST_FLIPS = 12, 6, 6


@dataclass(frozen=True)
class ShownPrediction:
    """What one contender predicts for a photo."""

    style: int
    predicted: str
    probability: float
    is_correct: bool


@dataclass(frozen=True)
class Shot:
    """A photo with its truth and the predictions for it; `map` shows where the model looked."""

    photo: ReportPhoto
    truth: str
    predictions: list[ShownPrediction]
    map: ReportPhoto | None = None


def shown_predictions(contenders: list[Contender], file: str | None) -> list[ShownPrediction]:
    """What the first seed of each contender predicts for a test image, as far as it is stored."""
    rows = []
    for c in contenders:
        if c.predictions and file in c.predictions.files:
            i, classes = c.predictions.files.index(file), c.group.example.dataset.classes
            guess, probability = int(c.predictions.predicted[0, i]), float(c.predictions.probability[0, i])
            is_correct = guess == c.predictions.truth[i]
            rows.append(ShownPrediction(c.style, clean(classes[guess], 60), probability, is_correct))
    return rows


def shot(contender: Contender, picture: StoredPicture, predictions: list[ShownPrediction]) -> Shot:
    """A picture with predictions; without any, with the one that its own record gives."""
    entry = picture.entry
    if not predictions and entry.predicted is not None:
        is_correct = entry.predicted == entry.truth
        shown = ShownPrediction(contender.style, clean(entry.predicted, 60), entry.probability or 0.0, is_correct)
        predictions = [shown]
    return Shot(picture.photo, clean(entry.truth or "not known", 60), predictions, picture.map)
