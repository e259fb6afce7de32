"""Long form, for CSV and Markdown: a row for each network, device and part of the network.

All commands share the columns: which network at which setting, on which device, how long it takes
there and what that rests on, then what the row is about. A network without a device has rows, too,
in which nothing is said of a device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.time_breakdown import time_breakdown
from mnet_cost.report.capacity import memory_fits
from mnet_cost.report.conventions import AGREEMENT_COLUMN, marks_of
from mnet_cost.report.metric_columns import ENERGIES, TIMES, metric_cell, metric_column, metric_of
from mnet_cost.report.rows import (
    Grain,
    Group,
    Times,
    basis_cell,
    counted_shares,
    energy_cell,
    groups,
    time_cell,
)
from mnet_cost.report.types import Column, Table

_TOTALS = ("mult_adds", "params", "weights", "weight_bytes", "traffic", "peak_memory")
"""Totals of a row for a network on a device."""
_SETTING = (
    Column("model", "network"),
    Column("knobs", "knobs"),
    Column("batch", "batch", "number"),
    Column("precision", "precision"),
    Column("device", "device"),
    Column("runtime", "runtime"),
    Column("threads", "threads", "number"),
    Column("basis", "basis"),
    metric_column("latency"),
)
_NETWORK = (
    *map(metric_column, TIMES[1:]),
    Column("energy_method", "energy by"),
    *map(metric_column, ENERGIES),
    Column("energy_basis", "energy basis"),
    Column("energy_how", "how"),
    Column("memory_fits", "fits memory"),
    *map(metric_column, _TOTALS),
)
_SHARE = Column("latency_share", "time %", "percent")
_COUNTS = (
    metric_column("mult_adds"),
    Column("mult_adds_share", "mult-adds %", "percent"),
    metric_column("params"),
    metric_column("weights"),
    Column("weights_share", "weights %", "percent"),
)
_OUTPUT = Column("output_shape", "output")
_ROWS: dict[Grain, tuple[Column, ...]] = {
    "layer": (Column("name", "layer"), Column("kind", "kind"), Column("line", "line", "number"),
              _OUTPUT),
    "block": (Column("name", "block"), Column("kind", "kind"), Column("copies", "copies", "number"),
              _OUTPUT),
    "kind": (Column("name", "kind"), Column("layers", "layers", "number")),
}  # fmt: skip
_KERNEL = (
    Column("name", "kernel"),
    Column("layers", "layers"),
    metric_column("mult_adds"),
    Column("compute_s", "compute", "seconds"),
    Column("memory_s", "memory", "seconds"),
    Column("overhead_s", "launch", "seconds"),
    metric_column("lower_bound"),
    Column("bound", "bound by"),
    Column("intensity", "mult-adds per byte", "number"),
)


def network_records(names: Sequence[str], analyses: Sequence[Analysis]) -> Table:
    """A row for each network on each device: times, energy, memory, totals."""
    marked = any(marks_of(analysis) for analysis in analyses)
    columns = (*_SETTING, *_NETWORK, *([AGREEMENT_COLUMN] if marked else []))
    rows = [
        (
            *setting,
            *_network_row(analysis, estimate),
            *([analysis.convention_agreement] if marked else []),
        )
        for analysis, estimate, setting in _each(names, analyses)
    ]
    return Table("networks", "", columns, tuple(rows))


def part_records(names: Sequence[str], analyses: Sequence[Analysis], by: Grain) -> Table:
    """A row for each layer, block or kind of each network on each device."""
    marked = any(marks_of(analysis) for analysis in analyses)
    columns = (*_SETTING, _SHARE, *_ROWS[by], *_COUNTS, *([AGREEMENT_COLUMN] if marked else []))
    rows: list[tuple[Any, ...]] = []
    parts = {id(analysis): groups(analysis, by) for analysis in analyses}
    for analysis, estimate, setting in _each(names, analyses):
        times = estimate and Times(estimate, analysis.latency_s(estimate))
        for group in parts[id(analysis)]:
            seconds = times.seconds(group) if times else None
            share = times.share(group) if times else None
            row = (*setting[:-1], seconds, share, *_part(group, by))
            row += _counts(analysis, group)
            if marked:
                marks = marks_of(analysis)
                row += (marks.of(group.layers) if marks else None,)
            rows.append(row)
    return Table({"layer": "layers", "block": "blocks", "kind": "kinds"}[by], "", columns,
                 tuple(rows))  # fmt: skip


def kernel_records(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    top: int | None = None,
) -> Table:
    """A row for each kernel of each network on each device, those first that take longest; with
    `top` so many of each device."""
    rows: list[tuple[Any, ...]] = []
    for analysis, estimate, setting in _each(names, analyses):
        if estimate is None:
            continue
        whole_s = analysis.latency_s(estimate)
        ordered = sorted(estimate.kernels, key=lambda timed: -(timed.latency_s or 0.0))
        for timed in ordered[:top]:
            kernel, seconds = timed.kernel, timed.latency_s
            rows.append(
                (
                    *setting[:-1],
                    seconds,
                    seconds / whole_s if seconds is not None and whole_s else None,
                    kernel.name,
                    tuple(cost.step.name for cost in kernel.layers),
                    None if kernel.anchor.work is None else kernel.mult_adds,
                    *time_breakdown(estimate, timed),
                    timed.lower_bound.seconds,
                    timed.bound,
                    timed.intensity,
                )
            )
    return Table("kernels", "", (*_SETTING, _SHARE, *_KERNEL), tuple(rows))


def _each(
    names: Sequence[str], analyses: Sequence[Analysis]
) -> Iterator[tuple[Analysis, DeviceEstimate | None, tuple[Any, ...]]]:
    """Each network on each device (or on none), with the columns that say so."""
    for name, analysis in zip(names, analyses, strict=True):
        settings = analysis.network.knobs.items()
        knobs = " ".join(f"{knob}={value}" for knob, value in settings if knob != "batch")
        head = (name, knobs or None, analysis.network.batch, analysis.precision)
        for estimate in analysis.devices:
            device = estimate.device
            times = (basis_cell(analysis, estimate), time_cell(analysis, estimate))
            about = (device.name, device.runtime, device.threads, *times)
            yield analysis, estimate, (*head, *about)
        if not analysis.devices:
            yield analysis, None, (*head, None, None, None, None, None)


def _network_row(analysis: Analysis, estimate: DeviceEstimate | None) -> tuple[Any, ...]:
    totals = [metric_of(total, analysis) for total in _TOTALS]
    if estimate is None:
        return (*[None] * (len(_NETWORK) - len(totals)), *totals)
    energy = estimate.energy if analysis.has_totals else None
    return (
        *(metric_of(time, analysis, estimate) for time in TIMES[1:]),
        energy and energy.method,
        energy_cell(analysis, estimate),
        *(metric_cell(end, analysis, estimate) for end in ENERGIES[1:]),
        energy and energy.basis,
        energy and energy.how,
        memory_fits(analysis, estimate),
        *totals,
    )


def _part(group: Group, by: Grain) -> tuple[Any, ...]:
    last = group.layers[-1].output.shape
    if by == "layer":
        step = group.layers[0].step
        return group.name, step.layer.kind, step.line, tuple(last)
    if by == "block":
        return group.name, group.kind, group.copies, tuple(last)
    return group.name, len(group.layers)


def _counts(analysis: Analysis, group: Group) -> tuple[Any, ...]:
    if not group.modelled:
        return (None,) * len(_COUNTS)
    mult_adds_share, weights_share = counted_shares(analysis, group)
    return group.mult_adds, mult_adds_share, group.params, group.weights, weights_share
