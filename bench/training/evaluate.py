"""Logits of a network on labelled inputs, and the result and predictions computed from them."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data import LabelledInputs, iterate_batches, to_input
from bench.machine import autocast
from bench.records import Prediction, Result, RunStatus


def loss_per_image(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Loss of each image, (n,): binary cross-entropy for one logit (two classes), cross-entropy for (n, k) logits."""
    if logits.shape[1] == 1:
        target = labels.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")
    return F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)


def predicted_classes(logits: Tensor) -> Tensor:
    """Class index of each row of (n, 1) or (n, k) logits."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)


def probabilities(logits: Tensor) -> Tensor:
    """(n, k) probabilities from logits, two columns for one logit."""
    if logits.shape[1] == 1:
        positive = logits.float().sigmoid()
        return torch.cat([1 - positive, positive], 1)
    return logits.float().softmax(1)


@torch.inference_mode()
def compute_logits(trunk: nn.Module, data: LabelledInputs, batch_size: int, precision: str) -> Tensor:
    """Logits (n, outputs) in the order of `data`, float32 on the CPU. All batches have one shape, the last padded."""
    was_training, device = trunk.training, data.labels.device
    trunk.eval()
    count = len(data)
    order = torch.arange(-(-count // batch_size) * batch_size, device=data.index.device).clamp(max=count - 1)
    logits = []
    for stored, _ in iterate_batches(data, order, batch_size):
        with autocast(device, precision):
            logits.append(trunk(to_input(stored)).float())
    trunk.train(was_training)
    return torch.cat(logits)[:count].cpu()


def loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean loss and accuracy of CPU logits."""
    loss = float(loss_per_image(logits, labels).mean())
    return loss, int((predicted_classes(logits) == labels).sum()) / len(labels)


def compute_metrics(logits: Tensor, labels: Tensor, num_classes: int) -> Result:
    """The result of a finished run with CPU logits (n, outputs) for labels (n,); top-5 is None below six classes."""
    from scipy.stats import binomtest

    predicted = predicted_classes(logits)
    correct, count = int((predicted == labels).sum()), len(labels)
    interval = binomtest(correct, count).proportion_ci(method="wilson")
    confusion: NDArray[np.int64] = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(confusion, (labels.numpy(), predicted.numpy()), 1)
    sums = confusion.sum(0) + confusion.sum(1)
    f1 = np.divide(2 * confusion.diagonal(), sums, out=np.zeros(num_classes), where=sums > 0)
    images = confusion.sum(1)
    recall = confusion.diagonal()[images > 0] / images[images > 0]
    in_top5 = (logits.topk(5, 1).indices == labels[:, None]).any(1) if num_classes > 5 else None
    return Result(
        RunStatus.DONE,
        accuracy=correct / count,
        accuracy_low=float(interval.low),
        accuracy_high=float(interval.high),
        top5=None if in_top5 is None else float(in_top5.float().mean()),
        macro_f1=float(f1.mean()),
        confusion=confusion.tolist(),
        balanced_accuracy=float(recall.mean()),
    )


def make_predictions(
    logits: Tensor, labels: Tensor, files: Sequence[str], classes: Sequence[str], clean: Sequence[bool | None]
) -> list[Prediction]:
    """One Prediction per image, in order."""
    predicted, losses = predicted_classes(logits), loss_per_image(logits, labels)
    confidence = probabilities(logits).gather(1, predicted[:, None])[:, 0]
    figures = (labels.tolist(), predicted.tolist(), confidence.tolist(), losses.tolist())
    rows = zip(files, *figures, clean, strict=True)
    return [Prediction(file, classes[t], classes[p], c, loss, unseen) for file, t, p, c, loss, unseen in rows]
