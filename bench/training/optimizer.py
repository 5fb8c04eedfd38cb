"""The optimizer of a recipe: parameter groups, gradient clipping, freezing."""

import math
from typing import Any

import torch
from torch import nn

from bench.models import Network
from bench.recipes import Recipe


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Optimizer groups. Norms and biases have no weight decay. The learning rate of a fine-tuned backbone rises in five
    steps from `backbone_lr` x lr at its first layers to lr at the head. The head has groups of its own: while the
    backbone is frozen only the head gathers momentum.
    """
    head = {id(p) for p in network.whole.get_submodule(network.head).parameters()} if network.head else set()
    trained = [p for p in network.trunk.parameters() if p.requires_grad]
    backbone = [p for p in trained if id(p) not in head] if head else []
    depth = {id(p): math.floor(5 * i / len(backbone)) / 5 for i, p in enumerate(backbone)}
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for p in trained:
        factor = recipe.backbone_lr + (1 - recipe.backbone_lr) * depth[id(p)] if id(p) in depth else 1.0
        groups.setdefault((factor, recipe.weight_decay if p.ndim > 1 else 0.0, id(p) in head), []).append(p)
    return [{"params": ps, "lr": recipe.lr * f, "weight_decay": d} for (f, d, _), ps in groups.items()]


def make_optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum 0.9 or AdamW, fused."""
    groups = parameter_groups(network, recipe)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, fused=True)
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=True, fused=True)


def clip_gradients(optimizer: torch.optim.Optimizer, max_norm: float) -> None:
    """Clip the gradients to `max_norm` during the optimizer's next step. The fused kernels divide by `grad_scale`, so
    the gradients are not read and written once more and a GPU does not wait.
    """
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    optimizer.grad_scale = (nn.utils.get_total_norm(gradients) / max_norm).clamp(min=1)  # type: ignore[attr-defined]


def freeze_backbone(network: Network, frozen: bool) -> None:
    """Switch training of all but the head off or on. Frozen batch norms keep their statistics."""
    network.trunk.train()
    if network.head is None or network.prefix is not None:
        return
    head = network.whole.get_submodule(network.head)
    if frozen:
        network.trunk.eval()
        head.train()
    for p in network.trunk.parameters():
        p.requires_grad_(not frozen)
    head.requires_grad_(True)
