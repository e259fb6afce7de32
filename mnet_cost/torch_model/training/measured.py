"""The peak memory of a training, and the environment in which it ran."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("mnet-cost", "torch", "numpy", "scikit-learn", "pillow")


def environment(device: torch.device, seed: int) -> dict[str, Any]:
    """Versions, threads, device and seed: all that can change the last bits of a result."""
    packages: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "python": platform.python_version(),
        "packages": packages,
        "system": platform.system(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "seed": seed,
    }


class PeakMemory:
    """The peak of memory since the object was made, above the memory in use at that time."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            self.before = _resident_bytes() or 0

    def bytes(self) -> int | None:
        """The peak in bytes: of a CUDA device, else of the process; None if that is not known."""
        if self.device.type == "cuda":
            taken: int = torch.cuda.max_memory_allocated(self.device)
            return taken
        peak = _peak_resident_bytes()
        return None if peak is None else max(0, peak - self.before)


def _resident_bytes() -> int | None:
    """The memory of this process now in bytes; its peak so far where the system has no other."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return _peak_resident_bytes()
    import resource

    return pages * resource.getpagesize()


def _peak_resident_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
