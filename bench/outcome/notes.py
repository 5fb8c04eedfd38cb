"""Notes on a run: what a reader should know beside its result, one sentence each."""

from bench.data import DECODER, TrainingData, to_input
from bench.models import Network, check_fit
from bench.outcome.record import RunInputs
from bench.training import TrainingResult, examine


def notes_before_training(inputs: RunInputs, network: Network, data: TrainingData) -> list[str]:
    """What is wrong with a random network, or random in a pretrained one."""
    recipe, weights = inputs.plan.recipe, inputs.weights
    if weights is None:
        train = data.train
        images = to_input(train.views[0][train.index[:16]].to(train.labels.device))
        return examine(network.whole, images, len(inputs.source.classes))
    if recipe.head == "classifier" and check_fit(recipe, weights, recipe.weights or "") is None:
        return ["the weights have no classifier: its 4096-unit layers start from random values"]
    return []


def notes_after_training(inputs: RunInputs, trained: TrainingResult) -> list[str]:
    """What limits the result or would improve it."""
    weights, clean = inputs.weights, inputs.selection.clean
    notes = []
    if inputs.plan.recipe.val_fraction:
        notes.append("measured on validation images carved from train; the test images were not used")
    seen = sum(c is False for c in clean)
    if weights is not None and seen and "imagenet" in weights.origin.lower().replace("-", ""):
        notes.append(
            f"{seen} of {len(clean)} test images have names of images in ImageNet's training set, on which "
            f"{weights.origin} was trained: accuracy is too optimistic, clean_accuracy is not"
        )
    accuracies = [e.test_accuracy for e in trained.epochs if e.test_accuracy is not None]
    if len(accuracies) > 2 and accuracies[-1] == max(accuracies) and accuracies[-1] - accuracies[-2] > 0.01:
        notes.append("still rising at the last epoch: more epochs would help")
    if trained.earlier_seconds:
        notes.append("continued after an interruption: its energy is not known")
    if DECODER == "Pillow":
        notes.append("photos decoded by Pillow, which is slower: simplejpeg is not installed")
    return notes + trained.notes
