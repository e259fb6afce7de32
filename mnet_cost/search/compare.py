"""Two or more analyses side by side: ratios, and why mult-adds and time part.

Time on a device is compute (mult-adds at the peak rate) and what comes on top: memory traffic
and launches. So the ratio of times is the ratio of mult-adds times the ratio of the shares of
time spent multiplying, and the rest can be named kernel by kernel.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate


class Beyond(NamedTuple):
    """Time beyond multiplying that kernels of one kind take, for one reason."""

    kind: str
    bound: str
    share: float
    """Of the network's time, from 0 to 1."""


class Parting(NamedTuple):
    """Where ratio of mult-adds and ratio of time part, between the first network and another."""

    device: str
    mult_adds_ratio: float | None
    """By the convention of the paper: what other tools count besides takes no such time."""
    time_ratio: float | None
    first_multiplying: float | None
    """Share of the first network's time that its mult-adds take at the peak rate."""
    other_multiplying: float | None
    first_beyond: tuple[Beyond, ...]
    other_beyond: tuple[Beyond, ...]
    """Largest first."""


def ratio(first: float | None, other: float | None) -> float | None:
    """How many times `other` the first is; None where that says nothing."""
    return None if first is None or not other else first / other


def partings(first: Analysis, other: Analysis) -> tuple[Parting, ...]:
    """One for each device that both were analyzed on; none where a total is unknown."""
    found: list[Parting] = []
    if first.unmodelled or other.unmodelled:
        return ()
    others = {estimate.device.name: estimate for estimate in other.devices}
    for mine in first.devices:
        theirs = others.get(mine.device.name)
        if theirs is None:
            continue
        found.append(
            Parting(
                mine.device.name,
                ratio(first.paper_mult_adds, other.paper_mult_adds),
                ratio(mine.latency_s, theirs.latency_s),
                multiplying(mine),
                multiplying(theirs),
                beyond(mine),
                beyond(theirs),
            )
        )
    return tuple(found)


def multiplying(estimate: DeviceEstimate) -> float | None:
    """Share of the time that the mult-adds take at the peak rate, from 0 to 1."""
    if not estimate.latency_s:
        return None
    spent = sum(one.compute_s or 0.0 for one in estimate.kernels if one.kernel.mult_adds)
    return spent / estimate.latency_s


def beyond(estimate: DeviceEstimate) -> tuple[Beyond, ...]:
    """What takes the time that is not multiplying, largest share first."""
    if not estimate.latency_s:
        return ()
    spent: dict[tuple[str, str], float] = {}
    for one in estimate.kernels:
        multiplying_s = (one.compute_s or 0.0) if one.kernel.mult_adds else 0.0
        rest = (one.latency_s or 0.0) - multiplying_s
        if rest > 0:
            key = (one.kernel.anchor.step.layer.variety(), one.bound)
            spent[key] = spent.get(key, 0.0) + rest
    if estimate.device.inference_overhead_s:
        spent["each inference", "overhead"] = estimate.device.inference_overhead_s.value
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return tuple(
        Beyond(kind, bound, seconds / estimate.latency_s) for (kind, bound), seconds in ordered
    )
