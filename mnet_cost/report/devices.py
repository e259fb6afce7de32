"""Reports of device profiles: all, one whole, or several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mnet_cost.analysis.latency import basis_of
from mnet_cost.analysis.lower_bounds import ridge_point
from mnet_cost.devices import CLASSES, KERNEL_RULES, DeviceProfile, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.report.latency_fit import coefficient_table, fit_document, fit_facts
from mnet_cost.report.rows import distinct, without_unknown
from mnet_cost.report.types import Column, Fact, Quantity, Report, Table
from mnet_cost.tensors import PRECISIONS

_NUMBERS = (
    Column("what", "number"),
    Column("value", "value", "quantity"),
    Column("low", "from", "quantity"),
    Column("high", "to", "quantity"),
    Column("basis", "basis", "text", 8),
    Column("source", "source", "prose", 7),
)


def class_order(device: DeviceProfile) -> int:
    """Classes as `CLASSES` has them, then profiles without one."""
    return CLASSES.index(device.device_class) if device.device_class else len(CLASSES)


def devices_report(devices: Sequence[DeviceProfile]) -> Report:
    """Profiles by class: what their times are, and their peaks in mult-adds per second."""
    rows = []
    for device in sorted(devices, key=class_order):
        memory = device.main_memory
        fit = next(iter(device.latency.values()), None)
        rows.append(
            (
                device.name, device.device_class, device.title, device.basis,
                _bases(device), device.runtime, device.threads,
                fit.held_out.median if fit and fit.held_out else None,
                *(
                    _quantity(rate.macs_per_s if rate else None, "MAC/s")
                    for rate in map(device.compute.get, PRECISIONS)
                ),
                _quantity(memory.bytes_per_s if memory else None, "B/s"),
                _quantity(memory.size_bytes if memory else None, "B"),
                _quantity(device.power_w, "W"),
            )
        )  # fmt: skip
    columns = (
        Column("name", "device"),
        Column("class", "class"),
        Column("title", "what it is", "prose", 3),
        Column("basis", "basis", "text", 2),
        Column("estimate_basis", "time", "text", 9),
        Column("runtime", "runtime", "text", 4),
        Column("threads", "threads", "number", 4),
        Column("held_out", "off by %", "percent", 8),
        *(Column(precision, precision, "quantity", 8) for precision in PRECISIONS),
        Column("bandwidth", "bandwidth", "quantity", 7),
        Column("memory", "memory", "quantity", 5),
        Column("power", "power", "quantity", 4),
    )
    note = (
        "time: what it is at best, over precisions; off by: median error on times that a fit had "
        "not seen; `devices NAME` shows one whole, `devices --for MODEL` compares"
    )
    table = Table("devices", "", columns, tuple(rows), note=note)
    return Report(
        "Device profiles", "", (), (without_unknown(table, ("held_out",)),), (),
        lambda: {"schema": "mnet-cost/devices/1", "devices": _records(table)}, table,
    )  # fmt: skip


_BEST = ("calibrated", "fitted", "datasheet", "bound")


def _bases(device: DeviceProfile) -> str | None:
    """The best basis that a time can have here; None where no rate is known."""
    precisions = {*device.compute, *device.latency}
    found = {basis_of(device, one) for one in precisions}
    return next((one for one in _BEST if one in found), None)


def _records(table: Table) -> list[dict[str, Any]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, map(_for_json, row), strict=True)) for row in table.rows]


def _for_json(value: Any) -> Any:
    return value._asdict() if isinstance(value, Quantity) else value


def _quantity(number: Sourced | None, unit: str) -> Quantity | None:
    return None if number is None else Quantity(number.value, unit)


def device_report(device: DeviceProfile) -> Report:
    """One profile: every number with its range, basis and source, fits, and kernel rules."""
    rows = tuple(
        (
            what,
            Quantity(number.value, unit),
            *(None if end is None else Quantity(end, unit) for end in (number.low, number.high)),
            number.basis,
            number.source,
        )
        for what, unit, number in _numbers(device)
    )
    rules = [rule for rule in KERNEL_RULES if rule in device.kernel_rules]
    facts = [
        *_facts(device),
        Fact("ridge point", _ridge(device), "text", "mult-adds per byte below which memory binds"),
    ]
    if device.extends:
        facts.insert(
            1, Fact("extends", device.extends, "text", "what is not said here is said there")
        )
    numbers = Table("numbers", "", _NUMBERS, rows)
    tables = [without_unknown(numbers, ("low", "high"))]
    for precision, fit in device.latency.items():
        facts += fit_facts(precision, fit)
        if isinstance(fit, CoefficientFit):
            tables.append(coefficient_table(precision, fit, device))
    tables.append(_rules_table(rules))
    return Report(
        title=f"{device.name}: {device.title}",
        subtitle=device.path,
        facts=tuple(facts),
        tables=tuple(tables),
        notes=(),
        document=lambda: {
            "schema": "mnet-cost/device/1",
            "numbers": _records(numbers),
            "name": device.name,
            "title": device.title,
            "class": device.device_class,
            "basis": device.basis,
            "runtime": device.runtime,
            "threads": device.threads,
            "pipeline": device.pipeline,
            "extends": device.extends,
            "kernels": rules,
            "latency": {name: fit_document(fit) for name, fit in device.latency.items()},
        },
        records=numbers,
    )


def _facts(device: DeviceProfile) -> list[Fact]:
    precisions = [one for one in PRECISIONS if one in device.compute or one in device.latency]
    bases = {one: basis_of(device, one) for one in precisions}
    times = ", ".join(f"{one} {basis}" for one, basis in bases.items())
    lower_bound = "bound: a lower bound, not an estimate" if "bound" in bases.values() else ""
    facts = [
        Fact("class", device.device_class, "text"),
        Fact("basis", device.basis, "text"),
        Fact("time", times or None, "text", lower_bound),
        Fact("runtime", device.runtime, "text"),
        Fact("threads", str(device.threads), "text"),
    ]
    if device.pipeline:
        facts.append(
            Fact("pipeline", device.pipeline, "text", "says which share of the peak is reached")
        )
    return facts


def _rules_table(rules: Sequence[str]) -> Table:
    columns = (Column("rule", "rule"), Column("meaning", "what the runtime does", "prose"))
    title = "Kernels" if rules else "Kernels: one for each layer"
    return Table("kernels", title, columns, tuple((rule, KERNEL_RULES[rule]) for rule in rules))


def _ridge(device: DeviceProfile) -> str:
    known = {one: ridge_point(device, one) for one in device.compute}
    words = [f"{one} {ridge:.3g}" for one, ridge in known.items() if ridge is not None]
    return ", ".join(words) or "unknown"


def _numbers(device: DeviceProfile) -> Iterator[tuple[str, str, Sourced]]:
    """What each number of a profile is, its unit, and the number."""
    found: list[tuple[str, str, Sourced | None]] = []
    for precision, fit in device.latency.items():
        found += _fitted(precision, fit)
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


def _fitted(precision: str, fit: LatencyFit) -> list[tuple[str, str, Sourced | None]]:
    if isinstance(fit, RooflineFit):
        return [
            (f"{precision} fitted mult-adds", "MAC/s", fit.macs_per_s),
            (f"{precision} fitted bytes", "B/s", fit.bytes_per_s),
            (f"{precision} fitted inference", "s", fit.inference_s),
            (f"{precision} fitted kernel", "s", fit.kernel_s),
        ]
    return [(f"{precision} scale of cost coefficients", "s", fit.scale_s)]


def devices_side_by_side(devices: Sequence[DeviceProfile]) -> Report:
    """Several profiles: what they are, and each number of any of them."""
    names = distinct([one.name for one in devices])
    columns = (Column("what", "number"), *(Column(one, one, "quantity", 8) for one in names))
    labels = [fact.label for fact in _facts(devices[0]._replace(pipeline="in_order"))]
    words = [{fact.label: fact.value for fact in _facts(one)} for one in devices]
    numbers = [
        {what: Quantity(number.value, unit) for what, unit, number in _numbers(one)}
        for one in devices
    ]
    rows = [
        row
        for row in ((label, *(one.get(label) for one in words)) for label in labels)
        if any(row[1:])
    ]
    for what in dict.fromkeys(what for one in numbers for what in one):
        rows.append((what, *(one.get(what) for one in numbers)))
    for rule in KERNEL_RULES:
        has = [rule in one.kernel_rules for one in devices]
        if any(has):
            rows.append((rule, *("yes" if one else "no" for one in has)))
    table = Table("numbers", "", columns, tuple(rows))
    return Report(
        title=" beside ".join(names),
        subtitle="",
        facts=(),
        tables=(table,),
        notes=("`mnet-cost devices NAME` shows sources and bases",),
        document=lambda: {
            "schema": "mnet-cost/devices-beside/1",
            "names": names,
            "numbers": _records(table),
        },
    )
