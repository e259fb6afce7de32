"""The report of `fit`: the best size, what it uses of the limits, and what is around it.

Where nothing fits it has the size that comes closest, by how much it is over, and which parts of
it take that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric, find_metric, named
from mnet_cost.network import elaborate
from mnet_cost.report.rows import Group, Times, groups, without_unknown
from mnet_cost.report.schema_ids import schema_id
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
from mnet_cost.search.fit import Fit, FitRequest, Line, Size, Step, Use
from mnet_cost.search.limits import BAND_CONFIDENCE, Limit

_MOST_PARTS = 5
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
    return columns + ([Column("aim_basis", "known", "text", 7)] if accuracy else [])


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
    Column("over", "over", "text", ASKED),
    Column("by", "by", "quantity", ASKED),
    Column("by_share", "by %", "percent", 8),
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
        tables += _part_tables(fit.closest, max(outside, key=_excess))
    return tables


def _part_tables(size: Size, use: Use) -> list[Table]:
    """The parts of a size that take most of what it has too much of."""
    objective = use.limit.objective
    network = elaborate(size.network.model.spec, {**size.network.model.knobs, **size.knobs})
    devices = [objective.device] if objective.device is not None else []
    analysis = analyze_network(network, devices, precision=size.precision)
    parts = _parts(analysis, objective.metric)
    whole = sum(amount for _, _, amount in parts)
    if not whole:
        return []
    ordered = sorted(parts, key=lambda part: -part[2])[:_MOST_PARTS]
    unit = "s" if objective.metric.name == "energy" else objective.metric.unit
    title = "time" if objective.metric.name == "energy" else objective.metric.title
    rows = tuple([(name, line, Quantity(amount, unit), amount / whole)
                  for name, line, amount in ordered])  # fmt: skip
    columns = (
        Column("part", "part", "text", ASKED),
        Column("line", "line", "number", 7),
        Column("amount", title, "quantity", ASKED),
        Column("share", "share %", "share", 8),
    )
    return [Table("parts", f"What takes most {title} of {size.reference}", columns, rows)]


_BY_GROUP = ("mult_adds", "vector_ops", "params", "weights", "buffers", "weight_bytes")


def _parts(analysis: Analysis, metric: Metric) -> list[tuple[str, int, float]]:
    """(name, line, amount) of each part. An energy goes with the time; of memory, parts are the
    tensors that are alive at the peak, and the weights where they are in it."""
    name = metric.name
    if name in ("peak_memory", "memory"):
        steps = {step.name: step.line for step in analysis.network.steps}
        alive = [(each.name, steps.get(each.name, 0), float(each.bytes))
                 for each in analysis.memory.live_at_peak]  # fmt: skip
        is_apart = any(each.device.storage is not None for each in analysis.devices)
        if name == "memory" and not is_apart:
            alive.append(("weights", 0, float(analysis.totals.weight_bytes)))
        return alive
    if analysis.devices and name in ("latency", "energy", "lower_bound"):
        times = Times(analysis.devices[0], analysis.devices[0].latency_s)
        return [
            (group.label, _line_of(analysis, group), times.seconds(group) or 0.0)
            for group in groups(analysis, "block")
        ]
    field = {"activations": "output_bytes", "traffic": "traffic_bytes"}.get(name, name)
    if field not in (*_BY_GROUP, "output_bytes", "traffic_bytes"):
        return []
    return [
        (group.label, _line_of(analysis, group),
         float(sum(getattr(cost, field) for cost in group.layers)))
        for group in groups(analysis, "block")
    ]  # fmt: skip


def _line_of(analysis: Analysis, group: Group) -> int:
    """The line of the entry that a block is written in."""
    calls = analysis.network.calls
    call = calls.get(group.name) or calls.get(f"{group.name}.1")
    return call.line if call is not None else group.layers[0].step.line


def _notes(fit: Fit) -> tuple[tuple[str, ...], tuple[str, ...]]:
    request = fit.request
    notes = [f"{name} is left out: {why}" for name, why in request.left_out]
    if fit.best is not None:
        said = f"{fit.within:,} of {_sizes(fit.valid)} fit"
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


def fit_document(fit: Fit) -> dict[str, Any]:
    """The JSON document; numbers in the units that the keys of columns say."""
    request = fit.request
    return {
        "schema": schema_id("fit"),
        "aim": {"name": request.aim.name, "better": request.aim.direction},
        "confidence": request.confidence,
        "precisions": list(request.sweeps[0].precisions),
        "devices": [device.name for device in request.sweeps[0].devices],
        "models": [
            {
                "name": sweep.networks[0].name,
                "axes": {name: [_plain(value) for value in values]
                         for name, values in sweep.axes.items()},
            }
            for sweep in request.sweeps
        ],
        "left_out": [{"name": name, "why": why} for name, why in request.left_out],
        "limits": [
            {
                "column": limit.column,
                "is": "most" if limit.is_most else "least",
                "value": limit.value,
                "binds": limit in fit.binding,
            }
            for limit in request.limits
        ],
        "points": request.points,
        "valid": fit.valid,
        "within": fit.within,
        "best": _size_document(fit.best),
        "sizes": [_size_document(size) for size in fit.sizes],
        "beyond": [_size_document(size) for size in fit.beyond],
        "steps": [
            {
                "knob": step.knob,
                "value": _plain(step.value),
                "size": _size_document(step.size),
            }
            for step in fit.steps
        ],
        "line": _line_document(fit.line),
        "networks": [
            {"name": name, "best": _size_document(size)} for name, size in fit.best_of
        ],
        "closest": _size_document(fit.closest),
    }  # fmt: skip


def _line_document(line: Line | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "across": line.across,
        "along": line.along,
        "rows": [
            {"value": _plain(value), "size": _size_document(size)} for value, size in line.rows
        ],
    }


def _size_document(size: Size | None) -> dict[str, Any] | None:
    if size is None:
        return None
    return {
        "reference": size.reference,
        "precision": size.precision,
        "knobs": {name: _plain(value) for name, value in size.knobs.items()},
        "aim": size.aim,
        "fits": size.is_within,
        "uses": [
            {
                "column": use.limit.column,
                "value": use.value,
                "share": use.share,
                "over": use.over,
            }
            for use in size.uses
        ],
        "columns": {
            name: value
            for name, value in size.values.items()
            if name not in size.knobs and name not in ("model", "precision")
        },
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) else str(value)
