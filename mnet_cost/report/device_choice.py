"""One network on many devices: `devices --for MODEL`.

Devices of a class stand together, in each class those first whose times rest on measurements, and
lower bounds last: a bound below an estimate says nothing of which device is faster. Energies have a
column for each method, since those of different methods cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, basis_of
from mnet_cost.report.alerts import misfit_alerts
from mnet_cost.report.analysis_json import device_document, model_document
from mnet_cost.report.capacity import memory_fits
from mnet_cost.report.devices import class_order, under_headings
from mnet_cost.report.estimates import (
    STARS,
    basis_notes,
    outside_notes,
    sibling_notes,
    threads_cell,
    time_notes,
    unknown_notes,
)
from mnet_cost.report.marks import by_basis
from mnet_cost.report.matrix import settings_words
from mnet_cost.report.metric_columns import metric_column, metric_of
from mnet_cost.report.placement import placement_notes
from mnet_cost.report.records import network_records
from mnet_cost.report.rows import band_cell, basis_cell, energy_cell, time_cell, without_unknown
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, SPARE, Column, Marked, Report, Table
from mnet_cost.units import format_bytes, format_count

_FEW = 5
"""So many devices, and all that is to be said of each is said."""

_BASES = ("calibrated", "fitted", "datasheet", "bound")
"""In the order in which devices of a class are shown."""

_POWER, _OPERATIONS = "energy_power_j", "energy_operations_j"
_COLUMNS = (
    Column("device", "device", "text", ASKED),
    Column("runtime", "runtime", "text", 9, help="the program that runs it; any: not said"),
    Column("threads", "threads", "number", 9, "thr.", help="processor threads that it uses"),
    Column("basis", "basis", "text", ASKED, help="what the time rests on"),
    metric_column("latency", ASKED, help="of one inference of the whole batch"),
    Column("band_s", "80 % range", "range", 7, help="four of five measurements are expected in it"),
    Column("fits", "fits", "text", 8, help="whether weights and activations fit the memory; -: its "
           "size is not known"),
    Column(_POWER, "energy,\npower x time", "quantity", 5,
           "energy,\nP x t", help="power of the device times the time, of one inference"),
    Column(_OPERATIONS, "energy,\nper operation", "quantity", 4,
           "energy,\nper op", help="joules per mult-add and per byte, without what idles: a lower "
           "bound, which cannot be compared with power x time"),
    metric_column("lower_bound", SPARE, "lower\nbound",
                  help="no run is faster than this on the device's peaks"),
)  # fmt: skip


def device_choice(analysis: Analysis, name: str | None = None) -> Report:
    """Devices by class, in each by what their times rest on, then by time; `name` is what the
    network was asked for as."""
    ordered = sorted(analysis.devices, key=_order)
    known = [estimate for estimate in ordered if estimate.latency_s is not None]
    unknown = [estimate for estimate in ordered if estimate.latency_s is None]
    notes, more_notes = _notes(analysis, known, unknown)
    shown = ordered if len(ordered) <= _FEW else known  # of few, what was asked for is shown
    rows = tuple(_row(analysis, estimate) for estimate in shown)
    table = without_unknown(Table("devices", "", _COLUMNS, rows), ("band_s", _POWER, _OPERATIONS))
    name = name or analysis.network.spec.title
    records = network_records([name], [replace(analysis, devices=tuple(ordered))])
    return Report(
        title=f"{analysis.network.spec.title} on {_devices(len(shown))}",
        subtitle=_setting(analysis),
        facts=(),
        tables=(under_headings(table, [estimate.device for estimate in shown]),),
        notes=tuple(notes),
        document=lambda: _document(analysis, ordered),
        records=_with_class(records, ordered),
        long_form=True,
        more_notes=tuple(more_notes),
        alerts=tuple(misfit_alerts([analysis])),
    )


def _devices(number: int) -> str:
    return "1 device" if number == 1 else f"{number} devices"


def _setting(analysis: Analysis) -> str:
    mult_adds, weight_bytes = (metric_of(name, analysis) for name in ("mult_adds", "weight_bytes"))
    counted = "unknown" if mult_adds is None else format_count(mult_adds)
    weights = "unknown" if weight_bytes is None else format_bytes(weight_bytes)
    knobs = " · ".join(settings_words(analysis.network.knobs))
    peak = format_bytes(metric_of("peak_memory", analysis))
    return (
        f"{knobs} · {analysis.precision} · {counted} mult-adds · weights {weights} · "
        f"activations {peak} at their peak"
    )


def _notes(
    analysis: Analysis,
    known: Sequence[DeviceEstimate],
    unknown: Sequence[DeviceEstimate],
) -> tuple[list[str], list[str]]:
    """Notes that change how the times are read, and all other notes."""
    notes = []
    if any(estimate.basis == "bound" for estimate in known):
        notes.append(
            "bound: the time is a lower bound (≥), not an estimate: real runs take longer, so it "
            "is not ranked among estimates"
        )
    rateless = [
        estimate for estimate in unknown if basis_of(estimate.device, estimate.precision) is None
    ]
    if rateless:
        have = "has" if len(rateless) == 1 else "have"
        many = f"{len(rateless)} of {len(analysis.devices)} devices {have}"
        if len(rateless) <= _FEW:
            notes += unknown_notes(rateless)
        else:
            notes.append(f"{many} no {analysis.precision} rate: left out")
    if any(estimate.is_marked for estimate in known):
        notes.append(STARS)
    rest = [estimate for estimate in unknown if estimate not in rateless]
    notes += unknown_notes(rest)
    if len(known) <= _FEW:
        notes += sibling_notes(known)
        more_notes = time_notes(analysis, known)
    else:
        more_notes = basis_notes(known) + outside_notes(known)
    more_notes = [*more_notes, *placement_notes(known)]
    return notes, more_notes


def _order(estimate: DeviceEstimate) -> tuple[int, int, float]:
    seconds = estimate.latency_s
    rank = len(_BASES) if estimate.basis is None else _BASES.index(estimate.basis)
    return class_order(estimate.device), rank, float("inf") if seconds is None else seconds


def _row(analysis: Analysis, estimate: DeviceEstimate) -> tuple[Any, ...]:
    device = estimate.device
    energy = energy_cell(analysis, estimate)
    by_power = estimate.energy is not None and estimate.energy.method.startswith("power")
    return (
        device.name,
        device.runtime,
        threads_cell(device),
        basis_cell(analysis, estimate),
        by_basis(time_cell(analysis, estimate), estimate.basis),
        band_cell(analysis, estimate),
        _fits(analysis, estimate),
        energy if by_power else None,
        None if by_power else energy,
        metric_of("lower_bound", analysis, estimate),
    )


def _fits(analysis: Analysis, estimate: DeviceEstimate) -> Marked | str | None:
    """Whether all fits into the memory, in a word."""
    fits = memory_fits(analysis, estimate)
    if fits is None:
        return None
    return "yes" if fits else Marked("no", "bad")


def _with_class(records: Table, ordered: Sequence[DeviceEstimate]) -> Table:
    rows = [
        (*row, estimate.device.device_class)
        for row, estimate in zip(records.rows, ordered, strict=False)
    ]
    return records._replace(columns=(*records.columns, Column("class", "class")), rows=tuple(rows))


def _document(analysis: Analysis, ordered: list[DeviceEstimate]) -> dict[str, Any]:
    return {
        "schema": schema_id("device-choice"),
        "model": model_document(analysis),
        "devices": [
            {"class": estimate.device.device_class, **device_document(analysis, estimate)}
            for estimate in ordered
        ],
    }
