"""How a run ended: its result, notes for the reader, and the weights to take home."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import torch

from bench.data import DECODER, Selection, Source, Split
from bench.models import Cost, Network, Weights
from bench.plans import Plan
from bench.records import WEIGHTS_FILE, DatasetInfo, ModelInfo, Result, write_predictions
from bench.training import Trained, answers, figures, is_stalled, predicted, predictions
from collect.manifest import atomic_write

STALLED = (
    "the training loss stayed at that of one constant answer (ln K for equal classes): the network answers by chance"
)


def dataset_info(source: Source, chosen: Selection) -> DatasetInfo:
    """The dataset as a record names it."""
    return DatasetInfo(source.name, source.sha256, list(source.classes), len(chosen.train), len(chosen.test))


def model_info(plan: Plan, counted: Cost, weights: Weights | None) -> ModelInfo:
    """The model as a record names it, with its counts and the origin of its weights."""
    return ModelInfo(
        plan.model,
        plan.recipe.arch or "keras-tutorial-cnn",
        weights.origin if weights else None,
        weights.sha256 if weights else None,
        plan.recipe.head,
        counted.parameters_total,
        counted.parameters_trainable,
        counted.flops_per_image,
    )


def make_result(
    plan: Plan,
    source: Source,
    chosen: Selection,
    network: Network,
    trained: Trained,
    reason: str | None,
    labels: torch.Tensor,
    extra: Split | None,
    folder: Path,
) -> Result:
    """The figures of a run on its test images, whose predictions go to `folder`; failed where there is a `reason`."""
    if reason is not None:
        return Result("failed", reason=reason)
    found, last = figures(trained.logits, labels, len(source.classes)), trained.epochs[-1]
    counts = list(Counter(source.rows[i].class_ for i in chosen.train).values())
    by_chance = found.accuracy_low <= int(labels.bincount().max()) / len(labels)
    stalled = by_chance and is_stalled(last.train_loss, last.train_accuracy, counts, plan.recipe.label_smoothing)
    logits, files = trained.logits, [source.rows[i].file for i in (*chosen.test, *chosen.extra)]
    if extra is not None:
        logits = torch.cat([logits, answers(network.trunk, extra, plan.recipe.batch_size, plan.recipe.precision)])
        labels = torch.cat([labels, extra.labels.cpu()])
    write_predictions(folder, predictions(logits, labels, files, source.classes, chosen.clean))
    clean = torch.tensor([c is True for c in chosen.clean])
    clean_accuracy = float((predicted(logits) == labels)[clean].float().mean()) if bool(clean.any()) else None
    return Result(
        "stalled" if stalled else "done",
        **asdict(found),
        clean_accuracy=clean_accuracy,
        clean_images=int(clean.sum()) if bool(clean.any()) else None,
        reason=STALLED if stalled else None,
    )


def make_notes(plan: Plan, source: Source, chosen: Selection, weights: Weights | None, trained: Trained) -> list[str]:
    """What a reader of the result should know beside it, one sentence each."""
    notes = []
    if plan.recipe.val_fraction:
        notes.append("measured on validation images carved from train; the test images were not used")
    seen = sum(c is False for c in chosen.clean)
    if weights is not None and seen and "imagenet" in weights.origin.lower().replace("-", ""):
        notes.append(
            f"{seen} of {len(chosen.clean)} test images are named as images of ImageNet's training set, from which "
            f"{weights.origin} is made: the accuracy flatters, clean_accuracy does not"
        )
    accuracies = [e.test_accuracy for e in trained.epochs if e.test_accuracy is not None]
    if len(accuracies) > 2 and accuracies[-1] == max(accuracies) and accuracies[-1] - accuracies[-2] > 0.01:
        notes.append("still rising at the last epoch: more epochs would help")
    if trained.earlier_seconds:
        notes.append("continued after an interruption: its energy is not known")
    if DECODER == "Pillow":
        notes.append("photos decoded by Pillow, which is slower: simplejpeg is not installed")
    return notes + trained.notes


def save_weights(folder: Path, plan: Plan, network: Network, source: Source, weights: Weights | None) -> None:
    """Write the trained network as safetensors with what it needs to be used again, and where it started from."""
    from safetensors.torch import save

    recipe = plan.recipe
    state = {k: v.detach().cpu().contiguous() for k, v in network.whole.state_dict().items()}
    about = {"arch": recipe.arch, "head": recipe.head, "model": plan.model, "started_from": weights and weights.origin}
    metadata = {k: str(v) for k, v in about.items() if v}
    metadata |= {"width": str(recipe.width), "size": str(recipe.size), "classes": "\n".join(source.classes)}
    metadata["pretrained_on"] = f"{source.name} ({len(source.classes)} classes)"
    with atomic_write(folder / WEIGHTS_FILE, "wb") as out:
        out.write(save(state, metadata))
