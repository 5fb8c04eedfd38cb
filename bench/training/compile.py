"""Before the first epoch: one discarded slow step, and a trial of torch.compile and CUDA graphs."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bench.data import LabelledInputs, iterate_batches, to_input
from bench.machine import autocast, clock, reset_peak_memory, timed
from bench.models import Network
from bench.recipes import Recipe

Forward = Callable[[Tensor], Tensor]

MIN_TRAINING_SECONDS = 60.0  # for shorter training the trial costs more than it can save
MAX_GRAPHS_STEP_SECONDS = 0.02  # in longer steps the time to launch kernels is negligible, and memory is scarce


def fastest_forward(forwards: Mapping[str, Forward], step: Callable[[Forward], float]) -> tuple[str, list[str]]:
    """Name of the forward function whose five steps are the fastest, after three steps to compile and record, and notes
    on those that failed. The first one, which is not compiled, must work; another may fail in its compiler or memory.
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
            failed.append(f"{name} was skipped: {str(err).strip().splitlines()[0][:160]}")
    return min(seconds, key=lambda name: seconds[name]), failed


def warm_up(
    network: Network, recipe: Recipe, data: LabelledInputs, batch_size: int, steps: int, seconds: dict[str, float]
) -> tuple[Forward, list[str]]:
    """Run the first batch forward and backward without changing the network. Return the forward function for the
    `steps` of each epoch, and notes on how it is compiled.

    compile=on uses torch.compile without a trial. compile=auto tries it, and CUDA graphs for short steps, on CUDA if
    over a minute of training is ahead; not if repeats must be bit-equal (the outcome may vary) or if the trained
    parameters change during training. The time is added to `seconds` as "warm-up" and "compile".
    """
    trunk, device = network.trunk, data.labels.device
    order = torch.arange(batch_size, device=data.index.device)
    inputs = to_input(next(iterate_batches(data, order, batch_size))[0])
    buffers = {name: value.clone() for name, value in trunk.named_buffers()}

    def step(forward: Forward) -> float:
        trunk.zero_grad()
        start = clock(device)
        with autocast(device, recipe.precision):
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
            step_seconds = step(trunk)
            all_steps = steps * recipe.fixed_epochs if recipe.fixed_epochs else recipe.min_steps
            if step_seconds * all_steps > MIN_TRAINING_SECONDS:
                forwards["torch.compile"] = torch.compile(trunk)
                if step_seconds < MAX_GRAPHS_STEP_SECONDS:
                    forwards["torch.compile with CUDA graphs"] = torch.compile(trunk, mode="reduce-overhead")
                chosen, notes = fastest_forward(forwards, step)
                reset_peak_memory(device)
    trunk.zero_grad()
    with torch.no_grad():
        for name, value in trunk.named_buffers():
            value.copy_(buffers[name])
    if chosen != "not compiled":
        notes.append(f"compiled with {chosen}")
    return forwards[chosen], notes
