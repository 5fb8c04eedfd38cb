"""The machine of a run: its device, clock, measured speed, energy and versions."""

from bench.machine.device import (
    autocast,
    choose_device,
    cores,
    device_info,
    kernel_search,
    peak_memory_bytes,
    reset_peak_memory,
    set_up_device,
)
from bench.machine.energy import Energy
from bench.machine.throughput import choose_precision, measured_throughput
from bench.machine.timing import StepTimer, clock, timed
from bench.machine.versions import code_info
