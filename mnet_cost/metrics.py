"""The metrics of a network: one list of what can be compared, swept, limited and plotted.

Each has a name for command lines, a key for files with its unit in it, a direction, and a way to
read it off `NetworkCosts`, whose numbers may be those of one network or of many. Whoever shows a
metric takes names, titles, units and directions from here. Not here: how they are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.models.published import ACCURACIES
from mnet_cost.units import file_unit

if TYPE_CHECKING:
    from mnet_cost.analysis import Analysis
    from mnet_cost.analysis.latency import DeviceEstimate

Unit = Literal["", "bytes", "s", "J", "%"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a network, or of a network on a device."""

    name: str
    """As it is typed: `latency`."""
    key: str
    """As tables of the program call it, with the unit it is computed in: `latency_s`."""
    title: str
    """As reports head it."""
    meaning: str
    """What it is, as a phrase for schemas and help."""
    unit: Unit = ""
    better: Literal["less", "more"] = "less"
    of_network: Callable[[NetworkCosts], Any] | None = None
    of_device: Callable[[DeviceCosts], Any] | None = None
    """How it is read off; one of both. A metric with neither is no cost: an accuracy."""
    needs_totals: bool = True
    """Whether it is unknown where a layer has no cost rule and nobody takes a lower bound for it:
    it adds up layers. The peak of memory follows from sizes alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        # How it is read off is code: another process has the same metric by its name.
        return find_metric, (self.name,)

    @property
    def per_device(self) -> bool:
        return self.of_device is not None

    @property
    def file_key(self) -> str:
        """The key in files, which have milliseconds and millijoules: `latency_ms`."""
        stem, ending, _ = file_unit(self.key)
        return stem + ending

    @property
    def file_factor(self) -> float:
        """What a number is multiplied by on its way into a file."""
        return file_unit(self.key)[2]

    def of(self, analysis: Analysis, estimate: DeviceEstimate | None = None) -> Any:
        """The number of an analysis, on one of its `devices` where it is `per_device`.

        None where it is unknown or refused, and for an accuracy, which no analysis has. Raises
        `UsageError` for a number of a device without an estimate.
        """
        if self.needs_totals and not analysis.has_totals:
            return None
        if self.of_network is not None:
            return self.of_network(analysis.total_costs)
        if self.of_device is None:
            return None
        if estimate is None:
            raise UsageError(Problem(f"`{self.name}` is a number of a device, not of a network"))
        from mnet_cost.analysis import costs_on  # which imports this module where it needs it

        return self.of_device(costs_on(estimate))


METRICS: tuple[Metric, ...] = (
    Metric(name="mult_adds", key="mult_adds", title="mult-adds",
           meaning="multiplications with additions, of the whole batch",
           of_network=lambda c: c.mult_adds),
    Metric(name="flops", key="flops", title="FLOPs", meaning="2 x mult-adds",
           of_network=lambda c: 2 * c.mult_adds),
    Metric(name="vector_ops", key="vector_ops", title="vector ops",
           meaning="all other operations", of_network=lambda c: c.vector_ops),
    Metric(name="params", key="params", title="params", meaning="trained numbers",
           of_network=lambda c: c.params),
    Metric(name="weights", key="weights", title="weights",
           meaning="of the params, kernels of convolutions and linear layers",
           of_network=lambda c: c.weights),
    Metric(name="buffers", key="buffers", title="buffers",
           meaning="stored numbers that are not trained", of_network=lambda c: c.buffers),
    Metric(name="weight_bytes", key="weight_bytes", title="weight bytes",
           meaning="bytes of what is stored", unit="bytes", of_network=lambda c: c.weight_bytes),
    Metric(name="activations", key="activation_bytes", title="activations",
           meaning="bytes that layers write", unit="bytes",
           of_network=lambda c: c.activation_bytes),
    Metric(name="traffic", key="traffic_bytes", title="traffic",
           meaning="bytes that layers read and write, layer by layer", unit="bytes",
           of_network=lambda c: c.traffic_bytes),
    Metric(name="peak_memory", key="peak_memory_bytes", title="peak memory",
           meaning="most bytes of activations that are alive together", unit="bytes",
           of_network=lambda c: c.peak_bytes, needs_totals=False),
    Metric(name="latency", key="latency_s", title="time",
           meaning="time of one inference of the whole batch", unit="s",
           of_device=lambda d: d.latency_s),
    Metric(name="latency_low", key="latency_low_s", title="time, low end",
           meaning="low end of the range that holds 80 % of measurements", unit="s",
           of_device=lambda d: d.low_s),
    Metric(name="latency_high", key="latency_high_s", title="time, high end",
           meaning="high end of the range that holds 80 % of measurements", unit="s",
           of_device=lambda d: d.high_s),
    Metric(name="lower_bound", key="bound_s", title="lower bound",
           meaning="lower bound: no run is faster on the device's peaks", unit="s",
           of_device=lambda d: d.bound_s),
    Metric(name="energy", key="energy_j", title="energy",
           meaning="energy of one inference of the whole batch", unit="J",
           of_device=lambda d: d.energy_j),
    Metric(name="energy_low", key="energy_low_j", title="energy, low end",
           meaning="low end of the range of the energy", unit="J",
           of_device=lambda d: d.energy_low_j),
    Metric(name="energy_high", key="energy_high_j", title="energy, high end",
           meaning="high end of the range of the energy; unknown for a lower bound", unit="J",
           of_device=lambda d: d.energy_high_j),
    Metric(name="memory", key="memory_bytes", title="memory needed",
           meaning="bytes that the main memory has to hold, without gaps", unit="bytes",
           of_device=lambda d: d.memory_bytes),
    *(Metric(name=name, key=name, title=title, meaning=f"{title}, in percent", unit="%",
             better="more") for name, title in ACCURACIES.items()),
)  # fmt: skip
"""Costs in the order of their columns, then accuracies, which a source has published."""

TOTALS = tuple([metric for metric in METRICS if metric.of_network is not None])
"""Those of a network, whatever the device."""


def find_metric(name: str, among: Sequence[Metric] = METRICS) -> Metric:
    """The metric of that name or key; `UsageError` where there is none."""
    for metric in among:
        if name in (metric.name, metric.key) or name == metric.file_key:
            return metric
    names = [metric.name for metric in among]
    hint = did_you_mean(name, names) or "there are " + ", ".join(names)
    what = "total" if among is TOTALS else "metric"
    raise UsageError(Problem(f"there is no {what} `{name}`", hint=hint))


def named(names: Sequence[str]) -> tuple[Metric, ...]:
    """`find_metric` of each."""
    return tuple([find_metric(name) for name in names])
