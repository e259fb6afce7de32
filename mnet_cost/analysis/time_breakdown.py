"""What a time is made of: parts of kernels that add up to it.

With coefficients they do by themselves. On a roofline the mult-adds come first, then what moving
bytes takes beyond them, then kernel launches. Where the lower bound is above the sum of
coefficients, what is missing goes to what binds the lower bound.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate

PARTS = ("compute", "memory", "overhead", "inference")
"""`inference` is the constant part of each inference."""


class TimeBreakdown(NamedTuple):
    """Seconds that add up to the time of a kernel; None where nothing is known of a part."""

    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None


def time_breakdown(estimate: DeviceEstimate, one: KernelEstimate) -> TimeBreakdown:
    """The parts of one of the kernels of `estimate`; all None where its time is unknown."""
    if one.latency_s is None:
        return TimeBreakdown(None, None, None)
    compute_s, memory_s, overhead_s = one.compute_s, one.memory_s, one.overhead_s
    if not estimate.adds_up and memory_s is not None:
        memory_s = max(memory_s - (compute_s or 0.0), 0.0)
    missing = one.latency_s - sum([part or 0.0 for part in (compute_s, memory_s, overhead_s)])
    if missing > 0 and one.lower_bound.seconds is not None:
        if (one.lower_bound.compute_s or 0.0) >= (one.lower_bound.memory_s or 0.0):
            compute_s = (compute_s or 0.0) + missing
        else:
            memory_s = (memory_s or 0.0) + missing
    return TimeBreakdown(compute_s, memory_s, overhead_s)


def time_shares(estimate: DeviceEstimate) -> dict[str, float]:
    """Shares of the network's time, from 0 to 1, largest first; nothing where it is unknown."""
    if not estimate.latency_s:
        return {}
    parts = [time_breakdown(estimate, one) for one in estimate.kernels]
    seconds = {
        "compute": sum([one.compute_s or 0.0 for one in parts]),
        "memory": sum([one.memory_s or 0.0 for one in parts]),
        "overhead": sum([one.overhead_s or 0.0 for one in parts]),
        "inference": estimate.inference_s,
    }
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return {part: one / estimate.latency_s for part, one in ordered if one}


def dominant_part(estimate: DeviceEstimate, one: KernelEstimate) -> str:
    """The largest part of a kernel's time: of its cost terms, or what binds its roofline."""
    if not estimate.adds_up or one.latency_s is None:
        return one.bound
    compute_s, memory_s, overhead_s = (part or 0.0 for part in time_breakdown(estimate, one))
    if overhead_s > max(compute_s, memory_s):
        return "overhead"
    return "compute" if compute_s >= memory_s else "memory"
