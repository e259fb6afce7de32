"""Which parts of a network take most of what it has too much of: blocks, or tensors in memory."""

from __future__ import annotations

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.metrics import Metric
from mnet_cost.network import elaborate
from mnet_cost.report.rows import Group, Times, groups
from mnet_cost.report.types import (
    ASKED,
    Column,
    Quantity,
    Table,
)
from mnet_cost.search.fit import Size, Use

_MOST_PARTS = 5


def part_tables(size: Size, use: Use) -> list[Table]:
    """The parts of a size that take most of what it has too much of."""
    objective = use.limit.objective
    network = elaborate(size.network.model.spec, {**size.network.model.knobs, **size.knobs})
    devices = [objective.device] if objective.device is not None else []
    analysis = analyze_network(network, devices, precision=size.precision)
    parts = _parts(analysis, objective.metric)
    whole = sum(amount for _, _, amount in parts)
    if not whole:
        return []
    ordered = sorted(parts, key=lambda part: -part[2])[:_MOST_PARTS]
    unit = "s" if objective.metric.name == "energy" else objective.metric.unit
    title = "time" if objective.metric.name == "energy" else objective.metric.title
    rows = tuple([(name, line, Quantity(amount, unit), amount / whole)
                  for name, line, amount in ordered])  # fmt: skip
    columns = (
        Column("part", "part", "text", ASKED),
        Column("line", "line", "number", 7),
        Column("amount", title, "quantity", ASKED),
        Column("share", "share %", "share", 8),
    )
    return [Table("parts", f"What takes most {title} of {size.reference}", columns, rows)]


_BY_GROUP = ("mult_adds", "vector_ops", "params", "weights", "buffers", "weight_bytes")


def _parts(analysis: Analysis, metric: Metric) -> list[tuple[str, int, float]]:
    """(name, line, amount) of each part. An energy goes with the time; of memory, parts are the
    tensors that are alive at the peak, and the weights where they are in it."""
    name = metric.name
    if name in ("peak_memory", "memory"):
        steps = {step.name: step.line for step in analysis.network.steps}
        alive = [(each.name, steps.get(each.name, 0), float(each.bytes))
                 for each in analysis.memory.live_at_peak]  # fmt: skip
        is_apart = any(each.device.storage is not None for each in analysis.devices)
        if name == "memory" and not is_apart:
            alive.append(("weights", 0, float(analysis.sums.weight_bytes)))
        return alive
    if analysis.devices and name in ("latency", "energy", "lower_bound"):
        times = Times(analysis.devices[0], analysis.devices[0].latency_s)
        return [
            (group.label, _line_of(analysis, group), times.seconds(group) or 0.0)
            for group in groups(analysis, "block")
        ]
    field = {"activations": "output_bytes", "traffic": "traffic_bytes"}.get(name, name)
    if field not in (*_BY_GROUP, "output_bytes", "traffic_bytes"):
        return []
    return [
        (group.label, _line_of(analysis, group),
         float(sum(getattr(cost, field) for cost in group.layers)))
        for group in groups(analysis, "block")
    ]  # fmt: skip


def _line_of(analysis: Analysis, group: Group) -> int:
    """The line of the entry that a block is written in."""
    calls = analysis.network.calls
    call = calls.get(group.name) or calls.get(f"{group.name}.1")
    return call.line if call is not None else group.layers[0].step.line
