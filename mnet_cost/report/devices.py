"""Reports of device profiles: all, one whole, or several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mnet_cost.analysis.latency import basis_of
from mnet_cost.analysis.lower_bounds import ridge_point
from mnet_cost.devices import CLASSES, KERNEL_RULES, DeviceProfile, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.runtimes import named
from mnet_cost.report.file_keys import file_records
from mnet_cost.report.latency_fit import coefficient_table, fit_document, fit_facts
from mnet_cost.report.operators import operator_facts, operator_table, operators_document
from mnet_cost.report.rows import distinct, without_unknown
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import ASKED, Column, Fact, Quantity, Report, Table
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


_HEADINGS = {
    "phone": "phones", "board": "boards", "microcontroller": "microcontrollers",
    "accelerator": "accelerators", "laptop": "laptops", "server": "servers", "gpu": "GPUs",
    None: "without a class",
}  # fmt: skip


def class_heading(device: DeviceProfile) -> str:
    """What stands above the devices of a class."""
    return _HEADINGS[device.device_class]


def under_headings(table: Table, devices: Sequence[DeviceProfile]) -> Table:
    """The table, which has a row for each of `devices`, with a heading for each class."""
    rows: list[tuple[Any, ...]] = []
    heading = None
    blanks = [""] * (len(table.columns) - 1)
    for (name, *cells), device in zip(table.rows, devices, strict=True):
        if class_heading(device) != heading:
            heading = class_heading(device)
            rows.append((heading, *blanks))
        rows.append((f"  {name}", *cells))
    return table._replace(rows=tuple(rows))


def measured_among(devices: Iterable[DeviceProfile]) -> dict[str, list[str]]:
    """For each profile, by name, the `devices` that extend it with measured times."""
    measured: dict[str, list[str]] = {}
    for device in devices:
        if device.extends and device.latency:
            measured.setdefault(device.extends, []).append(device.name)
    return measured


def _short_list(name: str, others: Sequence[str]) -> str:
    """Names, after the first without the start that they share with `name`."""
    first, *rest = others
    shortened = [other.removeprefix(name) for other in rest] if first.startswith(name) else rest
    return ", ".join([first, *shortened])


_LISTED = (
    Column("name", "device", "text", ASKED),
    Column("basis", "basis of its times", "prose", ASKED,
           help="what its times rest on, and for which precisions where that differs"),
    Column("held_out_median", "error %", "percent", 9,
           help="median error on measured times that were held out of the fit"),
    Column("runtime", "runtime", "text", 8),
    Column("threads", "threads", "number", 8, "thr."),
    Column("fp32_macs_per_s", "fp32 peak", "quantity", 7),
    Column("fp16_macs_per_s", "fp16 peak", "quantity", 5),
    Column("bf16_macs_per_s", "bf16 peak", "quantity", 2),
    Column("int8_macs_per_s", "int8 peak", "quantity", 6),
    Column("bandwidth_bytes_per_s", "bandwidth", "quantity", 4),
    Column("memory_bytes", "memory", "quantity", 4),
    Column("power_w", "power", "quantity", 3),
    Column("title", "what it is", "prose", 2),
)  # fmt: skip
_RECORDED = (
    Column("class", "class"),
    Column("measured_as", "measured as"),
)


def devices_report(devices: Sequence[DeviceProfile]) -> Report:
    """Profiles by class: what their times are, and their peaks in mult-adds per second."""
    ordered = sorted(devices, key=class_order)
    measured = measured_among(ordered)
    rows = []
    records = []
    for device in ordered:
        siblings = () if device.latency else tuple(measured.get(device.name, ()))
        name, basis, *rest = _listed(device)
        records.append((name, basis, *rest, device.device_class, siblings))
        if siblings:
            basis = f"{basis}; measured as {_short_list(device.name, siblings)}"
        rows.append((name, basis, *rest))
    note = "`mnet-cost devices NAME` shows all of one, `devices --for MODEL` the times of a network"
    table = Table("devices", "", _LISTED, tuple(rows), note=note)
    recorded = Table("devices", "", (*_LISTED, *_RECORDED), tuple(records))
    return Report(
        f"{len(ordered)} device profiles", "", (),
        (under_headings(without_unknown(table, ("held_out_median",)), ordered),), (),
        lambda: {"schema": schema_id("devices"), "devices": file_records(recorded)}, recorded,
        long_form=True,
    )  # fmt: skip


def _listed(device: DeviceProfile) -> tuple[Any, ...]:
    fit, memory = next(iter(device.latency.values()), None), device.main_memory
    rates = map(device.compute.get, ("fp32", "fp16", "bf16", "int8"))
    return (
        device.name,
        _bases(device),
        fit.held_out.median if fit and fit.held_out else None,
        device.runtime,
        device.threads,
        *(_quantity(rate.macs_per_s if rate else None, "MAC/s") for rate in rates),
        _quantity(memory.bytes_per_s if memory else None, "B/s"),
        _quantity(memory.size_bytes if memory else None, "B"),
        _quantity(device.power_w, "W"),
        device.title,
    )


_BEST = ("calibrated", "fitted", "datasheet", "bound")


def _bases(device: DeviceProfile) -> str | None:
    """`fitted`, or `fitted int8, datasheet fp32 fp16` where precisions differ; None where no rate
    is known."""
    precisions = [name for name in PRECISIONS if name in device.compute or name in device.latency]
    bases = {name: basis_of(device, name) for name in precisions}
    known = [basis for basis in _BEST if basis in bases.values()]
    if len(known) <= 1:
        return known[0] if known else None
    return ", ".join(
        " ".join((basis, *(name for name, own in bases.items() if own == basis))) for basis in known
    )


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
    facts += operator_facts(device)
    numbers = Table("numbers", "", _NUMBERS, rows)
    records = _number_records(device)
    tables = [without_unknown(numbers, ("low", "high"))]
    for precision, fit in device.latency.items():
        facts += fit_facts(precision, fit)
        if isinstance(fit, CoefficientFit):
            tables.append(coefficient_table(precision, fit, device))
    tables.append(_rules_table(rules))
    if device.operators is not None:
        tables.append(operator_table(device.operators))
    return Report(
        title=f"{device.name}: {device.title}",
        subtitle=device.path,
        facts=tuple(facts),
        tables=tuple(tables),
        notes=(),
        document=lambda: {"schema": schema_id("device"), **_document(device)},
        records=records,
    )


def _document(device: DeviceProfile) -> dict[str, Any]:
    return {
        "name": device.name,
        "title": device.title,
        "class": device.device_class,
        "basis": device.basis,
        "runtime": device.runtime,
        "runtime_version": device.runtime_version,
        "threads": device.threads,
        "pipeline": device.pipeline,
        "core": device.core,
        "extends": device.extends,
        "kernels": [rule for rule in KERNEL_RULES if rule in device.kernel_rules],
        "latency": {name: fit_document(fit) for name, fit in device.latency.items()},
        "numbers": file_records(_number_records(device)),
        "operators": operators_document(device),
        "fallback": device.fallback.name if device.fallback else None,
        "crossing": device.crossing.name if device.crossing else None,
    }


def _number_records(device: DeviceProfile) -> Table:
    """All numbers of a profile in units without prefixes."""
    columns = (
        Column("device", "device"),
        Column("what", "number"),
        Column("value", "value", "number"),
        Column("low", "from", "number"),
        Column("high", "to", "number"),
        Column("unit", "unit"),
        Column("basis", "basis"),
        Column("source", "source"),
    )
    rows = tuple(
        (device.name, what, number.value, number.low, number.high, unit, number.basis,
         number.source)
        for what, unit, number in _numbers(device)
    )  # fmt: skip
    return Table("numbers", "", columns, rows)


def _facts(device: DeviceProfile) -> list[Fact]:
    precisions = [
        precision
        for precision in PRECISIONS
        if precision in device.compute or precision in device.latency
    ]
    bases = {precision: basis_of(device, precision) for precision in precisions}
    times = ", ".join(f"{precision} {basis}" for precision, basis in bases.items())
    lower_bound = "bound: a lower bound, not an estimate" if "bound" in bases.values() else ""
    facts = [
        Fact("class", device.device_class, "text"),
        Fact("basis", device.basis, "text"),
        Fact("time", times or None, "text", lower_bound),
        Fact("runtime", named(device.runtime, device.runtime_version), "text"),
        Fact("threads", str(device.threads), "text"),
    ]
    if device.pipeline:
        facts.append(
            Fact("pipeline", device.pipeline, "text", "says which share of the peak is reached")
        )
    if device.core:
        facts.append(Fact("core", device.core, "text", "says it more closely"))
    return facts


def _rules_table(rules: Sequence[str]) -> Table:
    columns = (Column("rule", "rule"), Column("meaning", "what the runtime does", "prose"))
    title = "Kernels" if rules else "Kernels: one for each layer"
    return Table("kernels", title, columns, tuple((rule, KERNEL_RULES[rule]) for rule in rules))


def _ridge(device: DeviceProfile) -> str:
    known = {precision: ridge_point(device, precision) for precision in device.compute}
    words = [f"{precision} {ridge:.3g}" for precision, ridge in known.items() if ridge is not None]
    return ", ".join(words) or "unknown"


def _numbers(device: DeviceProfile) -> Iterator[tuple[str, str, Sourced]]:
    """What each number of a profile is, its unit, and the number."""
    numbers: list[tuple[str, str, Sourced | None]] = []
    for precision, fit in device.latency.items():
        numbers += _fitted(precision, fit)
    for precision, rate in device.compute.items():
        numbers.append((f"{precision} mult-adds", "MAC/s", rate.macs_per_s))
        numbers.append((f"{precision} other ops", "op/s", rate.vector_ops_per_s))
        numbers.append((f"{precision} tile", "channels", rate.tile))
        numbers.append((f"{precision} with 2:4 sparsity", "times", rate.sparse_speedup))
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        numbers.append((f"{level.name} size", "B", level.size_bytes))
        numbers.append((f"{level.name} bandwidth", "B/s", level.bytes_per_s))
    numbers.append(("per kernel", "s", device.kernel_overhead_s))
    numbers.append(("per inference", "s", device.inference_overhead_s))
    numbers.append(("power", "W", device.power_w))
    for precision, energy in device.mac_energy_j.items():
        numbers.append((f"{precision} mult-add", "J/MAC", energy))
    for level_name, energy in device.byte_energy_j.items():
        numbers.append((f"{level_name} byte", "J/B", energy))
    for what, unit, number in numbers:
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
    names = distinct([device.name for device in devices])
    columns = (Column("what", "number"), *(Column(name, name, "quantity", 8) for name in names))
    complete = replace(devices[0], pipeline="in_order", core="cortex_m4")
    labels = [fact.label for fact in _facts(complete)]
    words = [{fact.label: fact.value for fact in _facts(device)} for device in devices]
    numbers = [
        {what: Quantity(number.value, unit) for what, unit, number in _numbers(device)}
        for device in devices
    ]
    rows = [
        row
        for row in ((label, *(facts.get(label) for facts in words)) for label in labels)
        if any(row[1:])
    ]
    for what in dict.fromkeys(what for known in numbers for what in known):
        rows.append((what, *(known.get(what) for known in numbers)))
    for rule in KERNEL_RULES:
        has = [rule in device.kernel_rules for device in devices]
        if any(has):
            rows.append((rule, *("yes" if present else "no" for present in has)))
    table = Table("numbers", "", columns, tuple(rows))
    records = [_number_records(device) for device in devices]
    joined = records[0]._replace(rows=tuple(row for table in records for row in table.rows))
    return Report(
        title=" beside ".join(names),
        subtitle="",
        facts=(),
        tables=(table,),
        notes=("`mnet-cost devices NAME` shows sources and bases",),
        document=lambda: {
            "schema": schema_id("devices-beside"),
            "devices": [_document(device) for device in devices],
        },
        records=joined,
    )
