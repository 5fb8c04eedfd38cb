"""The device of a run: choosing it, setting it up, and what a record says about it."""

import ctypes
import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import torch

from bench.errors import UsageError
from bench.machine.energy import driver_version
from bench.records import DeviceInfo

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def choose_device(wanted: str) -> torch.device:
    """The device for auto, cuda, mps or cpu. Raises UsageError if this machine does not have it."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(kind for kind, present in available.items() if present))
    if wanted not in available:
        raise UsageError(f"--device {wanted}: must be auto, cuda, mps or cpu")
    if not available[wanted]:
        raise UsageError(f"--device {wanted}: torch {torch.__version__} finds no such device; try --device auto")
    return torch.device(wanted)


def set_up_device(device: torch.device, deterministic: bool) -> None:
    """Set process-wide switches: TF32 for what stays fp32, or bit-equal repeats."""
    torch.set_float32_matmul_precision("highest" if deterministic else "high")
    torch.backends.cudnn.allow_tf32 = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    reset_peak_memory(device)
    if device.type == "cpu":
        _keep_freed_memory()


@contextmanager
def kernel_search() -> Iterator[None]:
    """Let cuDNN search for the fastest kernel of each shape inside the block, unless repeats must be bit-equal."""
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    yield
    torch.backends.cudnn.benchmark = False


def reset_peak_memory(device: torch.device) -> None:
    """Restart the measurement of peak memory: on CUDA the allocator's, on Linux this process's resident set."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif sys.platform == "linux":
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)
        with suppress(PermissionError):  # some containers forbid it
            Path("/proc/self/clear_refs").write_text("5")


def _keep_freed_memory() -> None:
    """Make glibc's malloc reuse freed memory: by default the system gets large tensors back and clears every page."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a forward pass computes in `precision`, bf16 or fp32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_info(device: torch.device, precision: str, peak_tflops: float | None = None) -> DeviceInfo:
    """What a run records about its machine: no host or user name."""
    cpu = _cpu_name()
    if device.type != "cuda":
        return DeviceInfo(device.type, cpu, torch.__version__, None, None, cpu, cores(), precision, peak_tflops)
    name, cuda = torch.cuda.get_device_name(), torch.version.cuda
    return DeviceInfo("cuda", name, torch.__version__, cuda, driver_version(), cpu, cores(), precision, peak_tflops)


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory so far: the allocator's on CUDA, else this process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
