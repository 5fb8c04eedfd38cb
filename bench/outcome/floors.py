"""Accuracies that need no understanding of an image, as floors to compare a model with."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.data import Source, image_errors, split_of
from bench.machine import cores


def trivial_features(path: Path) -> list[float]:
    """What a rule could use instead of the content: size, shape, bytes, mean colour, greyness, borders, and the JPEG's
    quantisation.
    """
    with image_errors(path), Image.open(path) as image:
        width, height = image.size
        tables: dict[int, Sequence[int]] = getattr(image, "quantization", None) or {}
        quantisation = float(np.mean([v for table in tables.values() for v in table])) if tables else 0.0
        image.draft("RGB", (64, 64))
        small = np.asarray(image.convert("RGB").resize((32, 32)), dtype=np.float32) / 255
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    colourful = float((small.max(2) - small.min(2)).mean())
    size = [float(np.log(width)), float(np.log(height)), float(np.log(path.stat().st_size))]
    means = [float(m) for m in small.mean((0, 1))]
    grey = float(colourful < 0.01)
    return [*size, quantisation, *means, float(small.std()), colourful, grey, float(border.mean()), float(border.std())]


def logistic_regression(
    train: NDArray[np.float32], labels: NDArray[np.int64], test: NDArray[np.float32], num_classes: int
) -> NDArray[np.int64]:
    """Predicted classes for `test` (n, features) by a multinomial logistic regression with a light ridge, by L-BFGS."""
    mean, std = train.mean(0), train.std(0) + 1e-6
    inputs, target = torch.from_numpy((train - mean) / std), torch.from_numpy(labels)
    layer = torch.nn.Linear(inputs.shape[1], num_classes)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(inputs), target) + 1e-3 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        predicted: NDArray[np.int64] = layer(torch.from_numpy((test - mean) / std)).argmax(1).numpy()
    return predicted


def trivial_accuracies(source: Source) -> dict[str, float]:
    """Test accuracy of rules that do not look at the content: `majority` always answers the most common class,
    `trivial` is a logistic regression on `trivial_features`.
    """
    labels = np.array(source.labels(range(len(source.rows))))
    is_test = np.array([split_of(r) == "test" for r in source.rows])
    most_common = np.bincount(labels[~is_test]).argmax()
    with ThreadPoolExecutor(cores()) as pool:
        paths = [source.folder / r.file for r in source.rows]
        features = np.array(list(pool.map(trivial_features, paths, chunksize=64)), dtype=np.float32)
    predicted = logistic_regression(features[~is_test], labels[~is_test], features[is_test], len(source.classes))
    return {
        "majority": float((labels[is_test] == most_common).mean()),
        "trivial": float((predicted == labels[is_test]).mean()),
    }
