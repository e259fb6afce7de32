"""One network on many devices: `devices --for MODEL`."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate, basis_of
from mnet_cost.report.devices import class_order
from mnet_cost.report.document import device_document, model_document
from mnet_cost.report.estimates import (
    FITS,
    basis_notes,
    fits_word,
    outside_notes,
    time_notes,
    unknown_notes,
)
from mnet_cost.report.rows import band_cell, energy_cell, time_cell, without_unknown
from mnet_cost.report.types import Column, Report, Table
from mnet_cost.units import format_bytes, format_count

SCHEMA = "mnet-cost/devices-for/1"

_FEW = 5
"""So many devices, and all that is to be said of each is said."""

_COLUMNS = (
    Column("device", "device"),
    Column("threads", "threads", "number", 7),
    Column("basis", "basis"),
    Column("latency_s", "time", "seconds"),
    Column("band_s", "80 % band", "range", 8),
    Column("fits", "fits", "text", 8),
    Column("bound_s", "bound", "seconds", 6),
    Column("energy", "energy", "quantity", 4),
    Column("runtime", "runtime", "text", 5),
    Column("class", "class", "text", 3),
)


def device_choice(analysis: Analysis, lower_bound: bool = False) -> Report:
    """Devices by class, those that take least time first; unknown times last."""
    refused = analysis.refuses(lower_bound)
    ordered = sorted(analysis.devices, key=_order)
    known = [one for one in ordered if one.latency_s is not None]
    unknown = [one for one in ordered if one.latency_s is None]
    rows = tuple(_row(analysis, one, lower_bound) for one in known)
    spec, peak = analysis.network.spec, analysis.memory.peak_bytes
    mult_adds = analysis.total("mult_adds", lower_bound)
    counted = "unknown" if mult_adds is None else format_count(mult_adds)
    knobs = " · ".join(f"{name} {value}" for name, value in analysis.network.knobs.items())
    if len(known) <= _FEW:
        notes = time_notes(known, refused)
    else:
        notes = basis_notes(known) + outside_notes(known)
    if rateless := [one for one in unknown if basis_of(one.device, one.precision) is None]:
        notes.append(f"{len(rateless)} of {len(ordered)} devices have no {analysis.precision} rate")
    notes += unknown_notes([one for one in unknown if one not in rateless])
    note = f"classes one after another, in each the least time first; {FITS}"
    table = Table("devices", "", _COLUMNS, rows, note=note)
    return Report(
        title=f"{spec.title} on {len(known)} devices",
        subtitle=f"{knobs} · {analysis.precision} · {counted} mult-adds, "
        f"{format_bytes(analysis.totals.weight_bytes)} of weights, {format_bytes(peak)} of "
        "activations at the peak",
        facts=(),
        tables=(without_unknown(table, ("band_s", "energy")),),
        notes=tuple(notes),
        document=lambda: _document(analysis, ordered, refused),
        records=table,
    )


def _order(estimate: DeviceEstimate) -> tuple[int, float]:
    seconds = estimate.latency_s
    return class_order(estimate.device), float("inf") if seconds is None else seconds


def _row(analysis: Analysis, estimate: DeviceEstimate, lower_bound: bool) -> tuple[Any, ...]:
    device, refused = estimate.device, analysis.refuses(lower_bound)
    return (
        device.name,
        device.threads,
        None if refused else estimate.basis,
        time_cell(analysis, estimate, lower_bound),
        band_cell(analysis, estimate, lower_bound),
        None if refused else fits_word(estimate.memory_fits),
        None if refused else estimate.bound_s,
        energy_cell(estimate, refused),
        device.runtime,
        device.device_class,
    )


def _document(analysis: Analysis, ordered: list[DeviceEstimate], refused: bool) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": model_document(analysis),
        "devices": [
            {"class": one.device.device_class, **device_document(one, refused)} for one in ordered
        ],
    }
