"""One run from its plan to its record: data, network, features, training, result, pictures."""

import math
import time
from dataclasses import replace
from pathlib import Path

import torch

from bench import outcome
from bench.data import LabelledInputs, TrainingData, labelled_inputs, pack_images
from bench.events import Emit, Note
from bench.machine import Energy, choose_device, set_up_device, timed
from bench.models import Network, build_network, initialise_weights
from bench.plans import Plan
from bench.records import Result, Run, RunStatus, file_hashes, write_pictures, write_run
from bench.training import Backbone, Checkpoint, DivergedError, cached_features, train_network


def initial_network(inputs: outcome.RunInputs) -> Network:
    """The network of a run before training, with random values drawn from its seed or pretrained weights."""
    plan = inputs.plan
    torch.manual_seed(plan.seed)
    network = build_network(plan.model, plan.recipe, len(inputs.source.classes), inputs.weights)
    if inputs.weights is None:
        initialise_weights(network.whole, plan.recipe.init or "default")
    return network


def prepare_data(
    inputs: outcome.RunInputs, network: Network, device: torch.device, seconds: dict[str, float], emit: Emit
) -> TrainingData:
    """The packed images of a run, or what its frozen part computes of them; the time for both is added to `seconds`."""
    recipe, source, selection = inputs.plan.recipe, inputs.source, inputs.selection
    with timed(seconds, "pack", device):
        pack = pack_images(source, recipe.size, emit)
    if not pack.is_new:
        seconds.pop("pack")

    def rows(view: torch.Tensor, numbers: tuple[int, ...]) -> LabelledInputs:
        return labelled_inputs([view], numbers, source.labels(numbers), device)

    stored = torch.from_numpy(pack.images)
    test = test_images = rows(stored, selection.test)
    views: list[torch.Tensor] = []
    if network.prefix is not None:
        assert inputs.weights is not None
        backbone = Backbone(network.prefix, inputs.weights.sha256, recipe, device)
        stored, seconds["features"] = cached_features(backbone, pack, range(len(source.rows)), None, emit)
        for view in range(recipe.views if recipe.views > 1 else 0):
            values, spent = cached_features(backbone, pack, selection.train, inputs.plan.seed * 1009 + view, emit)
            views.append(values)
            seconds["features"] += spent
        test = rows(stored, selection.test)
    numbers = range(len(selection.train)) if views else selection.train
    train = labelled_inputs(views or [stored], numbers, source.labels(selection.train), device)
    validation, extra = (rows(stored, part) if part else None for part in (selection.validation, selection.extra))
    return TrainingData(train, validation, test, extra, test_images)


def run(plan: Plan, emit: Emit, opened: outcome.Opened | None = None) -> Run:
    """Make one run and write its folder; return its record. Raises VggbenchError for what the user can fix.

    `opened` is what an earlier run on the same backbone opened; the time for it counts as if this run had opened it.
    """
    device = choose_device(plan.device)
    set_up_device(device, plan.recipe.deterministic)
    energy, seconds = Energy(device), dict[str, float]()
    opened = opened or outcome.open_inputs(plan)
    run_start = time.perf_counter() - opened.seconds
    inputs = outcome.select_inputs(plan, opened)
    network = initial_network(inputs)
    data = prepare_data(inputs, network, device, seconds, emit)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    early_notes = outcome.notes_before_training(inputs, network, data)
    for note in early_notes:
        emit(Note(note))
    folder = Path(plan.folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(folder, run_start)
    try:
        deadline = _deadline(plan, run_start)
        trained = train_network(network, plan.recipe, data, plan.seed, emit, checkpoint, deadline)
        result, predictions = outcome.make_result(inputs, network, data, trained)
        with timed(seconds, "pictures", device):
            outcome.save_weights(inputs, network)
            write_pictures(folder, outcome.make_pictures(inputs, network, data.test_images, predictions))
            files = file_hashes(folder)
    except DivergedError as err:
        trained, result, files = err.trained, Result(RunStatus.FAILED, reason=str(err)), None
    seconds |= trained.seconds
    late_notes = outcome.notes_after_training(inputs, trained)
    for note in late_notes:
        emit(Note(note))
    cost = outcome.run_cost(inputs, trained, seconds, energy, run_start)
    record = replace(outcome.build_run(inputs, result, cost, trained, early_notes + late_notes), files=files)
    write_run(folder, record)
    checkpoint.delete()
    return record


def try_recipe(plan: Plan, emit: Emit, opened: outcome.Opened | None = None) -> None:
    """Make one trial: train on train without the validation images, measure on these alone and report the epochs.

    No test image is selected, and nothing is left but what runs keep in the user's cache. `opened` is as for `run`.
    """
    run_start = time.perf_counter()
    device = choose_device(plan.device)
    set_up_device(device, plan.recipe.deterministic)
    inputs = outcome.select_inputs(plan, opened or outcome.open_inputs(plan))
    validation = inputs.selection.validation
    selection = replace(inputs.selection, test=validation, extra=(), clean=(None,) * len(validation))
    inputs = replace(inputs, selection=selection)
    network = initial_network(inputs)
    data = prepare_data(inputs, network, device, {}, emit)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train_network(network, plan.recipe, data, plan.seed, emit, Checkpoint(None, run_start), _deadline(plan, run_start))


def _deadline(plan: Plan, run_start: float) -> float:
    return run_start + (math.inf if plan.time_limit is None else plan.time_limit)
