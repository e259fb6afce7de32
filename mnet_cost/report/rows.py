"""Rows of an analysis at three grains: layers, blocks with their copies joined, kinds.

A `Group` adds up the costs of some layers and the times of the kernels anchored in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.work import LayerCost
from mnet_cost.units import format_seconds

Grain = Literal["layer", "block", "kind"]


class Group(NamedTuple):
    """Layers that share a row."""

    name: str
    kind: str
    layers: tuple[LayerCost, ...]
    copies: int = 1

    @property
    def mult_adds(self) -> int:
        return sum(cost.mult_adds for cost in self.layers)

    @property
    def weights(self) -> int:
        return sum(cost.weights for cost in self.layers)

    @property
    def params(self) -> int:
        return sum(cost.params for cost in self.layers)

    @property
    def label(self) -> str:
        """The name, with the number of copies: `middle x5`."""
        return f"{self.name} x{self.copies}" if self.copies > 1 else self.name

    @property
    def modelled(self) -> bool:
        return all(cost.work is not None for cost in self.layers)


def groups(analysis: Analysis, grain: Grain) -> tuple[Group, ...]:
    """The rows of an analysis. Kinds come with the most mult-adds first."""
    if grain == "layer":
        return tuple(
            Group(cost.step.name, cost.step.layer.variety(), (cost,)) for cost in analysis.layers
        )
    if grain == "kind":
        joined = _joined(analysis, lambda cost: cost.step.layer.variety())
        found = [Group(kind, kind, layers) for kind, layers in joined.items()]
        return tuple(sorted(found, key=lambda group: -group.mult_adds))
    joined = _joined(analysis, lambda cost: cost.step.name.partition(".")[0])
    return tuple(_block(analysis, name, layers) for name, layers in joined.items())


def _joined(
    analysis: Analysis, key: Callable[[LayerCost], str]
) -> dict[str, tuple[LayerCost, ...]]:
    found: dict[str, list[LayerCost]] = {}
    for cost in analysis.layers:
        found.setdefault(key(cost), []).append(cost)
    return {name: tuple(layers) for name, layers in found.items()}


def _block(analysis: Analysis, name: str, layers: tuple[LayerCost, ...]) -> Group:
    calls = analysis.network.calls
    if name in calls:
        return Group(name, calls[name].block, layers)
    copies = 1
    while f"{name}.{copies + 1}" in calls:
        copies += 1
    first = calls.get(f"{name}.1")
    if first is not None:
        return Group(name, first.block, layers, copies)
    varieties = dict.fromkeys(cost.step.layer.variety() for cost in layers)
    return Group(name, " + ".join(varieties), layers, len(layers))


class Times:
    """Seconds of kernels by the layer they are anchored in, on one device.

    Shares are of `whole_s`, the network's time; None where that is unknown or refused.
    """

    def __init__(self, estimate: DeviceEstimate, whole_s: float | None) -> None:
        self.estimate = estimate
        self.whole_s = whole_s
        self._by_anchor = {one.kernel.name: one for one in estimate.kernels}

    def kernels(self, group: Group) -> list[KernelEstimate]:
        """The kernels anchored in the layers of `group`."""
        return [
            self._by_anchor[cost.step.name]
            for cost in group.layers
            if cost.step.name in self._by_anchor
        ]

    def seconds(self, group: Group) -> float | None:
        """Time of the group's kernels; None where it is unknown or all ride on other kernels."""
        known = [one.latency_s for one in self.kernels(group) if one.latency_s is not None]
        return sum(known) if known else None

    def share(self, group: Group) -> float | None:
        """Share of the network's time, from 0 to 1."""
        seconds = self.seconds(group)
        return seconds / self.whole_s if seconds is not None and self.whole_s else None

    def bound(self, group: Group) -> str | None:
        """What binds most of the group's time."""
        return next(iter(_by_bound(self.kernels(group))), None)


def bound_shares(estimate: DeviceEstimate) -> dict[str, float]:
    """Share of the time by what binds it, largest first; `inference` is its fixed cost."""
    if not estimate.latency_s:
        return {}
    seconds = _by_bound(estimate.kernels)
    if estimate.device.inference_overhead_s and estimate.device.inference_overhead_s.value:
        seconds["inference"] = estimate.device.inference_overhead_s.value
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return {bound: one / estimate.latency_s for bound, one in ordered if one}


def _by_bound(kernels: Iterable[KernelEstimate]) -> dict[str, float]:
    """Seconds by what binds them, most first."""
    found: dict[str, float] = {}
    for one in kernels:
        found[one.bound] = found.get(one.bound, 0.0) + (one.latency_s or 0.0)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def bound_word(bound: str | None) -> str | None:
    """A bound as one word for a table: the level where memory binds, `launch` for overhead."""
    if bound is None:
        return None
    return {"overhead": "launch"}.get(bound, bound.removeprefix("memory:"))


def counted_shares(
    analysis: Analysis, group: Group, lower_bound: bool
) -> tuple[float | None, float | None]:
    """The group's shares of mult-adds and of weights; None where they are unknown."""
    if not group.modelled:
        return None, None
    mult_adds = analysis.total("mult_adds", lower_bound)
    weights = analysis.total("weights", lower_bound)
    return (
        group.mult_adds / mult_adds if mult_adds else None,
        group.weights / weights if weights else None,
    )


def time_cell(
    analysis: Analysis, estimate: DeviceEstimate, lower_bound: bool
) -> float | str | None:
    """Seconds on a device for a table; a text where they are only the least it can be."""
    seconds = analysis.latency_s(estimate, lower_bound)
    if seconds is None or not (estimate.untimed or analysis.unmodelled):
        return seconds
    return f"≥ {format_seconds(seconds)}"
