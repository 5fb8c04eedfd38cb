"""Checks of a network before training, and of the training afterwards."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models import observe_layers

MIN_SPREAD = 1e-4
MAX_DEAD_SHARE = 0.9


def _dead_share(out: Tensor) -> float:
    """Share of units of a ReLU layer's output (n, units) or (n, c, h, w) that are 0 for every image."""
    alive = (out > 0).transpose(0, 1).flatten(1).any(1) if out.ndim == 4 else (out > 0).any(0)
    return 1 - float(alive.float().mean())


@torch.no_grad()
def examine(net: nn.Module, images: Tensor, num_classes: int) -> list[str]:
    """What is wrong with a network before training, one sentence each; empty if it is healthy.

    `images` is (n, 3, h, w) as the network sees them, n >= 8. Checks for a softmax or sigmoid before the loss, logits
    that hardly differ between images, dead units and a mixed-up memory layout.
    """
    was_training = net.training
    net.eval()
    problems = []
    logits = net(images).float()
    spread = float(logits.std(0).mean())
    if (
        logits.shape[1] > 1
        and bool((logits >= 0).all())
        and torch.allclose(logits.sum(1), torch.ones(len(logits)).to(logits))
    ):
        floor = math.log(math.e + num_classes - 1) - 1
        problems.append(
            f"softmax before the loss: the outputs are already probabilities, so the loss cannot fall below "
            f"{floor:.3f} and gradients shrink; let the network return logits"
        )
    elif logits.shape[1] == 1 and any(isinstance(m, nn.Sigmoid) for m in net.modules()):
        problems.append("sigmoid before the loss: the loss applies its own; let the network return logits")
    if spread < MIN_SPREAD:
        problems.append(
            f"the signal dies: logits differ by {spread:.1e} between images; PyTorch's default init shrinks it "
            "about sixfold per layer: use --set init=he, and initialise after all layers exist"
        )
    relus = {name: module for name, module in net.named_modules() if isinstance(module, nn.ReLU)}
    shares = dict(observe_layers(net, images, relus, _dead_share))
    dead = [f"{name} {share:.0%}" for name, share in shares.items() if share > MAX_DEAD_SHARE]
    if dead:
        problems.append(f"dead units: {', '.join(dead[:4])} of the units output 0 for every image")
    relaid = net(images.contiguous(memory_format=torch.contiguous_format)).float()
    if not torch.allclose(logits, relaid, rtol=0.05, atol=0.05 * spread + 1e-6):
        problems.append(
            "flatten order: the same images in another memory layout give different logits; flatten with torch.flatten"
        )
    net.train(was_training)
    return problems


def is_stalled(loss: float, accuracy: float, counts: Sequence[int], label_smoothing: float = 0.0) -> bool:
    """Whether training stayed at chance: after the last epoch the loss is within 0.01 of that of one constant answer
    (ln K for K classes of equal `counts`, else the entropy of their shares), and the accuracy is within two standard
    errors of the largest share.
    """
    images = sum(counts)
    shares = [(1 - label_smoothing) * c / images + label_smoothing / len(counts) for c in counts]
    constant = -sum(s * math.log(s) for s in shares if s)
    chance = max(counts) / images
    noise = math.sqrt(chance * (1 - chance) / images)
    return abs(loss - constant) < 0.01 and accuracy < chance + 2 * noise
