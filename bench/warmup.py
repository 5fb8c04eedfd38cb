"""Before the first epoch: the first slow step, discarded, and a trial of torch.compile and CUDA graphs."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bench.data import Split, batches, to_input
from bench.device import autocast, clock, timed
from bench.models import Network
from bench.recipes import Recipe

Forward = Callable[[Tensor], Tensor]

GRAPHS_BELOW = 0.02  # seconds a step: in longer ones the time to launch kernels is lost to sight, and memory is scarce


def fastest(forwards: Mapping[str, Forward], step: Callable[[Forward], float]) -> str:
    """Name of the forward function whose five steps take least, after three that compile, record and settle."""
    seconds = {}
    for name, forward in forwards.items():
        for _ in range(3):
            step(forward)
        seconds[name] = sum(step(forward) for _ in range(5))
    return min(seconds, key=lambda name: seconds[name])


def warm_up(
    network: Network, recipe: Recipe, data: Split, batch_size: int, precision: str, seconds: dict[str, float]
) -> tuple[Forward, str]:
    """Run the first batch forward and backward and leave the network as it was; the forward function to train with,
    and what was done to it: "", "torch.compile" or "torch.compile with CUDA graphs".

    compile=on takes torch.compile unseen; compile=auto tries it on CUDA, short steps with CUDA graphs too, and takes
    the fastest; not where repeats are to be bit-equal, since a trial may end otherwise the next time. Time goes to
    `seconds` under "warm-up" and "compile".
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

    forwards: dict[str, Forward] = {"": trunk}
    chosen = ""
    with timed(seconds, "warm-up", device):
        step(trunk)
    trial = recipe.compile == "auto" and device.type == "cuda" and not recipe.deterministic
    if trial or recipe.compile == "on":
        with timed(seconds, "compile", device):
            chosen = "torch.compile"
            forwards[chosen] = torch.compile(trunk)
            if trial:
                if step(trunk) < GRAPHS_BELOW:
                    forwards["torch.compile with CUDA graphs"] = torch.compile(trunk, mode="reduce-overhead")
                chosen = fastest(forwards, step)
            else:
                step(forwards[chosen])
    with torch.no_grad():
        for name, value in trunk.named_buffers():
            value.copy_(buffers[name])
    return forwards[chosen], chosen
