"""Many points of one network as columns: what a sweep is made of, whoever evaluates it.

A point is one value of each swept knob at one precision. Columns are NumPy arrays, those of words
`Words`. They are named as in files: knobs by their paths, metrics by their file keys, with
`@DEVICE` where they are of a device.
Not here: how points are evaluated (`single.py`), and what becomes of them (`sweep.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.costs import NetworkCosts
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import METRICS, Metric

COMPUTED = tuple(metric for metric in METRICS if metric.of_network or metric.of_device)
"""The metrics that are computed; the others are what a source has published."""

COSTS = tuple(metric for metric in COMPUTED if metric.name != "flops")
"""Those of a block where none are named. FLOPs are mult-adds twice."""

BLOCK_POINTS = 2_000_000
"""Points of a block at most: 16 MB for each column."""


class Rectangle(NamedTuple):
    """Settings as rows x columns: the points of a block are those that hold, row by row."""

    rows: Mapping[str, Any]
    """Knob -> its value in each row."""
    columns: Mapping[str, Any]
    """Knob -> its value in each column."""
    holds: Any
    """Whether each setting holds, rows x columns; None where all do."""


class Block(NamedTuple):
    """Points of one model at one precision; those that broke are counted, and in no column."""

    model: str
    """What the model is called: by its title, in a sweep as it was asked for."""
    precision: str
    knobs: Mapping[str, Any]
    """Knob -> its values, float64, int64, bool or `Words`; every swept knob that the model has."""
    metrics: Mapping[str, Any]
    """File key -> float64, NaN where unknown. Counts are whole doubles up to 2^53."""
    broken: Mapping[str, int]
    """Cause -> how many points broke by it."""
    rectangle: Rectangle | None = None
    """With those knobs that differ, where the points are of one."""

    @property
    def points(self) -> int:
        """Points that hold."""
        columns = (*self.metrics.values(), *self.knobs.values())
        return len(columns[0]) if columns else 0  # without metrics where none holds


def column_of(metric: Metric, device: DeviceProfile | None = None) -> str:
    """The name of a metric's column: `params`, `latency_ms@pixel_1_tflite`."""
    return metric.file_key if device is None else f"{metric.file_key}@{device.name}"


def cost_columns(metrics: Sequence[Metric], devices: Sequence[DeviceProfile]) -> list[str]:
    """The columns of `metrics`: those of the network, then those of each device."""
    return [
        *(column_of(metric) for metric in metrics if metric.of_network),
        *(column_of(metric, device) for device in devices for metric in metrics
          if metric.of_device),
    ]  # fmt: skip


def cost_values(
    metrics: Sequence[Metric], costs: NetworkCosts, lower_bound: bool = False
) -> list[Any]:
    """What `costs` has for `cost_columns`, in the units of files; None is unknown.

    Sums that leave layers out are None, unless `lower_bound` asks for them.
    """
    refused = costs.is_partial and not lower_bound

    def given(metric: Metric, value: Any) -> Any:
        if value is None or (refused and metric.needs_totals):
            return None
        return value * metric.file_factor if metric.file_factor != 1 else value

    values = [given(metric, metric.of_network(costs)) for metric in metrics if metric.of_network]
    for device in costs.devices:
        values += [
            given(metric, metric.of_device(device)) for metric in metrics if metric.of_device
        ]
    return values
