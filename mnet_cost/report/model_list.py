"""The report of `models`: all networks that can be named, with counts and published accuracy.

Accuracies of different metrics have tables of their own, so that no column holds two of them; files
have a column for each metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.work import find_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.models.catalog import Listed, read_catalog, search
from mnet_cost.models.load import compile_spec
from mnet_cost.models.published import ACCURACIES
from mnet_cost.report.marks import by_basis
from mnet_cost.report.matrix import device_column
from mnet_cost.report.metric_columns import metric_column, metric_document, metric_of
from mnet_cost.report.published import Accuracy, accuracies, published_document, published_rows
from mnet_cost.report.rows import basis_cell, time_cell
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, Column, Compared, Report, Table

_TITLES = {
    "top1": "Image classification",
    "top5": "Image classification, top-5 alone",
    "map": "Object detection",
    "miou": "Segmentation",
    "accuracy": "Other classification",
    "auc": "Anomaly detection",
    None: "No published accuracy at these settings",
}
"""Titles of tables by metric."""
_COUNTED = ("mult_adds", "params")
_STORED = ("weight_bytes", "peak_memory")
"""Metrics that are shown of each network, and with its costs."""

Progress = Callable[[int, int], None]
"""Is called with how many networks are done, and how many there are."""


class Listing(NamedTuple):
    """The report, and the problems of files that are not in it."""

    report: Report
    broken: tuple[MnetCostError, ...]


class _Row(NamedTuple):
    """A network with its analysis, and its accuracies: one of each metric."""

    listed: Listed
    analysis: Analysis
    accuracies: dict[str, Accuracy]

    @property
    def first(self) -> Accuracy | None:
        return next(iter(self.accuracies.values()), None)


def models_report(
    patterns: Sequence[str] = (),
    devices: Sequence[DeviceProfile] | None = None,
    precision: str | None = None,
    progress: Progress | None = None,
) -> Listing:
    """The shipped networks at their default knobs, or those that match one of `patterns`.

    With `devices` bytes, peak memory and times, too.
    """
    if precision is not None:
        find_precision(precision)  # a mistake in the call is not one of each file
    catalog = read_catalog()
    networks = search(catalog.networks, patterns) if patterns else catalog.networks
    broken: list[MnetCostError] = list(catalog.broken)
    rows = []
    for i, listed in enumerate(networks):
        if progress is not None:
            progress(i, len(networks))
        try:
            spec = compile_spec(listed.root, listed.path, listed.variant)
            analysis = analyze(spec, devices=devices or (), precision=precision)
        except MnetCostError as error:
            broken.append(error)
            continue
        by_metric: dict[str, Accuracy] = {}
        for figure in accuracies(published_rows(analysis)):
            by_metric.setdefault(figure.metric, figure)
        rows.append(_Row(listed, analysis, by_metric))
    if progress is not None:
        progress(len(networks), len(networks))
    problems = list(dict.fromkeys(error.problems[0] for error in broken))
    alerts = [f"left out: {problem.render().splitlines()[0]}" for problem in problems]
    report = Report(
        title="1 network" if len(rows) == 1 else f"{len(rows)} networks",
        subtitle=", ".join(dict.fromkeys(row.analysis.precision for row in rows))
        if devices is not None
        else "",
        facts=(),
        tables=tuple(_tables(rows, devices)),
        notes=("`mnet-cost models show NAME`: knobs, variants, published figures beside ours",),
        document=lambda: {
            "schema": schema_id("models"),
            "models": [_document(row, devices is not None) for row in rows],
            "left_out": [str(error) for error in broken],
        },
        records=_records(rows, devices),
        long_form=True,
        alerts=tuple(alerts),
    )
    return Listing(report, tuple(broken))


def _tables(rows: Sequence[_Row], devices: Sequence[DeviceProfile] | None) -> list[Table]:
    """A table for each metric, in the order in which they come first."""
    groups: dict[str | None, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.first.metric if row.first else None, []).append(row)
    without = groups.pop(None, None)
    if without:
        groups[None] = without  # last, whatever was looked for
    return [_table(metric, group, devices) for metric, group in groups.items()]


def _table(
    metric: str | None, rows: Sequence[_Row], devices: Sequence[DeviceProfile] | None
) -> Table:
    columns = [
        Column("name", "network", "text", ASKED),
        Column("input", "input", "text", 6),
        *map(metric_column, _COUNTED),
    ]
    if metric is not None:
        columns += [
            metric_column(metric),
            Column("dataset", "dataset", "text", 8),
        ]
    if devices is not None:
        columns += [
            metric_column("weight_bytes", 5, "weight\nbytes"),
            metric_column("peak_memory", 7, "peak\nmemory"),
            *(device_column(estimate) for estimate in rows[0].analysis.devices),
        ]
    if metric is not None:
        columns.append(Column("published_in", "published in", "text", 4))
    columns.append(Column("source", "network from", "text", 3))
    cells = []
    for row in rows:
        analysis, figure = row.analysis, row.first
        counts = [metric_of(total, analysis) for total in _COUNTED]
        shown: list[Any] = [
            row.listed.name,
            ", ".join(map(str, _inputs(analysis).values())),
            *(None if count is None else Compared(count, None) for count in counts),
        ]
        if figure is not None:
            shown += [figure.text, figure.dataset]
        if devices is not None:
            shown += [metric_of(total, analysis) for total in _STORED]
            shown += [
                by_basis(time_cell(analysis, estimate), estimate.basis)
                for estimate in analysis.devices
            ]
        if figure is not None:
            shown.append(figure.source)
        cells.append((*shown, row.listed.source or None))
    return Table(metric or "models", _TITLES[metric], tuple(columns), tuple(cells))


def _records(rows: Sequence[_Row], devices: Sequence[DeviceProfile] | None) -> Table:
    """A row for each network, and for each device where there are some."""
    columns = [
        Column("name", "network"),
        Column("input", "input"),
        *map(metric_column, _COUNTED),
        *map(metric_column, ACCURACIES),
        Column("dataset", "dataset"),
        Column("published_in", "published in"),
        Column("source", "network from"),
    ]
    if devices is not None:
        columns += [
            Column("precision", "precision"),
            *map(metric_column, _STORED),
            Column("device", "device"),
            Column("runtime", "runtime"),
            Column("threads", "threads", "number"),
            Column("basis", "basis"),
            metric_column("latency"),
        ]
    cells: list[tuple[Any, ...]] = []
    for row in rows:
        analysis, figure = row.analysis, row.first
        shown = (
            row.listed.name,
            ", ".join(map(str, _inputs(analysis).values())),
            *(metric_of(total, analysis) for total in _COUNTED),
            *(_value(row.accuracies.get(metric)) for metric in ACCURACIES),
            figure and figure.dataset,
            figure and figure.source,
            row.listed.source or None,
        )
        if devices is None:
            cells.append(shown)
            continue
        shown += (analysis.precision, *(metric_of(total, analysis) for total in _STORED))
        for estimate in analysis.devices:
            device = estimate.device
            basis = basis_cell(analysis, estimate)
            seconds = metric_of("latency", analysis, estimate)
            cells.append((*shown, device.name, device.runtime, device.threads, basis, seconds))
        if not analysis.devices:
            cells.append((*shown, None, None, None, None, None))
    return Table("models", "", tuple(columns), tuple(cells))


def _value(figure: Accuracy | None) -> float | None:
    return None if figure is None else float(figure.text)


def _inputs(analysis: Analysis) -> dict[str, list[int]]:
    tensors = analysis.network.tensors
    return {tensors[i].name: list(tensors[i].type.shape) for i in analysis.network.inputs}


def _document(row: _Row, with_cost: bool) -> dict[str, Any]:
    listed, analysis, figure = row.listed, row.analysis, row.first
    document = {
        "name": listed.name,
        "names": list(listed.names),
        "spec": listed.path,
        "variant": listed.variant,
        "source": listed.source or None,
        "knobs": {name: knob.default for name, knob in analysis.network.spec.knobs.items()},
        "input_shapes": _inputs(analysis),
        **metric_document(_COUNTED, analysis),
        **{metric: _value(row.accuracies.get(metric)) for metric in ACCURACIES},
        "dataset": figure and figure.dataset,
        "published_in": figure and figure.source,
        "published": published_document(published_rows(analysis)),
    }
    if not with_cost:
        return document
    return document | {
        "precision": analysis.precision,
        **metric_document(_STORED, analysis),
        "devices": [
            {
                "name": estimate.device.name,
                "runtime": estimate.device.runtime,
                "threads": estimate.device.threads,
                "basis": basis_cell(analysis, estimate),
                **metric_document(["latency"], analysis, estimate),
            }
            for estimate in analysis.devices
        ],
    }
