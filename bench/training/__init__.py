"""bench.training."""

from bench.training.diagnose import examine, initialise, is_stalled
from bench.training.evaluate import answers, figures, loss_per_image, predicted, predictions, probabilities
from bench.training.features import cached_features
from bench.training.train import DivergedError, Trained, train

__all__ = [
    "DivergedError",
    "Trained",
    "answers",
    "cached_features",
    "examine",
    "figures",
    "initialise",
    "is_stalled",
    "loss_per_image",
    "predicted",
    "predictions",
    "probabilities",
    "train",
]
