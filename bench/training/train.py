"""The training loop, one for all four models: it reads top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.data import Split, augment, batches, to_input
from bench.errors import VggbenchError
from bench.events import Emit, EpochEnd, Step
from bench.machine import Laps, autocast, clock, kernel_search, timed
from bench.models import Network
from bench.recipes import Recipe
from bench.records import Epoch
from bench.training.compile import warm_up
from bench.training.evaluate import answers, loss_per_image, measure, predicted

DEAR = 1.0  # seconds; a checkpoint that takes longer is written once five times as long was trained since the last


@dataclass(slots=True)
class Trained:
    """What training leaves behind: the epochs, the test logits after the last one, seconds by part and notes on
    how the forward pass was compiled.

    `earlier_seconds` is what a run spent before it was interrupted and continued, up to its last finished epoch.
    """

    epochs: list[Epoch] = field(default_factory=list)
    logits: Tensor = field(default_factory=lambda: torch.empty(0))
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    earlier_seconds: float = 0.0


class DivergedError(VggbenchError):
    """The loss became NaN or infinite; `done` holds the epochs before."""

    def __init__(self, message: str, done: Trained) -> None:
        super().__init__(message)
        self.done = done


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Optimizer groups: no weight decay on norms and biases, and for a fine-tuned backbone a learning rate that rises
    from `backbone_lr` x lr at its first layers to lr at the head, in five steps. The head has groups of its own: while
    the backbone is frozen it alone gathers momentum.
    """
    head = {id(p) for p in network.whole.get_submodule(network.head).parameters()} if network.head else set()
    named = [p for p in network.trunk.parameters() if p.requires_grad]
    backbone = [p for p in named if id(p) not in head] if head else []
    depth = {id(p): math.floor(5 * i / len(backbone)) / 5 for i, p in enumerate(backbone)}
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for p in named:
        factor = recipe.backbone_lr + (1 - recipe.backbone_lr) * depth[id(p)] if id(p) in depth else 1.0
        groups.setdefault((factor, recipe.weight_decay if p.ndim > 1 else 0.0, id(p) in head), []).append(p)
    return [{"params": ps, "lr": recipe.lr * f, "weight_decay": d} for (f, d, _), ps in groups.items()]


