"""Measuring a network on a split, and the figures made from its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data import Split, batches, to_input
from bench.machine import autocast
from bench.records import Prediction


def loss_per_image(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Loss of each image, (n,): binary cross-entropy for one logit (two classes), cross-entropy for (n, k) logits."""
    if logits.shape[1] == 1:
        target = labels.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")
    return F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)


def predicted(logits: Tensor) -> Tensor:
    """Class index of each row of (n, 1) or (n, k) logits."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)


def probabilities(logits: Tensor) -> Tensor:
    """(n, k) probabilities from logits, two columns for one logit."""
    if logits.shape[1] == 1:
        positive = logits.float().sigmoid()
        return torch.cat([1 - positive, positive], 1)
    return logits.float().softmax(1)


@torch.inference_mode()
def answers(trunk: nn.Module, split: Split, batch_size: int, precision: str) -> Tensor:
    """Logits (n, outputs) of a split in its order, float32 on the CPU. The last batch is padded, so that all have one
    shape, and the padding is cut off.
    """
    was_training, device = trunk.training, split.labels.device
    trunk.eval()
    count = len(split)
    order = torch.arange(-(-count // batch_size) * batch_size, device=split.index.device).clamp(max=count - 1)
    made = []
    for stored, _ in batches(split, order, batch_size):
        with autocast(device, precision):
            made.append(trunk(to_input(stored)).float())
    trunk.train(was_training)
    return torch.cat(made)[:count].cpu()


def measure(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean loss and accuracy of CPU logits."""
    loss = float(loss_per_image(logits, labels).mean())
    return loss, int((predicted(logits) == labels).sum()) / len(labels)


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy with Wilson's 95 % interval, top-5 (None below six classes), macro F1 and the confusion counts."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    top5: float | None
    macro_f1: float
    confusion: list[list[int]]


def figures(logits: Tensor, labels: Tensor, num_classes: int) -> Figures:
    """Figures of CPU logits (n, outputs) against labels (n,)."""
    from scipy.stats import binomtest

    guess = predicted(logits)
    right, count = int((guess == labels).sum()), len(labels)
    interval = binomtest(right, count).proportion_ci(method="wilson")
    pairs: NDArray[np.int64] = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(pairs, (labels.numpy(), guess.numpy()), 1)
    sums = pairs.sum(0) + pairs.sum(1)
    f1 = np.divide(2 * pairs.diagonal(), sums, out=np.zeros(num_classes), where=sums > 0)
    top5 = None
    if num_classes > 5:
        top5 = float((logits.topk(5, 1).indices == labels[:, None]).any(1).float().mean())
    return Figures(right / count, float(interval.low), float(interval.high), top5, float(f1.mean()), pairs.tolist())


def predictions(
    logits: Tensor, labels: Tensor, files: Sequence[str], classes: Sequence[str], clean: Sequence[bool | None]
) -> list[Prediction]:
    """One Prediction per image, in order."""
    guess, losses = predicted(logits), loss_per_image(logits, labels)
    sure = probabilities(logits).gather(1, guess[:, None])[:, 0]
    return [
        Prediction(
            files[i], classes[int(labels[i])], classes[int(guess[i])], float(sure[i]), float(losses[i]), clean[i]
        )
        for i in range(len(files))
    ]
