"""One run from its plan to its record: data, network, features, training, result, pictures."""

import time
from pathlib import Path

import torch

from bench.data import LabelledInputs, TrainingData, labelled_inputs, open_source, pack_images
from bench.events import Emit, Note
from bench.machine import Energy, choose_device, set_up_device, timed
from bench.models import Network, build_network, initialise_weights
from bench.outcome import (
    RunInputs,
    build_run,
    load_inputs,
    make_pictures,
    make_result,
    notes_after_training,
    notes_before_training,
    run_cost,
    save_weights,
)
from bench.plans import Plan
from bench.records import Result, Run, RunStatus, write_pictures, write_run
from bench.training import Backbone, Checkpoint, DivergedError, cached_features, train_network


def initial_network(inputs: RunInputs) -> Network:
    """The network of a run before training, with random values drawn from its seed or pretrained weights."""
    plan = inputs.plan
    torch.manual_seed(plan.seed)
    network = build_network(plan.model, plan.recipe, len(inputs.source.classes), inputs.weights)
    if inputs.weights is None:
        initialise_weights(network.whole, plan.recipe.init or "default")
    return network


def prepare_data(
    inputs: RunInputs, network: Network, device: torch.device, seconds: dict[str, float], emit: Emit
) -> TrainingData:
    """The packed images of a run, or the features that a frozen part of its network computes from them.

    The time to pack and to compute features is added to `seconds`.
    """
    recipe, source, selection = inputs.plan.recipe, inputs.source, inputs.selection
    with timed(seconds, "pack", device):
        pack = pack_images(source, recipe.size, emit)
    if not pack.is_new:
        seconds.pop("pack")

    def rows(view: torch.Tensor, numbers: tuple[int, ...]) -> LabelledInputs:
        return labelled_inputs([view], numbers, source.labels(numbers), device)

    images = torch.from_numpy(pack.images)
    test_images = rows(images, selection.test)
    if network.prefix is None:
        extra = rows(images, selection.extra) if selection.extra else None
        return TrainingData(rows(images, selection.train), test_images, extra, test_images)
    assert inputs.weights is not None
    backbone = Backbone(network.prefix, inputs.weights.sha256, recipe, device)
    plain = cached_features(backbone, pack, range(len(source.rows)), None, emit)
    view_seeds = [inputs.plan.seed * 1009 + view for view in range(recipe.views)] if recipe.views > 1 else []
    views = [cached_features(backbone, pack, selection.train, seed, emit) for seed in view_seeds]
    seconds["features"] = sum(features.seconds for features in (plain, *views))
    train_labels = source.labels(selection.train)
    if views:
        train_data = labelled_inputs([v.values for v in views], range(len(train_labels)), train_labels, device)
    else:
        train_data = rows(plain.values, selection.train)
    extra = rows(plain.values, selection.extra) if selection.extra else None
    return TrainingData(train_data, rows(plain.values, selection.test), extra, test_images)


def run(plan: Plan, emit: Emit) -> Run:
    """Make one run and write its folder; return its record. Raises VggbenchError for what the user can fix."""
    run_start = time.perf_counter()
    device = choose_device(plan.device)
    set_up_device(device, plan.recipe.deterministic)
    energy, seconds = Energy(device), dict[str, float]()
    inputs = load_inputs(plan, open_source(plan.dataset, Path()))
    network = initial_network(inputs)
    data = prepare_data(inputs, network, device, seconds, emit)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    early_notes = notes_before_training(inputs, network, data)
    for note in early_notes:
        emit(Note(note))
    folder = Path(plan.folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(folder, run_start)
    try:
        trained = train_network(network, plan.recipe, data, plan.seed, emit, checkpoint)
        result = make_result(inputs, network, data, trained)
        with timed(seconds, "pictures", device):
            save_weights(inputs, network)
            write_pictures(folder, make_pictures(inputs, network, data.test_images, trained.logits))
    except DivergedError as err:
        trained, result = err.trained, Result(RunStatus.FAILED, reason=str(err))
    seconds |= trained.seconds
    late_notes = notes_after_training(inputs, trained)
    for note in late_notes:
        emit(Note(note))
    cost = run_cost(inputs, trained, seconds, energy, run_start)
    record = build_run(inputs, result, cost, trained, early_notes + late_notes)
    write_run(folder, record)
    checkpoint.delete()
    return record
