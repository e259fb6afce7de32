"""What a time is made of: parts of kernels that add up to it.

With coefficients they do by themselves. On a roofline the mult-adds come first, then what moving
bytes takes beyond them, then kernel launches. Where the lower bound is above the sum of
coefficients, what is missing goes to what binds the lower bound. `parts_of` takes numbers of any
kind; the other functions read an estimate of one network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.analysis.lower_bounds import LeastParts
from mnet_cost.analysis.times import KernelTime, Operands
from mnet_cost.tensors import known_if, largest, where

if TYPE_CHECKING:
    from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate

PARTS = ("compute", "memory", "overhead", "inference")
"""`inference` is the constant part of each inference."""


class TimeBreakdown(NamedTuple):
    """Seconds that add up to the time of a kernel; None where nothing is known of a part."""

    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None


_NOTHING = TimeBreakdown(None, None, None)


def parts_of(operands: Operands, least: LeastParts, *, adds_up: bool) -> TimeBreakdown:
    """The parts of the time of one kernel, whose lower bound is `least`.

    `operands` are what the time was estimated from: what `adds_up`, or alternatives. A part that
    they do not have can still be known, from the lower bound.
    """
    time, is_known = operands.time, operands.is_known
    if time.latency_s is None or is_known is False:
        return _NOTHING
    compute_s, memory_s, overhead_s = [
        0.0 if part is None else part for part in (time.compute_s, time.memory_s, time.overhead_s)
    ]
    if not adds_up:
        memory_s = largest(memory_s - compute_s, 0.0)
    missing = time.latency_s - (compute_s + memory_s + overhead_s)
    is_short = (missing > 0) & least.is_known
    to_compute = is_short & (least.compute_or_0 >= least.memory_s)
    to_memory = is_short & (least.compute_or_0 < least.memory_s)
    has_memory = time.memory_s is not None and operands.is_memory_known
    return TimeBreakdown(
        _part(
            compute_s, missing, to_compute, is_known & (to_compute | (time.compute_s is not None))
        ),
        _part(memory_s, missing, to_memory, is_known & (to_memory | has_memory)),
        time.overhead_s,
    )


def _part(seconds: Any, missing: Any, takes_it: Any, is_known: Any) -> Any:
    """A part, with what is missing where it takes that."""
    return known_if(is_known, seconds + where(takes_it, missing, 0.0))


def time_breakdown(estimate: DeviceEstimate, kernel_time: KernelEstimate) -> TimeBreakdown:
    """The parts of one of the kernels of `estimate`; all None where its time is unknown."""
    lower_bound = kernel_time.lower_bound
    return parts_of(
        Operands(KernelTime(*kernel_time[1:5])),
        LeastParts(
            lower_bound.compute_s, lower_bound.memory_s or 0.0, lower_bound.memory_s is not None
        ),
        adds_up=estimate.adds_up,
    )


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
    if not estimate.adds_up or kernel_time.latency_s is None:
        return kernel_time.bound
    compute_s, memory_s, overhead_s = (
        part or 0.0 for part in time_breakdown(estimate, kernel_time)
    )
    if overhead_s > max(compute_s, memory_s):
        return "overhead"
    return "compute" if compute_s >= memory_s else "memory"
