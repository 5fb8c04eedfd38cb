"""Side-by-side measurements: contenders take turns in processes of their own, and ratios compare the same turn."""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from multiprocessing import get_context, get_start_method, set_start_method
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
Turn = Callable[..., None]
Contender = Callable[[argparse.Namespace, Turn], None]


def arguments(description: str, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with the options of all benchmarks."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="interleaved rounds; results are their medians")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    return parser


def _live(contender: Contender, job: argparse.Namespace, pipe: Connection, start_method: str) -> None:
    # A spawned process would also spawn its DataLoader's workers, which is slower than in a program of its own.
    set_start_method(start_method, force=True)

    def turn(**figures: Any) -> None:
        pipe.send(figures)
        pipe.recv()

    turn()
    contender(job, turn)
    pipe.send(None)


def take_turns(contenders: Mapping[str, Contender], job: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Let contenders take turns. Returns the figures of every turn by contender, with its wall time `leg_seconds`.

    Each contender runs in a fresh process and ends a turn by calling `turn(**figures)`, which returns after the others
    took theirs. The first one changes every round, and all must take the same number of turns. The time after the last
    turn is added to it. Raises RuntimeError if a contender's process dies.
    """
    spawn, names = get_context("spawn"), list(contenders)
    legs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with ExitStack() as stack:
        pipes, processes = {}, []
        for name, contender in contenders.items():
            pipes[name], theirs = spawn.Pipe()
            process = spawn.Process(target=_live, args=(contender, job, theirs, get_start_method()), name=name)
            process.start()
            theirs.close()
            stack.enter_context(closing(pipes[name]))
            stack.callback(process.join)
            stack.callback(process.terminate)
            processes.append(process)
        for pipe in pipes.values():
            pipe.recv()  # it has imported what it needs
        living = list(names)
        while living:
            for name in list(living):
                start = time.perf_counter()
                try:
                    pipes[name].send("go")
                    figures = pipes[name].recv()
                except (EOFError, BrokenPipeError) as err:
                    raise RuntimeError(f"{name}: its process ended early; see its message above") from err
                seconds = time.perf_counter() - start
                if figures is None:
                    legs[name][-1]["leg_seconds"] += seconds
                    living.remove(name)
                else:
                    legs[name].append({**figures, "leg_seconds": seconds})
            living = living[1:] + living[:1]
        for process in processes:
            process.join()
    return legs


@dataclass(frozen=True, slots=True)
class Figure:
    """A median, the smallest and the largest value, and all values in the order of the rounds."""

    median: float
    low: float
    high: float
    values: list[float]

    def text(self, digits: int = 1, unit: str = "") -> str:
        return f"{self.median:,.{digits}f}{unit} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def figure(values: Sequence[float]) -> Figure:
    """The median and range of values."""
    return Figure(median(values), min(values), max(values), list(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Figure:
    """The median of the ratios of each round, so that what slows down a whole round cancels."""
    return figure([a / b for a, b in zip(over, under, strict=True)])


@dataclass(frozen=True, slots=True)
class Target:
    """A promise and what was measured: `value` must be at least, or at most, `limit`."""

    what: str
    value: Figure
    limit: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value.median >= self.limit if self.at_least else self.value.median <= self.limit


def conditions() -> dict[str, Any]:
    """The machine, the code, and how busy the machine is: with a load above zero the figures are only indicative."""
    from bench.machine import code_info

    load = os.getloadavg()[0]
    machine = {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0)), "load_before": load}
    return {**machine, "code": asdict(code_info())}


def choose_job_device(job: argparse.Namespace) -> dict[str, Any]:
    """Set `job.device` and `job.precision` to what "auto" means here; returns the conditions and the device."""
    from bench.machine import choose_device, choose_precision, device_info

    device = choose_device(job.device)
    job.device, job.precision = device.type, choose_precision(device, "auto")
    about = device_info(device, job.precision)
    versions = {"torch": about.torch, "cuda": about.cuda, "driver": about.driver}
    return {**conditions(), "device": about.name, **versions}


def process_seconds(command: Sequence[str], folder: Path = ROOT, **environment: str) -> float:
    """Wall time of a command in a fresh process. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True)
    return time.perf_counter() - start


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], targets: Sequence[Target] = ()) -> None:
    """Print a table, and each target with what was measured below it."""
    console = Console(width=120, soft_wrap=True)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for t in targets:
        bound = f"{'at least' if t.at_least else 'at most'} {t.limit:g}"
        console.print(f"{t.what}: {t.value.text(2)}, target {bound}: {'met' if t.met else 'MISSED'}", highlight=False)


def write(job: argparse.Namespace, name: str, before: Mapping[str, Any], figures: Mapping[str, Any],
          targets: Sequence[Target] = ()) -> None:  # fmt: skip
    """Write everything to the file given by --out, if any."""
    if job.out is None:
        return
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(job).items() if k not in ("out", "photos")}
    record = {"benchmark": name, "conditions": dict(before), "settings": settings, "figures": dict(figures),
            "targets": [{**asdict(t), "met": t.met} for t in targets]}  # fmt: skip
    job.out.parent.mkdir(parents=True, exist_ok=True)
    job.out.write_text(json.dumps(record, indent=1, default=asdict) + "\n", encoding="utf-8")


def interval(accuracies: list[float], count: int) -> str:
    """Mean accuracy of the runs with Wilson's 95 % interval over the test photos."""
    from scipy.stats import binomtest

    mean = sum(accuracies) / len(accuracies)
    low, high = binomtest(round(mean * count), count).proportion_ci(method="wilson")
    return f"{mean:.1%} ({low * 100:.1f} to {high * 100:.1f})"
