"""How fast this machine computes, measured once and cached: for estimates, the choice of precision, and MFU."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache

import torch
from torch import nn

from bench.machine.device import autocast, cache_folder, device_info
from bench.machine.timing import clock
from collect.manifest import atomic_write


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


@cache
def measured_throughput(kind: str, precision: str) -> Throughput:
    """The throughput of this machine's `kind` of device. Measured once per device, torch version and precision."""
    device = torch.device(kind)
    info = device_info(device, precision)
    key = f"{info.name}|{info.cores}|{info.torch}|{precision}"
    path = cache_folder() / "rates.json"
    known: dict[str, dict[str, float]] = {}
    if path.is_file():
        with suppress(json.JSONDecodeError):  # a damaged file is measured again
            known = json.loads(path.read_text())
    if key not in known:
        known[key] = asdict(_measure_throughput(device, precision))
        with atomic_write(path) as out:
            json.dump(known, out, indent=1)
    return Throughput(**known[key])


def choose_precision(device: torch.device, wanted: str) -> str:
    """bf16 or fp32. `auto` is bf16 if that makes a convolution's training step at least 1.2 times faster."""
    if wanted != "auto":
        return wanted
    bf16, fp32 = (measured_throughput(device.type, precision).conv_tflops for precision in ("bf16", "fp32"))
    return "bf16" if bf16 > 1.2 * fp32 else "fp32"
