"""A sweep on one screen: what was swept, what broke, the span of each metric, and the front.

A front of many points is thinned evenly, and says so; files have all of it. Not here: points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, Column, Fact, Form, Quantity, Report, Table
from mnet_cost.search.objectives import Objective
from mnet_cost.search.sweep import Column as SweepColumn
from mnet_cost.search.sweep import Span, Summary, SweepRequest

_MOST_ROWS = 12
_MOST_CAUSES = 2
"""Shown among the notes; all are in JSON."""


def sweep_report(request: SweepRequest, summary: Summary) -> Report:
    """The report of a sweep whose points are all in `summary`."""
    notes, more_notes = _notes(request, summary)
    asked = _best(request, summary) if summary.top else _front(request, summary)
    names = ", ".join(network.name for network in request.networks)
    return Report(
        title=f"{names}: {summary.valid:,} of {request.points:,} points hold",
        subtitle=_setting(request),
        facts=tuple(_axis_fact(name, values) for name, values in request.axes.items()),
        tables=(asked, _spans(request, summary)),
        notes=notes,
        document=lambda: sweep_document(request, summary),
        more_notes=more_notes,
        facts_in_line=True,
    )


def _setting(request: SweepRequest) -> str:
    words = [", ".join(request.precisions)]
    if request.devices:
        words.append(", ".join(device.name for device in request.devices))
    if request.convention != "paper":
        words.append(f"convention {request.convention}")
    return " · ".join(words)


def _axis_fact(name: str, values: Sequence[Any]) -> Fact:
    shown = ", ".join(map(str, values)) if len(values) <= 4 else f"{values[0]} to {values[-1]}"
    many = f"{len(values):,} values" if len(values) > 4 else ""
    return Fact(name, shown, "text", many, many)


def _spans(request: SweepRequest, summary: Summary) -> Table:
    """The least and the most of each metric; one row for each device that it is of."""
    rows = []
    for column in request.columns:
        span = summary.spans.get(column.name)
        if column.metric is None or span is None or column.metric.name.endswith(("_low", "_high")):
            continue
        device = column.device.name if column.device else None
        rows.append((
            column.metric.title, device, _figure(column, span.low), _figure(column, span.high),
        ))  # fmt: skip
    columns = (
        Column("metric", "metric", "text", ASKED),
        Column("device", "on", "text", 9),
        Column("least", "least", "quantity", ASKED),
        Column("most", "most", "quantity", ASKED),
    )
    return Table("metrics", "Least and most", columns, tuple(rows))


def _figure(column: SweepColumn, value: float | None) -> Any:
    """A number of a file as people read it: in the unit of the metric."""
    if value is None or column.metric is None:
        return value
    metric = column.metric
    return Quantity(value / metric.file_factor, metric.unit)


def _front(request: SweepRequest, summary: Summary) -> Table:
    rows = summary.front_rows
    shown = _thinned(rows)
    title = " and ".join(objective.title for objective in request.objectives)
    note = f"{len(rows):,} points that no other is better than in {title}"
    if len(shown) < len(rows):
        note += f": {len(shown)} of them, evenly spread"
    if summary.near_ties:
        note += f"; {summary.near_ties:,} more are off by less than the error of a ratio of times"
    return _points(request, "front", "Front", shown, note)


def _best(request: SweepRequest, summary: Summary) -> Table:
    title = request.objectives[0].title
    return _points(request, "top", "Best", summary.top, f"the best by {title}")


def _points(
    request: SweepRequest, key: str, title: str, rows: Sequence[Mapping[str, Any]], note: str
) -> Table:
    """Points as rows: what tells them apart, then the objectives."""
    by_name = {column.name: column for column in request.columns}
    told = [
        *(["model"] if len(request.networks) > 1 else []),
        *(["precision"] if len(request.precisions) > 1 else []),
        *request.axes,
    ]
    columns = [
        Column(name, name, "text" if by_name[name].kind == "word" else "number", ASKED)
        for name in told
    ]
    columns += [_column(objective) for objective in request.objectives]
    cells = []
    for row in rows:
        values = [row.get(name) for name in told]
        values += [_figure(by_name[o.column], row.get(o.column)) for o in request.objectives]
        bases = [
            row.get(o.accuracy.basis_column) for o in request.objectives if o.accuracy is not None
        ]
        cells.append((*values, *bases))
    for objective in request.objectives:
        if objective.accuracy is not None:
            columns.append(Column(objective.accuracy.basis_column, "known", "text", 5))
    return Table(key, title, tuple(columns), tuple(cells), note=note)


def _column(objective: Objective) -> Column:
    title = objective.title.replace(" on ", "\non ")
    form: Form = "quantity"
    return Column(objective.column, title, form, ASKED)


def _thinned(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most `_MOST_ROWS`, evenly spread, the first and the last among them."""
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    last = len(rows) - 1
    return [rows[round(i * last / (_MOST_ROWS - 1))] for i in range(_MOST_ROWS)]


def _notes(request: SweepRequest, summary: Summary) -> tuple[tuple[str, ...], tuple[str, ...]]:
    notes = [f"{count:,} points break: {cause}" for count, cause in summary.causes]
    more = notes[_MOST_CAUSES:]
    if any(objective.accuracy is not None for objective in request.objectives):
        more.append(
            "an accuracy is what a source prints for a point, or `interpolated` between such "
            "points; other points have none, and are on no front with accuracies"
        )
    return tuple(notes[:_MOST_CAUSES]), tuple(more)


def sweep_document(request: SweepRequest, summary: Summary) -> dict[str, Any]:
    """The JSON document; numbers in the units that the keys of columns say."""
    return {
        "schema": schema_id("sweep"),
        "models": [network.name for network in request.networks],
        "precisions": list(request.precisions),
        "devices": [device.name for device in request.devices],
        "convention": request.convention,
        "axes": {name: [_plain(v) for v in values] for name, values in request.axes.items()},
        "points": request.points,
        "valid": summary.valid,
        "broken": [{"points": count, "cause": cause} for count, cause in summary.causes],
        "objectives": [
            {"column": objective.column, "better": objective.metric.better}
            for objective in request.objectives
        ],
        "near_ties": summary.near_ties,
        "metrics": {
            column.name: _span(column, summary.spans[column.name])
            for column in request.columns
            if column.name in summary.spans
        },
        "front": [_record(request, row) for row in summary.front_rows],
        "top": [_record(request, row) for row in summary.top],
    }


def _span(column: SweepColumn, span: Span) -> dict[str, Any]:
    return {
        "least": _number(column, span.low),
        "most": _number(column, span.high),
        "known": span.known,
    }


def _record(request: SweepRequest, row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: _number(column, row.get(column.name)) for column in request.columns}


def _number(column: SweepColumn, value: Any) -> Any:
    """A count as a whole number: columns hold doubles."""
    return int(value) if column.kind == "int64" and value is not None else value


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) else str(value)
