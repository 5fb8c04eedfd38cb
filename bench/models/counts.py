"""What a model costs before it is trained: parameters, FLOPs and memory, counted without computing anything."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.errors import UsageError
from bench.models.vgg import Network, bare, baseline_cnn, new_head, outputs_for, split
from bench.recipes import MODELS, Recipe


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts of one network. FLOPs count a multiply-add as two; `flops_per_image` is one forward pass of the whole,
    `train_flops_per_image` forward and backward of the trained part, `prefix_flops_per_image` forward of the frozen.
    `memory` is bytes to train on batches of 64 in fp32: weights, gradients, optimizer state and activations.
    """

    parameters_total: int
    parameters_trainable: int
    flops_per_image: int
    train_flops_per_image: int
    prefix_flops_per_image: int
    memory: int


def skeleton(model: str, recipe: Recipe, num_classes: int) -> Network:
    """The network a recipe asks for on the meta device: shapes without memory. Loads no weights."""
    outputs = outputs_for(num_classes)
    with torch.device("meta"):
        if model == "baseline-cnn":
            net: nn.Module = baseline_cnn(outputs, recipe.size, recipe.dropout)
            return Network(net, net)
        assert recipe.arch is not None
        net = bare(recipe.arch, outputs, recipe.width, recipe.dropout)
        if not MODELS[model].pretrained:
            return Network(net, net)
        assert recipe.head is not None
        head = new_head(net, recipe.head, outputs, recipe.dropout)
    return split(model, net, head, recipe)


def _flops(work: nn.Module, inputs: Tensor, backward: bool) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        out = work(inputs)
        if backward:
            out.sum().backward()
    return int(counter.get_total_flops())


def _activation_bytes(work: nn.Module, inputs: Tensor) -> int:
    total = 0

    def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        total += out.nbytes

    leaves = [m for m in work.modules() if not list(m.children()) and not getattr(m, "inplace", False)]
    handles = [m.register_forward_hook(hook) for m in leaves]
    work(inputs)
    for handle in handles:
        handle.remove()
    return total


def count(model: str, recipe: Recipe, num_classes: int) -> Cost:
    """Count one network's parameters, FLOPs and memory. Raises UsageError for an unknown architecture, or one that
    cannot take images of this size.
    """
    network = skeleton(model, recipe, num_classes)
    network.whole.eval()
    images = torch.empty(1, 3, recipe.size, recipe.size, device="meta")
    try:
        flops = _flops(network.whole, images, False)
    except (RuntimeError, AssertionError) as err:
        first = str(err).strip().splitlines()[0]
        raise UsageError(f"--size {recipe.size}: {recipe.arch} cannot take it ({first}); try --size 224") from err
    prefix_flops, inputs = 0, images
    if network.prefix is not None:
        with torch.no_grad():
            prefix_flops = _flops(network.prefix, images, False)
            inputs = network.prefix(images)
    trained = list(network.trunk.parameters())
    total = sum(p.numel() for p in network.whole.parameters())
    trainable = sum(p.numel() for p in trained)
    state = 2 if recipe.optimizer == "adamw" else 1
    memory = 4 * (total + trainable * (1 + state)) + 64 * _activation_bytes(network.trunk, inputs)
    return Cost(total, trainable, flops, _flops(network.trunk, inputs, True), prefix_flops, memory)
