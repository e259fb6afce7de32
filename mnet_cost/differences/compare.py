"""Two or more analyses side by side: ratios with their errors, and why mult-adds and time differ.

All ratios are "x of the first": the other network's figure over the first network's. Time on a
device is what mult-adds take and what comes on top: memory traffic, other operations, kernel
launches. So the ratio of times is the ratio of mult-adds, times that of what one mult-add takes,
times the first network's share of time spent on mult-adds over the other's; and the rest can be
named kind by kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, log

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.time_breakdown import time_breakdown
from mnet_cost.analysis.times import deviation_of_ratio
from mnet_cost.metrics import named

COMPARED = named(("mult_adds", "params", "weights", "traffic", "peak_memory"))
"""The totals of which there are ratios."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRatio:
    """The time of another network on one device, over that of the first."""

    value: float | None
    low: float | None = None
    high: float | None = None
    """The interval that holds 80 % of measured ratios; None where no error is known."""
    same_kernels: bool = False
    """Whether nothing that takes time differs."""

    @property
    def tie(self) -> bool | None:
        """Whether it cannot be told which is faster, and something differs."""
        if self.low is None or self.high is None:
            return None
        return self.low <= 1 <= self.high and not self.same_kernels


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Time beyond multiplying that kernels of one kind take, for one reason."""

    kind: str
    bound: str
    """`compute` of other operations, `memory` or `memory:LEVEL`, `overhead`."""
    share: float
    """The share of the network's time, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioBreakdown:
    """Why the ratio of times of two networks is not that of their mult-adds, on one device."""

    device: str
    basis: str | None
    mult_adds_ratio: float | None
    """Counted by the convention of the paper: what other tools add takes no time of mult-adds."""
    coefficient_ratio: float | None
    """The time that a mult-add takes in the other, over that in the first. None where those of
    either take no time of their own: coefficients of linear layers are coefficients of their
    weights."""
    time_ratio: float | None
    tie: bool | None
    same_kernels: bool
    first_mac_share: float | None
    """Share of the first network's time that its mult-adds take."""
    other_mac_share: float | None
    first_overheads: tuple[Overhead, ...]
    other_overheads: tuple[Overhead, ...]
    """Largest first."""


def ratio(first: float | None, other: float | None) -> float | None:
    """`other` as a multiple of the first; None where that says nothing."""
    return None if other is None or not first else other / first


def time_ratio(first: DeviceEstimate, other: DeviceEstimate) -> TimeRatio:
    """The ratio of two networks on one device. Errors that both estimates share cancel; those of
    two fits, such as of two precisions, are independent."""
    value = ratio(first.latency_s, other.latency_s)
    if value is not None and _have_the_same_kernels(first, other):
        return TimeRatio(value=1.0, low=1.0, high=1.0, same_kernels=True)
    fit = first.latency_fit
    if value is None or fit is None or first.low_s is None or other.low_s is None:
        return TimeRatio(value=value)
    if fit == other.latency_fit and first.precision == other.precision:
        half_width = fit.spread.width * deviation_of_ratio(fit, first.shares, other.shares)
    else:
        half_width = hypot(_half_width(first), _half_width(other))
    return TimeRatio(value=value, low=value * exp(-half_width), high=value * exp(half_width))


def _half_width(estimate: DeviceEstimate) -> float:
    """From an estimate to the high end of its band, in natural logarithms; the low end may be a
    lower bound instead."""
    assert estimate.latency_s is not None
    assert estimate.high_s is not None
    return log(estimate.high_s / estimate.latency_s)


def _have_the_same_kernels(first: DeviceEstimate, other: DeviceEstimate) -> bool:
    """Whether both ask for the same, kernel by kernel; not where a kernel is of unknown work."""
    return not (
        first.untimed and any(kernel.kernel.anchor.work is None for kernel in first.kernels)
    ) and (
        [_asked(kernel) for kernel in first.kernels] == [_asked(kernel) for kernel in other.kernels]
    )


def _asked(estimate: KernelEstimate) -> tuple[object, ...]:
    """All that the time of a kernel follows from, names apart."""
    kernel = estimate.kernel
    return (
        kernel.anchor.step.layer.variety(),
        kernel.anchor.work,
        kernel.convolution,
        kernel.speedup,
        (kernel.weight_bytes, kernel.input_bytes, kernel.output_bytes),
        (kernel.input_elements, kernel.output_elements, kernel.trained_elements),
        estimate.latency_s,
    )


def ratio_breakdowns(first: Analysis, other: Analysis) -> tuple[RatioBreakdown, ...]:
    """One for each device that both were analyzed on; none where a total is unknown."""
    breakdowns: list[RatioBreakdown] = []
    if first.unmodelled or other.unmodelled:
        return ()
    others = {estimate.device.name: estimate for estimate in other.devices}
    for mine in first.devices:
        theirs = others.get(mine.device.name)
        if theirs is None:
            continue
        times = time_ratio(mine, theirs)
        mult_adds = ratio(first.paper_mult_adds, other.paper_mult_adds)
        breakdowns.append(
            RatioBreakdown(
                device=mine.device.name,
                basis=mine.basis,
                mult_adds_ratio=mult_adds,
                coefficient_ratio=_coefficient_ratio(
                    _mac_seconds(mine), _mac_seconds(theirs), mult_adds
                ),
                time_ratio=times.value,
                tie=times.tie,
                same_kernels=times.same_kernels,
                first_mac_share=mac_share(mine),
                other_mac_share=mac_share(theirs),
                first_overheads=overheads(mine),
                other_overheads=overheads(theirs),
            )
        )
    return tuple(breakdowns)


def _coefficient_ratio(
    first_s: float, other_s: float, mult_adds_ratio: float | None
) -> float | None:
    if not first_s or not other_s:
        return None
    return ratio(mult_adds_ratio, other_s / first_s)


def mac_share(estimate: DeviceEstimate) -> float | None:
    """Share of the time that the mult-adds take, from 0 to 1."""
    if not estimate.latency_s:
        return None
    return _mac_seconds(estimate) / estimate.latency_s


def _mac_seconds(estimate: DeviceEstimate) -> float:
    return sum(
        time_breakdown(estimate, kernel).compute_s or 0.0
        for kernel in estimate.kernels
        if kernel.kernel.mult_adds
    )


def overheads(estimate: DeviceEstimate) -> tuple[Overhead, ...]:
    """The parts of the time that are not mult-adds, largest share first."""
    if not estimate.latency_s:
        return ()
    spent: dict[tuple[str, str], float] = {}
    for kernel in estimate.kernels:
        parts = time_breakdown(estimate, kernel)
        rest = {
            "compute": None if kernel.kernel.mult_adds else parts.compute_s,
            _memory(estimate, kernel): parts.memory_s,
            "overhead": parts.overhead_s,
        }
        kind = kernel.kernel.anchor.step.layer.variety()
        for bound, seconds in rest.items():
            if seconds:
                spent[kind, bound] = spent.get((kind, bound), 0.0) + seconds
    if estimate.inference_s:
        spent["each inference", "overhead"] = estimate.inference_s
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return tuple(
        Overhead(kind=kind, bound=bound, share=seconds / estimate.latency_s)
        for (kind, bound), seconds in ordered
    )


def _memory(estimate: DeviceEstimate, kernel: KernelEstimate) -> str:
    """Memory, with its level where that is known: a sum of cost terms is of all levels."""
    known = estimate.fit_of(kernel) is None and kernel.lower_bound.level
    return f"memory:{kernel.lower_bound.level}" if known else "memory"
