"""What a network costs and what its layers give: parameters, FLOPs and memory, counted without computing anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.errors import UsageError
from bench.models.heads import skeleton
from bench.recipes import Recipe

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """FLOPs count a multiply-add as two: `flops_per_image` for a forward pass of the whole network,
    `train_flops_per_image` for forward and backward of the trained part, `prefix_flops_per_image` for forward of the
    frozen part. `memory` is bytes to train on batches of 64 in fp32: weights, gradients, optimizer state, activations.
    """

    parameters_total: int
    parameters_trainable: int
    flops_per_image: int
    train_flops_per_image: int
    prefix_flops_per_image: int
    memory: int


def observe_layers(
    net: nn.Module, inputs: Tensor, layers: Mapping[str, nn.Module], measure: Callable[[Tensor], T]
) -> list[tuple[str, T]]:
    """Forward the inputs; the name of each of these layers with `measure` of its output, in the order of the calls."""
    measured: list[tuple[str, T]] = []

    def observe(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, out: measured.append((name, measure(out)))

    handles = [layer.register_forward_hook(observe(name)) for name, layer in layers.items()]
    net(inputs)
    for handle in handles:
        handle.remove()
    return measured


def _count_flops(module: nn.Module, inputs: Tensor, backward: bool) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        out = module(inputs)
        if backward:
            out.sum().backward()
    return int(counter.get_total_flops())


def _activation_bytes(module: nn.Module, inputs: Tensor) -> int:
    leaves = {n: m for n, m in module.named_modules() if not list(m.children()) and not getattr(m, "inplace", False)}
    return sum(size for _, size in observe_layers(module, inputs, leaves, lambda out: out.nbytes))


@cache
def count_model(model: str, recipe: Recipe, num_classes: int) -> ModelCounts:
    """What one network costs. Raises UsageError for an architecture that is unknown or cannot take this size."""
    network = skeleton(model, recipe, num_classes)
    network.whole.eval()
    images = torch.empty(1, 3, recipe.size, recipe.size, device="meta")
    try:
        flops = _count_flops(network.whole, images, False)
    except (RuntimeError, AssertionError) as err:
        first = str(err).strip().splitlines()[0]
        raise UsageError(f"--size {recipe.size}: {recipe.arch} cannot take it ({first}); try --size 224") from err
    prefix_flops, inputs = 0, images
    if network.prefix is not None:
        with torch.no_grad():
            prefix_flops = _count_flops(network.prefix, images, False)
            inputs = network.prefix(images)
    trained = list(network.trunk.parameters())
    total = sum(p.numel() for p in network.whole.parameters())
    trainable = sum(p.numel() for p in trained)
    state = 2 if recipe.optimizer == "adamw" else 1
    memory = 4 * (total + trainable * (1 + state)) + 64 * _activation_bytes(network.trunk, inputs)
    return ModelCounts(total, trainable, flops, _count_flops(network.trunk, inputs, True), prefix_flops, memory)
