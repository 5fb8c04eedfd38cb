"""bench.models."""

from bench.models.counts import Cost, count, skeleton
from bench.models.vgg import (
    VGGS,
    Network,
    bare,
    baseline_cnn,
    last_layer,
    new_head,
    outputs_for,
    split,
    torchvision_classifiers,
)
from bench.models.weights import Weights, build_pretrained, check_fit, load

__all__ = [
    "VGGS",
    "Cost",
    "Network",
    "Weights",
    "bare",
    "baseline_cnn",
    "build_pretrained",
    "check_fit",
    "count",
    "last_layer",
    "load",
    "new_head",
    "outputs_for",
    "skeleton",
    "split",
    "torchvision_classifiers",
]
