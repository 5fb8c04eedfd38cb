"""One run from its plan to its record: data, network, features, training, figures, pictures."""

import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
from torch import nn

from bench.data import Selection, Source, Split, make_split, open_source, pack, seen_list, select, to_input
from bench.events import Emit, FeaturePass, Note, Packing
from bench.machine import Energy, code_info, info, peak_memory_bytes, pick, rates, set_up, timed
from bench.models import Network, Weights, bare, baseline_cnn, build_pretrained, load, outputs_for, split
from bench.models import counts as costs
from bench.outcome import dataset_info, make_notes, make_pictures, make_result, model_info, save_weights
from bench.plans import Plan, public_recipe
from bench.recipes import MODELS
from bench.records import Cost, Run, write_pictures, write_run
from bench.training import DivergedError, Trained, cached_features, examine, initialise, train

CHECKPOINT = ".checkpoint.pt"


def build(plan: Plan, num_classes: int) -> tuple[Network, Weights | None, list[str]]:
    """The network of a plan with its initial or pretrained weights, those weights, and notes for the reader."""
    torch.manual_seed(plan.seed)
    recipe, outputs = plan.recipe, outputs_for(num_classes)
    if plan.model == "baseline-cnn":
        net: nn.Module = baseline_cnn(outputs, recipe.size, recipe.dropout)
    elif MODELS[plan.model].pretrained:
        assert recipe.arch is not None and recipe.weights is not None
        weights = load(recipe.weights, recipe.arch)
        net, head, notes = build_pretrained(recipe, outputs, weights, recipe.weights)
        return split(plan.model, net, head, recipe), weights, notes
    else:
        assert recipe.arch is not None
        net = bare(recipe.arch, outputs, recipe.width, recipe.dropout)
    initialise(net, recipe.init or "default")
    return Network(net, net), None, []


def splits(
    plan: Plan,
    network: Network,
    source: Source,
    chosen: Selection,
    weights: Weights | None,
    device: torch.device,
    seconds: dict[str, float],
    emit: Emit,
) -> tuple[Split, Split, Split | None, Split]:
    """What to train on, to measure on, to measure on apart, and the test images themselves for the pictures."""
    recipe = plan.recipe
    with timed(seconds, "pack", device):
        images, fresh = pack(source, recipe.size, lambda done, total: emit(Packing(done, total)))
    if not fresh:
        seconds.pop("pack")
    number = {name: i for i, name in enumerate(source.classes)}

    stored = torch.from_numpy(images)

    def make(view: torch.Tensor, numbers: tuple[int, ...]) -> Split:
        return make_split([view], numbers, labels(numbers), device)

    def labels(numbers: tuple[int, ...]) -> list[int]:
        return [number[source.rows[i].class_] for i in numbers]

    test_images = make(stored, chosen.test)
    if network.prefix is None:
        extra_images = make(stored, chosen.extra) if chosen.extra else None
        return make(stored, chosen.train), test_images, extra_images, test_images
    assert weights is not None
    network.prefix.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(numbers: range | tuple[int, ...], seed: int | None) -> torch.Tensor:
        assert network.prefix is not None and weights is not None
        made, taken = cached_features(
            network.prefix, images, numbers, source, recipe, weights.sha256, device, recipe.precision, seed,
            lambda done, total: emit(FeaturePass(done, total)),
        )  # fmt: skip
        seconds["features"] = seconds.get("features", 0.0) + taken
        return made

    plain = features(range(len(source.rows)), None)
    view_seeds = [plan.seed * 1009 + view for view in range(recipe.views)] if recipe.views > 1 else []
    views = [features(chosen.train, seed) for seed in view_seeds]
    on_train = range(len(chosen.train)) if views else chosen.train
    trained = make_split(views or [plain], on_train, labels(chosen.train), device)
    return trained, make(plain, chosen.test), make(plain, chosen.extra) if chosen.extra else None, test_images


def run(plan: Plan, emit: Emit) -> Run:
    """Make one run and write its folder; the record, also returned. Raises VggbenchError for what the user can mend."""
    began = time.perf_counter()
    device = pick(plan.device)
    set_up(device, plan.recipe.deterministic)
    energy = Energy(device)
    folder, recipe, seconds = Path(plan.folder), plan.recipe, dict[str, float]()
    source = open_source(plan.dataset, Path())
    chosen = select(source, recipe, plan.seed, seen_list(recipe))
    network, weights, notes = build(plan, len(source.classes))
    data, test, extra, test_images = splits(plan, network, source, chosen, weights, device, seconds, emit)
    network.whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if weights is None:
        sample = to_input(data.views[0][data.index[:16]].to(device))
        notes += examine(network.whole, sample, len(source.classes))
    for note in notes:
        emit(Note(note))
    folder.mkdir(parents=True, exist_ok=True)
    test_labels = test.labels.cpu()
    trained, reason = Trained(), None
    try:
        trained = train(
            network, recipe, data, test, test_labels, plan.seed, recipe.precision, emit, folder / CHECKPOINT, began
        )
    except DivergedError as err:
        trained, reason = err.done, str(err)
    counted = costs.count(plan.model, recipe, len(source.classes))
    result = make_result(plan, source, chosen, network, trained, reason, test_labels, extra, folder)
    with timed(seconds, "pictures", device):
        if reason is None:
            save_weights(folder, plan, network, source, weights)
            files = [source.rows[i].file for i in chosen.test]
            made = make_pictures(network, test_images, trained.logits, test_labels, files, source, folder, recipe)
            write_pictures(folder, made)
    seconds |= trained.seconds
    train_seconds = sum(e.seconds for e in trained.epochs)
    peak = rates(device.type, recipe.precision)["peak_tflops"]
    images = sum(e.images_per_second * e.seconds for e in trained.epochs)
    tflops = counted.train_flops_per_image * images / train_seconds / 1e12 if train_seconds else None
    afterwards = make_notes(plan, source, chosen, weights, trained)
    for note in afterwards:
        emit(Note(note))
    record = Run(
        run=plan.run,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dataset=dataset_info(source, chosen),
        model=model_info(plan, counted, weights),
        recipe=public_recipe(plan.model, recipe),
        seed=plan.seed,
        device=info(device, recipe.precision, peak),
        code=code_info(),
        epochs=trained.epochs,
        result=result,
        cost=Cost(
            total_seconds=trained.earlier_seconds + time.perf_counter() - began,
            epoch_seconds=median(e.seconds for e in trained.epochs) if trained.epochs else None,
            pack_seconds=seconds.get("pack"),
            feature_seconds=seconds.get("features"),
            compile_seconds=seconds.get("compile"),
            peak_memory_bytes=peak_memory_bytes(device),
            energy_joules=None if trained.earlier_seconds else energy.joules(),
            tflops=tflops,
            mfu=tflops / peak if tflops else None,
            breakdown=seconds,
        ),
        command=plan.command,
        notes=notes + afterwards,
    )
    write_run(folder, record)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return record
