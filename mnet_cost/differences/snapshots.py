"""What of an analysis is compared with another one: layers, their costs, kernels, the peak.

A `Snapshot` is made of an `Analysis`, or of the JSON document that `analyze --format json` wrote
before (`report/analysis_file.py`), so that a network of today can be compared with one of last
year. Not here: what differs between two snapshots, which is `diff.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.costs import costs_of_totals
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.memory import LiveTensor
from mnet_cost.analysis.work import LayerCost, add_up
from mnet_cost.layers import Layer
from mnet_cost.layers.fields import field_values
from mnet_cost.metrics import TOTALS, Metric
from mnet_cost.network import Network
from mnet_cost.tensors import TensorType
from mnet_cost.yamlfile import Node

PEAK = "peak_memory"

ADDITIVE: tuple[Metric, ...] = tuple([total for total in TOTALS if total.name != PEAK])
"""The totals that are sums over layers: all but the peak of memory."""

_NUMBERED = re.compile(r"_[0-9]+\Z")


class SpecEntry(NamedTuple):
    """An entry of a spec: that of a layer, or a call of a block that the layer stands in."""

    name: str
    """Its id, or the name that it has without one."""
    path: str
    """Of the file."""
    line: int
    column: int
    values: tuple[tuple[str, str], ...]
    """What it says, as keys with values: `conv2d.channels` and `64`. Its id and the entries in it
    are left out. Empty where only the line is known."""
    block: str
    """Name of the block that it calls, `group` for an anonymous one; empty for a layer."""

    @property
    def place(self) -> str:
        """`specs/net.yaml:12`."""
        return f"{self.path}:{self.line}"


class LayerSnapshot(NamedTuple):
    """One layer of a network, with what it costs for the whole batch."""

    name: str
    label: tuple[str, ...]
    """Its path without the numbers that names are given by order: `conv2d_3` is `conv2d`. Equal
    labels say little, unless `has_id`."""
    has_id: bool
    """Whether the spec gives it a name of its own."""
    kind: str
    fields: tuple[tuple[str, str], ...]
    """Name and value of each field, as a spec writes it."""
    inputs: tuple[str, ...]
    """Names of tensors: of a layer, of one of its outputs (`split.2`), or of an input."""
    input_types: tuple[str, ...]
    """Each as `16x112x112`, with the dtype where the precision does not decide it."""
    output_type: str
    """Of the first output."""
    entries: tuple[SpecEntry, ...]
    """The calls that it stands in, outermost first, and last its own entry."""
    costs: tuple[int, ...]
    """What it adds to each of `ADDITIVE`; zeros where that is unknown."""
    is_modelled: bool
    """Whether its costs are known."""

    @property
    def entry(self) -> SpecEntry:
        """The entry of the spec that wrote it."""
        return self.entries[-1]

    def cost(self, metric: str) -> int:
        """What it adds to the total of that name."""
        return self.costs[_PLACES[metric]]


_PLACES = {metric.name: place for place, metric in enumerate(ADDITIVE)}


class KernelSnapshot(NamedTuple):
    """A kernel on a device."""

    name: str
    """The layer that its time is booked to."""
    layers: tuple[str, ...]
    """All layers that it runs."""
    latency_s: float | None
    """None where its time is unknown: it is then in no sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSnapshot:
    """The time of a network on a device."""

    name: str
    basis: str | None
    latency_s: float | None
    """None where it is unknown or refused."""
    low_s: float | None
    high_s: float | None
    inference_s: float
    """The part of `latency_s` that no kernel takes."""
    kernels: tuple[KernelSnapshot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A network at one setting with its costs, as far as two of them are compared."""

    title: str
    spec: str
    """Path of its spec."""
    variant: str | None
    """Of the spec."""
    knobs: Mapping[str, Any]
    """Values of all knobs, the batch among them."""
    stated: tuple[str, ...]
    """The knobs that were set; the others were at their defaults."""
    precision: str
    convention: str
    inputs: tuple[tuple[str, str], ...]
    """Name and type of each input."""
    layers: tuple[LayerSnapshot, ...]
    """In the order in which they run."""
    totals: Mapping[str, int | None]
    """By name of the metric; None where a total is refused."""
    peak_at: str
    """The layer that runs when most memory is in use."""
    live_at_peak: tuple[LiveTensor, ...]
    """Tensors that are in memory then: their bytes add up to the peak."""
    devices: tuple[DeviceSnapshot, ...]
    analysis: Analysis | None = None
    """What it was made of; None for a document."""

    def on(self, device: str) -> DeviceSnapshot | None:
        """What is known of the network on the device of that name."""
        return next((each for each in self.devices if each.name == device), None)

    def __repr__(self) -> str:
        return f"<Snapshot {self.title}: {len(self.layers)} layers>"


def snapshot_of(analysis: Analysis) -> Snapshot:
    """The snapshot of an analysis."""
    network = analysis.network
    layers = _Layers(network)
    return Snapshot(
        title=network.spec.title,
        spec=network.spec.path,
        variant=network.spec.variant,
        knobs=dict(network.knobs),
        stated=network.stated,
        precision=analysis.precision,
        convention=analysis.convention,
        inputs=tuple(
            (network.tensors[index].name, type_text(network, network.tensors[index].type))
            for index in network.inputs
        ),
        layers=tuple(map(layers.snapshot, analysis.layers)),
        totals={total.name: total.of(analysis) for total in TOTALS},
        peak_at=network.steps[analysis.memory.peak_step].name,
        live_at_peak=analysis.memory.live_at_peak,
        devices=tuple(_device(analysis, estimate) for estimate in analysis.devices),
        analysis=analysis,
    )


def _device(analysis: Analysis, estimate: DeviceEstimate) -> DeviceSnapshot:
    known = analysis.has_totals
    return DeviceSnapshot(
        name=estimate.device.name,
        basis=estimate.basis,
        latency_s=analysis.latency_s(estimate),
        low_s=estimate.low_s if known else None,
        high_s=estimate.high_s if known else None,
        inference_s=estimate.inference_s,
        kernels=tuple(
            KernelSnapshot(
                kernel.kernel.name,
                tuple([cost.step.name for cost in kernel.kernel.layers]),
                kernel.latency_s,
            )
            for kernel in estimate.kernels
        ),
    )


class _Layers:
    """Makes snapshots of the layers of a network; what layers have in common is made once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._calls: dict[str, tuple[tuple[str, ...], tuple[SpecEntry, ...]]] = {"": ((), ())}
        self._entries: dict[tuple[int, str], SpecEntry] = {}
        self._fields: dict[int, tuple[tuple[str, str], ...]] = {}
        self._types: dict[int, str] = {}
        self._costs: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def snapshot(self, cost: LayerCost) -> LayerSnapshot:
        step, tensors = cost.step, self._network.tensors
        label, calls = self._inside(step.block_path)
        own = step.name[len(step.block_path) + 1 if step.block_path else 0 :]
        has_id = _has_id(step.node)
        types = [self._type(tensors[index].type) for index in step.inputs]
        return LayerSnapshot(
            name=step.name,
            label=(*label, *_label(own, has_id)),
            has_id=has_id,
            kind=step.layer.kind,
            fields=self._fields_of(step.layer),
            inputs=tuple([tensors[index].name for index in step.inputs]),
            input_types=tuple(types),
            output_type=self._type(tensors[step.output].type),
            entries=(*calls, self._entry(own, step.node, "")),
            costs=self._costs_of(cost),
            is_modelled=cost.work is not None,
        )

    def _inside(self, path: str) -> tuple[tuple[str, ...], tuple[SpecEntry, ...]]:
        """The label of a block, and the calls that lead into it."""
        known = self._calls.get(path)
        if known is not None:
            return known
        call = self._network.calls.get(path)
        parent = path.rpartition(".")[0]
        while call is not None and parent and parent not in self._network.calls:
            parent = parent.rpartition(".")[0]
        label, calls = self._inside(parent)
        if call is not None:
            own = path[len(parent) + 1 if parent else 0 :]
            label = (*label, *_label(own, _has_id(call.node)))
            calls = (*calls, self._entry(own, call.node, call.block))
        self._calls[path] = label, calls
        return label, calls

    def _entry(self, path: str, node: Node, block: str) -> SpecEntry:
        key = id(node), block
        entry = self._entries.get(key)
        if entry is None:
            name, source = path.partition(".")[0], node.source.path
            entry = SpecEntry(name, source, node.line, node.column, entry_values(node), block)
            self._entries[key] = entry
        return entry

    def _costs_of(self, cost: LayerCost) -> tuple[int, ...]:
        counts = cost[3:]  # all that is added up
        costs = self._costs.get(counts)
        if costs is None:
            costs = self._costs[counts] = layer_costs(cost)
        return costs

    def _fields_of(self, layer: Layer) -> tuple[tuple[str, str], ...]:
        texts = self._fields.get(id(layer))
        if texts is None:
            values = field_values(layer)
            texts = tuple([(name, value_text(value)) for name, value in values.items()])
            self._fields[id(layer)] = texts
        return texts

    def _type(self, type_: TensorType) -> str:
        text = self._types.get(id(type_))
        if text is None:
            text = self._types[id(type_)] = type_text(self._network, type_)
        return text


def layer_costs(cost: LayerCost) -> tuple[int, ...]:
    """What a layer adds to each of `ADDITIVE`: its costs, as those of a network of one layer."""
    costs = costs_of_totals(add_up((cost,)), 0, is_partial=False)
    return tuple([metric.of_network(costs) for metric in ADDITIVE if metric.of_network])


def value_text(value: Any) -> str:
    """A value as a spec writes it: `[3, 3]`, `true`; `none` where there is none."""
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(part)}" for key, part in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return str(value)


