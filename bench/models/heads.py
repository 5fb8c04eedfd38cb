"""The network of each model: random or pretrained, with a new head, cut into a frozen and a trained part."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from bench.errors import UsageError
from bench.models.architectures import build_architecture, classifier_name, last_layer
from bench.models.cnn import baseline_cnn
from bench.models.vgg import VGG, VGGTail, block_start
from bench.models.weights import Weights, check_fit
from bench.recipes import MODELS, Recipe


def new_head(net: nn.Module, head: str, outputs: int, dropout: float) -> str:
    """Give `net` a new head for `outputs` logits and return the name of the part of `net` to train.

    mlp256 replaces the whole classifier. classifier and last replace its last layer; last trains only that layer.
    """
    name, path = classifier_name(net), last_layer(net)
    classifier = net.get_submodule(name)
    if head == "mlp256":
        count = next(m.in_features for m in classifier.modules() if isinstance(m, nn.Linear))
        flatten = [nn.Flatten()] if any(isinstance(m, nn.Flatten) for m in classifier.modules()) else []
        layers = (nn.Linear(count, 256), nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(256, outputs))
        setattr(net, name, nn.Sequential(*flatten, *layers))
        return name
    parent, _, child = path.rpartition(".")
    old = net.get_submodule(path)
    assert isinstance(old, nn.Linear)
    setattr(net.get_submodule(parent), child, nn.Linear(old.in_features, outputs))
    for module in classifier.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return path if head == "last" else name


@dataclass(frozen=True, slots=True)
class Network:
    """A network cut in two: `prefix` is frozen and its output cached, `trunk` is trained; without a prefix the trunk is
    the whole. `whole` shares the parameters of both. `head` names the new part of `whole`, None for scratch.
    """

    whole: nn.Module
    trunk: nn.Module
    prefix: nn.Module | None = None
    head: str | None = None


def _with_identity(module: nn.Module, path: str) -> nn.Module:
    """A copy of `module` with the submodule at `path` replaced by the identity; the copy shares all parameters."""
    name, _, rest = path.partition(".")
    changed = copy.copy(module)
    changed._modules = dict(module._modules)
    changed._modules[name] = _with_identity(getattr(module, name), rest) if rest else nn.Identity()
    return changed


def cut(model: str, net: nn.Module, head: str | None, recipe: Recipe) -> Network:
    """Cut a network into the part a model freezes and the part it trains; `head` names the new part of `net`.

    Raises UsageError if `train_from` names a block and the network is not a VGG.
    """
    frozen = model == "frozen-vgg" or recipe.train_from == "head"
    caches_maps = isinstance(net, VGG) and head == "classifier" and recipe.head != "pooled"
    if not frozen and recipe.train_from in (None, "block1"):
        return Network(net, net, None, head)
    assert head is not None and recipe.arch is not None
    if frozen and not caches_maps:
        return Network(net, net.get_submodule(head), _with_identity(net, head), head)
    if not isinstance(net, VGG):
        raise UsageError(f"train_from={recipe.train_from}: {recipe.arch} has no such block, only a VGG does")
    # A frozen VGG caches its maps before the average pool: 12 times smaller than after it at 64 px.
    start = len(net.features) if frozen else block_start(recipe.arch, int(str(recipe.train_from)[-1]))
    return Network(net, VGGTail(net, start), net.features[:start], head)


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
    pooled = recipe.head == "pooled"
    first_outputs = outputs if pooled else pretrained_outputs or outputs
    net = build_architecture(recipe.arch, first_outputs, recipe.width, recipe.dropout, pooled)
    if weights is not None:
        kept = {k: v for k, v in weights.state.items() if not (pooled and k.startswith("classifier."))}
        net.load_state_dict(kept, strict=False)
    if not MODELS[model].pretrained:
        return Network(net, net)
    assert recipe.head is not None
    return cut(model, net, "classifier" if pooled else new_head(net, recipe.head, outputs, recipe.dropout), recipe)


def skeleton(model: str, recipe: Recipe, num_classes: int) -> Network:
    """The network that a recipe asks for on the meta device: shapes without memory. Loads no weights."""
    with torch.device("meta"):
        return build_network(model, recipe, num_classes)
