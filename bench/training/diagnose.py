"""The init doctor: initial weights that let signal through, and a look at a network before it spends an epoch."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bench.models import last_layer

SPREAD_LEAST = 1e-4
DEAD_MOST = 0.9


def initialise(net: nn.Module, init: str) -> None:
    """Initialise all convolutions and linear layers in place: he (2015, eq. 10, fan in), xavier (Glorot 2010, eq. 16),
    normal (Simonyan & Zisserman 2014: N(0, 0.01)) or default (PyTorch's own). Biases 0, the last layer N(0, 0.01).

    Raises AssertionError when the weights do not measure what was asked for.
    """
    if init == "default":
        return
    last = last_layer(net)
    for name, module in net.named_modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        if init == "normal" or name == last:
            nn.init.normal_(module.weight, std=0.01)
            expected = 0.01
        elif init == "he":
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            expected = math.sqrt(2 / module.weight[0].numel())
        else:
            nn.init.xavier_normal_(module.weight)
            fans = module.weight[0].numel() + module.weight.shape[0] * module.weight[0, 0].numel()
            expected = math.sqrt(2 / fans)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        found, count = float(module.weight.detach().std()), module.weight.numel()
        assert count < 100 or abs(found / expected - 1) < 5 / math.sqrt(count), (
            f"{name}: initial weights measure {found:.3g}, {init} should give {expected:.3g}"
        )


def _dead_share(net: nn.Module, images: Tensor) -> dict[str, float]:
    """Share of units per ReLU layer that answer 0 to every image."""
    shares: dict[str, float] = {}
    handles = []

    def look(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
            alive = (out > 0).transpose(0, 1).flatten(1).any(1) if out.ndim == 4 else (out > 0).any(0)
            shares[name] = 1 - float(alive.float().mean())

        return hook

    for name, module in net.named_modules():
        if isinstance(module, nn.ReLU):
            handles.append(module.register_forward_hook(look(name)))
    net(images)
    for handle in handles:
        handle.remove()
    return shares


@torch.no_grad()
def examine(net: nn.Module, images: Tensor, num_classes: int) -> list[str]:
    """What is wrong with a network before training, one sentence each; empty when it is healthy.

    `images` is (n, 3, h, w), as the network will see them, n >= 8. Looks for a softmax or sigmoid before the loss, a
    signal that dies on the way (spread of the logits between images), dead units and an input-layout mix-up.
    """
    was_training = net.training
    net.eval()
    found = []
    logits = net(images).float()
    spread = float(logits.std(0).mean())
    if (
        logits.shape[1] > 1
        and bool((logits >= 0).all())
        and torch.allclose(logits.sum(1), torch.ones(len(logits)).to(logits))
    ):
        floor = math.log(math.e + num_classes - 1) - 1
        found.append(
            f"softmax before the loss: the outputs are probabilities already, so the loss cannot fall below "
            f"{floor:.3f} and gradients shrink; let the network return logits"
        )
    elif logits.shape[1] == 1 and any(isinstance(m, nn.Sigmoid) for m in net.modules()):
        found.append("sigmoid before the loss: the loss applies its own; let the network return logits")
    if spread < SPREAD_LEAST:
        found.append(
            f"the signal dies: logits differ by {spread:.1e} between images; PyTorch's default init shrinks it about "
            "sixfold per layer: use --set init=he, and initialise after all layers exist"
        )
    shares = _dead_share(net, images)
    dead = [f"{name} {share:.0%}" for name, share in shares.items() if share > DEAD_MOST]
    if dead:
        found.append(f"dead units: {', '.join(dead[:4])} of the units answer 0 to every image")
    other = net(images.contiguous(memory_format=torch.contiguous_format)).float()
    if not torch.allclose(logits, other, rtol=0.05, atol=0.05 * spread + 1e-6):
        found.append(
            "flatten order: the same images in another memory layout give other logits; flatten with torch.flatten"
        )
    net.train(was_training)
    return found


def is_stalled(loss: float, accuracy: float, counts: Sequence[int], label_smoothing: float = 0.0) -> bool:
    """Whether training never left chance: after the last epoch its loss is within 0.01 of what one constant answer
    costs (ln K for K classes of equal `counts`, else the entropy of their shares), and its accuracy within two standard
    errors of the largest share.
    """
    images = sum(counts)
    shares = [(1 - label_smoothing) * c / images + label_smoothing / len(counts) for c in counts]
    constant = -sum(s * math.log(s) for s in shares if s)
    chance = max(counts) / images
    noise = math.sqrt(chance * (1 - chance) / images)
    return abs(loss - constant) < 0.01 and accuracy < chance + 2 * noise
