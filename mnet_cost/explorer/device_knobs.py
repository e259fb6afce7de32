"""Numbers of devices as sliders: factors on the same numbers that `--what-if` changes.

A factor of 1 leaves a device as it is. A device that does not state such a number keeps what it
has. Ranges end where the levels of some device's memory would be out of order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.changes.device_changes import OPTION, Change
from mnet_cost.changes.what_if import altered
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import DeviceError, Source, Span
from mnet_cost.explorer.knobs import Slider

_HELP = {
    "macs": "peak compute of all devices, as a factor",
    "bandwidth": "bandwidth of the main memory of all devices, as a factor",
    "launch": "time to launch a kernel on all devices, as a factor",
}
_REACH = (4.0, 3.0, 2.0, 1.5, 1.25)
"""Factors that a range may go to, upwards and downwards."""
_STEP = 0.05


def device_sliders(
    devices: Sequence[DeviceProfile], precisions: Sequence[str], taken: Sequence[str]
) -> tuple[Slider, ...]:
    """A slider for each number that some device has; `taken` are names of knobs."""
    sliders = []
    for key, help_ in _HELP.items():
        pairs = [(d, p) for d in devices for p in precisions if _has(d, p, key)]
        if not pairs or key in taken:
            continue
        high = next((f for f in _REACH if _suits(pairs, key, f)), 1.0)
        low = next((1 / f for f in _REACH if _suits(pairs, key, 1 / f)), 1.0)
        if low < high:
            low = round(low / _STEP + 0.499) * _STEP
            low = round(low, 2)
            sliders.append(Slider(key, help_, 1.0, low, high, _STEP, of="device", is_log=True))
    return tuple(sliders)


def with_factors(
    devices: Sequence[DeviceProfile], precision: str, factors: Mapping[str, Any]
) -> tuple[DeviceProfile, ...]:
    """The devices with their numbers times `factors`, which can be recorded.

    Raises `DeviceError` where levels of a memory would be out of order.
    """
    changed = []
    for device in devices:
        changes = [
            _change(key, factor) for key, factor in factors.items() if _has(device, precision, key)
        ]
        changed.append(altered(device, changes, precision) if changes else device)
    return tuple(changed)


def _has(device: DeviceProfile, precision: str, key: str) -> bool:
    """Whether a device has a number that a factor can change."""
    return _suits([(device, precision)], key, 1.0)


def _suits(pairs: Sequence[tuple[DeviceProfile, str]], key: str, factor: float) -> bool:
    try:
        for device, precision in pairs:
            altered(device, [_change(key, factor)], precision)
    except DeviceError:
        return False
    return True


def _change(key: str, factor: Any) -> Change:
    """What `--what-if KEY=xFACTOR` would be."""
    value = f"x{factor:g}"
    source = Source(OPTION, f"{key}={value}")
    at = len(key) + 1
    return Change(
        key=key,
        value=value,
        factor=factor,
        span=Span(source, 1, 1, at),
        value_span=Span(source, 1, at + 1, at + 1 + len(value)),
    )
