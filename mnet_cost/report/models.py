"""The report of `models`: all networks that can be named, with counts and published accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis, analyze, find_precision
from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.models.catalog import Listed, read_catalog, search
from mnet_cost.models.load import compile_spec
from mnet_cost.report.published import accuracy, published_document, published_rows
from mnet_cost.report.rows import time_cell
from mnet_cost.report.types import Column, Report, Table

SCHEMA = "mnet-cost/models/2"


class Found(NamedTuple):
    """The report, and what is wrong with files that are not in it."""

    report: Report
    broken: tuple[MnetCostError, ...]


def models_report(
    words: Sequence[str] = (),
    devices: Sequence[DeviceProfile] | None = None,
    precision: str = "fp32",
) -> Found:
    """The shipped networks at their default knobs, or those that match all `words`.

    With `devices` bytes, peak memory and times, too.
    """
    find_precision(precision)  # a mistake in the call is not one of each file
    catalog = read_catalog()
    networks = search(catalog.networks, words) if words else catalog.networks
    broken: list[MnetCostError] = list(catalog.broken)
    found = []
    for one in networks:
        try:
            spec = compile_spec(one.root, one.path, one.variant)
            found.append((one, analyze(spec, devices=devices or (), precision=precision)))
        except MnetCostError as error:
            broken.append(error)
    problems = list(dict.fromkeys(error.problems[0] for error in broken))
    notes = [f"left out: {problem.render().splitlines()[0]}" for problem in problems]
    report = Report(
        title="Models",
        subtitle="",
        facts=(),
        tables=(_table(found, devices, precision),),
        notes=tuple(notes),
        document=lambda: {
            "schema": SCHEMA,
            "models": [_document(*one, devices is not None) for one in found],
            "left_out": [str(error) for error in broken],
        },
    )
    return Found(report, tuple(broken))


def _table(
    found: Sequence[tuple[Listed, Analysis]],
    devices: Sequence[DeviceProfile] | None,
    precision: str,
) -> Table:
    columns = [
        Column("name", "network"),
        Column("input", "input", "text", 7),
        Column("mult_adds", "mult-adds", "count"),
        Column("params", "params", "count"),
    ]
    if devices is not None:
        columns += [
            Column("weight_bytes", "weights", "bytes", 5),
            Column("peak_memory_bytes", "peak memory", "bytes", 7),
            *(
                Column(f"{one.name}_s", _with_basis(one, precision), "seconds", 8 - i)
                for i, one in enumerate(devices)
            ),
        ]
    columns += [
        Column("accuracy", "%", "number", 8),
        Column("metric", "of", "text", 8),
        Column("accuracy_source", "published in", "text", 4),
        Column("source", "network from", "text", 3),
    ]
    rows = []
    for one, analysis in found:
        row: list[Any] = [
            one.name,
            ", ".join(map(str, _inputs(analysis).values())),
            analysis.total("mult_adds", False),
            analysis.total("params", False),
        ]
        if devices is not None:
            row += [analysis.total("weight_bytes", False), analysis.memory.peak_bytes]
            row += [time_cell(analysis, estimate, False) for estimate in analysis.devices]
        published = accuracy(published_rows(analysis))
        row += [None, None, None] if published is None else published
        rows.append((*row, one.source or None))
    note = "`mnet-cost models show NAME`: knobs, variants, published figures beside ours"
    return Table("models", "", tuple(columns), tuple(rows), note=note)


def _with_basis(device: DeviceProfile, precision: str) -> str:
    basis = basis_of(device, precision)
    return device.name if basis is None else f"{device.name} ({basis})"


def _inputs(analysis: Analysis) -> dict[str, list[int]]:
    tensors = analysis.network.tensors
    return {tensors[i].name: list(tensors[i].type.shape) for i in analysis.network.inputs}


def _document(one: Listed, analysis: Analysis, with_cost: bool) -> dict[str, Any]:
    spec = analysis.network.spec
    found = {
        "name": one.name,
        "names": list(one.names),
        "spec": one.path,
        "variant": one.variant,
        "source": one.source or None,
        "knobs": {name: knob.default for name, knob in spec.knobs.items()},
        "input_shapes": _inputs(analysis),
        "mult_adds": analysis.total("mult_adds", False),
        "params": analysis.total("params", False),
        "published": published_document(published_rows(analysis)),
    }
    if not with_cost:
        return found
    return found | {
        "precision": analysis.precision,
        "weight_bytes": analysis.total("weight_bytes", False),
        "peak_memory_bytes": analysis.memory.peak_bytes,
        "devices": [
            {
                "name": estimate.device.name,
                "basis": None if analysis.refuses(False) else estimate.basis,
                "latency_s": analysis.latency_s(estimate, False),
            }
            for estimate in analysis.devices
        ],
    }
