"""The network of each model: with random values, or with pretrained weights and a new head."""

import torch
from torch import nn

from bench.models.architectures import build_architecture
from bench.models.cnn import baseline_cnn
from bench.models.heads import Network, cut, new_head
from bench.models.weights import Weights, check_fit
from bench.recipes import MODELS, Recipe


def outputs_for(num_classes: int) -> int:
    """Number of logits: one for two classes (binary cross-entropy), else one per class."""
    return 1 if num_classes == 2 else num_classes


def build_network(model: str, recipe: Recipe, num_classes: int, weights: Weights | None = None) -> Network:
    """The network that a recipe asks for, with PyTorch's initial values where no `weights` are loaded.

    Raises UsageError for an unknown architecture, WeightsError if the weights do not fit.
    """
    outputs = outputs_for(num_classes)
    if model == "baseline-cnn":
        cnn: nn.Module = baseline_cnn(outputs, recipe.size, recipe.dropout)
        return Network(cnn, cnn)
    assert recipe.arch is not None
    pretrained_outputs = None if weights is None else check_fit(recipe, weights, recipe.weights or "")
    net = build_architecture(recipe.arch, pretrained_outputs or outputs, recipe.width, recipe.dropout)
    if weights is not None:
        net.load_state_dict(dict(weights.state), strict=False)
    if not MODELS[model].pretrained:
        return Network(net, net)
    assert recipe.head is not None
    return cut(model, net, new_head(net, recipe.head, outputs, recipe.dropout), recipe)


def skeleton(model: str, recipe: Recipe, num_classes: int) -> Network:
    """The network that a recipe asks for on the meta device: shapes without memory. Loads no weights."""
    with torch.device("meta"):
        return build_network(model, recipe, num_classes)
