"""What moved between two analyses of the same networks: before, after, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.errors import MnetCostError
from mnet_cost.metrics import Metric, find_metric
from mnet_cost.report.capacity import memory_fits
from mnet_cost.report.cell_text import cell, short
from mnet_cost.report.metric_columns import metric_form
from mnet_cost.report.types import ASKED, Column, Mark, Marked, Quantity, Table

_TOTALS = ("mult_adds", "params", "vector_ops", "weight_bytes", "traffic", "peak_memory")
_ON_DEVICES = ("latency", "energy")
_FITS = {True: "yes", False: "no", None: "unknown"}
_LEAST_PERCENT = 0.05
NOTHING_MOVED = Table("moved", "Nothing moved", (), ())


class _Moved(NamedTuple):
    """A number, or a verdict, that is another one now."""

    network: str
    what: str
    before: str
    after: str
    change: str
    mark: Mark | None
    """Whether that is better or worse, for colours."""


def moved_tables(
    names: Sequence[str], before: Sequence[Analysis], after: Sequence[Analysis]
) -> list[Table]:
    """What moved, and of one network which change of its spec is the cause of what.

    Without a difference there is one table without rows, whose title says so.
    """
    moved = [
        each
        for name, old, new in zip(names, before, after, strict=True)
        for each in _moved(name, old, new)
    ]
    columns = [
        Column("metric", "metric", "text", ASKED),
        Column("before", "before", "quantity", ASKED),
        Column("after", "after", "quantity", ASKED),
        Column("change", "change", "quantity", ASKED),
    ]
    if len(names) > 1:
        columns.insert(0, Column("network", "network", "text", ASKED))
    if not moved:
        return [NOTHING_MOVED]
    rows = []
    for each in moved:
        change: Any = Marked(each.change, each.mark) if each.mark else each.change
        row = (each.what, each.before, each.after, change)
        rows.append((each.network, *row) if len(names) > 1 else row)
    tables = [Table("moved", "What moved", tuple(columns), tuple(rows))]
    if len(names) == 1:
        tables += _causes(before[0], after[0])
    return tables


def _moved(name: str, before: Analysis, after: Analysis) -> Iterator[_Moved]:
    old, new = len(before.layers), len(after.layers)
    if old != new:
        yield _Moved(name, "layers", f"{old:,}", f"{new:,}", f"{new - old:+,}", None)
    for total in map(find_metric, _TOTALS):
        yield from _number(name, total.title, total, total.of(before), total.of(after))
    estimates = {estimate.device.name: estimate for estimate in before.devices}
    for estimate in after.devices:
        device = estimate.device.name
        if device not in estimates:  # the profile has another name now
            continue
        earlier = estimates[device]
        for metric in map(find_metric, _ON_DEVICES):
            numbers = metric.of(before, earlier), metric.of(after, estimate)
            yield from _number(name, f"{metric.title} on {device}", metric, *numbers)
        yield from _verdict(name, device, (before, earlier), (after, estimate))


def _number(name: str, what: str, metric: Metric, before: Any, after: Any) -> Iterator[_Moved]:
    if before == after:
        return
    old, new = _text(before, metric), _text(after, metric)
    yield _Moved(name, what, old, new, *change_of(metric, before, after))


def change_of(metric: Metric, before: Any, after: Any) -> tuple[str, Mark | None]:
    """`-19.4 %`, and whether that is better or worse; nothing of what is not known."""
    if not before or after is None:  # no share of nothing, or of what is not known
        return "", None
    percent = 100 * (after / before - 1)
    change = f"{percent:+.1f} %" if abs(percent) >= _LEAST_PERCENT else f"{'+-'[percent < 0]}<0.1 %"
    is_better = (after < before) == (metric.better == "less")
    return change, "better" if is_better else "worse"


def _text(value: Any, metric: Metric) -> str:
    if value is None:
        return "unknown"
    if metric.unit == "J":
        return cell(Quantity(value, "J"), "quantity")
    form = metric_form(metric.name)
    return short(value, form) or cell(value, form)


def _verdict(
    name: str,
    device: str,
    before: tuple[Analysis, DeviceEstimate],
    after: tuple[Analysis, DeviceEstimate],
) -> Iterator[_Moved]:
    """Whether the network fits the memory of a device, where that is another answer now."""
    old, new = memory_fits(*before), memory_fits(*after)
    if old != new:
        mark: Mark = "bad" if new is False else "better" if new else "worse"
        yield _Moved(name, f"fits {device}", _FITS[old], _FITS[new], "", mark)


def _causes(before: Analysis, after: Analysis) -> list[Table]:
    """Which change of the spec is the cause of what; nothing where the specs cannot be compared."""
    from mnet_cost.differences.diff import diff
    from mnet_cost.report.diff import causes_table

    if before.precision != after.precision:
        return []
    try:
        changes = diff(before, after)
    except MnetCostError:
        return []
    return [causes_table(changes, ("before", "after"))] if changes.causes else []
