"""Random test images and the worst mistakes: photos with what the models predict for them."""

from dataclasses import dataclass

from reports.parts.part import Part
from reports.study import Comparison, Contender, ReportPhoto, StoredPicture
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


def _samples(comparison: Comparison) -> list[Shot]:
    """The random images of the first contender that stores any, with the predictions of all."""
    for c in comparison.contenders:
        if samples := [s for s in comparison.gallery.by_contender[c.name] if s.entry.kind == "sample"]:
            return [shot(c, s, shown_predictions(comparison.contenders, s.entry.file)) for s in samples[:MOST_SAMPLES]]
    return []


def part(comparison: Comparison) -> Part | None:
    """Random images with all predictions, and each contender's worst mistakes; None without pictures."""
    samples, worst = _samples(comparison), {}
    for c in comparison.contenders:
        if mistakes := [s for s in comparison.gallery.by_contender[c.name] if s.entry.kind == "worst"]:
            worst[c.name] = [shot(c, s, []) for s in mistakes[:MOST_WORST]]
    if not samples and not worst:
        return None
    seed = next((c.predictions.seeds[0] for c in comparison.contenders if c.predictions), 0)
    about = "random test images and the worst mistakes"
    return Part(
        "images",
        "Images",
        "Test images and predictions",
        {"samples": samples, "worst": worst, "seed": seed},
        about=about,
    )
