"""Driver version and energy of a GPU from NVIDIA's management library. None on other devices."""

from typing import Any

import pynvml
import torch


def _nvml_handle() -> Any | None:
    if not torch.cuda.is_available():
        return None
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(0).uuid}")
    except pynvml.NVMLError:
        return None


class Energy:
    """Joules since construction, from NVIDIA's counter; None on a device without one."""

    def __init__(self, device: torch.device) -> None:
        self._handle = _nvml_handle() if device.type == "cuda" else None
        self._start = self._millijoules()

    def _millijoules(self) -> int | None:
        try:
            return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) if self._handle else None
        except pynvml.NVMLError:
            return None

    def joules(self) -> float | None:
        now = self._millijoules()
        return None if now is None or self._start is None else (now - self._start) / 1000


def driver_version() -> str | None:
    """Version of NVIDIA's driver, None without one."""
    return str(pynvml.nvmlSystemGetDriverVersion()) if _nvml_handle() else None