def type_text(network: Network, type_: TensorType) -> str:
    """`16x112x112`, `64 int64`; `scalar` without axes."""
    shape = "x".join(map(str, type_.shape)) or "scalar"
    dtype = network.dtype_of(type_)
    return shape if dtype is None else f"{shape} {dtype.name}"


def entry_values(node: Node) -> tuple[tuple[str, str], ...]:
    """What an entry says, without the entries in it and without its id, as keys with values."""
    data = node.plain()
    if not isinstance(data, dict):
        return ((str(data), ""),)
    values: list[tuple[str, str]] = []
    for key, value in data.items():
        if key in ("layers", "id"):
            continue
        if isinstance(value, dict) and value:
            values += [(f"{key}.{name}", value_text(inner)) for name, inner in value.items()]
        else:
            values.append((key, "" if value in (None, {}) else value_text(value)))
    return tuple(values) or (("layers", ""),)


def label_of_name(name: str, kind: str) -> tuple[tuple[str, ...], bool]:
    """(label, whether it has an id) of a layer of which only the name is known.

    What ends in a number may have got it by its place, and a name that is a kind surely has.
    """
    label: list[str] = []
    has_id = False
    for part in name.split("."):
        base = _NUMBERED.sub("", part)
        has_id = not part.isdecimal() and base == part and part != kind
        label += _label(part, has_id) if not part.isdecimal() else (part,)
    return tuple(label), has_id


def _label(path: str, has_id: bool) -> tuple[str, ...]:
    """A name and perhaps the number of a copy, as parts of a label."""
    name, *copy = path.split(".")
    return (f"={name}" if has_id else _NUMBERED.sub("", name), *copy)


def _has_id(node: Node) -> bool:
    return isinstance(node.value, dict) and "id" in node.value
