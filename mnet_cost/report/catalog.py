"""Reports of what there is: device profiles, layer kinds. Models are in `models.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mnet_cost.devices import (
    CLASSES,
    KERNEL_RULES,
    DeviceProfile,
    Sourced,
    device_names,
    load_device,
)
from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers import KINDS, LAYERS, Layer
from mnet_cost.layers.fields import fields_of
from mnet_cost.report.types import Column, Fact, Quantity, Report, Table
from mnet_cost.tensors import PRECISIONS


def _report(title: str, table: Table, schema: str, subtitle: str = "", facts: Any = ()) -> Report:
    """A report of one table, whose rows are the document, too."""
    keys = [column.key for column in table.columns]

    def document() -> dict[str, Any]:
        rows = [dict(zip(keys, map(_for_json, row), strict=True)) for row in table.rows]
        return {"schema": f"mnet-cost/{schema}/1", table.key: rows}

    return Report(title, subtitle, tuple(facts), (table,), (), document)


def _for_json(value: Any) -> Any:
    return value._asdict() if isinstance(value, Quantity) else value


def devices_report() -> Report:
    """All shipped profiles by class, with their peaks in mult-adds per second."""
    rows = []
    for device in sorted(map(load_device, device_names()), key=_class_order):
        peaks = [
            device.compute[one].macs_per_s if one in device.compute else None for one in PRECISIONS
        ]
        memory = device.main_memory
        rows.append(
            (
                device.name, device.device_class, device.title, device.tier,
                *(_quantity(peak, "MAC/s") for peak in peaks),
                _quantity(memory.bytes_per_s if memory else None, "B/s"),
                _quantity(memory.size_bytes if memory else None, "B"),
                _quantity(device.power_w, "W"),
            )
        )  # fmt: skip
    columns = (
        Column("name", "device"),
        Column("class", "class"),
        Column("title", "what it is", "prose", 3),
        Column("tier", "tier", "text", 6),
        *(Column(precision, precision, "quantity", 8) for precision in PRECISIONS),
        Column("bandwidth", "bandwidth", "quantity", 7),
        Column("memory", "memory", "quantity", 5),
        Column("power", "power", "quantity", 4),
    )
    return _report("Device profiles", Table("devices", "", columns, tuple(rows)), "devices")


def _class_order(device: DeviceProfile) -> int:
    """Classes as `CLASSES` has them, then profiles without one."""
    return CLASSES.index(device.device_class) if device.device_class else len(CLASSES)


def _quantity(number: Sourced | None, unit: str) -> Quantity | None:
    return None if number is None else Quantity(number.value, unit)


def device_report(name: str) -> Report:
    """One profile: every number with its range, standing and source."""
    device = load_device(name)
    columns = (
        Column("what", "number"),
        Column("value", "value", "quantity"),
        Column("low", "from", "quantity"),
        Column("high", "to", "quantity"),
        Column("standing", "standing", "text", 8),
        Column("source", "source", "prose", 7),
    )
    rows = tuple(
        (
            what,
            Quantity(number.value, unit),
            *(None if end is None else Quantity(end, unit) for end in (number.low, number.high)),
            number.standing,
            number.source,
        )
        for what, unit, number in _numbers(device)
    )
    rules = [rule for rule in KERNEL_RULES if rule in device.kernel_rules]
    facts = (
        Fact("class", device.device_class, "text"),
        Fact("tier", device.tier, "text"),
        Fact("runtime", device.runtime, "text"),
        Fact("threads", str(device.threads), "text"),
        Fact("kernels", ", ".join(rules) or "one for each layer", "text"),
        Fact("ridge point", _ridge(device), "text", "mult-adds per byte below which memory binds"),
    )
    table = Table("numbers", "", columns, rows)
    report = _report(f"{device.name}: {device.title}", table, "device", device.path, facts)
    head = {
        "name": device.name,
        "title": device.title,
        "class": device.device_class,
        "tier": device.tier,
        "kernels": rules,
    }
    return report._replace(
        document=lambda: report.document() | head,
        tables=(_without_unknown(table, ("low", "high")),),
        records=table,
    )


def _without_unknown(table: Table, keys: tuple[str, ...]) -> Table:
    """The table without those columns of `keys` in which nothing is known."""
    kept = [
        i
        for i, column in enumerate(table.columns)
        if column.key not in keys or any(row[i] is not None for row in table.rows)
    ]
    return table._replace(
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )


def _ridge(device: DeviceProfile) -> str:
    memory = device.main_memory
    bandwidth = memory.bytes_per_s if memory else None
    if bandwidth is None:
        return "unknown"
    return ", ".join(
        f"{precision} {rate.macs_per_s.value / bandwidth.value:.3g}"
        for precision, rate in device.compute.items()
    )


def _numbers(device: DeviceProfile) -> Iterator[tuple[str, str, Sourced]]:
    """What each number of a profile is, its unit, and the number."""
    found: list[tuple[str, str, Sourced | None]] = []
    for precision, rate in device.compute.items():
        found.append((f"{precision} mult-adds", "MAC/s", rate.macs_per_s))
        found.append((f"{precision} other ops", "op/s", rate.vector_ops_per_s))
        found.append((f"{precision} tile", "channels", rate.tile))
        found.append((f"{precision} with 2:4 sparsity", "times", rate.sparse_speedup))
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        found.append((f"{level.name} size", "B", level.size_bytes))
        found.append((f"{level.name} bandwidth", "B/s", level.bytes_per_s))
    found.append(("per kernel", "s", device.kernel_overhead_s))
    found.append(("per inference", "s", device.inference_overhead_s))
    found.append(("power", "W", device.power_w))
    for precision, energy in device.mac_energy_j.items():
        found.append((f"{precision} mult-add", "J/MAC", energy))
    for level_name, energy in device.byte_energy_j.items():
        found.append((f"{level_name} byte", "J/B", energy))
    for what, unit, number in found:
        if number is not None:
            yield what, unit, number


def layers_report() -> Report:
    """All layer kinds with the first line of their documentation."""
    rows = tuple(
        (
            kind.kind,
            tuple(
                name if field.required else f"{name}={_default(field.default)}"
                for name, field in fields_of(kind).items()
            ),
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
    head = {"kind": kind.kind, "documentation": _doc(kind)}
    return report._replace(document=lambda: report.document() | head)


def _default(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(kind: type[Layer]) -> str:
    return inspect.getdoc(kind) or kind.kind
