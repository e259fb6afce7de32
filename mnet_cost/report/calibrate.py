"""The report of `calibrate`: what was fitted, and what each measurement was predicted to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import exp
from typing import Any

from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit
from mnet_cost.measure.calibrate import Calibration
from mnet_cost.report.file_keys import file_records
from mnet_cost.report.latency_fit import fitted_on_document
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.units import format_si

_NAMED = 8
"""Columns that a note names."""


def calibration_report(
    name: str,
    calibrations: Mapping[str, Calibration],
    unread: Sequence[str] = (),
    said: Sequence[str] = (),
    runtime_version: str | None = None,
) -> Report:
    """Fits by precision: their numbers, errors on held-out times, each measurement.

    `unread` are columns of the files of which nothing was taken, `said` what is to be said of all
    fits, `runtime_version` the version, or the date, that the times are of.
    """
    several = len(calibrations) > 1
    facts: list[Fact] = []
    if runtime_version is not None:
        facts.append(Fact("version", runtime_version, "text", "of the runtime, or date"))
    notes = []
    if any(calibration.fit.held_out is not None for calibration in calibrations.values()):
        notes.append(
            "left out: the time that the other measurements predict; off: its error. The fit "
            "itself uses all measurements"
        )
    for precision, calibration in calibrations.items():
        prefix = f"{precision} " if several else ""
        facts += [fact._replace(label=prefix + fact.label) for fact in _facts(calibration.fit)]
        notes += [prefix + note for note in (*calibration.notes, *_moved(calibration.fit))]
    notes += said
    if unread:
        names = ", ".join(f"`{column}`" for column in unread[:_NAMED])
        more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        notes.append(f"columns that are not read: {names}{more}")
    tables = {
        precision: _table(precision, calibration) for precision, calibration in calibrations.items()
    }
    forms = " and ".join(dict.fromkeys(calibration.form for calibration in calibrations.values()))
    count = sum(len(calibration.measurements) for calibration in calibrations.values())
    return Report(
        title=f"{name}: {forms} fitted to {count} measurement{'s' if count > 1 else ''}",
        subtitle="",
        facts=tuple(facts),
        tables=tuple(tables.values()),
        notes=tuple(notes),
        document=lambda: {
            "schema": schema_id("calibration"),
            "name": name,
            "runtime_version": runtime_version,
            "unread_columns": list(unread),
            "fits": [
                _document(precision, calibrations[precision], tables[precision])
                for precision in calibrations
            ],
        },
    )


def _table(precision: str, calibration: Calibration) -> Table:
    columns = (
        Column("model", "network"),
        Column("family", "family", "text", 4),
        Column("latency_s", "measured", "seconds"),
        Column("fitted_s", "fitted", "seconds", 6),
        Column("fitted_error", "off %", "percent", 6),
        Column("held_out_s", "left out", "seconds", 8),
        Column("held_out_error", "off %", "percent", 8),
    )
    rows = [
        (
            _plain_name(measurement.model),
            measurement.family,
            measurement.latency_s,
            fitted,
            fitted / measurement.latency_s - 1,
            held_out,
            None if held_out is None else held_out / measurement.latency_s - 1,
        )
        for measurement, fitted, held_out in zip(
            calibration.measurements, calibration.fitted_s, calibration.held_out_s, strict=True
        )
    ]
    # Networks first: small graphs are many, and none is left out.
    small = [measurement.is_small_graph for measurement in calibration.measurements]
    rows = [row for row, last in zip(rows, small, strict=True) if not last] + [
        row for row, last in zip(rows, small, strict=True) if last
    ]
    return Table(f"measurements_{precision}", f"Measurements, {precision}", columns, tuple(rows))


def _facts(fit: LatencyFit) -> list[Fact]:
    facts: list[Fact] = []
    if isinstance(fit, CoefficientFit):
        detail = "for a multiplication in a large 1x1 convolution"
        facts.append(Fact("scale", fit.scale_s.value, "seconds", detail))
    else:
        for label, number, unit in (
            ("rate", fit.macs_per_s, "MAC/s"),
            ("bandwidth", fit.bytes_per_s, "B/s"),
            ("per inference", fit.inference_s, "s"),
            ("per kernel", fit.kernel_s, "s"),
        ):
            if number is not None:
                facts.append(Fact(label, format_si(number.value, unit), "text"))
    if fit.held_out is not None:
        held_out = fit.held_out
        detail = (
            f"median; mean {100 * held_out.mean:.1f} %, of {held_out.measurements} times, "
            f"{held_out.protocol} left out"
        )
        facts.append(Fact("error", f"{100 * held_out.median:.1f} %", "text", detail))
        if held_out.by_mult_adds is not None:
            detail = "mean of the same times by mult-adds alone, at the rate of the others"
            share = f"{100 * held_out.by_mult_adds:.1f} %"
            facts.append(Fact("mult-adds alone", share, "text", detail))
        if held_out.noise_floor is not None:
            detail = "a round is off the median of the others, in the median"
            facts.append(Fact("noise floor", f"{100 * held_out.noise_floor:.1f} %", "text", detail))
    return facts


def _moved(fit: LatencyFit) -> list[str]:
    """A note on the cost coefficients that differ most from the shared ones."""
    if not isinstance(fit, CoefficientFit):
        return []
    moved = {name: value for name, value in fit.deviations.items() if _factor(value) != "x1.00"}
    if not moved:
        return []
    most = sorted(moved.items(), key=lambda item: -abs(item[1]))[:5]
    words = ", ".join(f"{name} {_factor(value)}" for name, value in most)
    return [f"cost coefficients that differ most from the shared ones: {words}"]


def _plain_name(model: str) -> str:
    """A reference without the folder of its file."""
    return model[max(model.rfind("/"), model.rfind("\\")) + 1 :]


def _factor(logarithm: float) -> str:
    return f"x{exp(logarithm):.2f}"


def _document(precision: str, calibration: Calibration, table: Table) -> dict[str, Any]:
    fit = calibration.fit
    return {
        "precision": precision,
        "form": calibration.form,
        "held_out": fit.held_out and asdict(fit.held_out),
        "fitted_on": fitted_on_document(fit),
        "band": asdict(fit.spread),
        "measurements": file_records(table),
        "notes": list(calibration.notes),
    }
