"""Runs an hour: a sweep of frozen models in one command, in a command per run, and in a plain PyTorch script.

Run `python -m benchmarks.sweep` in the root of the repository. Every round starts with an empty cache and packs the
photos again. The runs differ in their learning rate. The script computes the features once too, but writes neither
pictures nor weights nor records. The backbone's weights are random, which does not change the time.

With `--heads N` it measures instead whether N heads train faster as one batched matrix product than one after another.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.models import build_architecture, initialise_weights
from bench.records import Run, read_runs
from benchmarks.photos import add_arguments, photos
from benchmarks.side_by_side import (
    Target,
    arguments,
    choose_job_device,
    figure,
    process_seconds,
    ratio,
    show,
    write,
)

PARTS = ("pack", "features", "warm-up", "evaluate", "pictures")


def _rates(job: argparse.Namespace) -> list[str]:
    return [f"{0.001 * 0.8**number:.3g}" for number in range(job.runs)]


def _bench(job: argparse.Namespace, rates: list[str], home: Path) -> float:
    """Seconds of one command that makes a run per learning rate, with cache and results in `home`."""
    recipe = ["--arch", job.arch, "--weights", str(job.weights), "--size", str(job.size), "--epochs", str(job.epochs)]
    recipe += ["--batch-size", str(job.batch_size), "--device", job.device, "--precision", "fp32"]
    command = [sys.executable, "-m", "bench", "run", "frozen-vgg", "--dataset", str(job.photos), *recipe]
    command += ["--set", f"lr={','.join(rates)}", "--results", str(home / "results")]
    return process_seconds(command, XDG_CACHE_HOME=str(home / "cache"))


def _parts_seconds(run: Run) -> float:
    """Seconds of a run's training, evaluation and pictures, and of packing and features if this run computed them."""
    parts = dict(run.cost.breakdown or {})
    if run.cost.feature_seconds and run.cost.total_seconds < sum(parts.values()):
        parts.pop("features")
    return sum(e.seconds for e in run.epochs) + sum(parts.get(name, 0.0) for name in PARTS)


def _one_round(job: argparse.Namespace) -> dict[str, float]:
    """Seconds of each contender, and a run's overhead: what each further run adds, less its work."""
    rates, seconds = _rates(job), dict[str, float]()
    with TemporaryDirectory() as name:
        home = Path(name)
        seconds["one run"] = _bench(job, rates[:1], home / "one")
        seconds["one command"] = _bench(job, rates, home / "all")
        seconds["a command per run"] = sum(_bench(job, [rate], home / "each") for rate in rates)
        script = [sys.executable, "-m", "benchmarks.plain_sweep", str(job.photos), str(job.weights), job.arch]
        seconds["plain script"] = process_seconds([*script, *map(str, (job.size, job.epochs, job.batch_size)), *rates])
        runs, _ = read_runs(home / "all" / "results")
        work = sorted(_parts_seconds(run) for run in runs.values())[: job.runs - 1]  # without the one that packed
    further = (seconds["one command"] - seconds["one run"]) / (job.runs - 1)
    seconds["overhead of a run"] = further - sum(work) / len(work)
    return seconds


