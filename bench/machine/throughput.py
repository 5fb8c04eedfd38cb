"""How fast this machine computes, measured once and cached: for estimates, the choice of precision, and MFU."""

import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import torch
from torch import nn

from bench.cache import cache_folder, read_values, warn, write_values
from bench.machine.device import autocast, device_info
from bench.machine.timing import clock

RATES_FORMAT = "vggbench.rates/1"
MOST_INTERRUPTIONS = 20.0  # per second; on an idle machine there are few, beside another busy program over 100
MOST_ATTEMPTS = 5
WITHOUT_BF16 = ("NO AVX", "AVX2")  # the instructions of x86 processors that do not have it


@dataclass(frozen=True, slots=True)
class Throughput:
    """Measured TFLOP/s: `peak_tflops` of a large matrix product, `conv_tflops` of a convolution's training step."""

    peak_tflops: float
    conv_tflops: float


def _best_seconds(work: Callable[[], object], device: torch.device) -> float:
    """The fastest of several timed runs, after one that is discarded."""
    work()
    best, spent = float("inf"), 0.0
    while spent < 0.25:
        start = clock(device)
        work()
        elapsed = clock(device) - start
        best, spent = min(best, elapsed), spent + elapsed
    return best


def _measure_throughput(device: torch.device, precision: str) -> Throughput:
    side = 8192 if device.type == "cuda" else 1024
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = 2 * side**3 / _best_seconds(lambda: a @ b, device)
    block = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1)).to(device)
    block = block.to(memory_format=torch.channels_last)
    count = 256 if device.type == "cuda" else 16
    images = torch.randn(count, 128, 32, 32, device=device).to(memory_format=torch.channels_last).requires_grad_()

    def step() -> None:
        with autocast(device, precision):
            block(images).float().sum().backward()

    conv = 3 * 2 * count * 2 * 128 * 128 * 9 * 32 * 32 / _best_seconds(step, device)
    return Throughput(product / 1e12, conv / 1e12)


def _interruptions() -> int:
    """How often the system has taken a processor from this process, so that another could run."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@cache
def measured_throughput(kind: str, precision: str) -> Throughput:
    """The throughput of this machine's `kind` of device, kept per device, torch version and precision.

    A measurement that other programs disturbed is made again by the next processes, at most MOST_ATTEMPTS times; the
    highest rates count.
    """
    device = torch.device(kind)
    info = device_info(device, precision)
    key = f"{info.name}|{info.cores}|{info.torch}|{precision}"
    path = cache_folder() / "rates.json"
    known: dict[str, dict[str, float]] = read_values(path, RATES_FORMAT, warn) or {}
    rates = known.get(key, {"disturbed": 0})
    attempts = rates.pop("disturbed", 0)
    if not rates or 0 < attempts < MOST_ATTEMPTS:
        interruptions, start = _interruptions(), time.perf_counter()
        new = asdict(_measure_throughput(device, precision))
        per_second = (_interruptions() - interruptions) / (time.perf_counter() - start)
        rates = {name: max(value, rates.get(name, 0.0)) for name, value in new.items()}
        attempts = attempts + 1 if per_second > MOST_INTERRUPTIONS else 0
        known[key] = {**rates, "disturbed": attempts}
        write_values(path, RATES_FORMAT, known)
    return Throughput(**rates)


def choose_precision(device: torch.device, wanted: str) -> str:
    """bf16 or fp32. `auto` is bf16 if that makes a convolution's training step at least 1.2 times faster.

    A processor that only emulates bf16, at a tenth of the speed of fp32, is not asked: that takes 20 seconds.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cpu" and torch.backends.cpu.get_cpu_capability() in WITHOUT_BF16:
        return "fp32"
    bf16, fp32 = (measured_throughput(device.type, precision).conv_tflops for precision in ("bf16", "fp32"))
    return "bf16" if bf16 > 1.2 * fp32 else "fp32"
