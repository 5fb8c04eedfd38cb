"""One run of ours up to its last epoch's accuracy: what bench.experiment does, without record, pictures and report."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.data import open_source, select
from bench.experiment import build, splits
from bench.machine import pick, set_up
from bench.models import Network
from bench.plans import Plan
from bench.recipes import Recipe
from bench.training import Trained, train


def _silent(*_: Any, **__: Any) -> None:
    pass


def train_once(
    model: str,
    recipe: Recipe,
    photos: Path,
    device_kind: str,
    cache: Path,
    seed: int = 1,
    packed: Callable[[dict[str, float]], None] = _silent,
    emit: Callable[..., None] = _silent,
    change: Callable[[Network], Network] = lambda network: network,
) -> tuple[Trained, dict[str, float]]:
    """Pack the photos, make the features of a frozen backbone and train, keeping all that `bench` caches in `cache`.

    `change` alters the network before anything is computed; `packed` gets the seconds of packing and features, as does
    the caller with what training left.
    """
    began = time.perf_counter()
    os.environ["XDG_CACHE_HOME"] = str(cache)
    plan = Plan("", model, recipe, seed, str(photos), "", str(cache), device_kind, "")
    device, seconds = pick(device_kind), dict[str, float]()
    set_up(device, recipe.deterministic)
    source = open_source(plan.dataset, Path())
    chosen = select(source, recipe, seed)
    network, weights, _ = build(plan, len(source.classes))
    network = change(network)
    data, test, _, _ = splits(plan, network, source, chosen, weights, device, seconds, _silent)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    packed(seconds)
    labels, state = test.labels.cpu(), cache / "state"
    return train(network, recipe, data, test, labels, seed, recipe.precision, emit, state, began), seconds