def measure_sweep(job: argparse.Namespace) -> None:
    """Measure and report the sweep."""
    before = choose_job_device(job)
    with photos(job.data, job.train, job.test) as job.photos:
        net = build_architecture(job.arch, 10)
        initialise_weights(net, "he")
        job.weights = job.photos / "random.safetensors"
        features = {key: value for key, value in net.state_dict().items() if key.startswith("features")}
        save_file(features, job.weights, {"arch": job.arch, "pretrained_on": "nothing"})
        rounds = [_one_round(job) for _ in range(job.rounds)]
    seconds = {name: [one[name] for one in rounds] for name in rounds[0]}
    hourly = {
        name: figure([3600 * (1 if name == "one run" else job.runs) / value for value in seconds[name]])
        for name in ("one run", "a command per run", "one command", "plain script")
    }
    overhead = figure(seconds["overhead of a run"])
    targets = [
        Target(f"{job.runs} runs against one", ratio(seconds["one command"], seconds["one run"]), 3, at_least=False),
        Target("overhead of a run, s", overhead, 0.5, at_least=False),
    ]
    faster = ratio(seconds["a command per run"], seconds["one command"])
    beside = ratio(seconds["one command"], seconds["plain script"])
    rows = [[name, figure(seconds[name]).text(1, " s"), f.text(0)] for name, f in hourly.items()]
    rows.append(["one command is faster than a command per run by", faster.text(2), ""])
    rows.append(["one command takes as long as the plain script times", beside.text(2), ""])
    title = f"{job.runs} frozen {job.arch}, {job.size} px, {job.epochs} epochs, on {before['device']}"
    show(title, ["", "seconds", "runs an hour"], rows, targets)
    figures = {"runs_an_hour": hourly, "seconds": seconds, "faster": faster, "beside_script": beside}
    write(job, "sweep", before, figures, targets)


def _one_after_another(inputs: Tensor, labels: Tensor, count: int) -> Callable[[], None]:
    """A function that makes one step of each head."""
    heads = [nn.Sequential(nn.Linear(inputs.shape[1], 256), nn.ReLU(), nn.Linear(256, 1)) for _ in range(count)]
    optimizers = [torch.optim.AdamW(head.parameters(), 1e-3, fused=True) for head in heads]

    def step() -> None:
        for head, optimizer in zip(heads, optimizers, strict=True):
            rows = torch.randint(len(inputs), (64,))
            loss = nn.functional.binary_cross_entropy_with_logits(head(inputs[rows])[:, 0], labels[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return step


def _batched(inputs: Tensor, labels: Tensor, count: int) -> Callable[[], None]:
    """A function that makes one step of all heads, each with a batch of its own, as batched matrix products."""
    shapes = ((count, inputs.shape[1], 256), (count, 1, 256), (count, 256, 1), (count, 1, 1))
    first, first_bias, last, last_bias = (torch.empty(shape).uniform_(-0.01, 0.01).requires_grad_() for shape in shapes)
    optimizer = torch.optim.AdamW([first, first_bias, last, last_bias], 1e-3, fused=True)

    def step() -> None:
        rows = torch.randint(len(inputs), (count, 64))
        hidden = torch.baddbmm(first_bias, inputs[rows], first).relu()
        logits = torch.baddbmm(last_bias, hidden, last)[..., 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[rows], reduction="none").mean(1).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure_heads(job: argparse.Namespace) -> None:
    """Measure and report steps of many heads on 25,088 features, batch 64, AdamW."""
    before = choose_job_device(job)
    inputs, labels = torch.rand(job.train, 25_088), torch.randint(2, (job.train,)).float()
    steps = {"one after another": _one_after_another, "batched": _batched}
    ready = {name: make(inputs, labels, job.heads) for name, make in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(job.rounds + 1):
        for name, step in ready.items():
            start = time.perf_counter()
            step()
            if number:
                seconds[name].append(time.perf_counter() - start)
    gain = ratio(seconds["one after another"], seconds["batched"])
    rows = [[name, figure([1000 * value for value in values]).text(0, " ms")] for name, values in seconds.items()]
    rows.append(["batched is faster by", gain.text(2)])
    show(f"A step of {job.heads} heads, 25,088-256-1, batch 64, AdamW, on {before['device']}", ["", "time"], rows)
    write(job, "heads", before, {"seconds": seconds, "gain": gain})


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "", rounds=3)
    add_arguments(parser, train=600, test=400)
    parser.add_argument("--runs", type=int, default=12, help="runs of the sweep, at least 2")
    parser.add_argument("--heads", type=int, help="measure batched training of this many heads instead")
    parser.add_argument("--arch", default="vgg16")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    job = parser.parse_args()
    try:
        measure_heads(job) if job.heads else measure_sweep(job)
    except subprocess.CalledProcessError as err:
        sys.exit(f"{' '.join(err.cmd[:5])} ...: {err.stderr.decode().strip()}")


if __name__ == "__main__":
    main()
