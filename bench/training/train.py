"""The training loop, one for all four models: it reads top to bottom."""

import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from bench.data import LabelledInputs, TrainingData, augment_images, iterate_batches, to_input
from bench.errors import VggbenchError
from bench.events import Emit, EpochEnd, Step
from bench.machine import StepTimer, autocast, clock, kernel_search, timed
from bench.models import Network
from bench.recipes import Recipe
from bench.records import Epoch
from bench.training.checkpoint import Checkpoint, Stateful, TrainingResult
from bench.training.compile import Forward, warm_up
from bench.training.course import Course
from bench.training.evaluate import compute_logits, loss_and_accuracy, loss_per_image, predicted_classes
from bench.training.optimizer import clip_gradients, freeze_backbone, make_optimizer


class DivergedError(VggbenchError):
    """The loss became NaN or infinite; `trained` holds the epochs before."""

    def __init__(self, epoch: int, step: int, steps: int, trained: TrainingResult) -> None:
        super().__init__(
            f"the loss became NaN or infinite in epoch {epoch}, step {step} of {steps}; "
            "try a lower learning rate (--set lr=...) or --set clip_norm=1"
        )
        self.trained = trained


# The deadline concerns only a run with a time limit.
@kernel_search()
def train_network(
    network: Network,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    emit: Emit,
    checkpoint: Checkpoint,
    deadline: float = math.inf,
) -> TrainingResult:
    """Train `network.trunk` for the epochs of the recipe, or until validation is flat, and measure it on `data.test`
    once. After each epoch it is measured on the validation images, or on the test images if there are none.

    Continues from `checkpoint` if it has a file: every epoch draws its order, augmentation and dropout from (seed,
    epoch) alone, so a continued run computes the same as an uninterrupted one. With epochs=auto, training ends before
    the `time.perf_counter()` of `deadline`. Raises DivergedError.
    """
    device = data.train.labels.device
    batch_size = min(recipe.batch_size, len(data.train))
    steps = len(data.train) // batch_size
    optimizer, course = make_optimizer(network, recipe), Course(recipe, steps)
    schedule = LambdaLR(optimizer, course)
    state: dict[str, Stateful] = {"trunk": network.trunk, "optimizer": optimizer, "schedule": schedule}
    trained = checkpoint.restore(state, device, recipe.fixed_epochs, emit)
    freeze_backbone(network, len(trained.epochs) < recipe.freeze_epochs)
    forward, trained.notes = warm_up(network, recipe, data.train, batch_size, steps, trained.seconds)
    loop = EpochLoop(network, recipe, forward, optimizer, schedule, StepTimer(device, trained.seconds))

    logits = None
    while not course.is_over(len(trained.epochs)):
        number = len(trained.epochs) + 1
        sums = EpochSums(number, steps, batch_size, course.last_epoch, device)
        loop.run(sums, data.train, seed, emit)
        seconds = clock(device) - sums.start
        loop.timer.add_up()
        if bad_step := sums.first_bad_step():
            raise DivergedError(number, bad_step, steps, trained)
        with timed(trained.seconds, "evaluate", device):
            measured = data.validation or data.test
            logits = compute_logits(network.trunk, measured, recipe.batch_size, recipe.precision)
        figures = loss_and_accuracy(logits, measured.labels.cpu())
        trained.epochs.append(sums.epoch(seconds, figures, is_validation=data.validation is not None))
        emit(EpochEnd(trained.epochs[-1]))
        course.decide(trained.epochs, recipe, deadline - time.perf_counter())
        if checkpoint.is_due(is_last_epoch=course.is_over(number)):
            with timed(trained.seconds, "checkpoint", device):
                checkpoint.save(state, trained)
    if data.validation is not None or logits is None:
        with timed(trained.seconds, "evaluate", device):
            logits = compute_logits(network.trunk, data.test, recipe.batch_size, recipe.precision)
    trained.logits = logits
    trained.training = course.training(len(trained.epochs))
    return trained


@dataclass(frozen=True, slots=True)
class EpochLoop:
    """The steps of one epoch."""

    network: Network
    recipe: Recipe
    forward: Forward
    optimizer: torch.optim.Optimizer
    schedule: LambdaLR
    timer: StepTimer

    def run(self, sums: "EpochSums", data: LabelledInputs, seed: int, emit: Emit) -> None:
        """Train one epoch; its order, augmentation and dropout come from the seed and the number in `sums` alone."""
        recipe, timer, device = self.recipe, self.timer, data.labels.device
        freeze_backbone(self.network, sums.number <= recipe.freeze_epochs)
        epoch_seed = seed * 100_003 + sums.number
        torch.manual_seed(epoch_seed)
        generator = torch.Generator(device).manual_seed(epoch_seed)
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(epoch_seed))
        batches = iterate_batches(data, order.to(data.index.device), sums.batch_size, sums.number)
        timer.mark("start")
        for stored, labels in batches:
            timer.mark("loader")
            inputs = to_input(stored)
            if stored.dtype == torch.uint8:
                inputs = augment_images(inputs, recipe.augment, generator)
            timer.mark("augmentation")
            with autocast(device, recipe.precision):
                logits = self.forward(inputs)
            loss = loss_per_image(logits.float(), labels, recipe.label_smoothing).mean()
            loss.backward()
            timer.mark("forward and backward")
            if recipe.clip_norm is not None:
                clip_gradients(self.optimizer, recipe.clip_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.schedule.step()
            timer.mark("optimizer")
            sums.add(loss.detach(), logits.detach(), labels)
            emit(sums.step_event())


class EpochSums:
    """Loss, correct answers and the first step with a bad loss, added up on the device so that no step waits for it."""

    def __init__(self, number: int, steps: int, batch_size: int, last_epoch: int | None, device: torch.device) -> None:
        self.number, self.batch_size = number, batch_size
        self._steps, self._last_epoch = steps, last_epoch
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
        images = self._step * self.batch_size
        rate = images / (time.perf_counter() - self.start)
        if self._loss.device.type != "cpu":
            return Step(self.number, self._step, self._steps, rate, epochs=self._last_epoch)
        loss, accuracy = float(self._loss) / self._step, float(self._correct) / images
        return Step(self.number, self._step, self._steps, rate, loss, accuracy, self._last_epoch)

    def first_bad_step(self) -> int | None:
        """The first step, counted from 1, whose loss was NaN or infinite."""
        return int(self._bad_step) + 1 or None

    def epoch(self, seconds: float, measured: tuple[float, float], is_validation: bool) -> Epoch:
        """The finished epoch, with the loss and accuracy `measured` on validation or test images."""
        images = self._steps * self.batch_size
        train_loss, train_accuracy = float(self._loss) / self._steps, float(self._correct) / images
        epoch = Epoch(self.number, train_loss, train_accuracy, None, None, seconds, images / seconds)
        loss, accuracy = measured
        if is_validation:
            return replace(epoch, val_loss=loss, val_accuracy=accuracy)
        return replace(epoch, test_loss=loss, test_accuracy=accuracy)
