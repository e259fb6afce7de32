"""The metrics of a network: one list of what can be compared, swept, limited and plotted.

Each has a name for command lines, a key for files with its unit in it, a direction, and a way to
read it off `NetworkCosts`, whose numbers may be those of one network or of many. Whoever shows a
metric takes names, units and directions from here. Not here: how they are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.models.published import ACCURACIES

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
    unit: Unit = ""
    better: Literal["less", "more"] = "less"
    of_network: Callable[[NetworkCosts], Any] | None = None
    of_device: Callable[[DeviceCosts], Any] | None = None
    """How it is read off; one of both. A metric with neither is no cost: an accuracy."""

    @property
    def per_device(self) -> bool:
        return self.of_device is not None

    @property
    def file_key(self) -> str:
        """The key in files, which have milliseconds and millijoules: `latency_ms`."""
        stem, _, unit = self.key.rpartition("_")
        return f"{stem}_{_FILE_UNITS[unit][0]}" if unit in _FILE_UNITS else self.key

    @property
    def file_factor(self) -> float:
        """What a number is multiplied by on its way into a file."""
        return _FILE_UNITS.get(self.key.rpartition("_")[2], ("", 1.0))[1]


_FILE_UNITS = {"s": ("ms", 1e3), "j": ("mj", 1e3)}

METRICS: tuple[Metric, ...] = (
    Metric(name="mult_adds", key="mult_adds", title="mult-adds", of_network=lambda c: c.mult_adds),
    Metric(name="vector_ops", key="vector_ops", title="other operations",
           of_network=lambda c: c.vector_ops),
    Metric(name="params", key="params", title="params", of_network=lambda c: c.params),
    Metric(name="weights", key="weights", title="weights", of_network=lambda c: c.weights),
    Metric(name="weight_bytes", key="weight_bytes", title="weight bytes", unit="bytes",
           of_network=lambda c: c.weight_bytes),
    Metric(name="activations", key="activation_bytes", title="activations", unit="bytes",
           of_network=lambda c: c.activation_bytes),
    Metric(name="traffic", key="traffic_bytes", title="traffic", unit="bytes",
           of_network=lambda c: c.traffic_bytes),
    Metric(name="peak_memory", key="peak_memory_bytes", title="peak memory", unit="bytes",
           of_network=lambda c: c.peak_bytes),
    Metric(name="latency", key="latency_s", title="latency", unit="s",
           of_device=lambda d: d.latency_s),
    Metric(name="latency_low", key="latency_low_s", title="latency, low end", unit="s",
           of_device=lambda d: d.low_s),
    Metric(name="latency_high", key="latency_high_s", title="latency, high end", unit="s",
           of_device=lambda d: d.high_s),
    Metric(name="lower_bound", key="bound_s", title="lower bound", unit="s",
           of_device=lambda d: d.bound_s),
    Metric(name="energy", key="energy_j", title="energy", unit="J",
           of_device=lambda d: d.energy_j),
    Metric(name="energy_low", key="energy_low_j", title="energy, low end", unit="J",
           of_device=lambda d: d.energy_low_j),
    Metric(name="energy_high", key="energy_high_j", title="energy, high end", unit="J",
           of_device=lambda d: d.energy_high_j),
    Metric(name="memory", key="memory_bytes", title="memory needed", unit="bytes",
           of_device=lambda d: d.memory_bytes),
    *(Metric(name=name, key=name, title=title, unit="%", better="more")
      for name, title in ACCURACIES.items()),
)  # fmt: skip
"""Costs in the order of their columns, then accuracies, which a source has published."""


def find_metric(name: str) -> Metric:
    """The metric of that name or key; `UsageError` where there is none."""
    for metric in METRICS:
        if name in (metric.name, metric.key, metric.file_key):
            return metric
    names = [metric.name for metric in METRICS]
    hint = did_you_mean(name, names) or "there are " + ", ".join(names)
    raise UsageError(Problem(f"there is no metric `{name}`", hint=hint))


def named(names: Sequence[str]) -> tuple[Metric, ...]:
    """`find_metric` of each."""
    return tuple([find_metric(name) for name in names])
