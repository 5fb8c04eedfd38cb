"""One run of bench up to the accuracy of its last epoch: bench.experiment without record, pictures and report."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.data import open_source
from bench.events import Emit
from bench.experiment import initial_network, prepare_data
from bench.machine import choose_device, set_up_device
from bench.models import Network
from bench.outcome import load_inputs
from bench.plans import Plan
from bench.recipes import Recipe
from bench.training import Checkpoint, TrainingResult, train_network


def _silent(*_: Any) -> None:
    pass


def train_once(
    model: str,
    recipe: Recipe,
    photos: Path,
    device_kind: str,
    cache: Path,
    seed: int = 1,
    packed: Callable[[dict[str, float]], None] = _silent,
    emit: Emit = _silent,
    change: Callable[[Network], Network] = lambda network: network,
) -> tuple[TrainingResult, dict[str, float]]:
    """Pack the photos, compute the features of a frozen backbone and train, with the cache of `bench` in `cache`.

    `change` alters the network before anything is computed. `packed` gets the seconds of packing and features, which
    are also returned with the training's result.
    """
    run_start = time.perf_counter()
    os.environ["XDG_CACHE_HOME"] = str(cache)
    plan = Plan("", model, recipe, seed, str(photos), str(cache), device_kind, "")
    device, seconds = choose_device(device_kind), dict[str, float]()
    set_up_device(device, recipe.deterministic)
    inputs = load_inputs(plan, open_source(plan.dataset, Path()))
    network = change(initial_network(inputs))
    data = prepare_data(inputs, network, device, seconds, _silent)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    packed(seconds)
    return train_network(network, recipe, data, seed, emit, Checkpoint(cache, run_start)), seconds
