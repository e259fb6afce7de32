"""What the page says of a device: its numbers with their sources, and how good its times are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from mnet_cost.devices import DeviceProfile, Sourced
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.units import format_count


def device_data(device: DeviceProfile, reference: str, precisions: Sequence[str]) -> dict[str, Any]:
    """The facts of a device, which `reference` leads to on a command line."""
    levels = [*device.memory, *([device.storage] if device.storage else [])]
    return {
        "name": device.name,
        "reference": shlex.quote(reference),
        "title": device.title,
        "class": device.device_class or "",
        "runtime": device.runtime,
        "threads": device.threads,
        "cores": None if device.cores is None else device.cores.value,
        "basis": device.basis,
        "levels": [
            {
                "name": level.name,
                "size_bytes": _value(level.size_bytes),
                "bytes_per_s": _value(level.bytes_per_s),
            }
            for level in levels
        ],
        "has_storage": device.storage is not None,
        "at": {precision: _at(device, precision) for precision in precisions},
        "facts": [
            {
                "what": what,
                "value": number.value,
                "unit": unit,
                "low": number.low,
                "high": number.high,
                "basis": number.basis,
                "source": number.source,
            }
            for what, unit, number in _facts(device, precisions)
        ],
    }


def _value(number: Sourced | None) -> float | None:
    return None if number is None else number.value


def _at(device: DeviceProfile, precision: str) -> dict[str, Any]:
    rate, fit = device.compute.get(precision), device.latency.get(precision)
    held_out = None if fit is None else fit.held_out
    fitted_to = ""
    if fit is not None:
        seen = fit.fitted_on
        what = "cost coefficients" if isinstance(fit, CoefficientFit) else "a roofline"
        fitted_to = what + (f", fitted to {_networks(seen.networks)}" if seen else "")
        if held_out is not None:
            fitted_to += (
                f"; {format_count(held_out.measurements)} held-out times, {held_out.protocol}"
            )
    return {
        "peak_macs_per_s": None if rate is None else rate.macs_per_s.value,
        "error_percent": None if held_out is None else 100 * held_out.median,
        "fitted_to": fitted_to,
    }


def _networks(count: int) -> str:
    return f"{count} network{'' if count == 1 else 's'}"


def _facts(device: DeviceProfile, precisions: Sequence[str]) -> Iterator[tuple[str, str, Sourced]]:
    """(what, unit, number) of all numbers that a profile states."""
    for precision in precisions:
        rate = device.compute.get(precision)
        if rate is not None:
            yield f"{precision} peak", "MAC/s", rate.macs_per_s
            if rate.vector_ops_per_s is not None:
                yield f"{precision} vector operations", "/s", rate.vector_ops_per_s
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        if level.size_bytes is not None:
            yield f"{level.name} size", "B", level.size_bytes
        if level.bytes_per_s is not None:
            yield f"{level.name} bandwidth", "B/s", level.bytes_per_s
    for what, unit, number in (
        ("kernel launch", "s", device.kernel_overhead_s),
        ("start of an inference", "s", device.inference_overhead_s),
        ("power", "W", device.power_w),
        ("cores", "", device.cores),
    ):
        if number is not None:
            yield what, unit, number
