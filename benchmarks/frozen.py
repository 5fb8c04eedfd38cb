"""Training a head on a frozen backbone: features cached once, against a forward pass through it in every epoch.

Run `python -m benchmarks.frozen` in the root of the repository. Both use the same packed photos, recipe and loop. The
time includes the feature pass, warm-up, training, testing after every epoch and checkpoints, but not packing. The
backbone's weights are random, which does not change the time.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.models import Network, build_architecture, initialise_weights
from bench.recipes import make_recipe
from benchmarks.ours import train_once
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

PARTS = ("features", "warm-up", "compile", "epochs", "evaluate", "checkpoint")


class EveryEpoch(nn.Module):
    """A frozen prefix in eval mode and the trained head as one module."""

    def __init__(self, prefix: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.prefix, self.head = prefix.requires_grad_(False), head

    def train(self, mode: bool = True) -> "EveryEpoch":
        super().train(mode)
        self.prefix.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.prefix(images)
        out: Tensor = self.head(features)
        return out


def _measure(job: argparse.Namespace, turn: Turn, change: Callable[[Network], Network]) -> None:
    values = {"arch": job.arch, "size": job.size, "epochs": job.epochs, "batch_size": job.batch_size}
    recipe = make_recipe("frozen-vgg", {**values, "weights": str(job.weights), "precision": job.precision})
    for _ in range(job.rounds + 1):
        with TemporaryDirectory() as cache:
            done, seconds = train_once("frozen-vgg", recipe, job.photos, job.device, Path(cache), change=change)
        parts = {**done.seconds, **seconds, "epochs": sum(e.seconds for e in done.epochs)}
        spent = sum(parts.get(part, 0.0) for part in PARTS)
        turn(seconds=spent, parts=parts, accuracy=done.epochs[-1].test_accuracy)


def cached(job: argparse.Namespace, turn: Turn) -> None:
    """`bench run frozen-vgg` as it is."""
    _measure(job, turn, lambda network: network)


def forward_every_epoch(job: argparse.Namespace, turn: Turn) -> None:
    """The same network and loop without the cache."""

    def change(network: Network) -> Network:
        assert network.prefix is not None
        return Network(network.whole, EveryEpoch(network.prefix, network.trunk))

    _measure(job, turn, change)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    add_arguments(parser, train=480, test=500)
    parser.add_argument("--arch", default="vgg16")
    parser.add_argument("--weights", type=Path, help="pretrained weights that fit --arch")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    before = choose_job_device(job)
    with photos(job.data, job.train, job.test) as job.photos:
        if job.weights is None:
            net = build_architecture(job.arch, 10)
            initialise_weights(net, "he")
            job.weights = job.photos / "random.safetensors"
            save_file(net.state_dict(), job.weights, {"arch": job.arch, "pretrained_on": "nothing"})
        count = len(photo_files(job.photos / "test"))
        legs = take_turns({"cached": cached, "forward every epoch": forward_every_epoch}, job)
    seconds = {name: [leg["seconds"] for leg in turns[1:]] for name, turns in legs.items()}
    times = ratio(seconds["forward every epoch"], seconds["cached"])
    shown = {name: figure(values) for name, values in seconds.items()}
    accuracies = {name: [leg["accuracy"] for leg in turns] for name, turns in legs.items()}
    rows = [[name, shown[name].text(2, " s"), interval(accuracies[name], count)] for name in shown]
    features = figure([leg["parts"]["features"] for leg in legs["cached"][1:]])
    rows.append(["  of which the feature pass", features.text(2, " s"), ""])
    targets = [Target(f"{job.epochs} frozen epochs, cached against forwarding every epoch", times, 4)]
    title = f"Frozen {job.arch}, {job.size} px, {job.epochs} epochs, {job.precision}, on {before['device']}"
    show(title, ["", "seconds", "test accuracy"], rows, targets)
    write(job, "frozen", before, {"seconds": shown, "feature_seconds": features, "ratio": times, "legs": legs}, targets)


if __name__ == "__main__":
    main()
