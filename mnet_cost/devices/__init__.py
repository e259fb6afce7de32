"""Hardware profiles: data in `specs/devices`, one type, one loader. No class per device."""

from __future__ import annotations

from mnet_cost.devices.library import default_devices, device_names, device_path
from mnet_cost.devices.load import load_device
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, KERNEL_RULES
from mnet_cost.devices.runtimes import with_runtime
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.threads import with_threads
from mnet_cost.devices.types import CLASSES, ComputeRate, DeviceProfile, MemoryLevel

__all__ = [
    "CLASSES",
    "DEFAULT_KERNEL_RULES",
    "KERNEL_RULES",
    "ComputeRate",
    "DeviceProfile",
    "MemoryLevel",
    "Sourced",
    "default_devices",
    "device_names",
    "device_path",
    "load_device",
    "with_runtime",
    "with_threads",
]
