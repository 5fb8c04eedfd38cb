"""bench.machine."""

from bench.machine.device import (
    Laps,
    autocast,
    cache_folder,
    choose_precision,
    clock,
    cores,
    forget_peak_memory,
    info,
    kernel_search,
    peak_memory_bytes,
    pick,
    rates,
    set_up,
    timed,
)
from bench.machine.energy import Energy
from bench.machine.versions import code_info

__all__ = [
    "Energy",
    "Laps",
    "autocast",
    "cache_folder",
    "choose_precision",
    "clock",
    "code_info",
    "cores",
    "forget_peak_memory",
    "info",
    "kernel_search",
    "peak_memory_bytes",
    "pick",
    "rates",
    "set_up",
    "timed",
]
