"""Hardware profiles: data in `specs/devices`, one type, one loader. No class per device."""

from __future__ import annotations

from mnet_cost.devices.library import default_devices, device_names, device_path
from mnet_cost.devices.load import load_device
from mnet_cost.devices.types import ComputeRate, DeviceProfile, MemoryLevel, Sourced

__all__ = [
    "ComputeRate",
    "DeviceProfile",
    "MemoryLevel",
    "Sourced",
    "default_devices",
    "device_names",
    "device_path",
    "load_device",
]
