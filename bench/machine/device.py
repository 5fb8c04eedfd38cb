"""The device of a run: choosing it, setting it up, its clock, its measured rates, its memory and energy."""

import ctypes
import itertools
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.errors import UsageError
from bench.machine.energy import driver_version
from bench.records import DeviceInfo
from collect.manifest import atomic_write

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def cache_folder() -> Path:
    """Where packs, features, drawn weights and measured rates are kept: $XDG_CACHE_HOME or the system's usual place."""
    usual = {"darwin": "~/Library/Caches", "win32": "~/AppData/Local"}.get(sys.platform, "~/.cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or usual).expanduser() / "vggbench"


def pick(wanted: str) -> torch.device:
    """The device for auto, cuda, mps or cpu. Raises UsageError when this machine does not have it."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(kind for kind, there in have.items() if there))
    if wanted not in have:
        raise UsageError(f"--device {wanted}: must be auto, cuda, mps or cpu")
    if not have[wanted]:
        raise UsageError(f"--device {wanted}: torch {torch.__version__} finds none on this machine; try --device auto")
    return torch.device(wanted)


def set_up(device: torch.device, deterministic: bool) -> None:
    """Process-wide switches: TF32 for what stays fp32, or bit-equal repeats."""
    torch.set_float32_matmul_precision("highest" if deterministic else "high")
    torch.backends.cudnn.allow_tf32 = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    forget_peak_memory(device)
    if device.type == "cpu":
        _keep_freed_memory()


@contextmanager
def kernel_search() -> Iterator[None]:
    """Within it cuDNN searches the fastest kernel for each shape: worth it for shapes that come again and again. Not
    where repeats are to be bit-equal.
    """
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    yield
    torch.backends.cudnn.benchmark = False


def forget_peak_memory(device: torch.device) -> None:
    """Begin anew to measure the most memory held, where the device can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def _keep_freed_memory() -> None:
    """Let glibc's malloc reuse what was freed: by default it gives large tensors back to the system, which clears them
    anew in every step. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def clock(device: torch.device) -> float:
    """Seconds on a monotonic clock, after all given work is done."""
    synchronise(device)
    return time.perf_counter()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a forward pass computes in `precision`, bf16 or fp32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Best of several timed runs, after a discarded one."""
    work()
    best, spent = float("inf"), 0.0
    while spent < 0.25:
        start = clock(device)
        work()
        taken = clock(device) - start
        best, spent = min(best, taken), spent + taken
    return best


def _measure(device: torch.device, precision: str) -> dict[str, float]:
    side = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    product = 2 * side**3 / _seconds(lambda: a @ b, device)
    block = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1)).to(device)
    block = block.to(memory_format=torch.channels_last)
    count = 256 if device.type == "cuda" else 16
    images = torch.randn(count, 128, 32, 32, device=device).to(memory_format=torch.channels_last).requires_grad_()

    def step() -> None:
        with autocast(device, precision):
            block(images).float().sum().backward()

    conv = 3 * 2 * count * 2 * 128 * 128 * 9 * 32 * 32 / _seconds(step, device)
    return {"peak_tflops": product / 1e12, "conv_tflops": conv / 1e12}


@cache
def rates(kind: str, precision: str) -> dict[str, float]:
    """Measured TFLOP/s of this machine's `kind` of device: `peak_tflops` of a large product, `conv_tflops` of a
    convolution's training step. Measured once per device, torch version and precision, then cached.
    """
    device = torch.device(kind)
    about = info(device, precision)
    key = f"{about.name}|{about.cores}|{about.torch}|{precision}"
    path = cache_folder() / "rates.json"
    known: dict[str, dict[str, float]] = {}
    if path.is_file():
        with suppress(json.JSONDecodeError):  # damaged: measured anew
            known = json.loads(path.read_text())
    if key not in known:
        known[key] = _measure(device, precision)
        with atomic_write(path) as out:
            json.dump(known, out, indent=1)
    return known[key]


def choose_precision(device: torch.device, wanted: str) -> str:
    """bf16 or fp32; `auto` takes bf16 where a convolution's training step is at least 1.2 times faster with it."""
    if wanted != "auto":
        return wanted
    faster = rates(device.type, "bf16")["conv_tflops"] > 1.2 * rates(device.type, "fp32")["conv_tflops"]
    return "bf16" if faster else "fp32"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def info(device: torch.device, precision: str, peak_tflops: float | None = None) -> DeviceInfo:
    """What a run records of its machine; no host or user name."""
    cpu = _cpu_name()
    if device.type != "cuda":
        return DeviceInfo(device.type, cpu, torch.__version__, None, None, cpu, cores(), precision, peak_tflops)
    name, cuda = torch.cuda.get_device_name(), torch.version.cuda
    return DeviceInfo("cuda", name, torch.__version__, cuda, driver_version(), cpu, cores(), precision, peak_tflops)


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory held so far: the allocator's on CUDA, else this process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def timed(seconds: dict[str, float], part: str, device: torch.device) -> Iterator[None]:
    """Add the synchronised time of the block to `seconds[part]`."""
    start = clock(device)
    yield
    seconds[part] = seconds.get(part, 0.0) + clock(device) - start


class Laps:
    """Seconds by part of a training step, without waiting for the device inside an epoch."""

    def __init__(self, device: torch.device, seconds: dict[str, float]) -> None:
        self._device, self._seconds = device, seconds
        self._marks: list[tuple[str, Any]] = []

    def mark(self, part: str) -> None:
        """The time since the last mark was spent on `part`."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append((part, event))
        else:
            self._marks.append((part, time.perf_counter()))

    def add_up(self) -> None:
        """Add the time between the marks since the last call to `seconds`; call it after synchronising."""
        for (_, start), (part, end) in itertools.pairwise(self._marks):
            taken = end - start if self._device.type != "cuda" else start.elapsed_time(end) / 1000
            self._seconds[part] = self._seconds.get(part, 0.0) + taken
        self._marks.clear()
