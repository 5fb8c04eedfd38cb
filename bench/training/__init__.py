"""Training: the loop and its parts, cached features, metrics, and checks of networks."""

from bench.training.checkpoint import CHECKPOINT_FILE, Checkpoint, TrainingResult
from bench.training.diagnose import examine, is_stalled
from bench.training.evaluate import compute_logits, compute_metrics, make_predictions, predicted_classes, probabilities
from bench.training.features import Backbone, cached_features
from bench.training.train import DivergedError, train_network
