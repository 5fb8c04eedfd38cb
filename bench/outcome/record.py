"""The record of a run, built in one place for runs that succeed and for runs that fail."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch

from bench.data import Selection, Source, open_source, read_overlap_list, select_images
from bench.machine import (
    Energy,
    choose_device,
    clock,
    code_info,
    device_info,
    measured_throughput,
    peak_memory_bytes,
)
from bench.models import Weights, count_model, load_weights
from bench.plans import Plan, public_recipe
from bench.records import Cost, DatasetInfo, ModelInfo, Result, Run, RunStatus, write_run
from bench.training import TrainingResult


@dataclass(frozen=True, slots=True)
class Opened:
    """What runs on the same frozen backbone can share, `shared_with` so many others: a dataset, pretrained weights, and
    the seconds to open them and the device.
    """

    source: Source
    weights: Weights | None
    seconds: float
    shared_with: int | None = None


def open_inputs(plan: Plan, shared_with: int | None = None) -> Opened:
    """Open the dataset, the weights and the device of a plan. Raises UsageError or WeightsError if one is missing."""
    start = time.perf_counter()
    source, weights = open_source(plan.dataset, Path()), _weights_of(plan)
    return Opened(source, weights, clock(choose_device(plan.device)) - start, shared_with)


def _weights_of(plan: Plan) -> Weights | None:
    recipe = plan.recipe
    return load_weights(recipe.weights, recipe.arch) if recipe.weights and recipe.arch else None


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run starts from: its plan, the dataset, the images chosen from it, and pretrained weights."""

    plan: Plan
    source: Source
    selection: Selection
    weights: Weights | None
    shared_with: int | None = None


def select_inputs(plan: Plan, opened: Opened) -> RunInputs:
    """The inputs of a plan from what is opened. Raises UsageError if a class has too few images."""
    selection = select_images(opened.source, plan.recipe, plan.seed, read_overlap_list(plan.recipe))
    return RunInputs(plan, opened.source, selection, opened.weights, opened.shared_with)


def load_inputs(plan: Plan, source: Source) -> RunInputs:
    """The inputs of a plan. Raises UsageError or WeightsError if images or weights are not available."""
    return select_inputs(plan, Opened(source, _weights_of(plan), 0.0))


def run_cost(
    inputs: RunInputs, trained: TrainingResult, seconds: dict[str, float], energy: Energy, run_start: float
) -> Cost:
    """What a run cost from the `time.perf_counter()` of `run_start` until now, with its `seconds` by part."""
    plan, epochs = inputs.plan, trained.epochs
    counts = count_model(plan.model, plan.recipe, len(inputs.source.classes))
    train_seconds = sum(e.seconds for e in epochs)
    images = sum(e.images_per_second * e.seconds for e in epochs)
    tflops = counts.train_flops_per_image * images / train_seconds / 1e12 if train_seconds else None
    peak_tflops = measured_throughput(plan.device, plan.recipe.precision).peak_tflops
    return Cost(
        total_seconds=trained.earlier_seconds + time.perf_counter() - run_start,
        epoch_seconds=median(e.seconds for e in epochs) if epochs else None,
        pack_seconds=seconds.get("pack"),
        feature_seconds=seconds.get("features"),
        compile_seconds=seconds.get("compile"),
        peak_memory_bytes=peak_memory_bytes(torch.device(plan.device)),
        energy_joules=None if trained.earlier_seconds else energy.joules(),
        tflops=tflops,
        mfu=tflops / peak_tflops if tflops else None,
        breakdown=seconds,
        shared_with=inputs.shared_with,
    )


def build_run(
    inputs: RunInputs, result: Result, cost: Cost, trained: TrainingResult | None = None, notes: Sequence[str] = ()
) -> Run:
    """The record of a run that ended with this result; `trained` is None if its process crashed."""
    plan, source, selection, weights = inputs.plan, inputs.source, inputs.selection, inputs.weights
    arch, precision = plan.recipe.arch or "keras-tutorial-cnn", plan.recipe.precision
    origin, weights_sha256 = (weights.origin, weights.sha256) if weights else (None, None)
    counts = count_model(plan.model, plan.recipe, len(source.classes))
    sizes = (counts.parameters_total, counts.parameters_trainable, counts.flops_per_image)
    peak_tflops = measured_throughput(plan.device, precision).peak_tflops if trained else None
    validation, test = len(selection.validation), len(selection.test)
    train = len(selection.train) + validation
    return Run(
        run=plan.run,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dataset=DatasetInfo(source.name, source.sha256, list(source.classes), train, test, validation),
        model=ModelInfo(plan.model, arch, origin, weights_sha256, plan.recipe.head, *sizes),
        recipe=public_recipe(plan.model, plan.recipe),
        seed=plan.seed,
        device=device_info(torch.device(plan.device), precision, peak_tflops),
        code=code_info(),
        epochs=trained.epochs if trained else [],
        result=result,
        cost=cost,
        command=plan.command,
        notes=list(notes),
        training=trained.training if trained else None,
        tuning=plan.tuning,
    )


def record_failure(plan: Plan, source: Source, reason: str) -> Run:
    """Write and return the record of a run whose process ended with an error."""
    failure = Result(RunStatus.FAILED, reason=reason)
    run = build_run(load_inputs(plan, source), failure, Cost(total_seconds=0.0))
    write_run(Path(plan.folder), run)
    return run
