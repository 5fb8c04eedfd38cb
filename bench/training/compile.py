"""Before the first epoch: the first slow step, discarded, and a trial of torch.compile and CUDA graphs."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bench.data import Split, batches, to_input
from bench.machine import autocast, clock, forget_peak_memory, timed
from bench.models import Network
from bench.recipes import Recipe

Forward = Callable[[Tensor], Tensor]

TRIAL_PAYS = 60.0  # seconds of training ahead, below which trying to compile costs more than it can win
GRAPHS_BELOW = 0.02  # seconds a step: in longer ones the time to launch kernels is lost to sight, and memory is scarce


def fastest(forwards: Mapping[str, Forward], step: Callable[[Forward], float]) -> tuple[str, list[str]]:
    """Name of the forward function whose five steps take least, after three that compile, record and settle, and what
    could not be tried: the first, which is not compiled, must work, another may fail in its compiler or its memory.
    """
    seconds: dict[str, float] = {}
    failed = []
    for name, forward in forwards.items():
        try:
            for _ in range(3):
                step(forward)
            seconds[name] = sum(step(forward) for _ in range(5))
        except RuntimeError as err:
            if not seconds:
                raise
            failed.append(f"{name} was left out: {str(err).strip().splitlines()[0][:160]}")
    return min(seconds, key=lambda name: seconds[name]), failed


def warm_up(
    network: Network,
    recipe: Recipe,
    data: Split,
    batch_size: int,
    steps: int,
    precision: str,
    seconds: dict[str, float],
) -> tuple[Forward, list[str]]:
    """Run the first batch forward and backward and leave the network as it was; the forward function for the `steps` of
    each epoch, and notes on how it was compiled.

    compile=on takes torch.compile unseen. compile=auto tries it on CUDA where over a minute of training lies ahead,
    short steps with CUDA graphs too, and takes the fastest; not where repeats are to be bit-equal, since a trial may
    end otherwise the next time, nor where what is trained changes on the way. Time goes to `seconds` under "warm-up"
    and "compile".
    """
    trunk, device = network.trunk, data.labels.device
    order = torch.arange(batch_size, device=data.index.device)
    inputs = to_input(next(batches(data, order, batch_size))[0])
    buffers = {name: value.clone() for name, value in trunk.named_buffers()}

    def step(forward: Forward) -> float:
        trunk.zero_grad()
        start = clock(device)
        with autocast(device, precision):
            out = forward(inputs)
        out.float().square().mean().backward()
        return clock(device) - start

    forwards: dict[str, Forward] = {"not compiled": trunk}
    chosen, notes = "not compiled", list[str]()
    with timed(seconds, "warm-up", device):
        step(trunk)
    may_change = recipe.deterministic or recipe.freeze_epochs > 0
    if recipe.compile == "on":
        with timed(seconds, "compile", device):
            chosen = "torch.compile"
            forwards[chosen] = torch.compile(trunk)
            step(forwards[chosen])
    elif recipe.compile == "auto" and device.type == "cuda" and not may_change:
        with timed(seconds, "compile", device):
            taken = step(trunk)
            if taken * steps * recipe.epochs > TRIAL_PAYS:
                forwards["torch.compile"] = torch.compile(trunk)
                if taken < GRAPHS_BELOW:
                    forwards["torch.compile with CUDA graphs"] = torch.compile(trunk, mode="reduce-overhead")
                chosen, notes = fastest(forwards, step)
                forget_peak_memory(device)
    trunk.zero_grad()
    with torch.no_grad():
        for name, value in trunk.named_buffers():
            value.copy_(buffers[name])
    if chosen != "not compiled":
        notes.append(f"compiled with {chosen}")
    return forwards[chosen], notes
