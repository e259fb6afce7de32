"""The report of `explain`: each number as formula, values and line of the spec."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.explain import Formula, explain_step
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.analysis.work import LayerCost
from mnet_cost.metrics import find_metric
from mnet_cost.network.parts import check_part, is_within
from mnet_cost.report.analysis_json import origin_document
from mnet_cost.report.conventions import (
    AGREEMENT_COLUMN,
    convention_notes,
    marks_of,
)
from mnet_cost.report.estimates import meanings, threads_cell, unknown_notes
from mnet_cost.report.kernel_explanation import time_document, time_lines
from mnet_cost.report.metric_columns import metric_column, metric_of
from mnet_cost.report.rows import groups
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, MOST_NOTES, Column, Fact, Report, Table
from mnet_cost.tensors import DTYPES
from mnet_cost.units import format_seconds

_FORMULA_COLUMNS = (
    Column("what", "number", "text", ASKED),
    Column("value", "value", "count", ASKED),
    Column("formula", "formula, and with its values", "prose", ASKED),
)

_STATIC = (
    "it is made of stored tensors alone, so it runs once a run, whatever the batch, and a runtime "
    "makes it beforehand"
)


def explain_report(analysis: Analysis, layer: str | None) -> Report:
    """One layer, all layers of a block, or the totals of the network."""
    if layer is None:
        return _totals_report(analysis)
    chosen = _chosen(analysis, layer)
    if not chosen:
        check_part(analysis.network, layer)
    kernels = _Kernels(analysis)
    tables = [table for cost in chosen for table in _layer_tables(analysis, cost, kernels)]
    notes = [
        "counts are for one example; C channels, H height, W width, L length, F features; "
        "in: input, out: output"
    ]
    if analysis.network.batch != 1:
        notes.append(f"bytes and times are for the batch of {analysis.network.batch}")
    if analysis.convention != "paper":
        notes.append(f"mult-adds as the paper counts, not as {analysis.convention} does")
    notes += unknown_notes(analysis.devices)
    shown = {cost.step.name for cost in chosen}
    timed = [
        estimate
        for estimate in analysis.devices
        if any(kernel.kernel.name in shown for kernel in estimate.kernels)
    ]
    more = meanings(timed)
    if any(estimate.adds_up for estimate in timed):
        more.append(
            "terms: amount x coefficient x scale, which is what a multiplication in a large 1x1 "
            "convolution takes"
        )
    return Report(
        title=f"{analysis.network.spec.title}: {layer}",
        subtitle=f"batch {analysis.network.batch} · {analysis.precision}",
        facts=(),
        tables=tuple(tables),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=(*notes[MOST_NOTES:], *more),
        document=lambda: {
            "schema": schema_id("explain"),
            "model": analysis.network.spec.title,
            "batch": analysis.network.batch,
            "precision": analysis.precision,
            "layers": [_layer_document(analysis, cost, kernels) for cost in chosen],
        },
    )


def _chosen(analysis: Analysis, layer: str) -> list[LayerCost]:
    """The layers that a name means: one, all in a block, or those of a node of a model file."""
    chosen = [cost for cost in analysis.layers if is_within(cost.step.name, layer)]
    if chosen or not analysis.network.spec.origins:
        return chosen
    origins = analysis.network.spec.origins
    return [
        cost
        for cost in analysis.layers
        if (origin := origins.get(cost.step.name)) is not None
        and (layer in origin.nodes or layer in origin.tensors)
    ]


class _Kernels:
    """Kernels by the layers in them, found once. They are those of each device."""

    def __init__(self, analysis: Analysis) -> None:
        self.estimates: dict[str, list[tuple[DeviceEstimate, KernelEstimate]]] = {}
        self._homes: dict[str, dict[str, list[str]]] = {}
        for estimate in analysis.devices:
            for kernel_time in estimate.kernels:
                kernel = kernel_time.kernel
                self.estimates.setdefault(kernel.name, []).append((estimate, kernel_time))
                self._place(kernel, estimate.device.name)
        if not self._homes:
            for kernel in analysis.kernels:
                self._place(kernel, "")

    def _place(self, kernel: Kernel, device: str) -> None:
        for cost in kernel.layers:
            self._homes.setdefault(cost.step.name, {}).setdefault(kernel.name, []).append(device)

    def fuses(self, name: str) -> str:
        """Into what a layer is fused, in words; on which devices where that is not all of them."""
        homes = self._homes.get(name, {})
        hosts = [home for home in homes if home != name]
        if not hosts:
            return ""
        if len(homes) == 1:
            return f"is fused into {hosts[0]}: no time of its own\n"
        fused_into = "; ".join(f"{home} on {', '.join(homes[home])}" for home in hosts)
        return f"is fused into {fused_into}: no time of its own there\n"


def _layer_tables(analysis: Analysis, cost: LayerCost, kernels: _Kernels) -> list[Table]:
    step, network = cost.step, analysis.network
    source = step.node.source
    inputs = ", ".join(f"{network.tensors[i].name} {network.tensors[i].type}" for i in step.inputs)
    written = f"{source.path}:{step.line}:  {source.line(step.line).strip()}"
    owner = network.owner_of(step)
    what = "weights" if step.tied_to is None else "kernel"
    shared = "" if owner is None else f" · {what} of {owner.name}"
    rows = [
        (formula.what, formula.value, _equation(formula)) for formula in _formulas(analysis, cost)
    ]
    note = f"in: {inputs or 'nothing'} · out: {cost.output}{shared}\n{written}"
    if origin := network.spec.origins.get(step.name):
        note += f"\nin {network.spec.path}: {', '.join(origin.nodes)}"
    if cost.work is None:
        note += "\nits work is unknown: no rule counts it"
    elif step.layer.states_work:
        note += "\nits work is what the spec states: no rule counts it"
    if step.is_static:
        note += f"\n{_STATIC}"
    note = kernels.fuses(step.name) + note
    title = f"{step.name}: {step.layer.variety()}"
    table = Table(step.name, title, _FORMULA_COLUMNS, tuple(rows), note=note)
    times = [
        (_how_it_ran(estimate, kernel), time_lines(estimate, kernel))
        for estimate, kernel in kernels.estimates.get(step.name, ())
    ]
    if not times:
        return [table]
    columns = (
        Column("device", "device, time", "text", ASKED, help="with basis, runtime and threads"),
        Column("formula", "how", "prose", ASKED, help="the time as it is calculated"),
    )
    return [table, Table(f"{step.name}_time", "", columns, tuple(times))]


def _how_it_ran(estimate: DeviceEstimate, kernel: KernelEstimate) -> str:
    """Device, time and basis, runtime and threads, in a line each."""
    device, threads = estimate.device, threads_cell(estimate.device)
    time = "unknown" if kernel.latency_s is None else format_seconds(kernel.latency_s)
    run = device.runtime
    if isinstance(threads, int):
        run += f", {threads} thread{'s' * (threads > 1)}"
    return f"{device.name}\n{time}{f' ({estimate.basis})' * bool(estimate.basis)}\n{run}"


def _formulas(analysis: Analysis, cost: LayerCost) -> list[Formula]:
    """Sizes and counts of one example, and bytes of the batch."""
    network, work = analysis.network, cost.work
    formulas = list(explain_step(network, cost.step))
    if work is None:
        return formulas
    width, batch = DTYPES[analysis.precision].bytes, network.batch_of(cost.step)
    with_weights = cost.step.layer.stored_with_weights(work)
    constants = with_weights - work.params
    for what, elements, stored, factor in (
        ("weight bytes", with_weights, cost.read_weight_bytes, 1),
        ("input bytes", work.input_elements, cost.input_bytes, batch),
        ("output bytes", work.output_elements, cost.output_bytes, batch),
    ):
        if stored:
            each = width if stored == elements * width * factor else stored / elements / factor
            times = f" * {factor}" if factor != 1 else ""
            unit, amount = what.replace("bytes", "elements"), str(elements)
            if what == "weight bytes":
                unit = "buffers" if constants else "params"
                if constants and work.params:
                    unit, amount = "(params + buffers)", f"({work.params} + {constants})"
            formulas.append(
                Formula(
                    what=what,
                    names=f"{unit} * bytes each" + (" * batch" if times else ""),
                    values=f"{amount} * {each:g}{times}",
                    value=stored,
                )
            )
    return formulas


def _equation(formula: Formula) -> str:
    if formula.names == formula.values:
        return formula.names if formula.names != str(formula.value) else ""
    if formula.values == str(formula.value):
        return formula.names
    return f"{formula.names}\n{formula.values}"


def _layer_document(analysis: Analysis, cost: LayerCost, kernels: _Kernels) -> dict[str, Any]:
    step = cost.step
    return {
        "name": step.name,
        "kind": step.layer.kind,
        "spec": step.node.source.path,
        "line": step.line,
        **origin_document(step, analysis.network.spec),
        "text": step.node.source.line(step.line).strip(),
        "formulas": [asdict(formula) for formula in _formulas(analysis, cost)],
        "times": [time_document(*estimates) for estimates in kernels.estimates.get(step.name, ())],
    }


def _stored_formula(analysis: Analysis, stored: int) -> str:
    """How `stored` bytes of weights come about; where they are not those of params and constants,
    such as of a table that a runtime stores in full, how many elements they are."""
    width, params = DTYPES[analysis.precision].bytes, analysis.sums.params
    constants = sum(cost.buffers for cost in analysis.layers if cost.step.layer.buffers_are_weights)
    if stored != (params + constants) * width:
        return f"{stored // width:,} stored elements * {width} bytes"
    if constants:
        return f"({params:,} params + {constants:,} constants) * {width} bytes"
    return f"params * {width} bytes"


def _title(total: str) -> str:
    return find_metric(total).title


def _totals_report(analysis: Analysis) -> Report:
    marks = marks_of(analysis)
    rows = [
        (
            group.name,
            len(group.layers),
            *((group.mult_adds, group.weights, group.params) if group.modelled else (None,) * 3),
            *((marks.of(group.layers),) if marks else ()),
        )
        for group in groups(analysis, "kind")
        if group.mult_adds or group.params or not group.modelled
    ]
    columns = (
        Column("kind", "kind"),
        Column("layers", "layers", "number"),
        metric_column("mult_adds"),
        metric_column("weights", 6),
        metric_column("params"),
        *((AGREEMENT_COLUMN,) if marks else ()),
    )
    total: tuple[Any, ...] = (
        "sum",
        len(analysis.layers),
        *(metric_of(total, analysis) for total in ("mult_adds", "weights", "params")),
        *((marks.of(analysis.layers),) if marks else ()),
    )
    flops, stored = (metric_of(total, analysis) for total in ("flops", "weight_bytes"))
    peak = analysis.memory
    alive = " + ".join(f"{tensor.bytes:,} ({tensor.name})" for tensor in peak.live_at_peak)
    unknown = "unknown, since a layer has no cost rule"
    facts = (
        Fact(_title("flops"), flops, "count", unknown if flops is None else "2 * mult-adds"),
        Fact(
            _title("weight_bytes"),
            stored,
            "count",
            unknown if stored is None else _stored_formula(analysis, stored),
        ),
        Fact(_title("peak_memory"), peak.peak_bytes, "count", f"bytes: {alive}"),
    )
    knobs = " · ".join(f"{name} {value}" for name, value in analysis.network.knobs.items())
    notes = [
        *convention_notes(analysis),
        "`mnet-cost explain MODEL LAYER` takes one layer or block apart",
    ]
    return Report(
        title=analysis.network.spec.title,
        subtitle=f"{knobs} · {analysis.precision} · convention {analysis.convention}",
        facts=facts,
        tables=(Table("kinds", "Totals by kind", columns, tuple(rows), total),),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=tuple(notes[MOST_NOTES:]),
        document=lambda: {
            "schema": schema_id("explain"),
            "model": analysis.network.spec.title,
            "convention": analysis.convention,
            "convention_agreement": analysis.convention_agreement,
            "kinds": [dict(zip([c.key for c in columns], row, strict=True)) for row in rows],
            "totals": dict(zip([c.key for c in columns[1:]], total[1:], strict=True)),
            "peak_memory": [tensor._asdict() for tensor in peak.live_at_peak],
        },
    )
