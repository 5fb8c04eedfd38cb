"""Checks of a network before training and of the training afterwards."""

import math

import pytest
import torch
from torch import nn

from bench.models import build_architecture, initialise_weights
from bench.training import examine, is_stalled


def _images(size: int = 32) -> torch.Tensor:
    noise = torch.randn(16, 3, size, size, generator=torch.Generator().manual_seed(0))
    return noise.to(memory_format=torch.channels_last)


def test_the_mistakes_behind_a_published_nine_percent_are_reported() -> None:
    """A published VGG reached 9.9 % on Imagenette: softmax before the loss, and an init that ran before the layers."""
    torch.manual_seed(0)
    net = nn.Sequential(build_architecture("vgg16", 10, width=0.25), nn.Softmax(1))
    problems = " ".join(examine(net, _images(), 10))
    assert "softmax before the loss" in problems
    assert f"{math.log(math.e + 9) - 1:.3f}" in problems
    assert "the signal dies" in problems
    assert "init=he" in problems


@pytest.mark.parametrize("arch", ["vgg16", "vgg16_bn"])
def test_a_network_with_he_init_is_healthy(arch: str) -> None:
    torch.manual_seed(0)
    net = build_architecture(arch, 10, width=0.25)
    initialise_weights(net, "he")
    assert examine(net, _images(), 10) == []


def test_the_default_init_of_a_deep_plain_network_is_reported() -> None:
    torch.manual_seed(0)
    net = build_architecture("vgg19", 10, width=0.25)
    initialise_weights(net, "default")
    assert any("the signal dies" in text for text in examine(net, _images(), 10))


def test_a_sigmoid_before_the_binary_loss_is_reported() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1), nn.Sigmoid())
    assert any("sigmoid before the loss" in text for text in examine(net, _images(), 2))


def test_dead_units_are_reported() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 64), nn.ReLU(), nn.Linear(64, 3))
    with torch.no_grad():
        net[1].bias.fill_(-1e3)
        net[1].bias[0] = 1e3
    assert any("dead units: 2 98%" in text for text in examine(net, _images(), 3))


def test_a_flatten_that_depends_on_the_memory_layout_is_reported() -> None:
    class Storage(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.as_strided((len(images), images[0].numel()), (images[0].numel(), 1))

    torch.manual_seed(0)
    net = nn.Sequential(Storage(), nn.Linear(3 * 32 * 32, 4))
    assert any("flatten order" in text for text in examine(net, _images(), 4))


def test_stalled_is_a_loss_of_ln_k_and_an_accuracy_at_chance() -> None:
    ten, two = [100] * 10, [700] * 2
    assert is_stalled(2.3026, 0.104, ten)
    assert not is_stalled(2.3026, 0.2, ten)
    assert not is_stalled(2.1, 0.104, ten)
    assert not is_stalled(0.69, 0.56, two)


def test_a_constant_answer_on_unequal_classes_is_stalled() -> None:
    counts = [900, 100]
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert is_stalled(entropy, 0.9, counts)
    assert not is_stalled(entropy - 0.05, 0.93, counts)
    assert not is_stalled(math.log(2), 0.9, counts)
    smoothed = -(0.86 * math.log(0.86) + 0.14 * math.log(0.14))
    assert is_stalled(smoothed, 0.9, counts, label_smoothing=0.1)
