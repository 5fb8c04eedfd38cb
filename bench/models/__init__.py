"""The four networks: how they are built, initialised, cut, counted and given pretrained weights."""

from bench.models.architectures import build_architecture, torchvision_classifiers
from bench.models.cnn import baseline_cnn
from bench.models.counts import count_model, observe_layers
from bench.models.heads import Network, build_network, new_head, outputs_for, skeleton
from bench.models.initialise import initialise_weights
from bench.models.vgg import VGGS
from bench.models.weights import (
    Weights,
    check_fit,
    has_imagenet_weights,
    load_weights,
    read_tensors,
    safetensors_bytes,
)
