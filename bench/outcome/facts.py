"""The facts of a dataset for readers of its results: counts, licences, leaks, samples, trivial accuracies."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data import Source, image_errors, read_file, read_picture, split_of
from bench.machine import cores
from bench.neighbours import decode_photo, open_photo, quiet_decoders
from bench.outcome.pictures import save_thumbnail
from bench.records import DatasetFacts, Picture, facts_folder, read_facts, write_facts
from collect.manifest import Row, read_rejected

SAMPLES_PER_CLASS = 6


FindLeaks = Callable[[Path, Sequence[Row]], tuple[list[str], list[str] | None]]
"""A function from a dataset's folder and rows to its leaked and nearly leaked test files."""


def keep_facts(source: Source, results: Path, find_leaks: FindLeaks) -> DatasetFacts:
    """The facts of a dataset's present state, kept below `results`. Raises VggbenchError for an unreadable image."""
    folder, rows = facts_folder(results, source.name, source.sha256), source.rows
    known = read_facts(folder)
    if known and known.leaked is not None:
        return known
    leaked, nearly_leaked = find_leaks(source.folder, rows)
    if known:  # of an earlier version, which did not list the files
        facts = replace(known, leaked=leaked, nearly_leaked=nearly_leaked)
        write_facts(folder, facts)
        return facts
    sides = [side for r in rows if r.width and r.height for side in (r.width, r.height)]
    with quiet_decoders():
        floors, samples = trivial_accuracies(source), _write_samples(source, folder)
    facts = DatasetFacts(
        name=source.name,
        manifest_sha256=source.sha256,
        classes=list(source.classes),
        counts=source.counts(),
        sources=dict(Counter(r.source or "folder" for r in rows).most_common()),
        licenses=dict(Counter(r.license or "unknown" for r in rows).most_common()),
        owners=len({r.owner for r in rows if r.owner}) or None,
        pixels=[min(sides), max(sides)] if sides else None,
        rejected=dict(Counter(r.reason for r in read_rejected(source.folder)).most_common()),
        leaks=len(leaked),
        floors=floors,
        samples=samples,
        leaked=leaked,
        nearly_leaked=nearly_leaked,
    )
    write_facts(folder, facts)
    return facts


def _write_samples(source: Source, folder: Path) -> list[Picture]:
    """Thumbnails of a few images of each class, spread over its rows."""
    samples = []
    for number, name in enumerate(source.classes):
        members = [r for r in source.rows if r.class_ == name]
        for place, row in enumerate(members[:: max(1, len(members) // SAMPLES_PER_CLASS)][:SAMPLES_PER_CLASS]):
            picture, path = f"{number:03}_{place}.webp", source.folder / row.file
            save_thumbnail(read_picture(path), folder / picture)
            samples.append(Picture("sample", picture, row.file, name))
    return samples


def trivial_features(path: Path) -> list[float]:
    """What a rule could use instead of the content: size, bytes, quantisation, colours, greyness, borders."""
    with image_errors(path):
        content = read_file(path)
        image = open_photo(content)
        width, height = image.size
        tables: dict[int, Sequence[int]] = getattr(image, "quantization", None) or {}
        quantisation = float(np.mean([v for table in tables.values() for v in table])) if tables else 0.0
        image.draft("RGB", (64, 64))
        small = np.asarray(decode_photo(image).convert("RGB").resize((32, 32)), dtype=np.float32) / 255
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    colourful = float((small.max(2) - small.min(2)).mean())
    size = [float(np.log(width)), float(np.log(height)), float(np.log(len(content)))]
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
