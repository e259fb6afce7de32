"""Columns and numbers of metrics for reports: titles, units and readings are those of `metrics.py`.

A report says only which metrics it shows, and where there is room for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.metrics import Unit, find_metric, named
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.types import Column, Form, Quantity

TIMES = ("latency", "latency_low", "latency_high", "lower_bound")
"""Metrics that say how long a network takes on a device."""
ENERGIES = ("energy", "energy_low", "energy_high")

_FORMS: Mapping[Unit, Form] = {
    "": "count",
    "bytes": "bytes",
    "s": "seconds",
    "J": "quantity",
    "%": "number",
}


def metric_column(name: str, weight: int = 9, short: str = "", help: str = "") -> Column:
    """The column of a metric, or of the same quantity for a part of a network."""
    metric = find_metric(name)
    title = f"{metric.title} %" if metric.unit == "%" else metric.title
    return Column(metric.key, title, metric_form(name), weight, short, help)


def metric_form(name: str) -> Form:
    """What a column of a metric holds."""
    return _FORMS[find_metric(name).unit]


def metric_of(name: str, analysis: Analysis, estimate: DeviceEstimate | None = None) -> Any:
    """The number of an analysis, on one of its devices where the metric is of a device."""
    return find_metric(name).of(analysis, estimate)


def metric_cell(name: str, analysis: Analysis, estimate: DeviceEstimate | None = None) -> Any:
    """The same for a cell below `metric_column`, where joules have their unit with them."""
    number = metric_of(name, analysis, estimate)
    return Quantity(number, "J") if find_metric(name).unit == "J" and number is not None else number


def metric_document(
    names: Iterable[str], analysis: Analysis, estimate: DeviceEstimate | None = None
) -> dict[str, Any]:
    """The numbers by their keys in JSON."""
    metrics = named(tuple(names))
    return file_numbers({metric.key: metric.of(analysis, estimate) for metric in metrics})
