"""Training a network from scratch: bench against the usual tutorial loop, timm and torchvision, epoch by epoch.

Run `python -m benchmarks.train_step` in the root of the repository. All use the same network, photos, size, batch and
augmentation (see peers.py). The first epoch is a warm-up and not compared. Whole runs are compared too: from the photo
files to the accuracy after the last epoch, including our packing.
"""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.events import EpochEnd, Event
from bench.recipes import make_recipe
from benchmarks.ours import train_once
from benchmarks.peers import timm_best, timm_compiled, torchvision_reference, tutorial
from benchmarks.photos import add_arguments, photo_files, photos
from benchmarks.side_by_side import (
    Target,
    Turn,
    arguments,
    choose_job_device,
    figure,
    interval,
    ratio,
    show,
    take_turns,
    write,
)


def ours(job: argparse.Namespace, turn: Turn) -> None:
    """`bench run scratch-vgg` without its report: the same packing, network, loop and default recipe."""
    values = {"arch": job.arch, "size": job.size, "epochs": job.epochs, "batch_size": job.batch_size}
    recipe = make_recipe("scratch-vgg", {**values, "precision": job.precision})
    seconds: dict[str, float] = {}

    def emit(event: Event) -> None:
        if isinstance(event, EpochEnd):
            epoch = event.epoch
            turn(rate=epoch.images_per_second, accuracy=epoch.test_accuracy, pack_seconds=seconds["pack"])

    with TemporaryDirectory() as cache:
        train_once(
            "scratch-vgg", recipe, job.photos, job.device, Path(cache), job.seed, packed=seconds.update, emit=emit
        )


def contenders(device: str) -> dict[str, Any]:
    """The contenders on this kind of device."""
    available: dict[str, Any] = {"ours": ours, "tutorial": tutorial, "torchvision": torchvision_reference}
    try:
        import timm
    except ImportError:
        print("timm is not installed and is skipped (pip install timm)")
        return available
    print(f"timm {timm.__version__}: a loop made of its parts, because its packages do not contain train.py")
    available["timm"] = timm_best
    return available | ({"timm compiled": timm_compiled} if device == "cuda" else {})


def report(job: argparse.Namespace, before: Mapping[str, Any], runs: list[dict[str, list[dict[str, Any]]]]) -> None:
    """Show the measurements and write them."""
    names = list(runs[0])
    rates = {n: [leg["rate"] for run in runs for leg in run[n][1:]] for n in names}
    wholes = {n: [sum(leg["leg_seconds"] for leg in run[n]) for run in runs] for n in names}
    accuracies = {n: [run[n][-1]["accuracy"] for run in runs] for n in names}
    epochs = {n: figure(values) for n, values in rates.items()}
    whole = {n: figure(values) for n, values in wholes.items()}
    faster = {n: ratio(rates["ours"], rates[n]) for n in names}
    sooner = {n: ratio(wholes[n], wholes["ours"]) for n in names}
    count = len(photo_files(job.photos / "test"))
    rows = [
        [
            n,
            f"{epochs[n].median:,.1f}",
            f"{faster[n].median:.2f} x",
            f"{whole[n].median:,.1f} s",
            f"{sooner[n].median:.2f} x",
            interval(accuracies[n], count),
        ]
        for n in names
    ]
    cuda = job.device == "cuda"
    targets = [Target("epoch, ours against the tutorial loop", faster["tutorial"], 15 if cuda else 2)]
    timms = [n for n in names if n.startswith("timm")]
    if timms:
        best = max(timms, key=lambda n: epochs[n].median)
        targets.append(Target(f"epoch, ours against {best}", faster[best], 1.5))
    pack = figure([run["ours"][0]["pack_seconds"] for run in runs])
    title = f"{job.arch}, {job.size} px, batch {job.batch_size}, ours in {job.precision}, on {before['device']}"
    columns = ["", "images/s", "ours against it", f"{job.epochs} epochs", "ours against it", "test accuracy"]
    show(title, columns, rows, targets)
    print(f"Our packing, in the whole run: {pack.text(2)} s")
    figures = {"images_per_second": epochs, "epoch_ratio": faster, "whole_seconds": whole, "whole_ratio": sooner,
               "accuracy": accuracies, "test_images": count, "pack_seconds": pack}  # fmt: skip
    write(job, "train_step", before, figures, targets)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    add_arguments(parser, train=480, test=500)
    parser.add_argument("--arch", default="vgg16")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--epochs", type=int, default=5, help="epochs per run, of which there are enough for the rounds"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    before = choose_job_device(job)
    with photos(job.data, job.train, job.test) as job.photos:
        runs, chosen = [], contenders(job.device)
        for seed in range(1, math.ceil(job.rounds / (job.epochs - 1)) + 1):
            job.seed = seed
            runs.append(take_turns(chosen, job))
        report(job, before, runs)


if __name__ == "__main__":
    main()
