"""The course of training: learning rates, when training ends, and why."""

import itertools
import math

import pytest

from bench.recipes import Recipe, make_recipe
from bench.records import Epoch, StopReason
from bench.training.course import Course, best_epoch


def _epochs(*accuracies: float, seconds: float = 1.0) -> list[Epoch]:
    figures = [(n, a) for n, a in enumerate(accuracies, 1)]
    return [Epoch(n, 0.5, 0.9, None, None, seconds, 100.0, val_loss=1 - a, val_accuracy=a) for n, a in figures]


def _end(recipe: Recipe, steps: int, accuracies: list[float], seconds_left: float = math.inf) -> tuple[Course, int]:
    """The course after the epochs whose validation accuracies are given, and how many it took to decide."""
    course, epochs = Course(recipe, steps), _epochs(*accuracies)
    for number in range(1, len(epochs) + 1):
        course.decide(epochs[:number], recipe, seconds_left - number)
        if course.last_epoch is not None:
            return course, number
    return course, len(epochs)


def test_a_cosine_rises_and_falls() -> None:
    course = Course(make_recipe("scratch-vgg", {"warmup": 0.1, "epochs": 5}), 20)
    rates = [course(step) for step in range(100)]
    assert course.schedule == "cosine"
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[99] < 0.001
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


def test_a_plateau_of_known_length_falls_over_its_last_fifth() -> None:
    course = Course(make_recipe("scratch-vgg", {"warmup": 0.1, "epochs": 10, "schedule": "plateau"}), 10)
    rates = [course(step) for step in range(100)]
    assert set(rates[10:80]) == {1.0}
    assert rates[80] == 1.0
    assert rates[90] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.05)


def test_the_end_begins_when_validation_is_flat_for_the_patience_in_steps() -> None:
    recipe = make_recipe("scratch-vgg", {"patience": 100, "min_steps": 1})
    course, decided = _end(recipe, 20, [0.5, 0.6, 0.7, 0.8, 0.8, 0.79, 0.8, 0.7, 0.8, 0.8])
    assert (decided, course.stop) == (9, StopReason.FLAT)  # five epochs of 20 steps after the fourth
    assert (course.fall_epoch, course.last_epoch) == (9, 11)
    assert [course(step) for step in (179, 180)] == [1.0, 1.0]
    assert 0 < course(219) < course(200) < 1


def test_a_better_loss_counts_even_if_the_accuracy_stays() -> None:
    epochs = [Epoch(n, 0, 0, None, None, 1, 1, val_loss=1 / n, val_accuracy=0.9) for n in range(1, 6)]
    assert best_epoch(epochs) == 5


def test_small_sets_get_at_least_min_steps() -> None:
    recipe = make_recipe("scratch-vgg", {"patience": 1, "min_steps": 300})
    course, decided = _end(recipe, 1, [0.5] * 400)
    assert (decided, course.last_epoch, course.stop) == (240, 300, StopReason.FLAT)


def test_training_never_exceeds_max_steps() -> None:
    recipe = make_recipe("scratch-vgg", {"max_steps": 1000, "min_steps": 1})
    course, _ = _end(recipe, 10, [n / 1000 for n in range(200)])
    assert course.stop == StopReason.CEILING
    assert course.last_epoch is not None
    assert 950 <= course.last_epoch * 10 <= 1000


def test_the_end_begins_in_time_for_the_fall() -> None:
    recipe = make_recipe("scratch-vgg", {"min_steps": 1})
    course, decided = _end(recipe, 100, [n / 1000 for n in range(60)], seconds_left=50.0)
    assert course.stop == StopReason.TIME
    assert course.last_epoch is not None
    assert decided < course.last_epoch
    assert 40 <= course.last_epoch <= 50


@pytest.mark.parametrize(("seconds_left", "last_epoch"), [(1.9, 1), (2.4, 2)])
def test_the_fall_is_left_out_if_there_is_no_time_for_it(seconds_left: float, last_epoch: int) -> None:
    course, decided = _end(make_recipe("scratch-vgg", {"min_steps": 1}), 100, [0.5, 0.6, 0.7], seconds_left)
    assert (decided, course.last_epoch, course.stop) == (1, last_epoch, StopReason.TIME)


def test_a_constant_rate_ends_at_once() -> None:
    recipe = make_recipe("scratch-vgg", {"schedule": "constant", "patience": 100, "min_steps": 1})
    course, decided = _end(recipe, 50, [0.5] * 10)
    assert course.last_epoch == decided == 4
    assert course(199) == 1.0
