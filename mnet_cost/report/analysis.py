"""The report of `analyze`."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.conventions import find_convention
from mnet_cost.analysis.training import TrainingCost
from mnet_cost.report.conventions import (
    AGREEMENT_COLUMN,
    Marks,
    convention_detail,
    convention_notes,
    marks_of,
)
from mnet_cost.report.document import analysis_document
from mnet_cost.report.estimates import device_table, ordered_bytes, time_notes
from mnet_cost.report.kernels import TOP, kernel_table
from mnet_cost.report.published import published_facts
from mnet_cost.report.rows import Grain, Group, Times, View, counted_shares, groups
from mnet_cost.report.sparsity import sparsity_facts, sparsity_notes
from mnet_cost.report.training import training_facts, training_note
from mnet_cost.report.types import Column, Fact, Form, Report, Table
from mnet_cost.units import format_bytes
from mnet_cost.yamlfile import Node


def analysis_report(
    analysis: Analysis,
    by: View = "block",
    lower_bound: bool = False,
    training: TrainingCost | None = None,
    top: int | None = None,
) -> Report:
    """Totals, rows at the grain `by`, shares by kind, memory, devices, and a training step.

    With unmodelled layers the totals are None, or lower bounds if those were asked for. Of kernels
    `top` are shown, `TOP` without it; files have all.
    """
    spec = analysis.network.spec
    records = None
    if by == "kernel":
        tables = [kernel_table(analysis, TOP if top is None else top, lower_bound)]
        if top is None:
            records = kernel_table(analysis, len(analysis.layers), lower_bound)
    else:
        tables = [_rows_table(analysis, by, lower_bound)]
    if by != "kind" or analysis.devices:
        tables.append(_kind_table(analysis, lower_bound))
    if analysis.devices:
        tables.append(device_table(analysis, lower_bound))
    return Report(
        title=spec.title + (f"  ({spec.source})" if spec.source else ""),
        subtitle=_setting(analysis),
        facts=_facts(analysis, lower_bound)
        + (() if training is None else training_facts(training, lower_bound)),
        tables=tuple(tables),
        notes=_notes(analysis, lower_bound)
        + (() if training is None else (training_note(training),)),
        document=lambda: analysis_document(analysis, lower_bound, training),
        records=records,
    )


def _setting(analysis: Analysis) -> str:
    network = analysis.network
    inputs = ", ".join(
        f"{network.tensors[index].name} {network.tensors[index].type}" for index in network.inputs
    )
    knobs = " · ".join(f"{name} {_plain(value)}" for name, value in network.knobs.items())
    return f"{knobs} · {analysis.precision} · input {inputs}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(analysis: Analysis, lower_bound: bool) -> tuple[Fact, ...]:
    totals, network = analysis.totals, analysis.network
    peak = analysis.memory
    alive = ", ".join(f"{one.name} {format_bytes(one.bytes)}" for one in peak.live_at_peak[:3])
    more = len(peak.live_at_peak) - 3
    modelled = len(analysis.layers) - len(analysis.unmodelled)

    def fact(key: str, label: str, form: Form, detail: str) -> Fact:
        value = analysis.total(key, lower_bound)
        if value is None:
            detail = "unknown, since a layer has no cost rule"
        elif analysis.unmodelled:
            detail = f"at least; {detail}"
        return Fact(label, value, form, detail)

    return (
        fact("mult_adds", "mult-adds", "count", convention_detail(analysis)),
        *sparsity_facts(analysis, lower_bound),
        fact(
            "params",
            "params",
            "count",
            f"{format_bytes(totals.weight_bytes)} at {analysis.precision}",
        ),
        fact("weights", "weights", "count", "kernels alone, as papers count"),
        fact("vector_ops", "vector ops", "count", "bias, norms, activations, pooling, adds"),
        fact(
            "traffic_bytes",
            "traffic",
            "bytes",
            f"layer by layer; {format_bytes(totals.activation_bytes)} of it written",
        ),
        Fact(
            "peak memory",
            peak.peak_bytes,
            "bytes",
            f"activations at {network.steps[peak.peak_step].name}: {alive}"
            + (f" and {more} more" if more > 0 else ""),
        ),
        Fact(
            "coverage",
            f"{100 * analysis.coverage:.4g} %",
            "text",
            f"{modelled} of {len(analysis.layers)} layers have a cost rule",
        ),
        *published_facts(analysis),
    )


def _rows_table(analysis: Analysis, by: Grain, lower_bound: bool) -> Table:
    times = None
    if analysis.devices:
        first = analysis.devices[0]
        times = Times(first, analysis.latency_s(first, lower_bound))
    columns = [
        Column("name", {"layer": "layer", "block": "block", "kind": "kind"}[by]),
        Column("kind", "kind", "text", 4),
        Column("output_shape", "output", "text", 7),
        Column("mult_adds", "mult-adds", "count"),
        Column("mult_adds_share", "%", "percent", 8),
        Column("params", "params", "count"),
        Column("weights_share", "weights %", "percent", 5),
        Column("line", "line", "number", 1),
    ]
    if by == "kind":
        columns = [
            column for column in columns if column.key not in ("kind", "output_shape", "line")
        ]
        columns.insert(1, Column("layers", "layers", "number", 6))
    elif analysis.network.spec.extension:
        columns.append(Column("spec", "of", "text", 2))  # a line without it would mislead
    if times:
        columns += [
            Column("latency_s", "time", "seconds", 6),
            Column("latency_share", "time %", "percent", 8),
            Column("dominant_part", "mostly", "text", 3),
        ]
    marks = marks_of(analysis)
    if marks:
        columns.append(AGREEMENT_COLUMN)
    rows = [_row(analysis, group, by, times, marks, lower_bound) for group in groups(analysis, by)]
    what = {"layer": "Layers", "block": "Blocks", "kind": "Kinds"}[by]
    title = what
    if times:
        device, basis = times.estimate.device.name, times.estimate.basis
        title += (
            f"; time on {device} is unknown"
            if basis is None
            else f", with time on {device} ({basis})"
        )
    note = "time -: is fused into the layer before, moves nothing, or is not known" if times else ""
    if by == "block":
        note += ("; " if note else "") + "--by layer shows every layer"
    return Table("layers", title, tuple(columns), tuple(rows), note=note)


def _row(
    analysis: Analysis,
    group: Group,
    by: Grain,
    times: Times | None,
    marks: Marks | None,
    lower_bound: bool,
) -> tuple[Any, ...]:
    mult_adds, params = (group.mult_adds, group.params) if group.modelled else (None, None)
    mult_adds_share, weights_share = counted_shares(analysis, group, lower_bound)
    counts = (mult_adds, mult_adds_share, params, weights_share)
    shown: tuple[Any, ...]
    if by == "kind":
        shown = (group.name, len(group.layers), *counts)
    else:
        node = _node(analysis, group, by)
        shown = (group.label, group.kind, str(group.layers[-1].output), *counts, node.line)
        if analysis.network.spec.extension:
            shown += (node.source.path,)
    if times:
        shown += (times.seconds(group), times.share(group), times.dominant_part(group))
    if marks:
        shown += (marks.of(group.layers),)
    return shown


def _node(analysis: Analysis, group: Group, by: Grain) -> Node:
    """The entry of the spec that wrote a row."""
    calls = {} if by == "layer" else analysis.network.calls
    call = calls.get(group.name) or calls.get(f"{group.name}.1")
    return call.node if call else group.layers[0].step.entry.node


def _kind_table(analysis: Analysis, lower_bound: bool) -> Table:
    columns = [
        Column("kind", "kind"),
        Column("mult_adds_share", "MACs %", "percent"),
        Column("weights_share", "weights %", "percent", 4),
    ]
    all_times = [
        Times(estimate, analysis.latency_s(estimate, lower_bound))
        for estimate in analysis.devices
        if estimate.kernels
    ]
    for i, times in enumerate(all_times):
        name = times.estimate.device.name
        columns += [
            Column(f"{name}_share", f"{name} %", "percent", 8 - i),
            Column(f"{name}_dominant_part", "mostly", "text", 8 - i),
        ]
    rows = []
    for group in groups(analysis, "kind"):
        shares = [times.share(group) for times in all_times]
        if not group.mult_adds and not any(shares) and group.modelled:
            continue  # is fused into other kernels, or moves nothing
        row: list[Any] = [
            group.name,
            *counted_shares(analysis, group, lower_bound),
        ]
        for times, share in zip(all_times, shares, strict=True):
            row += [share, times.dominant_part(group)]
        rows.append(tuple(row))
    title = "Share of mult-adds beside share of time, by kind" if all_times else "Shares by kind"
    return Table("kinds", title, tuple(columns), tuple(rows))


def _memory_notes(analysis: Analysis) -> list[str]:
    """How memory is counted, and how the order of the layers came about."""
    schedule = analysis.schedule
    if schedule is None:
        return ["peak memory: the order of the spec, element-wise layers in place, weights apart"]
    found = ordered_bytes(schedule.peak_bytes, schedule.spec_peak_bytes, schedule.optimal)
    text = f"schedule best: {found}"
    if analysis.devices:
        text += "; the kernels of a device have an order of their own"
    return [text, "peak memory: element-wise layers in place, weights apart"]


def _notes(analysis: Analysis, lower_bound: bool) -> tuple[str, ...]:
    convention = find_convention(analysis.convention)
    notes = [
        f"1 mult-add = 1 MAC = 2 FLOPs; convention {convention.name}: {convention.summary}",
    ]
    notes += convention_notes(analysis)
    notes += _memory_notes(analysis)
    notes += sparsity_notes(analysis)
    notes += time_notes(analysis.devices, analysis.refuses(lower_bound))
    if analysis.unmodelled:
        names = ", ".join(analysis.unmodelled[:5]) + ("..." if len(analysis.unmodelled) > 5 else "")
        what = "totals are lower bounds" if lower_bound else "no total is given"
        notes.append(f"the cost of {names} is unknown: {what}")
    return tuple(notes)
