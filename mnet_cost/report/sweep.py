"""A sweep on one screen: what was swept, what broke, the span of each metric, and the front.

A front of many points is thinned evenly, and says so; files have all of it. Not here: points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import one_of
from mnet_cost.metrics import Metric, find_metric
from mnet_cost.report.file_keys import plain_value
from mnet_cost.report.placement import notes_of_many
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.sweep_choices import compact_choices, is_choice
from mnet_cost.report.types import ASKED, AtLeast, Column, Fact, Form, Quantity, Report, Table
from mnet_cost.search.blocks import column_of
from mnet_cost.search.objectives import Objective
from mnet_cost.search.summary import Span, Summary
from mnet_cost.search.sweep_description import accuracies_of
from mnet_cost.search.sweep_request import Column as SweepColumn
from mnet_cost.search.sweep_request import Network, SweepRequest

_MOST_ROWS = 10
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
        facts=_axis_facts(request),
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
    if request.selection is not None:
        words.append(_SELECTED[request.selection.method].format(
            request.selection.count, seed=request.selection.seed
        ))  # fmt: skip
    return " · ".join(words)


_SELECTED = {
    "sample": "{:,} random samples, seed {seed}",
    "evolution": "evolution, {:,} evaluations, seed {seed}",
    "optuna": "Optuna, {:,} evaluations, seed {seed}",
    "exact": "exact search",
}


def _axis_facts(request: SweepRequest) -> tuple[Fact, ...]:
    """The swept knobs with their values; of design spaces only how large they are, and knobs."""
    facts = []
    for network in request.networks:
        if network.space is not None:
            name = "space" if len(request.networks) == 1 else f"space of {network.name}"
            size = f"{network.space.space.points:.4g} combinations of options"
            facts.append(Fact(name, size, "text"))
    for name, values in request.axes.items():
        if request.selection is None or not is_choice(name):
            facts.append(_axis_fact(name, values))
    return tuple(facts)


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
        least = _is_lower_bound(request, column, summary)
        rows.append((
            column.metric.title, device, _figure(column, span.low, least),
            _figure(column, span.high, least),
        ))  # fmt: skip
    columns = (
        Column("metric", "metric", "text", ASKED),
        Column("device", "on", "text", 9),
        Column("least", "least", "quantity", ASKED),
        Column("most", "most", "quantity", ASKED),
    )
    return Table("metrics", "Least and most", columns, tuple(rows))


def _takes_time(metric: Metric | None) -> bool:
    return metric is not None and metric.name in ("latency", "energy")


def _is_lower_bound(request: SweepRequest, column: SweepColumn, summary: Summary) -> bool:
    """Whether some of the column's numbers are no more than lower bounds: nothing ends them
    upwards."""
    metric, device = column.metric, column.device
    if metric is None or device is None:
        return False
    if metric.name == "latency":
        return any(_is_bound(device, precision) for precision in request.precisions)
    if metric.name == "energy":
        ended = summary.spans.get(column_of(find_metric("energy_high"), device))
        return ended is None or ended.known < summary.spans[column.name].known
    return False


def _is_bound(device: DeviceProfile, precision: str) -> bool:
    """Whether times on the device are lower bounds."""
    return basis_of(device, precision) == "bound"


def _figure(column: SweepColumn, value: float | None, is_lower_bound: bool = False) -> Any:
    """A number of a file as people read it: in the unit of the metric."""
    if value is None or column.metric is None:
        return value
    metric = column.metric
    figure = Quantity(value / metric.file_factor, metric.unit)
    return AtLeast(*figure) if is_lower_bound else figure


def _objective_figure(column: SweepColumn, row: Mapping[str, Any]) -> Any:
    """The number of one point, which may be a lower bound."""
    metric, device, least = column.metric, column.device, False
    if metric is not None and device is not None:
        if metric.name == "latency":
            least = _is_bound(device, row["precision"])
        elif metric.name == "energy":
            least = row.get(column_of(find_metric("energy_high"), device)) is None
    return _figure(column, row.get(column.name), least)


def _front(request: SweepRequest, summary: Summary) -> Table:
    rows = summary.front_rows
    shown = _thinned(rows)
    title = " and ".join(objective.aim for objective in request.objectives)
    if not rows:
        unknown = [each.title for each in request.objectives if each.column not in summary.spans]
        why = f": {' and '.join(unknown)} is known of no point" if unknown else ""
        return _points(request, "front", "Front", rows, f"no point is on the front{why}")
    are = "point" if len(rows) == 1 else "points"
    note = f"{len(rows):,} {are} that no other is better than in {title}"
    if len(shown) < len(rows):
        note += f": {len(shown)} of them, evenly spread"
    if summary.near_ties:
        note += f"; {summary.near_ties:,} more are off by less than the error of a ratio of times"
    return _points(request, "front", "Front", shown, note)


def _best(request: SweepRequest, summary: Summary) -> Table:
    title = request.objectives[0].aim
    return _points(request, "top", "Best", summary.top, f"the best by {title}")


def _points(
    request: SweepRequest, key: str, title: str, rows: Sequence[Mapping[str, Any]], note: str
) -> Table:
    """Points as rows: what tells them apart, then the objectives."""
    by_name = {column.name: column for column in request.columns}
    knobs = [name for name in request.axes if request.selection is None or not is_choice(name)]
    told = [
        *(["model"] if len(request.networks) > 1 else []),
        *(["precision"] if len(request.precisions) > 1 else []),
        *knobs,
    ]
    choices = compact_choices([name for name in request.axes if name not in knobs])
    columns = [
        Column(name, name, "text" if by_name[name].kind == "word" else "number", ASKED)
        for name in told
    ]
    columns += [Column(choice.key, choice.title, "text", 2) for choice in choices]
    columns += [_column(objective) for objective in request.objectives]
    cells = []
    for row in rows:
        values = [row.get(name) for name in told]
        values += [
            choice.text({name: _number(by_name[name], row.get(name)) for name in choice.axes})
            for choice in choices
        ]
        values += [_objective_figure(by_name[o.column], row) for o in request.objectives]
        bases = [
            row.get(o.accuracy.basis_column) for o in request.objectives if o.accuracy is not None
        ]
        cells.append((*values, *bases))
    for objective in request.objectives:
        if objective.accuracy is not None:
            columns.append(Column(objective.accuracy.basis_column, "known", "text", ASKED))
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
    causes = [f"{_points_break(count)}: {cause}" for count, cause in summary.causes]
    notes, more = causes[:_MOST_CAUSES], causes[_MOST_CAUSES:]
    if request.limits:
        said = " and ".join(limit.text for limit in request.limits)
        notes.insert(0, f"{summary.limits.within:,} of {summary.valid:,} points are within {said}; "
                        "the others are on no front")  # fmt: skip
    for network in request.networks:
        if network.space is not None:
            notes += _space_notes(request, network)
            if network.space.at(network.precisions[0]).is_exact and request.devices:
                more.append(
                    "lower bounds, and energies of bytes moved, are no sums over blocks: to name "
                    "one in --metrics has networks analyzed one by one"
                )
    spanned = [column for column in request.columns if column.name in summary.spans]
    if any(_is_lower_bound(request, column, summary) for column in spanned):
        notes.append("≥: a lower bound, at least of some points")
    timed = [column.device for column in spanned if column.device and _takes_time(column.metric)]
    notes += notes_of_many(timed)
    asked = [each.accuracy for each in request.objectives if each.accuracy is not None]
    for network in request.networks:
        for surface in network.surfaces:
            if surface.accuracy in asked:
                first, *others = surface.sources
                what = f"{surface.accuracy.metric.title} of {network.name}"
                notes.append(f"{what}: {first}")
                if others:
                    more.append(f"{what}, where that has none: {', '.join(others)}")
    if asked:
        more.append(
            "an accuracy is what a source prints for a point, or `interpolated` between such "
            "points; other points have none, and are on no front with accuracies"
        )
    return tuple(notes), tuple(more)


def _space_notes(request: SweepRequest, network: Network) -> list[str]:
    """Why networks are analyzed one by one, and what tables of blocks cannot have."""
    assert network.space is not None
    notes = []
    for precision in network.precisions:
        costs = network.space.at(precision)
        if costs.why_whole:
            notes.append(f"{network.name}: networks are analyzed one by one: {costs.why_whole}")
        if costs.whole and not costs.why_whole:
            notes.append(
                f"{network.name}: {costs.whole:,} networks were analyzed one by one, since tables "
                "of blocks do not tell all of them"
            )
        if costs.left_out:
            columns = one_of(list(costs.left_out)).replace(" or ", " and ")
            notes.append(f"without {columns}, which are no sums over blocks")
    return list(dict.fromkeys(notes))


def _points_break(count: int) -> str:
    return "1 point breaks" if count == 1 else f"{count:,} points break"


def sweep_document(request: SweepRequest, summary: Summary) -> dict[str, Any]:
    """The JSON document; numbers in the units that the keys of columns say."""
    return {
        "schema": schema_id("sweep"),
        "models": [network.name for network in request.networks],
        "precisions": list(request.precisions),
        "devices": [device.name for device in request.devices],
        "convention": request.convention,
        "axes": {name: [plain_value(v) for v in values] for name, values in request.axes.items()},
        "points": request.points,
        "valid": summary.valid,
        "broken": [{"points": count, "cause": cause} for count, cause in summary.causes],
        "objectives": [
            {"column": objective.column, "better": objective.better}
            for objective in request.objectives
        ],
        "accuracies": accuracies_of(request),
        "selection": _selection(request),
        "limits": [
            {
                "column": limit.column,
                "is": "most" if limit.is_most else "least",
                "value": limit.value,
            }
            for limit in request.limits
        ],
        "within_limits": summary.limits.within if request.limits else summary.valid,
        "near_ties": summary.near_ties,
        "metrics": {
            column.name: _span(column, summary.spans[column.name])
            for column in request.columns
            if column.name in summary.spans
        },
        "front": [_record(request, row) for row in summary.front_rows],
        "top": [_record(request, row) for row in summary.top],
    }


def _selection(request: SweepRequest) -> dict[str, Any] | None:
    """How candidates of design spaces were chosen, and how they were evaluated."""
    selection = request.selection
    if selection is None:
        return None
    spaces = []
    for network in request.networks:
        assert network.space is not None
        costs = [network.space.at(precision) for precision in network.precisions]
        spaces.append(
            {
                "model": network.name,
                # As a text: it is no number of JavaScript.
                "combinations": str(network.space.space.points),
                "one_by_one": sum(each.whole for each in costs),
                "why_one_by_one": next((each.why_whole for each in costs if each.why_whole), None),
            }
        )
    is_exact = selection.method == "exact"
    return {
        "method": selection.method,
        "count": None if is_exact else selection.count,
        "seed": None if is_exact else selection.seed,
        "spaces": spaces,
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
    """A count as a whole number, and a flag as one: columns hold doubles."""
    if value is None or column.kind not in ("int64", "bool"):
        return value
    return int(value) if column.kind == "int64" else bool(value)
