"""The report of `fit`: the best size, what it uses of the limits, and what is around it.

Where nothing fits it has the size that comes closest, by how much it is over, and which parts of
it take that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import analyze_network
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric, find_metric, named
from mnet_cost.network import elaborate
from mnet_cost.report.cell_text import cell
from mnet_cost.report.fit_document import fit_document, fit_records
from mnet_cost.report.fit_limits import (
    OVER_COLUMNS,
    as_least,
    excess_of_use,
    is_bound,
    limit_table,
    over,
    quantity,
)
from mnet_cost.report.fit_notes import fit_notes, sizes_text
from mnet_cost.report.fit_parts import part_tables
from mnet_cost.report.rows import without_unknown
from mnet_cost.report.types import (
    ASKED,
    Absent,
    Column,
    Fact,
    Range,
    Report,
    Table,
)
from mnet_cost.search.blocks import column_of
from mnet_cost.search.fit import Fit, Line, Size, Step
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.single import knob_type

_SHOWN = (("mult_adds", 7), ("params", 6), ("peak_memory", 5))
_LESS = {"less": "least", "more": "most"}
_BAND = named(("latency_low", "latency_high"))
_MOST_LISTED = 5


def fit_report(fit: Fit) -> Report:
    """The report of what was found."""
    best, request = fit.best, fit.request
    tables: list[Table | None]
    if best is None:
        title, tables = _nothing_title(fit), _nothing_tables(fit)
    else:
        at = f" at {best.precision}" if len(request.precisions) > 1 else ""
        title = f"{best.reference}{at}: the best of {sizes_text(fit.valid)}"
        tables = [
            _size_table(fit), limit_table(fit, best), _beyond_table(fit), _step_table(fit),
            _line_table(fit, fit.line), _network_table(fit),
        ]  # fmt: skip
    notes, more = fit_notes(fit)
    return Report(
        title=title,
        subtitle=" · ".join([f"{_LESS[request.aim.direction]} {request.aim.title}",
                             *_setting(request)]),
        facts=_facts(request),
        tables=tuple([table for table in tables if table is not None]),
        notes=notes,
        document=lambda: fit_document(fit),
        records=fit_records(fit),
        more_notes=more,
        facts_in_line=len(request.sweeps) == 1,
    )  # fmt: skip


def _nothing_title(fit: Fit) -> str:
    if fit.closest is None or (fit.within > fit.too_large_arenas and fit.closest.is_within):
        return (
            f"Nothing to choose from: {sizes_text(fit.within)} fit, and {fit.request.aim.title} is "
            "known of none of them"
        )
    if any(use.value is None for use in fit.closest.uses):
        return f"Nothing is known to fit: the closest of {sizes_text(fit.valid)} is " + (
            fit.closest.reference
        )
    return f"Nothing fits: the closest of {sizes_text(fit.valid)} is {fit.closest.reference}"


def _setting(request: FitRequest) -> list[str]:
    words = [", ".join(request.precisions)]
    if request.devices:
        words.append(", ".join(device.name for device in request.devices))
    if request.confidence is not None:
        words.append(f"with a confidence of {request.confidence:g}")
    return words


def _facts(request: FitRequest) -> tuple[Fact, ...]:
    """What was tried: the values of each knob; of several networks in a line each."""
    if len(request.sweeps) == 1:
        return tuple([Fact(knob, _values_text(values), "text")
                      for knob, values in request.sweeps[0].axes.items()])  # fmt: skip
    return tuple([
        Fact(sweep.networks[0].name, "; ".join([f"{knob} {_values_text(values)}" for knob, values
             in sweep.axes.items()]) or "as it is", "prose", whole=True)
        for sweep in request.sweeps
    ])  # fmt: skip


def _values_text(values: Sequence[Any]) -> str:
    if len(values) <= _MOST_LISTED:
        return ", ".join(cell(value, "setting") for value in values)
    numbers = knob_type(values) in ("int64", "float64")
    first, last = (min(values), max(values)) if numbers else (values[0], values[-1])
    return f"{cell(first, 'setting')} to {cell(last, 'setting')} ({len(values):,} values)"


def _name_columns(fit: Fit) -> list[Column]:
    """What tells sizes apart: the network, the precision, the knobs; in files the reference."""
    request = fit.request
    columns = []
    if len(request.sweeps) > 1:
        columns.append(Column("model", "model", "text", ASKED))
    if len(request.precisions) > 1:
        columns.append(Column("precision", "precision", "text", ASKED))
    columns += [Column(knob, knob, "setting", ASKED) for knob in _knobs(request)]
    if not columns:
        columns.append(Column("model", "model", "text", ASKED))
    return columns


def _knobs(request: FitRequest) -> list[str]:
    return list(dict.fromkeys(knob for sweep in request.sweeps for knob in sweep.axes))


def _names(fit: Fit, size: Size) -> list[Any]:
    """The cells below `_name_columns`."""
    request, knobs = fit.request, _knobs(fit.request)
    cells: list[Any] = [size.network.name] if len(request.sweeps) > 1 or not (
        knobs or len(request.precisions) > 1
    ) else []  # fmt: skip
    cells += [size.precision] if len(request.precisions) > 1 else []
    return cells + [size.knobs.get(knob) for knob in knobs]


def _size_table(fit: Fit) -> Table:
    columns = (*_name_columns(fit), *_aim_columns(fit), *_cost_columns(fit.request))
    rows = [(*_names(fit, size), *_numbers(fit, size)) for size in fit.sizes]
    note = "" if len(rows) < 2 else "best first"
    return Table("sizes", "Best sizes", columns, tuple(rows), note=note)


def _numbers(fit: Fit, size: Size | None) -> tuple[Any, ...]:
    """The aim and the costs of a size; of none, why."""
    if size is not None:
        return (*_aims(fit, size), *_costs(fit.request, size))
    width = len(_aim_columns(fit)) + len(_cost_columns(fit.request))
    return (Absent("none fits"), *[None] * (width - 1))


def _aim_columns(fit: Fit) -> list[Column]:
    """The aim; of an accuracy also what it rests on. A knob, and a cost that is shown anyway, have
    columns of their own."""
    aim = fit.request.aim
    if aim.accuracy is not None:
        return [Column("aim", aim.title, "quantity", ASKED),
                Column("aim_basis", "known", "text", 3)]  # fmt: skip
    return [] if aim.knob is not None or _is_shown(fit) else [
        Column("aim", aim.title, "quantity", ASKED)
    ]  # fmt: skip


def _is_shown(fit: Fit) -> bool:
    """Whether the aim is a time or an energy, which has a column for each device."""
    objective = fit.request.aim.objective
    return objective is not None and objective.metric.name in ("latency", "energy")


def _aims(fit: Fit, size: Size) -> list[Any]:
    """The cells below `_aim_columns`."""
    aim = fit.request.aim
    if not _aim_columns(fit) or aim.objective is None:
        return []
    cells: list[Any] = [quantity(aim.objective.metric, size.aim)]
    if aim.accuracy is not None:
        cells.append(size.values.get(aim.accuracy.basis_column))
    return cells


def _shown_metrics(request: FitRequest) -> list[tuple[Metric, int]]:
    aimed = request.aim.objective
    return [
        (metric, weight)
        for metric, weight in ((find_metric(name), weight) for name, weight in _SHOWN)
        if aimed is None or metric != aimed.metric
    ]


def _device_metrics(request: FitRequest) -> list[Metric]:
    """Of each device: the time, and the energy where it matters."""
    asked = [limit.objective.metric.name for limit in request.limits]
    if request.aim.objective is not None:
        asked.append(request.aim.objective.metric.name)
    return list(named(["latency", *(["energy"] if "energy" in asked else [])]))


def _cost_columns(request: FitRequest) -> list[Column]:
    columns = [
        Column(metric.key, metric.title, "quantity", weight)
        for metric, weight in _shown_metrics(request)
    ]
    for metric in _device_metrics(request):
        for device in request.devices:
            key = f"{metric.key}@{device.name}"
            columns.append(Column(key, f"{metric.title}\n{device.name}", "quantity", 8))
            if metric.name == "latency":
                columns.append(Column(f"band_s@{device.name}", "range", "range", 4))
    return columns


def _costs(request: FitRequest, size: Size) -> list[Any]:
    """The cells below `_cost_columns`."""
    is_partial = request.sweeps[0].lower_bound and _is_partial(size)
    cells: list[Any] = [
        as_least(quantity(metric, size.values.get(column_of(metric))), is_partial)
        for metric, _ in _shown_metrics(request)
    ]
    for metric in _device_metrics(request):
        for device in request.devices:
            number = quantity(metric, size.values.get(column_of(metric, device)))
            cells.append(as_least(number, is_partial or is_bound(size, device)))
            if metric.name == "latency":
                cells.append(_band(size, device))
    return cells


def _is_partial(size: Size) -> bool:
    """Whether layers of unknown cost are left out of its sums."""
    spec, knobs = size.network.model.spec, {**size.network.model.knobs, **size.knobs}
    return bool(analyze_network(elaborate(spec, knobs)).unmodelled)


def _band(size: Size, device: DeviceProfile) -> Range | None:
    low, high = [size.values.get(column_of(metric, device)) for metric in _BAND]
    if low is None or high is None:
        return None
    return Range(low / _BAND[0].file_factor, high / _BAND[1].file_factor)


def _beyond_table(fit: Fit) -> Table | None:
    if not fit.beyond:
        return None
    aimed = fit.request.aim.objective
    columns = (*_name_columns(fit), *_aim_columns(fit), *OVER_COLUMNS)
    if aimed is not None and not _aim_columns(fit):
        columns = (*_name_columns(fit), Column("aim", aimed.title, "quantity", ASKED),
                   *OVER_COLUMNS)  # fmt: skip
    rows = []
    for size in fit.beyond:
        aims = _aims(fit, size)
        if aimed is not None and not _aim_columns(fit):
            aims = [quantity(aimed.metric, size.aim)]
        rows.append((*_names(fit, size), *aims, *over(size)))
    return Table("beyond", "Better, and beyond a limit", columns, tuple(rows))


def _step_table(fit: Fit) -> Table | None:
    if not fit.steps:
        return None
    columns = (
        Column("knob", "knob", "text", ASKED), Column("value", "value", "setting", ASKED),
        *_aim_columns(fit), *_cost_columns(fit.request), *OVER_COLUMNS,
    )  # fmt: skip
    table = Table("steps", "One step away", columns,
                  tuple([_step_row(fit, step) for step in fit.steps]))  # fmt: skip
    return without_unknown(table, tuple([column.key for column in OVER_COLUMNS]))


def _step_row(fit: Fit, step: Step) -> tuple[Any, ...]:
    if step.size is None:
        width = len(_aim_columns(fit)) + len(_cost_columns(fit.request)) + len(OVER_COLUMNS)
        return (step.knob, step.value, Absent("no network"), *[None] * (width - 1))
    return (step.knob, step.value, *_numbers(fit, step.size), *over(step.size))


def _line_table(fit: Fit, line: Line | None) -> Table | None:
    if line is None or not any(size for _, size in line.rows):
        return None
    columns = (
        Column(line.across, line.across, "setting", ASKED),
        Column(line.along, line.along, "setting", ASKED),
        *_aim_columns(fit),
        *_cost_columns(fit.request),
    )
    rows = [
        (value, None if size is None else size.knobs[line.along], *_numbers(fit, size))
        for value, size in line.rows
    ]
    return Table("line", f"The best {line.along} for each {line.across}", columns, tuple(rows))


def _network_table(fit: Fit) -> Table | None:
    if len(fit.best_of) < 2:
        return None
    columns = (*_name_columns(fit), *_aim_columns(fit), *_cost_columns(fit.request))
    rows = []
    for name, size in fit.best_of:
        names = [name, *[None] * (len(_name_columns(fit)) - 1)]
        rows.append((*(names if size is None else _names(fit, size)), *_numbers(fit, size)))
    return Table("networks", "The best size of each network", columns, tuple(rows))


def _nothing_tables(fit: Fit) -> list[Table | None]:
    if fit.closest is None:
        return []
    tables = [limit_table(fit, fit.closest)]
    outside = [use for use in fit.closest.uses if use.over is not None and not use.is_within
               and use.limit.is_most]  # fmt: skip
    if outside:
        tables += part_tables(fit.closest, max(outside, key=excess_of_use))
    return tables
