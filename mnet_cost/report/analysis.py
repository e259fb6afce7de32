"""The report of `analyze`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.conventions import find_convention
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.training import TrainingCost
from mnet_cost.metrics import find_metric
from mnet_cost.report.conventions import (
    AGREEMENT_COLUMN,
    convention_detail,
    convention_notes,
    marks_of,
)
from mnet_cost.report.estimates import (
    device_table,
    misfit_alerts,
    more_notes,
    ordered_bytes,
    reading_notes,
    warning_notes,
)
from mnet_cost.report.kernels import TOP, kernel_notes, kernel_table
from mnet_cost.report.metric_columns import metric_column, metric_form
from mnet_cost.report.published import published_facts
from mnet_cost.report.rows import (
    Grain,
    Group,
    Times,
    View,
    counted_shares,
    groups,
    shape_text,
    without,
)
from mnet_cost.report.sparsity import sparsity_facts, sparsity_notes
from mnet_cost.report.training_step import training_facts, training_note
from mnet_cost.report.types import (
    ASKED,
    MOST_NOTES,
    SPARE,
    Absent,
    Column,
    Fact,
    Marked,
    Report,
    Table,
)
from mnet_cost.tensors import DTYPES
from mnet_cost.units import format_bytes
from mnet_cost.yamlfile import Node


def analysis_report(
    analysis: Analysis,
    by: View = "block",
    training: TrainingCost | None = None,
    top: int | None = None,
) -> Report:
    """Devices first, then totals, rows at the grain `by`, and shares by kind.

    With unmodelled layers the totals are unknown, or lower bounds if those were asked for. Of
    kernels `top` are shown, `TOP` without it; files have all.
    """
    spec = analysis.network.spec
    if by == "kernel":
        rows = kernel_table(analysis, TOP if top is None else top)
    else:
        rows = _rows_table(analysis, by)

    def records() -> Table:
        from mnet_cost.report.records import kernel_records, part_records  # for files alone

        if by == "kernel":
            return kernel_records([spec.title], [analysis], top)
        return part_records([spec.title], [analysis], by)

    def document() -> dict[str, Any]:
        from mnet_cost.report.analysis_json import analysis_document

        return analysis_document(analysis, training)

    kinds = () if by == "kind" else (_kind_table(analysis),)
    timed = any(estimate.latency_s is not None for estimate in analysis.devices)
    untimed = () if timed else ("latency_s", "latency_share", "dominant_part")
    first = _first_notes(analysis, training)
    return Report(
        title=spec.title + (f"  ({spec.source})" if spec.source else ""),
        subtitle=_setting(analysis),
        facts=_facts(analysis) + (() if training is None else training_facts(analysis, training)),
        tables=tuple(
            without(table, untimed) for table in (rows, *kinds) if table.rows or table.title
        ),
        notes=tuple(first[:MOST_NOTES]),
        document=document,
        records=records,
        long_form=True,
        more_notes=(*first[MOST_NOTES:], *_more_notes(analysis, by)),
        alerts=misfit_alerts(analysis),
        answer=(device_table(analysis),) if analysis.devices else (),
        facts_in_line=True,
    )


_MOST_KINDS = 5
"""Kinds that are shown below other rows; `--by kind` shows all."""


def _setting(analysis: Analysis) -> str:
    network = analysis.network
    inputs = ", ".join(
        f"{network.tensors[index].name} {shape_text(network.tensors[index].type)}"
        for index in network.inputs
    )
    knobs = " · ".join(f"{name} {_plain(value)}" for name, value in network.knobs.items())
    return f"{knobs} · {analysis.precision} · input {inputs}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(analysis: Analysis) -> tuple[Fact, ...]:
    sums, network = analysis.sums, analysis.network
    peak = analysis.memory
    alive = ", ".join(
        f"{tensor.name} {format_bytes(tensor.bytes)}" for tensor in peak.live_at_peak[:3]
    )
    more = len(peak.live_at_peak) - 3
    modelled = len(analysis.layers) - len(analysis.unmodelled) - len(analysis.stated)

    def fact(name: str, detail: str, brief: str = "", more: bool = False) -> Fact:
        total, form = find_metric(name), metric_form(name)
        value = total.of(analysis)
        if value is None:
            why = "since a layer has no cost rule"
            return Fact(total.title, Absent("unknown"), form, why, more=more)
        if total.needs_totals and analysis.unmodelled:
            detail = f"at least; {detail}"
            brief = f"({'; '.join(filter(None, ('at least', brief)))})"
        elif brief:
            brief = f"({brief})"
        return Fact(total.title, value, form, detail, brief, more)

    weight_bytes = format_bytes(sums.weight_bytes)
    if sums.weight_bytes != sums.params * DTYPES[analysis.precision].bytes:
        weight_bytes = f"weights {weight_bytes}"  # constants, too, and results of stored tensors
    counted_by = "" if analysis.convention == "paper" else convention_detail(analysis)
    return (
        fact("mult_adds", convention_detail(analysis), counted_by),
        *sparsity_facts(analysis),
        fact("params", f"{weight_bytes} at {analysis.precision}", weight_bytes),
        fact("weights", "kernels alone, as papers count", more=True),
        fact("vector_ops", "bias, norms, activations, pooling, adds", more=True),
        fact("traffic", f"layer by layer; {format_bytes(sums.activation_bytes)} of it written"),
        fact(
            "peak_memory",
            f"activations at {network.steps[peak.peak_step].name}: {alive}"
            + (f" and {more} more" if more > 0 else ""),
        ),
        Fact(
            "coverage",
            f"{100 * analysis.coverage:.4g} %",
            "text",
            f"{modelled} of {len(analysis.layers)} layers have a cost rule"
            + (f", {len(analysis.stated)} a stated cost" if analysis.stated else ""),
            more=not analysis.unmodelled,
            whole=True,
        ),
        *published_facts(analysis),
    )


def _rows_table(analysis: Analysis, by: Grain) -> Table:
    title = {"layer": "Layers", "block": "Blocks", "kind": "Kinds"}[by]
    if analysis.devices:
        title += f"; {_time_title(_in_order(analysis)[0])}"
    return _group_table(analysis, groups(analysis, by), by)._replace(title=title)


def _time_title(estimate: DeviceEstimate) -> str:
    """On which device times are, and what they are."""
    if estimate.basis is None:
        return f"time on {estimate.device.name} is unknown"
    what = "a lower bound" if estimate.basis == "bound" else estimate.basis
    return f"time on {estimate.device.name} ({what})"


def _kind_table(analysis: Analysis) -> Table:
    """The kinds of most mult-adds or time; all others share a row."""
    times = _all_times(analysis)

    def largest(group: Group) -> float:
        counted = counted_shares(analysis, group)[0]
        shares = (counted, *(first.share(group) for first in times[:1]))
        return max(share or 0.0 for share in shares)

    kinds = [
        group
        for group in groups(analysis, "kind")
        if group.mult_adds or not group.modelled or any(device.share(group) for device in times)
    ]
    if len(kinds) > _MOST_KINDS:
        shown = sorted(kinds, key=lambda group: (group.modelled, -largest(group)))
        names = {group.name for group in shown[: _MOST_KINDS - 1]}
        others = [group for group in kinds if group.name not in names]
        layers = tuple(cost for group in others for cost in group.layers)
        kinds = [group for group in kinds if group.name in names]
        kinds.append(Group(f"{len(others)} other kinds", "", layers))
    return _group_table(analysis, kinds, "kind")._replace(key="kinds")


def _in_order(analysis: Analysis) -> list[DeviceEstimate]:
    """Estimates, those without a time last: rows have the times of the first."""
    return sorted(analysis.devices, key=lambda estimate: estimate.latency_s is None)


def _all_times(analysis: Analysis) -> list[Times]:
    return [Times(estimate, analysis.latency_s(estimate)) for estimate in _in_order(analysis)]


def _group_table(analysis: Analysis, rows: Sequence[Group], by: Grain) -> Table:
    """Counts of each group and its time on the first device; of kinds also their share of the time
    on the others."""
    all_times = _all_times(analysis)
    first, others = (all_times[0] if all_times else None), all_times[1:]
    columns = [Column("name", by, "text", ASKED, help=_NAMES[by])]
    if by == "kind":
        columns.append(
            Column("layers", "layers", "number", SPARE, help="how many layers are of it")
        )
    else:
        columns.append(
            Column("kind", "kind", "text", -1, help="of the layer, or which block it is")
        )
        columns.append(
            Column("output_shape", "output", "text", ASKED, help="shape for one example")
        )
    columns += [
        metric_column("mult_adds", ASKED, help="of the batch; 1 is 2 FLOPs"),
        Column("mult_adds_share", "%", "share", 8, help="of the mult-adds of the network"),
        metric_column("params", ASKED, help="weights, biases and those of norms"),
        Column("weights_share", "weights %", "percent", -2, help="of the weights of the network"),
    ]
    if by != "kind":
        if analysis.network.spec.extension:
            columns.append(Column("spec", "of", "text", -3, help="the spec that has the line"))
        if _has_lines(analysis):
            columns.append(Column("line", "line", "number", -3, help="of the spec"))
    if first:
        name = first.estimate.device.name
        columns += [
            metric_column("latency", ASKED, help=f"on {name}; {_NO_TIME}"),
            Column("latency_share", "time %", "share", 8, "%", f"of the time on {name}"),
            Column("dominant_part", "mostly", "text", SPARE, help="what most of the time goes to"),
        ]
    if by == "kind":
        for times in others:
            name = times.estimate.device.name
            columns += [
                Column(f"{name}_share", f"{name} %", "percent", -3, help=f"of the time on {name}"),
                Column(f"{name}_dominant_part", "mostly", "text", -3),
            ]
    marks = marks_of(analysis)
    if marks:
        columns.append(AGREEMENT_COLUMN)
    cells = []
    for group in rows:
        row = _counts(analysis, group, by)
        if first:
            row += [first.cell(group), _share(first, group), _mostly(first, group)]
        if by == "kind":
            for times in others:
                row += [_share(times, group), _mostly(times, group)]
        if marks:
            row.append(marks.of(group.layers))
        cells.append(row)
    for i, column in enumerate(columns):
        if column.form == "share":
            _mark_largest(cells, i)
    return Table("layers", "", tuple(columns), tuple(map(tuple, cells)))


_NAMES = {
    "layer": "the path of the layer in the spec",
    "block": "a block, or a layer outside of blocks; x5: five copies of it",
    "kind": "layers of one kind and kernel size",
}
_NO_TIME = (
    "fused: its work is done in the kernel of another layer; stored: it is made of stored tensors "
    "alone, beforehand; empty: it has no work"
)


def _share(times: Times, group: Group) -> float | Absent:
    share = times.share(group)
    return Absent("") if share is None else share


def _mostly(times: Times, group: Group) -> str | Absent:
    return times.dominant_part(group) or Absent("")


def _mark_largest(rows: list[list[Any]], i: int) -> None:
    """Mark the largest share of column `i`."""
    known = [row for row in rows if isinstance(row[i], float)]
    if known:
        largest = max(known, key=lambda row: row[i])
        largest[i] = Marked(largest[i], "largest")


def _counts(analysis: Analysis, group: Group, by: Grain) -> list[Any]:
    """The cells of a group that depend on no device."""
    mult_adds_share, weights_share = counted_shares(analysis, group)
    unknown = Absent("unknown")
    counts = [
        group.mult_adds if group.modelled else unknown,
        Absent("") if mult_adds_share is None else mult_adds_share,
        group.params if group.modelled else unknown,
        Absent("") if weights_share is None else weights_share,
    ]
    if by == "kind":
        return [group.name, len(group.layers), *counts]
    node = _node(analysis, group, by)
    spec = [node.source.path] if analysis.network.spec.extension else []
    line = [node.line] if _has_lines(analysis) else []
    return [group.label, group.kind, shape_text(group.layers[-1].output), *counts, *spec, *line]


def _has_lines(analysis: Analysis) -> bool:
    """Whether somebody wrote the spec: one of a model file would be written to have lines."""
    return not analysis.network.spec.origins


def _node(analysis: Analysis, group: Group, by: Grain) -> Node:
    """The entry of the spec that wrote a row."""
    calls = {} if by == "layer" else analysis.network.calls
    call = calls.get(group.name) or calls.get(f"{group.name}.1")
    return call.node if call else group.layers[0].step.node


def _memory_notes(analysis: Analysis) -> list[str]:
    """How memory is counted, and how the order of the layers came about."""
    if analysis.schedule is None:
        return ["peak memory: the order of the spec, element-wise layers in place, weights apart"]
    return ["peak memory: element-wise layers in place, weights apart"]


def _first_notes(analysis: Analysis, training: TrainingCost | None) -> list[str]:
    """What changes how a number is read, the most important first."""
    notes = []
    if analysis.unmodelled:
        names = ", ".join(analysis.unmodelled[:5]) + ("..." if len(analysis.unmodelled) > 5 else "")
        what = "totals are lower bounds" if analysis.has_totals else "no total is given"
        notes.append(f"the cost of {names} is unknown: {what}")
    if analysis.stated:
        names = ", ".join(analysis.stated[:5]) + ("..." if len(analysis.stated) > 5 else "")
        notes.append(f"the cost of {names} is what the spec states: no rule counts it")
    notes += _precision_notes(analysis)
    schedule = analysis.schedule
    if schedule is not None:
        peak = ordered_bytes(schedule.peak_bytes, schedule.spec_peak_bytes, schedule.optimal)
        own = "; the kernels of a device have an order of their own" if analysis.devices else ""
        notes.append(f"schedule best: {peak}{own}")
    counted, what_is_added = convention_notes(analysis), bool(analysis.convention_items)
    notes += counted[:what_is_added]
    notes += warning_notes(analysis)
    notes += counted[what_is_added:]
    if analysis.network.batch != 1:
        batch = analysis.network.batch
        notes.append(f"all but shapes and params is for the batch of {batch}, times included")
    notes += reading_notes(analysis)
    notes += sparsity_notes(analysis)
    if training is not None:
        notes.append(training_note(training))
    return [*notes, "1 mult-add = 1 MAC = 2 FLOPs"]


def _precision_notes(analysis: Analysis) -> list[str]:
    """Which layers are not at the precision of the analysis, since the spec states another."""
    steps = analysis.network.steps
    names = [step.precision.name for step in steps if step.precision is not None]
    stated = [name for name in names if name != analysis.precision]
    if not stated:
        return []
    counts = ", ".join(f"{name} for {stated.count(name)}" for name in dict.fromkeys(stated))
    return [f"the spec states the precision of layers: {counts} of {len(steps)}; bytes follow it"]


def _more_notes(analysis: Analysis, by: View) -> list[str]:
    """All other notes."""
    convention = find_convention(analysis.convention)
    notes = [f"convention {convention.name}: {convention.summary}"]
    if by == "block":
        notes.append("--by layer shows every layer, --by kind every kind")
    if by == "kernel":
        notes += kernel_notes(analysis.devices[0])
    return notes + _memory_notes(analysis) + more_notes(analysis)
