"""Facts about a dataset for readers of its results: counts, licences, leaks, samples, and what trivial rules score."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.data import Source, naming
from bench.machine import cores
from bench.outcome.pictures import save_thumbnail
from bench.records import DatasetFacts, Picture, facts_folder, read_facts, write_facts
from collect.manifest import TEST_FOLDERS, read_rejected

SAMPLES_PER_CLASS = 6


def trivial_features(path: Path) -> list[float]:
    """What a lazy rule could use instead of the content: size, shape, bytes, mean colour, greyness, borders, and the
    JPEG's quantisation.
    """
    with naming(path), Image.open(path) as image:
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
    """Predicted classes for `test` (n, features) of a multinomial logistic regression with a light ridge, L-BFGS."""
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
        found: NDArray[np.int64] = layer(torch.from_numpy((test - mean) / std)).argmax(1).numpy()
    return found


def _floors(source: Source) -> dict[str, float]:
    number = {name: i for i, name in enumerate(source.classes)}
    labels = np.array([number[r.class_] for r in source.rows])
    testing = np.array([r.split in TEST_FOLDERS for r in source.rows])
    commonest = np.bincount(labels[~testing]).argmax()
    with ThreadPoolExecutor(cores()) as pool:
        paths = [source.folder / r.file for r in source.rows]
        features = np.array(list(pool.map(trivial_features, paths, chunksize=64)), dtype=np.float32)
    guess = logistic_regression(features[~testing], labels[~testing], features[testing], len(source.classes))
    return {
        "majority": float((labels[testing] == commonest).mean()),
        "trivial": float((guess == labels[testing]).mean()),
    }


def keep_facts(source: Source, results: Path) -> DatasetFacts:
    """Write the facts of a dataset's present state below `results` unless they are there; they are returned.

    Raises VggbenchError naming an image that cannot be read.
    """
    folder = facts_folder(results, source.name, source.sha256)
    if known := read_facts(folder):
        return known
    rows = source.rows
    counts: dict[str, dict[str, int]] = {"train": {}, "test": {}}
    for row in rows:
        split = counts["test" if row.split in TEST_FOLDERS else "train"]
        split[row.class_] = split.get(row.class_, 0) + 1
    trained = {r.sha256 for r in rows if r.split not in TEST_FOLDERS}
    sides = [s for r in rows if r.width and r.height for s in (r.width, r.height)]
    owners = {r.owner for r in rows if r.owner}
    samples = []
    for name in source.classes:
        members = [r for r in rows if r.class_ == name]
        for place, row in enumerate(members[:: max(1, len(members) // SAMPLES_PER_CLASS)][:SAMPLES_PER_CLASS]):
            picture = f"{source.classes.index(name):03}_{place}.webp"
            path = source.folder / row.file
            with naming(path), Image.open(path) as image:
                save_thumbnail(image, folder / picture)
            samples.append(Picture("sample", picture, row.file, name))
    facts = DatasetFacts(
        name=source.name,
        manifest_sha256=source.sha256,
        classes=list(source.classes),
        counts=counts,
        sources=dict(Counter(r.source or "folder" for r in rows).most_common()),
        licenses=dict(Counter(r.license or "unknown" for r in rows).most_common()),
        owners=len(owners) or None,
        pixels=[min(sides), max(sides)] if sides else None,
        rejected=dict(Counter(r.reason for r in read_rejected(source.folder)).most_common()),
        leaks=sum(r.split in TEST_FOLDERS and r.sha256 in trained for r in rows),
        floors=_floors(source),
        samples=samples,
    )
    write_facts(folder, facts)
    return facts
