"""How cost grows with images, classes and runs: seconds at each size, and the exponent of growth.

`python -m benchmarks.scaling` in the repository's root. An exponent of 1 is linear. Images are repeated photos, packed
and trained on for an epoch by the small CNN; classes share the same photos out among ever more folders; runs are
generated records, listed and made into a table.
"""

import argparse
import math
import time
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.data import open_source, select_images
from bench.machine import choose_device, choose_precision, device_info
from bench.recipes import make_recipe
from bench.training import compute_metrics
from benchmarks.ours import train_once
from benchmarks.photos import add_arguments, photos
from benchmarks.side_by_side import Figure, arguments, conditions, figure, show, write
from benchmarks.startup import seconds
from tests.factories.results import make_records


def lay_out(photo_files: list[Path], folder: Path, images: int, classes: int) -> None:
    """A dataset of `images` photos to train on in `classes` classes, repeated where there are too few, and one photo of
    each class to test on.
    """
    for number, file in enumerate(islice(cycle(photo_files), images + classes)):
        split = "train" if number < images else "test"
        home = folder / split / f"class_{number % classes:04}"
        home.mkdir(parents=True, exist_ok=True)
        # A few bytes after the end of a JPEG make each file its own; decoders don't read them.
        (home / f"{number:06}.jpg").write_bytes(file.read_bytes() + number.to_bytes(4, "big"))


def bench_steps(job: argparse.Namespace, images: int, classes: int) -> dict[str, float]:
    """Seconds to open, choose, pack, train one epoch on and measure a dataset of this size."""
    recipe = make_recipe("baseline-cnn", {"size": 32, "epochs": 1, "batch_size": 32, "precision": job.precision})
    taken: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        made = work()
        taken[part] = time.perf_counter() - start
        return made

    with TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        lay_out(sorted(f for f in job.photos.rglob("*.*") if f.is_file()), folder, images, classes)
        source = timed("open", lambda: open_source(str(folder), Path()))
        chosen = timed("select", lambda: select_images(source, recipe, 1))
        done, parts = train_once("baseline-cnn", recipe, folder, job.device, Path(name))
        labels = torch.tensor(source.labels(chosen.test))
        taken |= {"pack": parts["pack"], "epoch": done.epochs[0].seconds}
        timed("figures", lambda: compute_metrics(done.logits, labels, classes))
    return taken


def run_steps(runs: int) -> dict[str, float]:
    """Seconds of whole commands over this many runs."""
    with TemporaryDirectory() as results:
        make_records(Path(results), runs)
        table = ("reports", "table", "--format", "csv", "--results", results)
        return {"bench list": seconds("bench", "list", "--results", results), "reports table": seconds(*table)}


def grow(sizes: list[int], rounds: int, measure: Callable[[int], dict[str, float]]) -> dict[str, dict[int, Figure]]:
    """Figures by step and size, the sizes taken in turn `rounds` times after a discarded first."""
    values: dict[str, dict[int, list[float]]] = {}
    measure(sizes[0])
    for _ in range(rounds):
        for size in sizes:
            for step, value in measure(size).items():
                values.setdefault(step, {}).setdefault(size, []).append(value)
    return {step: {size: figure(v) for size, v in own.items()} for step, own in values.items()}


def exponent(own: Mapping[int, Figure]) -> float:
    """p of seconds ~ size^p between the smallest and the largest size."""
    low, high = min(own), max(own)
    return math.log(own[high].median / own[low].median) / math.log(high / low)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    add_arguments(parser, train=1000, test=100)
    parser.add_argument("--images", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 10, 100, 1000])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    device = choose_device(job.device)
    job.device, job.precision = device.type, choose_precision(device, "auto")
    before = {**conditions(), "device": device_info(device, job.precision).name, "torch": torch.__version__}
    most = max(min(job.images), 2 * max(job.classes))
    with photos(job.data, job.train, job.test) as job.photos:
        found = {
            "images": grow(job.images, job.rounds, lambda n: bench_steps(job, n, 10)),
            "classes": grow(job.classes, job.rounds, lambda n: bench_steps(job, most, n)),
            "runs": grow(job.runs, job.rounds, run_steps),
        }
    for what, steps in found.items():
        sizes = list(next(iter(steps.values())))
        rows = [
            [step, *(f"{own[n].median * 1000:,.1f} ms" for n in sizes), f"{exponent(own):.2f}"]
            for step, own in steps.items()
        ]
        constant = f", {most:,} images" if what == "classes" else ""
        show(f"Against {what}{constant}", ["", *(f"{n:,}" for n in sizes), "exponent"], rows)
    write(job, "scaling", before, found)


if __name__ == "__main__":
    main()
