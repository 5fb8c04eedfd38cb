"""The outputs of a network's layers during a forward pass."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import Tensor, nn

T = TypeVar("T")


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
