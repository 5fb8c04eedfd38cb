"""Before the first epoch: the first slow step, discarded, and a trial of torch.compile where it may win."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from bench.data import Split, batches, to_input
from bench.device import autocast, clock, timed
from bench.models import Network
from bench.recipes import Recipe

Forward = Callable[[Tensor], Tensor]


def warm_up(
    network: Network, recipe: Recipe, data: Split, batch_size: int, precision: str, seconds: dict[str, float]
) -> tuple[Forward, bool]:
    """Run the first batch forward and backward and leave the network as it was; the forward function to train with,
    and whether it is compiled.

    With compile=auto on CUDA, or compile=on, torch.compile is tried; auto keeps it only where five steps are faster.
    Time goes to `seconds` under "warm-up" and "compile".
    """
    trunk, device = network.trunk, data.labels.device
    order = torch.arange(batch_size, device=data.index.device)
    inputs = to_input(next(batches(data, order, batch_size))[0])
    buffers = {name: value.clone() for name, value in trunk.named_buffers()}

    def step(forward: Forward) -> float:
        start = clock(device)
        with autocast(device, precision):
            out = forward(inputs)
        out.float().square().mean().backward()
        trunk.zero_grad()
        return clock(device) - start

    forward: Forward = trunk
    with timed(seconds, "warm-up", device):
        step(trunk)
    compiled = recipe.compile == "on" or (recipe.compile == "auto" and device.type == "cuda")
    if compiled:
        start = time.perf_counter()
        faster: Forward = torch.compile(trunk)
        step(faster)
        if recipe.compile == "on" or sum(step(faster) for _ in range(5)) < sum(step(trunk) for _ in range(5)):
            forward = faster
        compiled = forward is faster
        seconds["compile"] = seconds.get("compile", 0.0) + time.perf_counter() - start
    with torch.no_grad():
        for name, value in trunk.named_buffers():
            value.copy_(buffers[name])
    return forward, compiled
