"""Profiles of the same board: a data sheet's numbers, and the fits to measured times beside them.

A fitted profile takes peaks and memory over from the profile of its board (`extends`), so profiles
that extend the same one are of one board. Only shipped profiles are looked through.
"""

from __future__ import annotations

import re
from functools import cache

from mnet_cost.devices.library import device_names, device_path
from mnet_cost.devices.load import load_device
from mnet_cost.devices.types import DeviceProfile

_EXTENDS = re.compile(r"^extends:\s*([\w.-]+)", re.MULTILINE)


def siblings(device: DeviceProfile) -> tuple[DeviceProfile, ...]:
    """The other profiles of the same board."""
    board = device.extends or device.name
    names = [name for name in (board, *_extending().get(board, ())) if name != device.name]
    return tuple(load_device(name) for name in names if name in device_names())


def measured_siblings(device: DeviceProfile, precision: str) -> tuple[str, ...]:
    """Names of the other profiles of the same board that are fitted to times in `precision`."""
    return tuple(profile.name for profile in siblings(device) if precision in profile.latency)


@cache
def _extending() -> dict[str, list[str]]:
    """Shipped profiles by the one that they extend. Read as text: whole ones take a second."""
    extending: dict[str, list[str]] = {}
    for name in device_names():
        match = _EXTENDS.search(device_path(name).read_text(encoding="utf-8"))
        if match:
            extending.setdefault(match[1], []).append(name)
    return extending
