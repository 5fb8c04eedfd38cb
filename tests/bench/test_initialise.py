"""Initial weights."""

import math

import pytest
import torch

from bench.models import build_architecture, initialise_weights


@pytest.mark.parametrize("init", ["he", "xavier", "normal", "default"])
def test_initial_weights_have_the_spread_of_their_method(init: str) -> None:
    torch.manual_seed(0)
    net = build_architecture("vgg11", 10, width=0.25)
    initialise_weights(net, init)
    weight = net.features[3].weight
    fan_in, fan_out = weight[0].numel(), weight.shape[0] * 9
    expected = {
        "he": math.sqrt(2 / fan_in),
        "xavier": math.sqrt(2 / (fan_in + fan_out)),
        "normal": 0.01,
        "default": 1 / math.sqrt(3 * fan_in),
    }
    assert float(weight.detach().std()) == pytest.approx(expected[init], rel=0.05)
    assert (float(net.classifier[0].bias.detach().abs().sum()) == 0) == (init != "default")
