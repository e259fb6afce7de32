"""The report of `fit`: the best size, what it uses of the limits, and what is around it.

Where nothing fits it has the size that comes closest, by how much it is over, and which parts of
it take that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric, find_metric, named
from mnet_cost.report.fit_document import fit_document
from mnet_cost.report.fit_parts import part_tables
from mnet_cost.report.rows import without_unknown
from mnet_cost.report.types import (
    ASKED,
    Absent,
    AtLeast,
    Column,
    Fact,
    Marked,
    Quantity,
    Range,
    Report,
    Table,
)
from mnet_cost.search.accuracies import Accuracy
from mnet_cost.search.blocks import column_of
from mnet_cost.search.fit import Fit, Line, Size, Step, Use
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.limits import BAND_CONFIDENCE, Limit

_SHOWN = (("mult_adds", 7), ("params", 6), ("peak_memory", 5))
_LESS = {"less": "least", "more": "most"}


def fit_report(fit: Fit) -> Report:
    """The report of what was found."""
    best, request = fit.best, fit.request
    tables: list[Table]
    if best is None:
        title, tables = _nothing_title(fit), _nothing_tables(fit)
    else:
        title = f"{best.reference}: the best of {_sizes(fit.valid)}"
        tables = [_size_table(fit), _limit_table(fit, best)]
        tables += [table for table in (
            _beyond_table(fit), _step_table(fit), _line_table(fit, fit.line), _network_table(fit),
        ) if table is not None]  # fmt: skip
    notes, more = _notes(fit)
    return Report(
        title=title,
        subtitle=" · ".join([_aim_text(request), *_setting(request)]),
        facts=_facts(request),
        tables=tuple(tables),
        notes=notes,
        document=lambda: fit_document(fit),
        more_notes=more,
        facts_in_line=len(request.sweeps) == 1,
    )


def _sizes(count: int) -> str:
    return "1 size" if count == 1 else f"{count:,} sizes"


def _nothing_title(fit: Fit) -> str:
    if fit.within:
        return (
            f"Nothing to choose from: {_sizes(fit.within)} fit, and {fit.request.aim.title} is "
            "known of none of them"
        )
    if fit.closest is None:
        return f"Nothing fits: of {_sizes(fit.valid)} not all that is limited is known"
    return f"Nothing fits: the closest of {_sizes(fit.valid)} is {fit.closest.reference}"


def _aim_text(request: FitRequest) -> str:
    return f"{_LESS[request.aim.direction]} {request.aim.title}"


def _setting(request: FitRequest) -> list[str]:
    sweep = request.sweeps[0]
    words = [", ".join(sweep.precisions)]
    if sweep.devices:
        words.append(", ".join(device.name for device in sweep.devices))
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
             in sweep.axes.items()]) or "as it is", "text", whole=True)
        for sweep in request.sweeps
    ])  # fmt: skip


def _values_text(values: Sequence[Any]) -> str:
    if len(values) <= 5:
        return ", ".join(map(str, values))
    return f"{values[0]} to {values[-1]} ({len(values):,} values)"


def _size_table(fit: Fit) -> Table:
    request = fit.request
    columns = [Column("size", "size", "text", ASKED)]
    if len(request.sweeps[0].precisions) > 1:
        columns.append(Column("precision", "precision", "text", ASKED))
    columns += _aim_columns(fit)
    rows = [_row(fit, size) for size in fit.sizes]
    columns += _cost_columns(request)
    note = "" if len(rows) < 2 else "best first"
    return Table("sizes", "Best sizes", tuple(columns), tuple(rows), note=note)


def _row(fit: Fit, size: Size) -> tuple[Any, ...]:
    precision = [size.precision] if len(fit.request.sweeps[0].precisions) > 1 else []
    return (size.reference, *precision, *_aims(fit, size), *_costs(fit.request, size))


def _aim_columns(fit: Fit) -> list[Column]:
    """The aim; of an accuracy also what it rests on. A knob stands in the size."""
    aim, accuracy = fit.request.aim, _accuracy(fit)
    columns = [] if aim.is_knob else [Column("aim", aim.title, "quantity", ASKED)]
    return columns + ([Column("aim_basis", "known", "text", 3)] if accuracy else [])


def _accuracy(fit: Fit) -> Accuracy | None:
    return fit.request.sweeps[0].objectives[0].accuracy


def _aims(fit: Fit, size: Size | None) -> list[Any]:
    """The cells below `_aim_columns`."""
    if size is None:
        return [Absent("none fits"), *[None] * (len(_aim_columns(fit)) - 1)]
    accuracy = _accuracy(fit)
    metric = fit.request.sweeps[0].objectives[0].metric
    cells = [] if fit.request.aim.is_knob else [_quantity(metric, size.aim)]
    return cells + ([size.values.get(accuracy.basis_column)] if accuracy else [])


def _shown_metrics(request: FitRequest) -> list[tuple[Metric, int]]:
    return [(find_metric(name), weight) for name, weight in _SHOWN if name != request.aim.name]


def _cost_columns(request: FitRequest) -> list[Column]:
    columns = [
        Column(metric.key, metric.title, "quantity", weight)
        for metric, weight in _shown_metrics(request)
    ]
    for device in request.sweeps[0].devices:
        columns.append(Column(f"latency_s@{device.name}", f"time\n{device.name}", "quantity", 8))
        columns.append(Column(f"band_s@{device.name}", "range", "range", 4))
    if any(limit.objective.metric.name == "energy" for limit in request.limits):
        columns += [
            Column(f"energy_j@{device.name}", f"energy\n{device.name}", "quantity", 8)
            for device in request.sweeps[0].devices
        ]
    return columns


def _costs(request: FitRequest, size: Size | None) -> list[Any]:
    """The cells below `_cost_columns`."""
    if size is None:
        return [None] * len(_cost_columns(request))
    cells: list[Any] = [
        _quantity(metric, size.values.get(column_of(metric)))
        for metric, _ in _shown_metrics(request)
    ]
    names = ["latency"]
    if any(limit.objective.metric.name == "energy" for limit in request.limits):
        names.append("energy")
    for name in names:
        metric = find_metric(name)
        for device in request.sweeps[0].devices:
            cell = _quantity(metric, size.values.get(column_of(metric, device)))
            is_least = basis_of(device, size.precision) == "bound"
            cells.append(AtLeast(*cell) if cell is not None and is_least else cell)
            if name == "latency":
                cells.append(_band(size, device))
    return cells


def _band(size: Size, device: DeviceProfile) -> Range | None:
    ends = [size.values.get(column_of(metric, device)) for metric in _BAND]
    if ends[0] is None or ends[1] is None:
        return None
    return Range(ends[0] / _BAND[0].file_factor, ends[1] / _BAND[1].file_factor)


_BAND = named(("latency_low", "latency_high"))


def _quantity(metric: Metric, value: float | None) -> Quantity | None:
    """A number of a file as people read it."""
    return None if value is None else Quantity(value / metric.file_factor, metric.unit)


def _limit_table(fit: Fit, size: Size) -> Table:
    binding = fit.binding if size is fit.best else ()
    rows = []
    for use in size.uses:
        said: Any = None
        if not use.is_within:
            said = Marked("unknown" if use.value is None else "over", "bad")
        elif use.limit in binding:
            said = "binds"
        rows.append((
            use.limit.objective.title, _limited(use.limit, use.limit.value),
            _limited(use.limit, use.value) or Absent("unknown"), use.share, said,
        ))  # fmt: skip
    columns = (
        Column("limit", "limit", "text", ASKED),
        Column("allowed", "allowed", "quantity", ASKED),
        Column("used", "used" if size is fit.best else "needed", "quantity", ASKED),
        Column("share", "of it %", "share", 8),
        Column("state", "", "text", ASKED),
    )
    note = ""
    if binding:
        note = "binds: the next better size is over it"
    elif size is fit.best and rows:
        note = "no limit binds: no size that is tried is better"
    return Table("limits", f"Limits, and what {size.reference} has", columns, tuple(rows),
                 note=note)  # fmt: skip


def _limited(limit: Limit, value: float | None) -> Quantity | None:
    return _quantity(limit.objective.metric, value)


def _over(size: Size) -> list[Any]:
    """(which limit a size is over most, by how much, by which share of it); of what fits, none."""
    outside = [use for use in size.uses if not use.is_within]
    if not outside:
        return [None, None, None]
    worst = max(outside, key=_excess)
    if worst.over is None:
        return [worst.limit.objective.title, Absent("unknown"), None]
    share = worst.over / worst.limit.value if worst.limit.value else None
    return [worst.limit.objective.title, _limited(worst.limit, worst.over), share]


def _excess(use: Use) -> float:
    return float("inf") if use.over is None else use.over / (use.limit.value or 1.0)


_OVER_COLUMNS = (
    Column("over", "over", "text", 8),
    Column("by", "by", "quantity", 7),
    Column("by_share", "by %", "percent", 9),
)


def _beyond_table(fit: Fit) -> Table | None:
    if not fit.beyond:
        return None
    columns = (
        Column("size", "size", "text", ASKED),
        *_aim_columns(fit),
        *_OVER_COLUMNS,
    )
    rows = tuple([(size.reference, *_aims(fit, size), *_over(size)) for size in fit.beyond])
    return Table("beyond", "Better, and over a limit", columns, rows)


def _step_table(fit: Fit) -> Table | None:
    if not fit.steps:
        return None
    columns = (
        Column("knob", "knob", "text", ASKED),
        Column("value", "value", "number", ASKED),
        *_aim_columns(fit),
        *_cost_columns(fit.request),
        *_OVER_COLUMNS,
    )
    rows = tuple([_step_row(fit, step) for step in fit.steps])
    table = Table("steps", "One step away", columns, rows)
    return without_unknown(table, tuple([column.key for column in _OVER_COLUMNS]))


def _step_row(fit: Fit, step: Step) -> tuple[Any, ...]:
    if step.size is None:
        width = len(_aim_columns(fit)) + len(_cost_columns(fit.request)) + len(_OVER_COLUMNS)
        return (step.knob, step.value, *[Absent("no network"), *[None] * (width - 1)])
    costs = _costs(fit.request, step.size)
    return (step.knob, step.value, *_aims(fit, step.size), *costs, *_over(step.size))


def _line_table(fit: Fit, line: Line | None) -> Table | None:
    if line is None or not any(size for _, size in line.rows):
        return None
    columns = (
        Column(line.across, line.across, "number", ASKED),
        Column(line.along, line.along, "number", ASKED),
        *_aim_columns(fit),
        *_cost_columns(fit.request),
    )
    rows = []
    for value, size in line.rows:
        chosen = None if size is None else size.knobs[line.along]
        rows.append((value, chosen, *_aims(fit, size), *_costs(fit.request, size)))
    title = f"The best {line.along} for each {line.across}"
    return Table("line", title, columns, tuple(rows))


def _network_table(fit: Fit) -> Table | None:
    if len(fit.best_of) < 2:
        return None
    columns = (
        Column("size", "size", "text", ASKED),
        *_aim_columns(fit),
        *_cost_columns(fit.request),
    )
    rows = [
        (name if size is None else size.reference, *_aims(fit, size), *_costs(fit.request, size))
        for name, size in fit.best_of
    ]
    return Table("networks", "The best size of each network", columns, tuple(rows))


def _nothing_tables(fit: Fit) -> list[Table]:
    if fit.closest is None:
        return []
    tables = [_limit_table(fit, fit.closest)]
    outside = [use for use in fit.closest.uses if not use.is_within and use.value is not None]
    if outside:
        tables += part_tables(fit.closest, max(outside, key=_excess))
    return tables


def _notes(fit: Fit) -> tuple[tuple[str, ...], tuple[str, ...]]:
    request = fit.request
    notes = [f"{name} is left out: {why}" for name, why in request.left_out]
    if fit.best is not None:
        said = f"{fit.within:,} of {_sizes(fit.valid)} {'fits' if fit.within == 1 else 'fit'}"
        if fit.unknown_aim:
            said += f"; {request.aim.title} is known of {fit.within - fit.unknown_aim:,} of these"
        notes.append(said)
    for size in fit.skipped[:1]:
        many = f"{len(fit.skipped)} better sizes" if len(fit.skipped) > 1 else size.reference
        notes.append(f"{many} would fit without the gaps between buffers of an arena")
    broken = sum(fit.broken.values())
    if broken:
        cause = max(fit.broken, key=fit.broken.__getitem__)
        notes.append(f"{_sizes(broken)} are no network, mostly since {cause}")
    more = []
    banded = [limit for limit in request.limits if limit.end is not None]
    if request.confidence is not None:
        if not banded:
            notes.append("a confidence is about times and energies, and none is limited")
        elif request.confidence != BAND_CONFIDENCE:
            more.append(
                "bands hold 80 % of measurements; for another confidence errors are taken to be "
                "normal in logarithms"
            )
    elif any(limit.objective.metric.name in ("latency", "energy") for limit in request.limits):
        more.append(
            "half of all measurements may be above an estimate: --confidence 0.9 asks that 9 of "
            "10 are within the limits"
        )
    if not request.aim.was_asked and request.aim.name == "mult_adds":
        more.append("no accuracy is published here: mult-adds stand for what a network can learn")
    for sweep in request.sweeps:
        for surface in sweep.networks[0].surfaces:
            if surface.accuracy.column == request.aim.name:
                name = sweep.networks[0].name
                more.append(f"{surface.accuracy.metric.title} of {name}: {surface.sources[0]}; "
                            "between printed settings it is interpolated")  # fmt: skip
    return tuple(notes[:3]), (*notes[3:], *more)
