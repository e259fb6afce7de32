"""What a training took: memory at its peak; and where it ran, for whoever reads its figures."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("mnet-cost", "torch", "numpy", "scikit-learn", "pillow")


def environment(device: torch.device, seed: int) -> dict[str, Any]:
    """Versions, threads and device: what may make a difference to the last bit."""
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
    """The most memory taken since this was made, beyond what was taken then."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            self.before = _resident_bytes() or 0

    def bytes(self) -> int | None:
        """Of the device's own memory, or of the process; None where the system does not say."""
        if self.device.type == "cuda":
            taken: int = torch.cuda.max_memory_allocated(self.device)
            return taken
        peak = _peak_resident_bytes()
        return None if peak is None else max(0, peak - self.before)


def _resident_bytes() -> int | None:
    """Memory of this process now; where nobody says, its peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return _peak_resident_bytes()
    import resource

    return pages * resource.getpagesize()


def _peak_resident_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
