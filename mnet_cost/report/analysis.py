"""The report of `analyze`."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.conventions import find_convention
from mnet_cost.analysis.latency import DeviceEstimate, Fit
from mnet_cost.report.rows import (
    Grain,
    Group,
    Times,
    bound_shares,
    bound_word,
    groups,
)
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.units import format_bytes, format_capacity, format_seconds

SCHEMA = "mnet-cost/analysis/1"


def analysis_report(analysis: Analysis, by: Grain = "block", lower_bound: bool = False) -> Report:
    """Totals, rows at the grain `by`, shares by kind, memory and devices.

    With unmodelled layers the totals are None, or lower bounds if those were asked for.
    """
    spec = analysis.network.spec
    tables = [_rows_table(analysis, by)]
    if by != "kind" or analysis.devices:
        tables.append(_kind_table(analysis))
    if analysis.devices:
        tables.append(_device_table(analysis))
    return Report(
        title=spec.title + (f"  ({spec.source})" if spec.source else ""),
        subtitle=_setting(analysis),
        facts=_facts(analysis, lower_bound),
        tables=tuple(tables),
        notes=_notes(analysis, lower_bound),
        document=analysis_document(analysis, lower_bound),
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
    known = not analysis.unmodelled or lower_bound
    at_least = "at least; " if analysis.unmodelled else ""
    convention = find_convention(analysis.convention)
    peak = analysis.memory
    alive = ", ".join(f"{one.name} {format_bytes(one.bytes)}" for one in peak.live_at_peak[:3])
    more = len(peak.live_at_peak) - 3
    modelled = len(analysis.layers) - len(analysis.unmodelled)

    def fact(label: str, value: Any, form: Any, detail: str) -> Fact:
        return Fact(label, value if known else None, form, at_least + detail)

    return (
        fact("mult-adds", totals.mult_adds, "count", f"convention {convention.name}"),
        fact(
            "params",
            totals.params,
            "count",
            f"{format_bytes(totals.weight_bytes)} at {analysis.precision}",
        ),
        fact("weights", totals.weights, "count", "kernels alone, as papers count"),
        fact("vector ops", totals.vector_ops, "count", "bias, norms, activations, pooling, adds"),
        fact(
            "traffic",
            totals.traffic_bytes,
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
    )


def _rows_table(analysis: Analysis, by: Grain) -> Table:
    times = Times(analysis.devices[0]) if analysis.devices else None
    device = analysis.devices[0].device.name if analysis.devices else ""
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
    if times:
        columns += [
            Column("latency_s", "time", "seconds", 6),
            Column("latency_share", "time %", "percent", 8),
            Column("bound", "bound", "text", 3),
        ]
    rows = [_row(analysis, group, by, times) for group in groups(analysis, by)]
    what = {"layer": "Layers", "block": "Blocks", "kind": "Kinds"}[by]
    title = f"{what}, with time on {device}" if times else what
    note = "time -: rides on the layer before, or moves nothing" if times else ""
    if by == "block":
        note += ("; " if note else "") + "--by layer shows every layer"
    return Table("layers", title, tuple(columns), tuple(rows), note=note)


def _row(analysis: Analysis, group: Group, by: Grain, times: Times | None) -> tuple[Any, ...]:
    last = group.layers[-1]
    totals = analysis.totals
    counts = (
        (group.mult_adds, _share(group.mult_adds, totals.mult_adds))
        if group.modelled
        else (None, None),
        (group.params, _share(group.weights, totals.weights)) if group.modelled else (None, None),
    )
    shown: tuple[Any, ...]
    if by == "kind":
        shown = (group.name, len(group.layers), *counts[0], *counts[1])
    else:
        shown = (
            group.label, group.kind, str(last.output), *counts[0], *counts[1],
            group.layers[0].step.entry.node.line if by == "layer" else _line(analysis, group),
        )  # fmt: skip
    if times:
        shown += (times.seconds(group), times.share(group), bound_word(times.bound(group)))
    return shown


def _line(analysis: Analysis, group: Group) -> int:
    calls = analysis.network.calls
    call = calls.get(group.name) or calls.get(f"{group.name}.1")
    return call.line if call else group.layers[0].step.line


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _kind_table(analysis: Analysis) -> Table:
    columns = [
        Column("kind", "kind"),
        Column("mult_adds_share", "MACs %", "percent"),
        Column("weights_share", "weights %", "percent", 4),
    ]
    all_times = [Times(estimate) for estimate in analysis.devices if estimate.kernels]
    for i, times in enumerate(all_times):
        name = times.estimate.device.name
        columns += [
            Column(f"{name}_share", f"{name} %", "percent", 8 - i),
            Column(f"{name}_bound", "bound", "text", 8 - i),
        ]
    rows = []
    for group in groups(analysis, "kind"):
        shares = [times.share(group) for times in all_times]
        if not group.mult_adds and not any(shares) and group.modelled:
            continue  # rides on other kernels, or moves nothing
        row: list[Any] = [
            group.name,
            _share(group.mult_adds, analysis.totals.mult_adds) if group.modelled else None,
            _share(group.weights, analysis.totals.weights) if group.modelled else None,
        ]
        for times, share in zip(all_times, shares, strict=True):
            row += [share, bound_word(times.bound(group))]
        rows.append(tuple(row))
    title = "Share of mult-adds beside share of time, by kind" if all_times else "Shares by kind"
    return Table("kinds", title, tuple(columns), tuple(rows))


def _device_table(analysis: Analysis) -> Table:
    columns = (
        Column("device", "device"),
        Column("latency_s", "time", "seconds"),
        Column("tier", "standing", "text", 6),
        Column("bound", "what binds the time, %", "text", 7),
        Column("memory", "memory", "prose", 8),
    )
    rows = [
        (
            estimate.device.name,
            estimate.latency_s,
            estimate.device.tier,
            ", ".join(
                f"{bound_word(bound)} {_percent(share)}"
                for bound, share in bound_shares(estimate).items()
            )
            or None,
            "; ".join(_fit_text(fit) for fit in estimate.fits),
        )
        for estimate in analysis.devices
    ]
    return Table("devices", "Devices", columns, tuple(rows))


def _percent(share: float) -> str:
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _fit_text(fit: Fit) -> str:
    if fit.available_bytes is None:
        return f"{fit.where}: size unknown"
    size = format_capacity(fit.available_bytes)
    if fit.fits:
        return f"fits {fit.where} {size}"
    over = format_bytes(fit.needed_bytes - fit.available_bytes)
    return f"{fit.where} {size}: over by {over}"


def _notes(analysis: Analysis, lower_bound: bool) -> tuple[str, ...]:
    convention = find_convention(analysis.convention)
    notes = [
        f"1 mult-add = 1 MAC = 2 FLOPs; convention {convention.name}: {convention.summary}",
    ]
    for item in analysis.convention_items:
        notes.append(f"{item.mult_adds:+,} {item.what}")
    if analysis.convention_items:
        paper = analysis.totals.mult_adds - sum(i.mult_adds for i in analysis.convention_items)
        notes.append(f"{paper:,} mult-adds by the convention paper")
    notes.append("peak memory: the order of the spec, element-wise layers in place, weights apart")
    if analysis.devices:
        notes.append(
            "time: roofline of the profile's peaks, norms and activations fused; "
            "real runs take longer (`mnet-cost devices NAME` shows sources)"
        )
    for estimate in analysis.devices:
        notes += [f"{estimate.device.name}: {note}" for note in estimate.notes]
        overhead = estimate.device.inference_overhead_s
        if overhead and overhead.value and estimate.latency_s is not None:
            notes.append(
                f"{estimate.device.name}: {format_seconds(overhead.value)} of the time is a fixed "
                "cost of each inference"
            )
    if analysis.unmodelled:
        names = ", ".join(analysis.unmodelled[:5]) + ("..." if len(analysis.unmodelled) > 5 else "")
        what = "totals are lower bounds" if lower_bound else "no total is given"
        notes.append(f"the cost of {names} is unknown: {what}")
    return tuple(notes)


def analysis_document(analysis: Analysis, lower_bound: bool = False) -> dict[str, Any]:
    """The JSON document of an analysis: `mnet-cost/analysis/1`."""
    network, spec, totals = analysis.network, analysis.network.spec, analysis.totals
    tensors = network.tensors
    known = not analysis.unmodelled or lower_bound

    def total(value: int) -> int | None:
        return value if known else None

    return {
        "schema": SCHEMA,
        "model": {
            "name": spec.name,
            "source": spec.source or None,
            "spec": spec.path,
            "variant": spec.variant,
            "knobs": {name: value for name, value in network.knobs.items() if name != "batch"},
            "batch": network.batch,
            "precision": analysis.precision,
            "input_shapes": {tensors[i].name: list(tensors[i].type.shape) for i in network.inputs},
        },
        "convention": analysis.convention,
        "convention_items": [
            {"what": item.what, "mult_adds": item.mult_adds} for item in analysis.convention_items
        ],
        "totals": {
            "mult_adds": total(totals.mult_adds),
            "flops": total(totals.flops),
            "vector_ops": total(totals.vector_ops),
            "params": total(totals.params),
            "weights": total(totals.weights),
            "buffers": total(totals.buffers),
            "weight_bytes": total(totals.weight_bytes),
            "activation_bytes": total(totals.activation_bytes),
            "traffic_bytes": total(totals.traffic_bytes),
            "peak_memory_bytes": analysis.memory.peak_bytes,
            "lower_bound": bool(analysis.unmodelled) and known,
            "coverage": analysis.coverage,
            "unmodelled": list(analysis.unmodelled),
        },
        "layers": [_layer_document(analysis, i) for i in range(len(analysis.layers))],
        "memory": {
            "peak_bytes": analysis.memory.peak_bytes,
            "peak_at": network.steps[analysis.memory.peak_step].name,
            "live_at_peak": [
                {"name": one.name, "bytes": one.bytes} for one in analysis.memory.live_at_peak
            ],
            "schedule": list(network.schedule),
        },
        "devices": [_device_document(estimate) for estimate in analysis.devices],
    }


def _layer_document(analysis: Analysis, index: int) -> dict[str, Any]:
    cost = analysis.layers[index]
    network, step = analysis.network, cost.step
    known = cost.work is not None

    def count(value: int) -> int | None:
        return value if known else None

    return {
        "name": step.name,
        "kind": step.layer.kind,
        "block": step.scope or None,
        "line": step.line,
        "inputs": [network.tensors[i].name for i in step.inputs],
        "output_shape": list(cost.output.shape),
        "mult_adds": count(cost.mult_adds),
        "vector_ops": count(cost.vector_ops),
        "params": count(cost.params),
        "weights": count(cost.weights),
        "weight_bytes": count(cost.weight_bytes),
        "input_bytes": count(cost.input_bytes),
        "output_bytes": count(cost.output_bytes),
        "shares_weights_with": (None if step.shares is None else network.steps[step.shares].name),
    }


def _device_document(estimate: DeviceEstimate) -> dict[str, Any]:
    device = estimate.device
    return {
        "name": device.name,
        "tier": device.tier,
        "runtime": device.runtime,
        "threads": device.threads,
        "latency_ms": _ms(estimate.latency_s),
        "latency_low_ms": None,
        "latency_high_ms": None,
        "bound_ms": _ms(estimate.bound_s),
        "energy_mj": None,
        "fits": [
            {
                "what": fit.what,
                "where": fit.where,
                "needed_bytes": fit.needed_bytes,
                "available_bytes": fit.available_bytes,
                "fits": fit.fits,
            }
            for fit in estimate.fits
        ],
        "notes": list(estimate.notes),
        "kernels": [
            {
                "name": one.kernel.name,
                "layers": [cost.step.name for cost in one.kernel.layers],
                "latency_ms": _ms(one.latency_s),
                "compute_ms": _ms(one.compute_s),
                "memory_ms": _ms(one.memory_s),
                "overhead_ms": _ms(one.overhead_s),
                "bound": one.bound,
                "intensity": one.intensity,
            }
            for one in estimate.kernels
        ],
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
