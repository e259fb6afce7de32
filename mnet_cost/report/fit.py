"""The report of `fit`: the best size, what it uses of the limits, and what is around it.

Where nothing fits it has the size that comes closest, by how much it is over, and which parts of
it take that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import analyze_network
from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import one_of
from mnet_cost.metrics import Metric, find_metric, named
from mnet_cost.network import elaborate
from mnet_cost.report.cell_text import cell
from mnet_cost.report.fit_document import fit_document, fit_records
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
from mnet_cost.search.blocks import column_of
from mnet_cost.search.fit import Fit, Line, Size, Step, Use
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.limits import BAND_CONFIDENCE, Limit
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
        title = f"{best.reference}{at}: the best of {_sizes(fit.valid)}"
        tables = [
            _size_table(fit), _limit_table(fit, best), _beyond_table(fit), _step_table(fit),
            _line_table(fit, fit.line), _network_table(fit),
        ]  # fmt: skip
    notes, more = _notes(fit)
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


def _sizes(count: int) -> str:
    return "1 size" if count == 1 else f"{count:,} sizes"


def _nothing_title(fit: Fit) -> str:
    if fit.closest is None or (fit.within > fit.too_large_arenas and fit.closest.is_within):
        return (
            f"Nothing to choose from: {_sizes(fit.within)} fit, and {fit.request.aim.title} is "
            "known of none of them"
        )
    if any(use.value is None for use in fit.closest.uses):
        return f"Nothing is known to fit: the closest of {_sizes(fit.valid)} is " + (
            fit.closest.reference
        )
    return f"Nothing fits: the closest of {_sizes(fit.valid)} is {fit.closest.reference}"


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
        _least(quantity(metric, size.values.get(column_of(metric))), is_partial)
        for metric, _ in _shown_metrics(request)
    ]
    for metric in _device_metrics(request):
        for device in request.devices:
            number = quantity(metric, size.values.get(column_of(metric, device)))
            cells.append(_least(number, is_partial or is_bound(size, device)))
            if metric.name == "latency":
                cells.append(_band(size, device))
    return cells


def _least(number: Quantity | None, is_least: bool) -> Quantity | AtLeast | None:
    return AtLeast(*number) if number is not None and is_least else number


def _is_partial(size: Size) -> bool:
    """Whether layers of unknown cost are left out of its sums."""
    spec, knobs = size.network.model.spec, {**size.network.model.knobs, **size.knobs}
    return bool(analyze_network(elaborate(spec, knobs)).unmodelled)


def is_bound(size: Size, device: DeviceProfile) -> bool:
    """Whether the time of a size is no more than a lower bound."""
    return basis_of(device, size.precision) == "bound"


def _band(size: Size, device: DeviceProfile) -> Range | None:
    low, high = [size.values.get(column_of(metric, device)) for metric in _BAND]
    if low is None or high is None:
        return None
    return Range(low / _BAND[0].file_factor, high / _BAND[1].file_factor)


def quantity(metric: Metric, value: float | None) -> Quantity | None:
    """A number of a file as people read it."""
    if value is None:
        return None
    return Quantity(value if metric.file_factor == 1 else value / metric.file_factor, metric.unit)


def _limit_table(fit: Fit, size: Size) -> Table | None:
    if not size.uses:
        return None
    binding = fit.binding if size is fit.best else ()
    rows = tuple([_limit_row(fit, size, use, use.limit in binding) for use in size.uses])
    columns = (
        Column("limit", "limit", "text", ASKED),
        Column("allowed", "allowed", "quantity", ASKED),
        Column("used", "used", "quantity", ASKED),
        Column("share", "used %", "percent", 8),
        Column("state", "", "text", ASKED),
    )
    note = ""
    if binding:
        note = "binds: the next better size is over it"
    elif size is fit.best and not fit.undecided:
        note = "no limit binds: no size that is tried is better"
    title = "Limits, and what the best size has" if size is fit.best else (
        "Limits, and what the closest size has"
    )  # fmt: skip
    return Table("limits", title, columns, rows, note=note)


def _limit_row(fit: Fit, size: Size, use: Use, binds: bool) -> tuple[Any, ...]:
    limit = use.limit
    name = limit.objective.title
    if limit.end is not None:
        name += f", {100 * (fit.request.confidence or 0):g} % sure"
    metric = limit.objective.metric
    allowed = quantity(metric, limit.value)
    used: Any = quantity(metric, use.value)
    device = limit.objective.device
    if used is not None and device is not None and metric.unit in ("s", "J"):
        used = _least(used, is_bound(size, device))
    state: Any = None
    if use.value is None:
        state = Marked(f"unknown: {why_unknown(limit, size.precision)}", "bad")
    elif not use.is_within:
        state = Marked("over" if limit.is_most else "under", "bad")
    elif binds:
        state = "binds"
    return (
        name, allowed if limit.is_most or allowed is None else AtLeast(*allowed),
        used if used is not None else Absent("unknown"), use.share, state,
    )  # fmt: skip


def why_unknown(limit: Limit, precision: str) -> str:
    """Why a number that is limited is not known."""
    metric, device = limit.objective.metric, limit.objective.device
    if metric.unit == "%":
        return "not published"
    if device is None:
        return "a layer has no cost rule"
    basis = basis_of(device, precision)
    if basis is None:
        return f"{device.name} has no {precision} rate"
    if limit.end is not None:
        return "a lower bound has no range" if basis == "bound" else "it has no range"
    if metric.name.startswith("energy"):
        return f"{device.name} states no power"
    return "not all of it is known"


def _over(size: Size) -> list[Any]:
    """(which limit a size is over most, by how much, by which share of it); of what fits, none."""
    outside = [use for use in size.uses if not use.is_within]
    if not outside:
        return [None, None, None]
    worst = max(outside, key=excess_of_use)
    if worst.over is None:
        return [worst.limit.objective.title, Absent("unknown"), None]
    share = worst.over / worst.limit.value if worst.limit.value else None
    return [worst.limit.objective.title, quantity(worst.limit.objective.metric, worst.over), share]


def excess_of_use(use: Use) -> float:
    """The share of a limit that a size is over by."""
    return float("inf") if use.over is None else use.over / (use.limit.value or 1.0)


_OVER_COLUMNS = (
    Column("over", "beyond", "text", 8),
    Column("by", "by", "quantity", 7),
    Column("by_share", "by %", "percent", 9),
)


def _beyond_table(fit: Fit) -> Table | None:
    if not fit.beyond:
        return None
    aimed = fit.request.aim.objective
    columns = (*_name_columns(fit), *_aim_columns(fit), *_OVER_COLUMNS)
    if aimed is not None and not _aim_columns(fit):
        columns = (*_name_columns(fit), Column("aim", aimed.title, "quantity", ASKED),
                   *_OVER_COLUMNS)  # fmt: skip
    rows = []
    for size in fit.beyond:
        aims = _aims(fit, size)
        if aimed is not None and not _aim_columns(fit):
            aims = [quantity(aimed.metric, size.aim)]
        rows.append((*_names(fit, size), *aims, *_over(size)))
    return Table("beyond", "Better, and beyond a limit", columns, tuple(rows))


def _step_table(fit: Fit) -> Table | None:
    if not fit.steps:
        return None
    columns = (
        Column("knob", "knob", "text", ASKED), Column("value", "value", "setting", ASKED),
        *_aim_columns(fit), *_cost_columns(fit.request), *_OVER_COLUMNS,
    )  # fmt: skip
    table = Table("steps", "One step away", columns,
                  tuple([_step_row(fit, step) for step in fit.steps]))  # fmt: skip
    return without_unknown(table, tuple([column.key for column in _OVER_COLUMNS]))


def _step_row(fit: Fit, step: Step) -> tuple[Any, ...]:
    if step.size is None:
        width = len(_aim_columns(fit)) + len(_cost_columns(fit.request)) + len(_OVER_COLUMNS)
        return (step.knob, step.value, Absent("no network"), *[None] * (width - 1))
    return (step.knob, step.value, *_numbers(fit, step.size), *_over(step.size))


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
    tables = [_limit_table(fit, fit.closest)]
    outside = [use for use in fit.closest.uses if use.over is not None and not use.is_within
               and use.limit.is_most]  # fmt: skip
    if outside:
        tables += part_tables(fit.closest, max(outside, key=excess_of_use))
    return tables


def _notes(fit: Fit) -> tuple[tuple[str, ...], tuple[str, ...]]:
    request = fit.request
    notes = [f"{name} is left out: {why}" for name, why in request.left_out]
    for (column, precision), count in fit.undecided.items():
        limit = next(limit for limit in request.limits if limit.column == column)
        if count:
            notes.append(
                f"{_sizes(count)} may fit at {precision}: the {limit.objective.title} is not "
                f"known, since {why_unknown(limit, precision)}"
            )
    if fit.best is not None:
        said = f"{fit.within:,} of {_sizes(fit.valid)} {'fits' if fit.within == 1 else 'fit'}"
        if fit.too_large_arenas:
            said += (
                f" without the gaps of an arena, with which {fit.too_large_arenas:,} of those "
                "that were looked at do not"
            )
        if fit.unknown_aim:
            said += f"; {request.aim.title} is known of {fit.within - fit.unknown_aim:,} of these"
        notes.append(said)
    broken = sum(fit.broken.values())
    if broken:
        cause = max(fit.broken, key=fit.broken.__getitem__)
        are = "is no network" if broken == 1 else "are no network, mostly"
        notes.append(f"{_sizes(broken)} {are} since {cause}")
    return tuple(notes[:3]), (*notes[3:], *_confidence_notes(fit), *_other_notes(request))


def _confidence_notes(fit: Fit) -> list[str]:
    request = fit.request
    timed = [limit for limit in request.limits
             if limit.objective.metric.unit in ("s", "J")]  # fmt: skip
    if request.confidence is None:
        banded = any(
            limit.objective.device is not None
            and any(basis_of(limit.objective.device, precision) not in (None, "bound")
                    for precision in request.precisions)
            for limit in timed
        )  # fmt: skip
        return [
            "half of all measurements may be above an estimate: --confidence 0.9 asks that 9 of "
            "10 are within the limits"
        ] * banded
    if not any(limit.end is not None for limit in timed):
        return ["a confidence is about times and energies, and none is limited"]
    if request.confidence == BAND_CONFIDENCE:
        return []
    return [
        "bands hold 80 % of measurements; for another confidence errors are taken to be normal "
        "in logarithms"
    ]


def _other_notes(request: FitRequest) -> list[str]:
    """What was not tried, and where accuracies are from."""
    notes = []
    aim = request.aim
    if not aim.was_asked and aim.accuracy is None:
        known = [surface for sweep in request.sweeps for surface in sweep.networks[0].surfaces]
        why = "published accuracies are of fp32" if known else "no accuracy is published here"
        notes.append(f"{why}: mult-adds stand for what a network can learn")
    for sweep in request.sweeps:
        network = sweep.networks[0]
        kept, choices = request.untried(network)
        if kept:
            names = one_of(kept).replace(" or ", " and ")
            keep = "keeps its value" if len(kept) == 1 else "keep their values"
            notes.append(f"{network.name}: {names} {keep}")
        if choices:
            notes.append(
                f"{network.name}: {choices} choices of blocks keep their first option; `mnet-cost "
                "sweep --search exact` tries all of them"
            )
        for surface in network.surfaces:
            if surface.accuracy == aim.accuracy:
                notes.append(
                    f"{aim.title} of {network.name}: {surface.sources[0]}; between printed "
                    "settings it is interpolated"
                )
    return notes
