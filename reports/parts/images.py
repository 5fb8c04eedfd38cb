"""Random test images and the worst mistakes."""

from dataclasses import replace

from reports.parts.part import Part
from reports.parts.shots import MOST_SAMPLES, MOST_WORST, Shot, own_shot, shown_predictions
from reports.study import Comparison


def _samples(comparison: Comparison) -> list[Shot]:
    """The random images of the first contender that stores any, with the predictions of all."""
    for c in comparison.contenders:
        samples = [s for s in comparison.gallery.by_contender[c.name] if s.entry.kind == "sample"]
        if samples:
            shots = [(own_shot(c, s), s.entry.file) for s in samples[:MOST_SAMPLES]]
            return [
                replace(shot, predictions=shown_predictions(comparison.contenders, file) or shot.predictions)
                for shot, file in shots
            ]
    return []


def part(comparison: Comparison) -> Part | None:
    """Random images with all predictions, and each contender's worst mistakes; None without pictures."""
    samples, worst = _samples(comparison), {}
    for c in comparison.contenders:
        mistakes = [s for s in comparison.gallery.by_contender[c.name] if s.entry.kind == "worst"]
        if mistakes:
            worst[c.name] = [own_shot(c, s) for s in mistakes[:MOST_WORST]]
    if not samples and not worst:
        return None
    seed = next((c.predictions.seeds[0] for c in comparison.contenders if c.predictions), 0)
    return Part("images", "Images", "Test images and predictions", {"samples": samples, "worst": worst, "seed": seed})
