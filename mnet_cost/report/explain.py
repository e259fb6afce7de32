"""The report of `explain`: each number as formula, values and line of the spec."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.explain import Formula, explain_step
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.work import LayerCost
from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.report.rows import groups
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.units import format_bytes, format_seconds, format_si

SCHEMA = "mnet-cost/explanation/1"

_FORMULA_COLUMNS = (
    Column("what", "number"),
    Column("value", "value", "count"),
    Column("formula", "formula, and with its values"),
)


def explain_report(analysis: Analysis, layer: str | None) -> Report:
    """One layer, all layers of a block, or the totals of the network."""
    if layer is None:
        return _totals_report(analysis)
    chosen = [cost for cost in analysis.layers if _inside(cost.step.name, layer)]
    if not chosen:
        names = [cost.step.name for cost in analysis.layers]
        prefixes = {name.rsplit(".", depth)[0] for name in names for depth in range(1, 4)}
        raise ModelReferenceError(
            Problem(
                f"{analysis.network.spec.title} has no layer or block `{layer}`",
                hint=did_you_mean(layer, [*names, *prefixes]) or "`analyze --by layer` lists them",
            )
        )
    tables = [table for cost in chosen for table in _layer_tables(analysis, cost)]
    return Report(
        title=f"{analysis.network.spec.title}: {layer}",
        subtitle=f"batch {analysis.network.batch} · {analysis.precision}",
        facts=(),
        tables=tuple(tables),
        notes=(
            "counts are for one example; C channels, H height, W width, L length, F features; "
            "in: input, out: output",
        ),
        document={
            "schema": SCHEMA,
            "model": analysis.network.spec.title,
            "layers": [_layer_document(analysis, cost) for cost in chosen],
        },
    )


def _inside(name: str, layer: str) -> bool:
    return name == layer or name.startswith(layer + ".")


def _layer_tables(analysis: Analysis, cost: LayerCost) -> list[Table]:
    step, network = cost.step, analysis.network
    source = step.entry.node.source
    inputs = ", ".join(f"{network.tensors[i].name} {network.tensors[i].type}" for i in step.inputs)
    written = f"{source.path}:{step.line}:  {source.line(step.line).strip()}"
    shared = "" if step.shares is None else f" · weights of {network.steps[step.shares].name}"
    rows = [
        (formula.what, formula.value, _equation(formula)) for formula in explain_step(network, step)
    ]
    note = f"in: {inputs or 'nothing'} · out: {cost.output}{shared}\n{written}"
    if cost.work is None:
        note += "\nits work is unknown: no rule counts it"
    rides_on = _rides_on(analysis, step.name)
    if rides_on:
        note = f"rides on {rides_on}: no time of its own\n{note}"
    table = Table(
        step.name, f"{step.name}: {step.layer.variety()}", _FORMULA_COLUMNS, tuple(rows), note=note
    )
    times = [
        (
            estimate.device.name,
            one.latency_s,
            f"{_bound_words(one)}\n{_time_values(estimate, one, analysis.precision)}",
        )
        for estimate in analysis.devices
        for one in estimate.kernels
        if one.kernel.name == step.name
    ]
    if not times:
        return [table]
    columns = (
        Column("device", "device"),
        Column("latency_s", "time", "seconds"),
        Column("formula", "roofline of this kernel"),
    )
    return [table, Table(f"{step.name}_time", "", columns, tuple(times))]


def _equation(formula: Formula) -> str:
    if formula.names == formula.values:
        return formula.names if formula.names != str(formula.value) else ""
    if formula.values == str(formula.value):
        return formula.names
    return f"{formula.names}\n{formula.values}"


def _rides_on(analysis: Analysis, name: str) -> str | None:
    for kernel in analysis.kernels:
        if kernel.name != name and any(cost.step.name == name for cost in kernel.layers):
            return kernel.name
    return None


def _bound_words(one: KernelEstimate) -> str:
    compute, memory = _seconds(one.compute_s), _seconds(one.memory_s)
    launch = f" + launch {_seconds(one.overhead_s)}" if one.overhead_s else ""
    return f"max(compute {compute}, memory {memory}){launch}"


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else format_seconds(value)


def _time_values(estimate: DeviceEstimate, one: KernelEstimate, precision: str) -> str:
    rate = estimate.device.compute[precision]
    if one.kernel.mult_adds:
        compute = f"{one.kernel.mult_adds:,} / {format_si(rate.macs_per_s.value, 'MAC/s')}"
    elif rate.vector_ops_per_s is not None:
        compute = f"{one.kernel.vector_ops:,} / {format_si(rate.vector_ops_per_s.value, 'op/s')}"
    else:
        compute = "no rate for vector ops"
    return f"{compute}; {format_bytes(one.kernel.traffic_bytes)}; bound by {one.bound}"


def _layer_document(analysis: Analysis, cost: LayerCost) -> dict[str, Any]:
    step = cost.step
    return {
        "name": step.name,
        "kind": step.layer.kind,
        "spec": step.entry.node.source.path,
        "line": step.line,
        "text": step.entry.node.source.line(step.line).strip(),
        "formulas": [formula._asdict() for formula in explain_step(analysis.network, step)],
    }


def _totals_report(analysis: Analysis) -> Report:
    totals, width = analysis.totals, analysis.precision
    rows = []
    for group in groups(analysis, "kind"):
        if not (group.mult_adds or group.params):
            continue
        rows.append((group.name, len(group.layers), group.mult_adds, group.weights, group.params))
    columns = (
        Column("kind", "kind"),
        Column("layers", "layers", "number"),
        Column("mult_adds", "mult-adds", "count"),
        Column("weights", "weights", "count", 6),
        Column("params", "params", "count"),
    )
    known = not analysis.unmodelled
    total = (
        "sum", len(analysis.layers), totals.mult_adds if known else None,
        totals.weights if known else None, totals.params if known else None,
    )  # fmt: skip
    peak = analysis.memory
    alive = " + ".join(f"{one.bytes:,} ({one.name})" for one in peak.live_at_peak)
    facts = (
        Fact(
            "FLOPs", totals.flops if known else None, "count", f"2 * {totals.mult_adds:,} mult-adds"
        ),
        Fact(
            "weight bytes",
            totals.weight_bytes if known else None,
            "count",
            f"{totals.params:,} params at {width}",
        ),
        Fact("peak memory", peak.peak_bytes, "count", f"bytes: {alive}"),
    )
    knobs = ", ".join(f"{name} {value}" for name, value in analysis.network.knobs.items())
    return Report(
        title=analysis.network.spec.title,
        subtitle=f"{knobs} · {width}",
        facts=facts,
        tables=(Table("kinds", "Totals by kind", columns, tuple(rows), total),),
        notes=("`mnet-cost explain MODEL LAYER` takes one layer or block apart",),
        document={
            "schema": SCHEMA,
            "model": analysis.network.spec.title,
            "kinds": [dict(zip([c.key for c in columns], row, strict=True)) for row in rows],
            "totals": dict(zip([c.key for c in columns[1:]], total[1:], strict=True)),
            "peak_memory": [one._asdict() for one in peak.live_at_peak],
        },
    )
