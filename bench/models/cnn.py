"""The small network of the Keras tutorials."""

from torch import nn


def baseline_cnn(outputs: int, size: int, dropout: float = 0.25) -> nn.Sequential:
    """A CNN of 3 x 3 convolutions without padding, for (n, 3, size, size) input."""
    side = (((size - 4) // 2) - 2) // 2
    return nn.Sequential(
        nn.Conv2d(3, 64, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * side * side, 128),
        nn.ReLU(inplace=True),
        nn.Linear(128, outputs),
    )
