"""Rows of an analysis at three grains: layers, blocks with their copies joined, kinds.

A `Group` adds up the costs of some layers and the times of the kernels anchored in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.time_breakdown import dominant_part
from mnet_cost.analysis.work import LayerCost
from mnet_cost.network.parts import is_within
from mnet_cost.report.types import Absent, AtLeast, Quantity, Range, Table, Time
from mnet_cost.tensors import TensorType

Grain = Literal["layer", "block", "kind"]
View = Literal["layer", "block", "kind", "kernel"]
"""What `analyze` can have a row for."""


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


def groups(analysis: Analysis, grain: Grain, within: str | None = None) -> tuple[Group, ...]:
    """The rows of an analysis, or of the block `within` alone, whose own blocks are rows then.

    Kinds come with the most mult-adds first.
    """
    chosen = [cost for cost in analysis.layers if is_within(cost.step.name, within)]
    if grain == "layer":
        return tuple(Group(cost.step.name, cost.step.layer.variety(), (cost,)) for cost in chosen)
    if grain == "kind":
        joined = _joined(chosen, lambda cost: cost.step.layer.variety())
        kinds = [Group(kind, kind, layers) for kind, layers in joined.items()]
        return tuple(sorted(kinds, key=lambda group: -group.mult_adds))
    depth = 1 if within is None else within.count(".") + 2
    joined = _joined(chosen, lambda cost: ".".join(cost.step.name.split(".")[:depth]))
    return tuple(_block(analysis, name, layers) for name, layers in joined.items())


def _joined(
    chosen: Iterable[LayerCost], key: Callable[[LayerCost], str]
) -> dict[str, tuple[LayerCost, ...]]:
    by_name: dict[str, list[LayerCost]] = {}
    for cost in chosen:
        by_name.setdefault(key(cost), []).append(cost)
    return {name: tuple(layers) for name, layers in by_name.items()}


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
        self._by_anchor = {kernel.kernel.name: kernel for kernel in estimate.kernels}
        self._inside = {
            cost.step.name for kernel in estimate.kernels for cost in kernel.kernel.layers
        }

    def kernels(self, group: Group) -> list[KernelEstimate]:
        """The kernels anchored in the layers of `group`."""
        return [
            self._by_anchor[cost.step.name]
            for cost in group.layers
            if cost.step.name in self._by_anchor
        ]

    def seconds(self, group: Group) -> float | None:
        """Time of the group's kernels; None where it is unknown or all are fused into other
        kernels."""
        known = [kernel.latency_s for kernel in self.kernels(group) if kernel.latency_s is not None]
        return sum(known) if known else None

    def cell(self, group: Group) -> Time | Absent:
        """The same for a table: without a time of its own a group is fused into other kernels,
        has no work, or its time is unknown."""
        kernels = self.kernels(group)
        seconds = [kernel.latency_s for kernel in kernels if kernel.latency_s is not None]
        unknown = not group.modelled or len(seconds) < len(kernels)
        if seconds:
            return Time(sum(seconds), unknown)
        if unknown or self.estimate.basis is None:
            return Absent("unknown")
        if any(cost.step.name in self._inside for cost in group.layers):
            return Absent("fused")
        return Absent("stored" if any(cost.step.is_static for cost in group.layers) else "")

    def share(self, group: Group) -> float | None:
        """Share of the network's time, from 0 to 1."""
        seconds = self.seconds(group)
        return seconds / self.whole_s if seconds is not None and self.whole_s else None

    def dominant_part(self, group: Group) -> str | None:
        """The largest part of the group's time, as a word."""
        seconds: dict[str, float] = {}
        for kernel in self.kernels(group):
            part = dominant_part(self.estimate, kernel)
            seconds[part] = seconds.get(part, 0.0) + (kernel.latency_s or 0.0)
        return part_word(max(seconds, key=seconds.__getitem__)) if seconds else None


def shape_text(shape: TensorType) -> str:
    """`16x112x112`; `scalar` where there is no axis."""
    return "x".join(map(str, shape.shape)) or "scalar"


def part_word(part: str) -> str:
    """A part or a bound as one word: the level where memory binds, `launch` for overhead."""
    return {"overhead": "launch"}.get(part, part.removeprefix("memory:"))


def distinct(names: Sequence[str]) -> list[str]:
    """`names`, with the second of the same name as `name (2)`."""
    return [
        name if name not in names[:i] else f"{name} ({names[: i + 1].count(name)})"
        for i, name in enumerate(names)
    ]


def counted_shares(analysis: Analysis, group: Group) -> tuple[float | None, float | None]:
    """The group's shares of mult-adds and of weights; None where they are unknown."""
    if not group.modelled or not analysis.has_totals:
        return None, None
    totals = analysis.totals
    return (
        group.mult_adds / totals.mult_adds if totals.mult_adds else None,
        group.weights / totals.weights if totals.weights else None,
    )


def time_cell(analysis: Analysis, estimate: DeviceEstimate) -> Time | None:
    """Seconds on a device for a table; None where they are unknown or refused."""
    seconds = analysis.latency_s(estimate)
    if seconds is None:
        return None
    least = estimate.basis == "bound" or bool(estimate.untimed or analysis.unmodelled)
    return Time(seconds, least, estimate.is_marked)


def band_cell(analysis: Analysis, estimate: DeviceEstimate) -> Range | None:
    """The band around a time; None where there is none."""
    if estimate.low_s is None or estimate.high_s is None or not analysis.has_totals:
        return None
    return Range(estimate.low_s, estimate.high_s)


def basis_cell(analysis: Analysis, estimate: DeviceEstimate) -> str | None:
    """What a time rests on; None where there is no time."""
    return estimate.basis if analysis.has_totals else None


def energy_cell(analysis: Analysis, estimate: DeviceEstimate) -> Quantity | AtLeast | None:
    """Joules of an inference; None where they are unknown or refused."""
    energy = estimate.energy
    if energy is None or not analysis.has_totals:
        return None
    cell = AtLeast if energy.is_lower_bound else Quantity
    return cell(energy.energy_j, "J")


def without_unknown(table: Table, keys: tuple[str, ...]) -> Table:
    """The table without those columns of `keys` in which nothing is known."""
    unknown = [
        column.key
        for i, column in enumerate(table.columns)
        if column.key in keys and all(row[i] is None for row in table.rows)
    ]
    return without(table, unknown)


def without(table: Table, keys: Sequence[str]) -> Table:
    """The table without the columns of `keys`."""
    kept = [i for i, column in enumerate(table.columns) if column.key not in keys]
    return table._replace(
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )
