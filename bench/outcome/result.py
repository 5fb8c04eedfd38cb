"""How a run ended: its metrics, predictions and trained weights, and notes on what a reader should know beside them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch

from bench import training
from bench.data import DECODER, TrainingData, to_input
from bench.models import Network, check_fit, safetensors_bytes
from bench.outcome.record import RunInputs
from bench.records import WEIGHTS_FILE, Prediction, Result, RunStatus, StopReason, write_predictions
from bench.training import TrainingResult, is_stalled
from collect.manifest import atomic_write

STALLED = (
    "the training loss stayed at that of one constant answer (ln K for equal classes): "
    "the network does no better than guessing"
)


def make_result(
    inputs: RunInputs, network: Network, data: TrainingData, trained: TrainingResult
) -> tuple[Result, list[Prediction]]:
    """The result and predictions of a run that trained to its end. The predictions go to the run's folder."""
    recipe, source, selection = inputs.plan.recipe, inputs.source, inputs.selection
    labels = data.test.labels.cpu()
    result, last = training.compute_metrics(trained.logits, labels, len(source.classes)), trained.epochs[-1]
    counts = list(Counter(source.rows[i].class_ for i in selection.train).values())
    no_better_than_guessing = (result.accuracy_low or 0.0) <= int(labels.bincount().max()) / len(labels)
    stalled = no_better_than_guessing and is_stalled(
        last.train_loss, last.train_accuracy, counts, recipe.label_smoothing
    )
    logits, files = trained.logits, [source.rows[i].file for i in (*selection.test, *selection.extra)]
    if data.extra is not None:
        extra_logits = training.compute_logits(network.trunk, data.extra, recipe.batch_size, recipe.precision)
        logits, labels = torch.cat([logits, extra_logits]), torch.cat([labels, data.extra.labels.cpu()])
    predictions = training.make_predictions(logits, labels, files, source.classes, selection.clean)
    write_predictions(Path(inputs.plan.folder), predictions)
    clean = torch.tensor([c is True for c in selection.clean])
    correct_and_clean = (training.predicted_classes(logits) == labels)[clean]
    result = replace(
        result,
        status=RunStatus.STALLED if stalled else RunStatus.DONE,
        clean_accuracy=float(correct_and_clean.float().mean()) if len(correct_and_clean) else None,
        clean_images=len(correct_and_clean) or None,
        reason=STALLED if stalled else None,
    )
    return result, predictions


def save_weights(inputs: RunInputs, network: Network) -> None:
    """Write the trained network as safetensors, with metadata to use it again and the origin of its weights."""
    plan, classes = inputs.plan, inputs.source.classes
    origin = inputs.weights.origin if inputs.weights else None
    state = {k: v.detach().cpu().contiguous() for k, v in network.whole.state_dict().items()}
    about = {"arch": plan.recipe.arch, "head": plan.recipe.head, "model": plan.model, "started_from": origin}
    metadata = {k: str(v) for k, v in about.items() if v}
    metadata |= {"width": str(plan.recipe.width), "size": str(plan.recipe.size), "classes": "\n".join(classes)}
    metadata["pretrained_on"] = f"{inputs.source.name} ({len(classes)} classes)"
    with atomic_write(Path(plan.folder) / WEIGHTS_FILE, "wb") as out:
        out.write(safetensors_bytes(state, metadata))


def notes_before_training(inputs: RunInputs, network: Network, data: TrainingData) -> list[str]:
    """What is wrong with a random network, or random in a pretrained one."""
    recipe, weights = inputs.plan.recipe, inputs.weights
    if weights is None:
        train = data.train
        images = to_input(train.views[0][train.index[:16]].to(train.labels.device))
        return training.examine(network.whole, images, len(inputs.source.classes))
    if recipe.head == "classifier" and check_fit(recipe, weights, recipe.weights or "") is None:
        return ["the weights have no classifier: its 4096-unit layers start from random values"]
    return []


def notes_after_training(inputs: RunInputs, trained: TrainingResult) -> list[str]:
    """What limits the result or would improve it."""
    weights, clean = inputs.weights, inputs.selection.clean
    notes = []
    if tuning := inputs.plan.tuning:
        trials = "1 trial" if tuning.trials == 1 else f"{tuning.trials} trials"
        ending = "" if tuning.chosen else "; none ended, so that the recipe has its own values"
        notes.append(f"tuned: {trials} on validation images, in {tuning.seconds:.0f} s{ending}")
    seen = sum(c is False for c in clean)
    if weights is not None and seen and "imagenet" in weights.origin.lower().replace("-", ""):
        notes.append(
            f"{seen} of {len(clean)} test images have names of images in ImageNet's training set, on which "
            f"{weights.origin} was trained: accuracy is too optimistic, clean_accuracy is not"
        )
    accuracies = [e.test_accuracy for e in trained.epochs if e.test_accuracy is not None]
    if len(accuracies) > 2 and accuracies[-1] == max(accuracies) and accuracies[-1] - accuracies[-2] > 0.01:
        notes.append("still rising at the last epoch: more epochs would help, or --epochs auto")
    if trained.training and trained.training.stop is StopReason.CEILING:
        notes.append("validation was still improving at max_steps: raise it with --set max_steps=N")
    if trained.earlier_seconds:
        notes.append("continued after an interruption: its energy is not known")
    if DECODER == "Pillow":
        notes.append("photos decoded by Pillow, which is slower: simplejpeg is not installed")
    return notes + trained.notes
