"""What `analyze --what-if` adds to a report: tables, notes, and a part of the JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.changes.what_if import Figure, WhatIf
from mnet_cost.differences.compare import ratio
from mnet_cost.metrics import find_metric
from mnet_cost.report.file_keys import file_numbers
from mnet_cost.report.metric_columns import TIMES, metric_document, metric_of
from mnet_cost.report.rows import basis_cell, part_word, time_cell
from mnet_cost.report.types import (
    ASKED,
    MOST_NOTES,
    SPARE,
    Column,
    Quantity,
    Report,
    Table,
    Time,
)
from mnet_cost.units import format_seconds


def with_what_if(report: Report, analysis: Analysis, what_ifs: Sequence[WhatIf]) -> Report:
    """`report`, with what other numbers of each device would make of the times: after the devices
    the times, before other tables the kernels that something else limits then.

    CSV has the kernels before and after, instead of the rows of the analysis.
    """
    times = [_times_table(analysis, what_if) for what_if in what_ifs]
    bounds = [_bounds_table(what_if) for what_if in what_ifs if what_if.changed]
    notes: list[str] = []
    for what_if in what_ifs:
        name = what_if.before.device.name
        notes += [f"{name}, what if: {note}" for note in (*what_if.notes, *_fit_notes(what_if))]
        if what_if.kernels and not what_if.changed:
            notes.append(f"{name}, what if: no kernel is bound by something else than before")
    return report._replace(
        answer=(*report.answer, *times),
        tables=(*bounds, *report.tables),
        notes=(*notes, *report.notes)[:MOST_NOTES],
        more_notes=(*(*notes, *report.notes)[MOST_NOTES:], *report.more_notes),
        document=lambda: {
            **report.document(),
            "what_if": [_document(analysis, what_if) for what_if in what_ifs],
        },
        records=_records(what_ifs),
    )


def _fit_notes(what_if: WhatIf) -> list[str]:
    """Notes on networks that fit after the change and did not before, or the other way round."""
    fitted = {(fit.what, fit.where): fit.fits for fit in what_if.before.memory_fits}
    return [
        f"{fit.what} {'fit' if fit.fits else 'do not fit'} {fit.where} then"
        for fit in what_if.after.memory_fits
        if fit.fits is not None and fit.fits != fitted.get((fit.what, fit.where))
    ]


def _title(what_if: WhatIf) -> str:
    changes = ", ".join(figure.text for figure in what_if.figures)
    return f"What if {changes}, on {what_if.before.device.name}"


def _times_table(analysis: Analysis, what_if: WhatIf) -> Table:
    columns = (
        Column("what", "number"),
        Column("before", "before", "quantity"),
        Column("after", "after", "quantity"),
        Column("ratio", "after / before", "ratio"),
    )
    rows: list[tuple[Any, ...]] = []
    for figure in what_if.figures:
        before = None if figure.before is None else Quantity(figure.before, figure.unit)
        after = Quantity(figure.after, figure.unit)
        rows.append((_name(figure, what_if.before.precision), before, after, figure.ratio))
    estimates = (what_if.before, what_if.after)
    cells = [_time(time_cell(analysis, estimate)) for estimate in estimates]
    rows.append((find_metric("latency").title, *cells, _ratio(analysis, what_if, "latency")))
    if analysis.has_totals:
        cells = [_seconds(metric_of("lower_bound", analysis, estimate)) for estimate in estimates]
        title = find_metric("lower_bound").title
        rows.append((title, *cells, _ratio(analysis, what_if, "lower_bound")))
    return Table("what_if", _title(what_if), columns, tuple(rows))


def _name(figure: Figure, precision: str) -> str:
    """A number of a device in words."""
    return {
        "macs": f"{precision} mult-adds",
        "vector": f"{precision} other operations",
        "launch": "launch of a kernel",
        "inference": "part for each inference",
        "size": f"size of {figure.level}",
        "bandwidth": f"bandwidth of {figure.level}" if figure.level else "bandwidth",
    }[figure.place]


def _seconds(value: float | None) -> Quantity | None:
    return None if value is None else Quantity(value, "s")


def _time(cell: Time | None) -> Quantity | str | None:
    if cell is not None and cell.least:
        return f"≥{format_seconds(cell.seconds)}"
    return _seconds(None if cell is None else cell.seconds)


def _ratio(analysis: Analysis, what_if: WhatIf, metric: str) -> float | None:
    """A metric after over that before."""
    before, after = (metric_of(metric, analysis, e) for e in (what_if.before, what_if.after))
    return ratio(before, after)


_BOUNDS = (
    Column("kernel", "kernel", "text", ASKED),
    Column("kind", "kind", "text", SPARE),
    Column("bound_before", "limit", "text", ASKED, help="what the bound comes from"),
    Column("bound_after", "limit then", "text", ASKED),
    Column("bound_before_s", "bound", "seconds", help="the least time on the peaks"),
    Column("bound_after_s", "bound then", "seconds"),
)


def _bounds_table(what_if: WhatIf) -> Table:
    rows = [
        (
            change.before.kernel.name,
            change.before.kernel.anchor.step.layer.variety(),
            part_word(change.before.bound),
            part_word(change.after.bound),
            change.before.lower_bound.seconds,
            change.after.lower_bound.seconds,
        )
        for change in what_if.changed
    ]
    many = f"{len(what_if.changed)} of {len(what_if.kernels)}"
    title = f"Kernels that something else binds then, on {what_if.before.device.name}: {many}"
    return Table("what_if_bounds", title, _BOUNDS, tuple(rows))


def _records(what_ifs: Sequence[WhatIf]) -> Table:
    """Every kernel on every device, before and after."""
    columns = (
        Column("device", "device"),
        *_BOUNDS,
        Column("latency_before_s", "time", "seconds"),
        Column("latency_after_s", "time then", "seconds"),
    )
    rows = [
        (
            what_if.before.device.name,
            change.before.kernel.name,
            change.before.kernel.anchor.step.layer.variety(),
            change.before.bound,
            change.after.bound,
            change.before.lower_bound.seconds,
            change.after.lower_bound.seconds,
            change.before.latency_s,
            change.after.latency_s,
        )
        for what_if in what_ifs
        for change in what_if.kernels
    ]
    return Table("what_if", "", columns, tuple(rows))


def _document(analysis: Analysis, what_if: WhatIf) -> dict[str, Any]:
    return {
        "device": what_if.before.device.name,
        "basis": basis_cell(analysis, what_if.before),
        "changes": [
            {
                "key": figure.change.key,
                "value": figure.change.value,
                "number": figure.place,
                "level": figure.level,
                "unit": figure.unit,
                "before": figure.before,
                "after": figure.after,
            }
            for figure in what_if.figures
        ],
        "before": metric_document(TIMES, analysis, what_if.before),
        "after": metric_document(TIMES, analysis, what_if.after),
        "latency_ratio": _ratio(analysis, what_if, "latency"),
        "changed_bounds": [
            {
                "kernel": change.before.kernel.name,
                "bound_before": change.before.bound,
                "bound_after": change.after.bound,
                **file_numbers(
                    {
                        "bound_before_s": change.before.lower_bound.seconds,
                        "bound_after_s": change.after.lower_bound.seconds,
                        "latency_before_s": change.before.latency_s,
                        "latency_after_s": change.after.latency_s,
                    }
                ),
            }
            for change in what_if.changed
        ],
        "notes": list(what_if.notes),
    }
