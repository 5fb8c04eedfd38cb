"""What `--epochs auto` should do once validation is flat: keep the network, or train again on all of train.

Run `python -m benchmarks.schedules --dataset data/NAME --model baseline-cnn --size 32`. Three ways, seed by seed:

- kept: the learning rate falls when validation is flat, and this network is the result (what `bench run` does)
- again: a new network trains for as many epochs on all of train, validation images included
- again, cosine: the same with a cosine over that length

Accuracies are those on the test images after the last epoch. Seconds are training only; those of "again" include the
first training, which finds the length.
"""

import argparse
import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from bench.data import open_source, split_of
from bench.recipes import Recipe, make_recipe, parse_value
from bench.training import CHECKPOINT_FILE, TrainingResult, predicted_classes
from benchmarks.ours import train_once
from benchmarks.side_by_side import arguments, choose_job_device, figure, show, write

WAYS = {"kept": None, "again": "plateau", "again, cosine": "cosine"}


def _train(job: argparse.Namespace, recipe: Recipe, seed: int, cache: Path) -> tuple[TrainingResult, float, float]:
    """The training, its accuracy on the test images, and its seconds."""
    source = open_source(str(job.dataset), Path())
    labels = source.labels([i for i, row in enumerate(source.rows) if split_of(row) == "test"])
    (cache / CHECKPOINT_FILE).unlink(missing_ok=True)
    done, _ = train_once(job.model, recipe, job.dataset, job.device, cache, seed)
    accuracy = float((predicted_classes(done.logits) == torch.tensor(labels)).float().mean())
    return done, accuracy, sum(epoch.seconds for epoch in done.epochs)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "", rounds=3)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a dataset")
    parser.add_argument("--model", default="baseline-cnn")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any recipe field")
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    before = choose_job_device(job)
    given = {key: parse_value(key, value) for key, value in (pair.split("=", 1) for pair in job.set)}
    values = {"size": job.size, "batch_size": job.batch_size, "precision": job.precision, **given}
    accuracies: dict[str, list[float]] = {way: [] for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    epochs: list[int] = []
    with TemporaryDirectory() as cache:
        for seed, (way, schedule) in itertools.product(range(1, job.rounds + 1), WAYS.items()):
            length = {} if schedule is None else {"epochs": epochs[-1], "schedule": schedule}
            done, accuracy, spent = _train(job, make_recipe(job.model, {**values, **length}), seed, Path(cache))
            if schedule is None:
                epochs.append(len(done.epochs))
            accuracies[way].append(accuracy)
            seconds[way].append(spent + (seconds["kept"][-1] if schedule else 0.0))
    rows = []
    for way in WAYS:
        by_seed = ", ".join(f"{accuracy:.1%}" for accuracy in accuracies[way])
        rows.append([way, f"{np.mean(accuracies[way]):.1%}", by_seed, figure(seconds[way]).text(1, " s")])
    title = f"{job.model} on {job.dataset.name}, {job.size} px, {job.rounds} seeds, epochs {epochs}, {before['device']}"
    show(title, ["", "mean accuracy", "by seed", "seconds"], rows)
    write(job, "schedules", before, {"accuracy": accuracies, "seconds": seconds, "epochs": epochs}, [])


if __name__ == "__main__":
    main()
