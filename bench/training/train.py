"""The training loop, one for all four models: it reads top to bottom."""

import time

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from bench.data import TrainingData, augment_images, iterate_batches, to_input
from bench.errors import VggbenchError
from bench.events import Emit, EpochEnd, Step
from bench.machine import StepTimer, autocast, clock, kernel_search, timed
from bench.models import Network
from bench.recipes import Recipe
from bench.records import Epoch
from bench.training.checkpoint import Checkpoint, Stateful, TrainingResult
from bench.training.compile import warm_up
from bench.training.evaluate import compute_logits, loss_and_accuracy, loss_per_image, predicted_classes
from bench.training.optimizer import clip_gradients, freeze_backbone, lr_factor, make_optimizer


class DivergedError(VggbenchError):
    """The loss became NaN or infinite; `trained` holds the epochs before."""

    def __init__(self, epoch: int, step: int, steps: int, trained: TrainingResult) -> None:
        super().__init__(
            f"the loss became NaN or infinite in epoch {epoch}, step {step} of {steps}; "
            "try a lower learning rate (--set lr=...) or --set clip_norm=1"
        )
        self.trained = trained


@kernel_search()
def train_network(
    network: Network, recipe: Recipe, data: TrainingData, seed: int, emit: Emit, checkpoint: Checkpoint
) -> TrainingResult:
    """Train `network.trunk` for all epochs of the recipe and measure it on `data.test` after each.

    Continues from `checkpoint` if it has a file: every epoch draws its order, augmentation and dropout from (seed,
    epoch) alone, so a continued run computes the same as an uninterrupted one. Raises DivergedError.
    """
    device = data.train.labels.device
    batch_size = min(recipe.batch_size, len(data.train))
    steps = len(data.train) // batch_size
    optimizer = make_optimizer(network, recipe)
    schedule = LambdaLR(optimizer, lr_factor(recipe, steps * recipe.epochs))
    state: dict[str, Stateful] = {"trunk": network.trunk, "optimizer": optimizer, "schedule": schedule}
    trained = checkpoint.restore(state, device)
    freeze_backbone(network, len(trained.epochs) < recipe.freeze_epochs)
    forward, trained.notes = warm_up(network, recipe, data.train, batch_size, steps, trained.seconds)
    timer = StepTimer(device, trained.seconds)
    generator = torch.Generator(device)

    for number in range(len(trained.epochs) + 1, recipe.epochs + 1):
        freeze_backbone(network, number <= recipe.freeze_epochs)
        torch.manual_seed(seed * 100_003 + number)
        generator.manual_seed(seed * 100_003 + number)
        order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed * 100_003 + number))
        sums = EpochSums(number, steps, batch_size, device)
        timer.mark("start")
        for stored, labels in iterate_batches(data.train, order.to(data.train.index.device), batch_size, number):
            timer.mark("loader")
            inputs = to_input(stored)
            if stored.dtype == torch.uint8:
                inputs = augment_images(inputs, recipe.augment, generator)
            timer.mark("augmentation")
            with autocast(device, recipe.precision):
                logits = forward(inputs)
            loss = loss_per_image(logits.float(), labels, recipe.label_smoothing).mean()
            loss.backward()
            timer.mark("forward and backward")
            if recipe.clip_norm is not None:
                clip_gradients(optimizer, recipe.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            timer.mark("optimizer")
            sums.add(loss.detach(), logits.detach(), labels)
            emit(sums.step_event())
        seconds = clock(device) - sums.start
        timer.add_up()
        if bad_step := sums.first_bad_step():
            raise DivergedError(number, bad_step, steps, trained)
        with timed(trained.seconds, "evaluate", device):
            trained.logits = compute_logits(network.trunk, data.test, recipe.batch_size, recipe.precision)
        trained.epochs.append(sums.epoch(seconds, *loss_and_accuracy(trained.logits, data.test.labels.cpu())))
        emit(EpochEnd(trained.epochs[-1]))
        if checkpoint.is_due(is_last_epoch=number == recipe.epochs):
            with timed(trained.seconds, "checkpoint", device):
                checkpoint.save(state, trained)
    if not len(trained.logits):
        trained.logits = compute_logits(network.trunk, data.test, recipe.batch_size, recipe.precision)
    return trained


class EpochSums:
    """Loss, correct answers and the first step with a bad loss, added up on the device so that no step waits for it."""

    def __init__(self, number: int, steps: int, batch_size: int, device: torch.device) -> None:
        self._number, self._steps, self._batch_size = number, steps, batch_size
        self._step = 0
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device, dtype=torch.int64)
        self._bad_step = torch.full((), -1, device=device)
        self.start = clock(device)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add one step: its mean loss, and logits (n, outputs) with labels (n,)."""
        self._loss += loss
        self._correct += (predicted_classes(logits) == labels).sum()
        self._bad_step = torch.where(torch.isfinite(loss) | (self._bad_step >= 0), self._bad_step, self._step)
        self._step += 1

    def step_event(self) -> Step:
        """The progress so far; on a GPU without loss and accuracy, which would make it wait."""
        images = self._step * self._batch_size
        rate = images / (time.perf_counter() - self.start)
        if self._loss.device.type != "cpu":
            return Step(self._number, self._step, self._steps, rate)
        loss, accuracy = float(self._loss) / self._step, float(self._correct) / images
        return Step(self._number, self._step, self._steps, rate, loss, accuracy)

    def first_bad_step(self) -> int | None:
        """The first step, counted from 1, whose loss was NaN or infinite."""
        return int(self._bad_step) + 1 or None

    def epoch(self, seconds: float, test_loss: float, test_accuracy: float) -> Epoch:
        """The finished epoch."""
        images = self._steps * self._batch_size
        train_loss, train_accuracy = float(self._loss) / self._steps, float(self._correct) / images
        return Epoch(self._number, train_loss, train_accuracy, test_loss, test_accuracy, seconds, images / seconds)
