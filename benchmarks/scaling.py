"""How cost grows with images, classes and runs: seconds at each size, and the exponent of growth.

Run `python -m benchmarks.scaling` in the root of the repository. An exponent of 1 is linear growth. Images are repeated
photos, which are packed and on which the small CNN trains for one epoch. Classes divide the same photos among more
folders. Runs are invented records, which are listed and made into a table.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.data import open_source, select_images
from bench.recipes import make_recipe
from bench.training import compute_metrics
from benchmarks.ours import train_once
from benchmarks.photos import add_arguments, photo_files, photos
from benchmarks.side_by_side import Figure, arguments, choose_job_device, figure, process_seconds, show, write
from tests.factories.results import make_records


def lay_out(photo_files: list[Path], folder: Path, images: int, classes: int) -> None:
    """A dataset with `images` training photos in `classes` classes, repeated if there are too few, and one test photo
    per class.
    """
    for number, file in enumerate(islice(cycle(photo_files), images + classes)):
        split = "train" if number < images else "test"
        home = folder / split / f"class_{number % classes:04}"
        home.mkdir(parents=True, exist_ok=True)
        # A few bytes after the end of a JPEG make each file unique; decoders do not read them.
        (home / f"{number:06}.jpg").write_bytes(file.read_bytes() + number.to_bytes(4, "big"))


def bench_steps(job: argparse.Namespace, images: int, classes: int) -> dict[str, float]:
    """Seconds to open a dataset of this size, choose its images, pack them, train for one epoch and measure."""
    recipe = make_recipe("baseline-cnn", {"size": 32, "epochs": 1, "batch_size": 32, "precision": job.precision})
    seconds: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        seconds[part] = time.perf_counter() - start
        return result

    with TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        lay_out(photo_files(job.photos), folder, images, classes)
        source = timed("open", lambda: open_source(str(folder), Path()))
        chosen = timed("select", lambda: select_images(source, recipe, 1))
        done, parts = train_once("baseline-cnn", recipe, folder, job.device, Path(name))
        labels = torch.tensor(source.labels(chosen.test))
        seconds |= {"pack": parts["pack"], "epoch": done.epochs[0].seconds}
        timed("figures", lambda: compute_metrics(done.logits, labels, classes))
    return seconds


def run_steps(runs: int) -> dict[str, float]:
    """Seconds of whole commands with this many runs."""
    with TemporaryDirectory() as results:
        make_records(Path(results), runs)
        table = (sys.executable, "-m", "reports", "table", "--format", "csv", "--results", results)
        listing = (sys.executable, "-m", "bench", "list", "--results", results)
        return {"bench list": process_seconds(listing), "reports table": process_seconds(table)}


def grow(sizes: list[int], rounds: int, measure: Callable[[int], dict[str, float]]) -> dict[str, dict[int, Figure]]:
    """Figures by step and size. The sizes take turns for `rounds` rounds, after one discarded measurement."""
    values: dict[str, dict[int, list[float]]] = {}
    measure(sizes[0])
    for _ in range(rounds):
        for size in sizes:
            for step, value in measure(size).items():
                values.setdefault(step, {}).setdefault(size, []).append(value)
    return {step: {size: figure(v) for size, v in own.items()} for step, own in values.items()}


def exponent(by_size: Mapping[int, Figure]) -> float:
    """The p of seconds ~ size^p, between the smallest and the largest size."""
    low, high = min(by_size), max(by_size)
    return math.log(by_size[high].median / by_size[low].median) / math.log(high / low)


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    add_arguments(parser, train=1000, test=100)
    parser.add_argument("--images", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 10, 100, 1000])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    before = choose_job_device(job)
    most = max(min(job.images), 2 * max(job.classes))
    with photos(job.data, job.train, job.test) as job.photos:
        growth = {
            "images": grow(job.images, job.rounds, lambda n: bench_steps(job, n, 10)),
            "classes": grow(job.classes, job.rounds, lambda n: bench_steps(job, most, n)),
            "runs": grow(job.runs, job.rounds, run_steps),
        }
    for what, steps in growth.items():
        sizes = list(next(iter(steps.values())))
        rows = [
            [step, *(f"{own[n].median * 1000:,.1f} ms" for n in sizes), f"{exponent(own):.2f}"]
            for step, own in steps.items()
        ]
        constant = f", {most:,} images" if what == "classes" else ""
        show(f"Against {what}{constant}", ["", *(f"{n:,}" for n in sizes), "exponent"], rows)
    write(job, "scaling", before, growth)


if __name__ == "__main__":
    main()
