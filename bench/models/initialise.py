"""Initial weights that let the signal through."""

import math

from torch import nn

from bench.models.architectures import last_layer


def initialise_weights(net: nn.Module, init: str) -> None:
    """Initialise all convolutions and linear layers in place: he (2015, eq. 10, fan in), xavier (Glorot 2010, eq. 16),
    normal (Simonyan & Zisserman 2014: N(0, 0.01)) or default (PyTorch's own). Biases 0, the last layer N(0, 0.01).

    Raises AssertionError if the weights do not measure what `init` should give.
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
        measured, count = float(module.weight.detach().std()), module.weight.numel()
        assert count < 100 or abs(measured / expected - 1) < 5 / math.sqrt(count), (
            f"{name}: initial weights measure {measured:.3g}, {init} should give {expected:.3g}"
        )
