"""What a time is made of: parts of kernels that add up to it.

With coefficients they do by themselves. On a roofline the mult-adds come first, then what moving
bytes takes beyond them, then kernel launches. Where the lower bound is above the sum of
coefficients, what is missing goes to what binds the lower bound.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.devices.latency_models import CoefficientFit

PARTS = ("compute", "memory", "overhead", "inference")
"""`inference` is the constant part of each inference."""


class TimeBreakdown(NamedTuple):
    """Seconds that add up to the time of a kernel; None where nothing is known of a part."""

    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None


def time_breakdown(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> TimeBreakdown:
    """The parts of one of the kernels of `estimate`; all None where its time is unknown."""
    if kernel_time.latency_s is None:
        return TimeBreakdown(None, None, None)
    compute_s, memory_s = kernel_time.compute_s, kernel_time.memory_s
    overhead_s, lower_bound = kernel_time.overhead_s, kernel_time.lower_bound
    if not isinstance(estimate.fit_of(kernel_time), CoefficientFit) and memory_s is not None:
        memory_s = max(memory_s - (compute_s or 0.0), 0.0)
    parts = (compute_s, memory_s, overhead_s)
    missing = kernel_time.latency_s - sum([part or 0.0 for part in parts])
    if missing > 0 and lower_bound.seconds is not None:
        if (lower_bound.compute_s or 0.0) >= (lower_bound.memory_s or 0.0):
            compute_s = (compute_s or 0.0) + missing
        else:
            memory_s = (memory_s or 0.0) + missing
    return TimeBreakdown(compute_s, memory_s, overhead_s)


def time_shares(estimate: DeviceEstimate) -> dict[str, float]:
    """Shares of the network's time, from 0 to 1, largest first; nothing where it is unknown."""
    if not estimate.latency_s:
        return {}
    parts = [time_breakdown(estimate, kernel_time) for kernel_time in estimate.kernels]
    seconds = {
        "compute": sum([part.compute_s or 0.0 for part in parts]),
        "memory": sum([part.memory_s or 0.0 for part in parts]),
        "overhead": sum([part.overhead_s or 0.0 for part in parts]),
        "inference": estimate.inference_s,
    }
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return {part: part_s / estimate.latency_s for part, part_s in ordered if part_s}


def dominant_part(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> str:
    """The largest part of a kernel's time: of its cost terms, or what binds its roofline."""
    if (
        not isinstance(estimate.fit_of(kernel_time), CoefficientFit)
        or kernel_time.latency_s is None
    ):
        return kernel_time.bound
    compute_s, memory_s, overhead_s = (
        part or 0.0 for part in time_breakdown(estimate, kernel_time)
    )
    if overhead_s > max(compute_s, memory_s):
        return "overhead"
    return "compute" if compute_s >= memory_s else "memory"
