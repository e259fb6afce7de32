"""Reports of what there is: models, device profiles, layer kinds."""

from __future__ import annotations

import inspect
from typing import Any

from mnet_cost.devices import DeviceProfile, Sourced, device_names, load_device
from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers import KINDS, LAYERS, Layer
from mnet_cost.layers.fields import fields_of
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.units import format_capacity, format_seconds, format_si


def _report(title: str, table: Table, schema: str, subtitle: str = "", facts: Any = ()) -> Report:
    rows = [dict(zip([c.key for c in table.columns], row, strict=True)) for row in table.rows]
    document = {"schema": f"mnet-cost/{schema}/1", table.key: rows}
    return Report(title, subtitle, tuple(facts), (table,), (), document)


def models_report(search: str | None = None) -> Report:
    """All shipped models with counts at their default knobs, or those that match `search`."""
    from mnet_cost.analysis import analyze
    from mnet_cost.models.library import load_model, model_names

    rows = []
    for name in model_names():
        spec = load_model(name).spec
        if search and not any(search.lower() in one.lower() for one in (name, *spec.variants)):
            continue
        analysis = analyze(spec)
        network = analysis.network
        shapes = ", ".join(str(network.tensors[index].type) for index in network.inputs)
        known = not analysis.unmodelled
        rows.append(
            (
                name, shapes,
                analysis.totals.mult_adds if known else None,
                analysis.totals.params if known else None,
                ", ".join(spec.variants) or None, ", ".join(spec.knobs) or None,
                spec.source or None,
            )
        )  # fmt: skip
    if search and not rows:
        hint = did_you_mean(search, model_names()) or "`mnet-cost models` lists all"
        raise ModelReferenceError(Problem(f"no model matches `{search}`", hint=hint))
    columns = (
        Column("name", "model"),
        Column("input", "input", "text", 7),
        Column("mult_adds", "mult-adds", "count"),
        Column("params", "params", "count"),
        Column("variants", "variants", "prose", 6),
        Column("knobs", "knobs", "prose", 5),
        Column("source", "source", "text", 4),
    )
    return _report("Models", Table("models", "", columns, tuple(rows)), "models")


def devices_report() -> Report:
    """All shipped profiles with their peaks."""
    rows = []
    for name in device_names():
        device = load_device(name)
        rows.append(
            (
                name, device.title, device.tier,
                ", ".join(
                    f"{precision} {format_si(rate.macs_per_s.value, 'MAC/s')}"
                    for precision, rate in device.compute.items()
                ),
                _rate(device.main_memory.bytes_per_s), _size(device.main_memory.size_bytes),
            )
        )  # fmt: skip
    columns = (
        Column("name", "device"),
        Column("title", "what it is", "text", 4),
        Column("tier", "standing", "text", 6),
        Column("compute", "peak", "prose", 8),
        Column("bandwidth", "bandwidth", "text", 7),
        Column("memory", "memory", "text", 5),
    )
    return _report("Device profiles", Table("devices", "", columns, tuple(rows)), "devices")


def device_report(name: str) -> Report:
    """One profile: every number with its standing and source."""
    device = load_device(name)
    columns = (
        Column("what", "number"),
        Column("value", "value"),
        Column("standing", "standing", "text", 8),
        Column("source", "source", "prose", 7),
    )
    rows = tuple(
        (what, shown, number.standing, number.source) for what, shown, number in _numbers(device)
    )
    facts = (
        Fact("standing", device.tier, "text"),
        Fact("runtime", device.runtime, "text"),
        Fact("threads", str(device.threads), "text"),
        Fact("ridge point", _ridge(device), "text", "mult-adds per byte below which memory binds"),
    )
    table = Table("numbers", "", columns, rows)
    report = _report(f"{device.name}: {device.title}", table, "device", device.path, facts)
    document = {"name": device.name, "title": device.title, "tier": device.tier} | report.document
    return report._replace(document=document)


def _ridge(device: DeviceProfile) -> str:
    bandwidth = device.main_memory.bytes_per_s
    if bandwidth is None:
        return "unknown"
    return ", ".join(
        f"{precision} {rate.macs_per_s.value / bandwidth.value:.3g}"
        for precision, rate in device.compute.items()
    )


def _numbers(device: DeviceProfile) -> list[tuple[str, str, Sourced]]:
    found = []
    for precision, rate in device.compute.items():
        found.append((f"{precision} mult-adds", _shown(rate.macs_per_s, "MAC/s"), rate.macs_per_s))
        if rate.vector_ops_per_s:
            one = rate.vector_ops_per_s
            found.append((f"{precision} other ops", _shown(one, "op/s"), one))
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        if level.size_bytes:
            found.append(
                (f"{level.name} size", format_capacity(level.size_bytes.value), level.size_bytes)
            )
        if level.bytes_per_s:
            one = level.bytes_per_s
            found.append((f"{level.name} bandwidth", _shown(one, "B/s"), one))
    for what, overhead in (
        ("per kernel", device.kernel_overhead_s),
        ("per inference", device.inference_overhead_s),
    ):
        if overhead:
            found.append((what, format_seconds(overhead.value), overhead))
    return found


def _shown(number: Sourced, unit: str) -> str:
    return format_si(number.value, unit)


def _rate(number: Sourced | None) -> str | None:
    return None if number is None else format_si(number.value, "B/s")


def _size(number: Sourced | None) -> str | None:
    return None if number is None else format_capacity(number.value)


def layers_report() -> Report:
    """All layer kinds with the first line of their documentation."""
    rows = tuple(
        (
            kind.kind,
            ", ".join(
                name if field.required else f"{name}={field.default}"
                for name, field in fields_of(kind).items()
            )
            or None,
            _doc(kind).splitlines()[0],
        )
        for kind in LAYERS
    )
    columns = (
        Column("kind", "kind"),
        Column("fields", "fields", "prose", 5),
        Column("summary", "what it does", "prose", 8),
    )
    return _report("Layer kinds", Table("layers", "", columns, rows), "layers")


def layer_report(name: str) -> Report:
    """One layer kind: its fields and its documentation."""
    kind = KINDS.get(name)
    if kind is None:
        raise ModelReferenceError(
            Problem(
                f"there is no layer kind `{name}`",
                hint=did_you_mean(name, KINDS) or "`mnet-cost layers` lists them",
            )
        )
    rows = tuple(
        (
            field.name,
            field.kind.describe(),
            "required" if field.required else _default(field.default),
            field.help,
        )
        for field in fields_of(kind).values()
    )
    columns = (
        Column("field", "field"),
        Column("values", "values", "prose", 8),
        Column("default", "default"),
        Column("help", "what it is", "prose", 7),
    )
    least, most = kind.arity
    inputs = f"{least} or more" if most is None else str(most)
    lines = _doc(kind).splitlines()
    table = Table(
        "fields",
        "Fields" if rows else "No fields",
        columns,
        rows,
        note="\n".join(lines[1:]).strip(),
    )
    facts = (Fact("inputs", inputs, "text"), Fact("effect", kind.effect, "text"))
    report = _report(f"{kind.kind}: {lines[0]}", table, "layer", facts=facts)
    return report._replace(
        document={"kind": kind.kind, "documentation": _doc(kind)} | report.document
    )


def _default(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(kind: type[Layer]) -> str:
    return inspect.getdoc(kind) or kind.kind