def make_optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum 0.9 or AdamW, fused."""
    groups = parameter_groups(network, recipe)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, fused=True)
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=True, fused=True)


def lr_factor(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """Factor on the learning rate by step: a linear rise over the warm-up, then half a cosine to zero or constant."""
    rise = max(1, round(recipe.warmup * steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        if recipe.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return factor


def clip(optimizer: torch.optim.Optimizer, most: float) -> None:
    """Clip the gradients to a norm of `most` in the optimizer's own pass: the fused kernels divide by `grad_scale`, so
    the weights are not read and written once more, nor does a GPU wait.
    """
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    optimizer.grad_scale = (nn.utils.get_total_norm(gradients) / most).clamp(min=1)  # type: ignore[attr-defined]


def freeze_backbone(network: Network, frozen: bool) -> None:
    """Switch training of all but the head off or on; frozen batch norms keep their statistics."""
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


@kernel_search()
def train(
    network: Network,
    recipe: Recipe,
    data: Split,
    test: Split,
    test_labels: Tensor,
    seed: int,
    precision: str,
    emit: Emit,
    checkpoint: Path,
    began: float,
) -> Trained:
    """Train `network.trunk` on `data` for all epochs of the recipe, measuring on `test` after each.

    Continues from `checkpoint` where there is one: every epoch draws its order, augmentation and dropout from (seed,
    epoch) alone, so a continued run computes what an undisturbed one would. `began` is the perf_counter of its start.
    Raises DivergedError, naming the step and carrying the epochs before.
    """
    device = data.labels.device
    batch_size = min(recipe.batch_size, len(data))
    steps = len(data) // batch_size
    optimizer = make_optimizer(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_factor(recipe, steps * recipe.epochs))
    done = Trained()
    if checkpoint.is_file():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.trunk.load_state_dict(state["trunk"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        done.epochs, done.seconds = [Epoch(**e) for e in state["epochs"]], state["seconds"]
        done.earlier_seconds = state["elapsed"]
    freeze_backbone(network, len(done.epochs) < recipe.freeze_epochs)
    forward, done.notes = warm_up(network, recipe, data, batch_size, steps, precision, done.seconds)
    saved, saving_takes = clock(device), 0.0
    laps = Laps(device, done.seconds)
    generator = torch.Generator(device)

    for number in range(len(done.epochs) + 1, recipe.epochs + 1):
        freeze_backbone(network, number <= recipe.freeze_epochs)
        torch.manual_seed(seed * 100_003 + number)
        generator.manual_seed(seed * 100_003 + number)
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed * 100_003 + number))
        loss_sum, right = torch.zeros((), device=device), torch.zeros((), device=device, dtype=torch.int64)
        bad_step = torch.full((), -1, device=device)
        start = clock(device)
        laps.mark("start")
        for step, (stored, labels) in enumerate(batches(data, order.to(data.index.device), batch_size, number)):
            laps.mark("loader")
            inputs = to_input(stored)
            if stored.dtype == torch.uint8:
                inputs = augment(inputs, recipe.augment, generator)
            laps.mark("augmentation")
            with autocast(device, precision):
                logits = forward(inputs)
            loss = loss_per_image(logits.float(), labels, recipe.label_smoothing).mean()
            loss.backward()
            laps.mark("forward and backward")
            if recipe.clip_norm is not None:
                clip(optimizer, recipe.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            laps.mark("optimizer")
            loss_sum += loss.detach()
            right += (predicted(logits.detach()) == labels).sum()
            bad_step = torch.where(torch.isfinite(loss.detach()) | (bad_step >= 0), bad_step, step)
            _report(emit, number, step, steps, batch_size, loss_sum, right, time.perf_counter() - start)
        seconds = clock(device) - start
        laps.add_up()
        if int(bad_step) >= 0:
            raise DivergedError(
                f"the loss became NaN or infinite in epoch {number}, step {int(bad_step) + 1} of {steps}; "
                "try a lower learning rate (--set lr=...) or --set clip_norm=1",
                done,
            )
        with timed(done.seconds, "evaluate", device):
            done.logits = answers(network.trunk, test, recipe.batch_size, precision)
        test_loss, test_accuracy = measure(done.logits, test_labels)
        seen = steps * batch_size
        epoch = Epoch(
            number, float(loss_sum) / steps, float(right) / seen, test_loss, test_accuracy, seconds, seen / seconds
        )
        done.epochs.append(epoch)
        emit(EpochEnd(epoch))
        start = clock(device)
        if saving_takes < DEAR or (number < recipe.epochs and start - saved > 5 * saving_takes):
            with timed(done.seconds, "checkpoint", device):
                _save(checkpoint, network, optimizer, schedule, done, began)
            saved = clock(device)
            saving_takes = saved - start
    if not len(done.logits):
        done.logits = answers(network.trunk, test, recipe.batch_size, precision)
    return done


def _report(
    emit: Emit, epoch: int, step: int, steps: int, batch_size: int, loss_sum: Tensor, right: Tensor, seconds: float
) -> None:
    """Tell the progress bar; on a GPU without loss and accuracy, which would make it wait."""
    seen = (step + 1) * batch_size
    loss = accuracy = None
    if loss_sum.device.type == "cpu":
        loss, accuracy = float(loss_sum) / (step + 1), float(right) / seen
    emit(Step(epoch, step + 1, steps, seen / seconds, loss, accuracy))


def _save(
    path: Path,
    network: Network,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    done: Trained,
    began: float,
) -> None:
    state = {
        "trunk": network.trunk.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "epochs": [asdict(e) for e in done.epochs],
        "seconds": done.seconds,
        "elapsed": done.earlier_seconds + time.perf_counter() - began,
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)
