"""What makes up a number: sums over a part of a network, and the entries of a spec that cost most.

An entry is what stands in `layers` of a spec, all copies and all layers of a block together; of a
part, what stands in the lists of its blocks. Times are those of kernels, at the layer that each is
anchored in. Peaks of memory are made up of the tensors that are alive then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.times import network_time
from mnet_cost.analysis.work import LayerCost
from mnet_cost.budgets.verdicts import UNKNOWN, Interval
from mnet_cost.metrics import Metric
from mnet_cost.network import Network
from mnet_cost.network.parts import check_part, is_within
from mnet_cost.network.types import Step
from mnet_cost.yamlfile import Node

MOST_ENTRIES = 3
"""Entries that a verdict names."""
_LEAST_SHARE = 0.01
"""Of the number, for entries after the first."""

_OF_LAYERS = {
    "mult_adds": "mult_adds", "flops": "mult_adds", "vector_ops": "vector_ops", "params": "params",
    "weights": "weights", "buffers": "buffers", "weight_bytes": "weight_bytes",
    "activations": "output_bytes", "traffic": "traffic_bytes",
}  # fmt: skip
"""What each layer has of a metric that adds up over layers."""
_FACTORS = {"flops": 2}


class EntryCost(NamedTuple):
    """What an entry of a spec has of a number."""

    name: str
    path: str
    """Of the file in which it stands."""
    line: int
    share: float
    """Of the whole network, or of the part, from 0 to 1."""


def layers_of(analysis: Analysis, part: str | None) -> tuple[LayerCost, ...]:
    """The layers of a part: all below its path. `PartError` where there is none."""
    if part is None:
        return analysis.layers
    check_part(analysis.network, part)
    return tuple([cost for cost in analysis.layers if is_within(cost.step.name, part)])


def part_interval(
    metric: Metric, analysis: Analysis, estimate: DeviceEstimate | None, part: str
) -> Interval:
    """The number of a part, with its band: that of a network of its kernels."""
    layers = layers_of(analysis, part)
    if metric.per_device:
        return UNKNOWN if estimate is None else _part_time(metric, analysis, estimate, layers)
    if metric.name == "peak_memory":
        names = {cost.step.name for cost in layers}
        live = zip(analysis.network.steps, analysis.memory.live_bytes, strict=True)
        peak = max(count for step, count in live if step.name in names)
        return Interval(peak, peak, peak)
    value = sum(_of_layer(metric, cost) for cost in layers)
    is_known = all(cost.work is not None for cost in layers)
    return Interval(value, value, value if is_known else None)


def _of_layer(metric: Metric, cost: LayerCost) -> float:
    number: float = getattr(cost, _OF_LAYERS[metric.name])
    return number * _FACTORS.get(metric.name, 1)


def _part_time(
    metric: Metric, analysis: Analysis, estimate: DeviceEstimate, layers: Sequence[LayerCost]
) -> Interval:
    names = {cost.step.name for cost in layers}
    kernels = [kernel for kernel in estimate.kernels if kernel.kernel.name in names]
    seconds = [_seconds(metric, kernel) for kernel in kernels]
    known = [value for value in seconds if value is not None]
    if not known:
        return UNKNOWN
    value, whole = sum(known), len(known) == len(seconds)
    if metric.name == "lower_bound":
        return Interval(value, value, value if whole else None)
    bounds = [kernel.lower_bound.seconds for kernel in kernels]
    least = sum(bound for bound in bounds if bound is not None)
    plain = [kernel.kernel for kernel in kernels]
    time = network_time(plain, estimate.device, analysis.precision)
    if time is None or not time.latency_s or time.low_s is None or time.high_s is None:
        return Interval(value, value if estimate.basis == "bound" else least, None)
    ratio = value / time.latency_s  # without what each inference takes once
    return Interval(value, max(least, time.low_s * ratio), time.high_s * ratio if whole else None)


def _seconds(metric: Metric, kernel: KernelEstimate) -> float | None:
    return kernel.lower_bound.seconds if metric.name == "lower_bound" else kernel.latency_s


def costliest_entries(
    metric: Metric, analysis: Analysis, estimate: DeviceEstimate | None, part: str | None = None
) -> tuple[EntryCost, ...]:
    """The entries of the spec that have most of a number, the costliest first."""
    layers = {cost.step.name: cost for cost in layers_of(analysis, part)}
    costs: dict[int, tuple[str, Node, float]] = {}
    whole = 0.0
    for step, amount in _amounts(metric, analysis, estimate, layers):
        name, node = _entry(analysis.network, step, part)
        first, _, before = costs.get(id(node), (name, node, 0.0))
        costs[id(node)] = first, node, before + amount
        whole += amount
    ranked = sorted(costs.values(), key=lambda cost: -cost[2])
    return tuple(
        [
            EntryCost(name, node.source.path, node.line, amount / whole)
            for number, (name, node, amount) in enumerate(ranked[:MOST_ENTRIES])
            if amount >= (whole * _LEAST_SHARE if number else 0) and whole
        ]
    )


def _entry(network: Network, step: Step, part: str | None) -> tuple[str, Node]:
    """The name and the node of the entry that a layer belongs to."""
    if part is not None:
        return ".".join(word for word in step.name.split(".") if not word.isdecimal()), step.node
    name = step.name.partition(".")[0]
    call = network.calls.get(name) or network.calls.get(f"{name}.1")
    return name, step.node if call is None else call.node


def _amounts(
    metric: Metric, analysis: Analysis, estimate: DeviceEstimate | None,
    layers: dict[str, LayerCost],
) -> Iterator[tuple[Step, float]]:  # fmt: skip
    """What each layer has of a number; of a peak of memory, the layers that made the tensors."""
    if metric.name in _OF_LAYERS:
        for cost in layers.values():
            yield cost.step, _of_layer(metric, cost)
    elif metric.name == "peak_memory":
        yield from _of_tensors(analysis.network, analysis.memory.live_at_peak, layers)
    elif estimate is not None and metric.name == "memory":
        needed = estimate.memory_fits[:1]
        if estimate.device.storage is None:
            for cost in layers.values():
                yield cost.step, cost.weight_bytes
        for check in needed:
            yield from _of_tensors(analysis.network, check.because, layers)
    elif estimate is not None:  # energies go with times
        for kernel in estimate.kernels:
            seconds = _seconds(metric, kernel)
            if kernel.kernel.name in layers and seconds is not None:
                yield kernel.kernel.anchor.step, seconds


def _of_tensors(
    network: Network, alive: Iterable[tuple[str, int]], layers: dict[str, LayerCost]
) -> Iterator[tuple[Step, float]]:  # fmt: skip
    producers = {tensor.name: tensor.producer for tensor in network.tensors}
    for name, size in alive:
        producer = producers.get(name)
        step = None if producer is None else network.steps[producer]
        if step is not None and step.name in layers:
            yield step, size
