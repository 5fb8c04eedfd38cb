"""How a run ended: its metrics, its predictions, and the trained weights."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch

from bench.data import TrainingData
from bench.models import Network
from bench.outcome.record import RunInputs
from bench.records import WEIGHTS_FILE, Result, RunStatus, write_predictions
from bench.training import (
    TrainingResult,
    compute_logits,
    compute_metrics,
    is_stalled,
    make_predictions,
    predicted_classes,
)
from collect.manifest import atomic_write

STALLED = (
    "the training loss stayed at that of one constant answer (ln K for equal classes): "
    "the network does no better than guessing"
)


def make_result(inputs: RunInputs, network: Network, data: TrainingData, trained: TrainingResult) -> Result:
    """The result of a run that trained to its end. Its predictions go to the run's folder."""
    recipe, source, selection = inputs.plan.recipe, inputs.source, inputs.selection
    labels = data.test.labels.cpu()
    result, last = compute_metrics(trained.logits, labels, len(source.classes)), trained.epochs[-1]
    counts = list(Counter(source.rows[i].class_ for i in selection.train).values())
    no_better_than_guessing = (result.accuracy_low or 0.0) <= int(labels.bincount().max()) / len(labels)
    stalled = no_better_than_guessing and is_stalled(
        last.train_loss, last.train_accuracy, counts, recipe.label_smoothing
    )
    logits, files = trained.logits, [source.rows[i].file for i in (*selection.test, *selection.extra)]
    if data.extra is not None:
        extra_logits = compute_logits(network.trunk, data.extra, recipe.batch_size, recipe.precision)
        logits, labels = torch.cat([logits, extra_logits]), torch.cat([labels, data.extra.labels.cpu()])
    predictions = make_predictions(logits, labels, files, source.classes, selection.clean)
    write_predictions(Path(inputs.plan.folder), predictions)
    clean = torch.tensor([c is True for c in selection.clean])
    correct_and_clean = (predicted_classes(logits) == labels)[clean]
    return replace(
        result,
        status=RunStatus.STALLED if stalled else RunStatus.DONE,
        clean_accuracy=float(correct_and_clean.float().mean()) if len(correct_and_clean) else None,
        clean_images=len(correct_and_clean) or None,
        reason=STALLED if stalled else None,
    )


def save_weights(inputs: RunInputs, network: Network) -> None:
    """Write the trained network as safetensors, with metadata to use it again and the origin of its weights."""
    from safetensors.torch import save

    plan, classes = inputs.plan, inputs.source.classes
    origin = inputs.weights.origin if inputs.weights else None
    state = {k: v.detach().cpu().contiguous() for k, v in network.whole.state_dict().items()}
    about = {"arch": plan.recipe.arch, "head": plan.recipe.head, "model": plan.model, "started_from": origin}
    metadata = {k: str(v) for k, v in about.items() if v}
    metadata |= {"width": str(plan.recipe.width), "size": str(plan.recipe.size), "classes": "\n".join(classes)}
    metadata["pretrained_on"] = f"{inputs.source.name} ({len(classes)} classes)"
    with atomic_write(Path(plan.folder) / WEIGHTS_FILE, "wb") as out:
        out.write(save(state, metadata))
