"""How long training goes on, and the learning rate of each of its steps."""

import math
from collections.abc import Sequence

from bench.recipes import Recipe
from bench.records import Epoch, StopReason, Training

FALL = 0.25  # epochs over which the learning rate falls to zero at the end, as a share of the epochs before
MIN_FLAT_EPOCHS = 3


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Number of the last epoch that had the best validation loss or the best validation accuracy so far; 0 if none."""
    best, loss, accuracy = 0, math.inf, -1.0
    for epoch in epochs:
        if epoch.val_loss is None or epoch.val_accuracy is None:
            continue
        if epoch.val_loss < loss or epoch.val_accuracy > accuracy:
            best = epoch.epoch
        loss, accuracy = min(loss, epoch.val_loss), max(accuracy, epoch.val_accuracy)
    return best


def falling_epochs(epochs: int) -> int:
    """The length of the fall of the learning rate after this many epochs."""
    return max(1, round(FALL * epochs))


class Course:
    """The course of a training of `steps` optimizer steps per epoch. Called with a step, it gives the factor on the
    learning rate: a linear rise over the warm-up, then constant, half a cosine to zero, or (plateau) constant with a
    linear fall to zero over the last fifth of all epochs.

    With epochs=auto the end is open until validation is flat: `last_epoch` and `fall_epoch` (the epochs before the
    fall) are None until then. All attributes are plain, because PyTorch's scheduler saves and restores them.
    """

    def __init__(self, recipe: Recipe, steps: int) -> None:
        self.steps, self.schedule = steps, recipe.schedule
        self.last_epoch = recipe.fixed_epochs
        self.fall_epoch: int | None = None
        self.stop = StopReason.EPOCHS.value
        if recipe.fixed_epochs and recipe.schedule == "plateau":
            self.fall_epoch = recipe.fixed_epochs - max(1, round(recipe.fixed_epochs * FALL / (1 + FALL)))
        all_steps = steps * recipe.fixed_epochs if recipe.fixed_epochs else recipe.min_steps
        self.rise = max(1, round(recipe.warmup * all_steps))

    def __call__(self, step: int) -> float:
        if step < self.rise:
            return (step + 1) / self.rise
        total = (self.last_epoch or 0) * self.steps
        if self.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - self.rise) / max(1, total - self.rise)))
        if self.schedule == "plateau" and self.fall_epoch is not None and step >= self.fall_epoch * self.steps:
            return max(0.0, (total - step) / (total - self.fall_epoch * self.steps))
        return 1.0

    def is_over(self, epochs: int) -> bool:
        """Whether training is over after this many epochs."""
        return self.last_epoch is not None and epochs >= self.last_epoch

    def decide(self, epochs: Sequence[Epoch], recipe: Recipe, seconds_left: float) -> None:
        """Decide after an epoch whether the end begins: because validation is flat, because max_steps are near, or
        because the time is only just enough for the fall. If the time is not even enough for that, the fall is shorter.
        """
        if self.last_epoch is not None:
            return
        done = len(epochs)
        seconds = max(e.seconds for e in epochs) * 1.1  # per epoch, with its evaluation
        flat = done - best_epoch(epochs) >= max(MIN_FLAT_EPOCHS, math.ceil(recipe.patience / self.steps))
        after, after_next = (n + self.falling(n) for n in (done, done + 1))
        if flat and after * self.steps >= recipe.min_steps:
            self._end(done, StopReason.FLAT)
        elif after_next * self.steps > recipe.max_steps:
            self._end(done, StopReason.CEILING)
        elif (after_next - done) * seconds > seconds_left:
            self._end(done, StopReason.TIME, int(max(0.0, seconds_left) // seconds))

    def falling(self, epochs: int) -> int:
        """Epochs still to come if the end begins after this many."""
        return falling_epochs(epochs) if self.schedule == "plateau" else 0

    def _end(self, done: int, reason: StopReason, most: int | None = None) -> None:
        fall = self.falling(done) if most is None else min(most, self.falling(done))
        self.fall_epoch, self.last_epoch = done, done + fall
        self.stop = reason.value

    def training(self, epochs: int) -> Training:
        """How the training ended, for its record."""
        fall_step = None if self.fall_epoch is None else self.fall_epoch * self.steps
        return Training(epochs * self.steps, StopReason(self.stop), fall_step)
