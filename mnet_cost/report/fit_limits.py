"""What sizes of a fit have of limits, by how much they are beyond them, and why it is not known."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis.latency import basis_of
from mnet_cost.devices import DeviceProfile
from mnet_cost.metrics import Metric
from mnet_cost.report.types import (
    ASKED,
    Absent,
    AtLeast,
    Column,
    Marked,
    Quantity,
    Table,
)
from mnet_cost.search.fit import Fit, Size, Use
from mnet_cost.search.limits import Limit


def quantity(metric: Metric, value: float | None) -> Quantity | None:
    """A number of a file as people read it."""
    if value is None:
        return None
    return Quantity(value if metric.file_factor == 1 else value / metric.file_factor, metric.unit)


def is_bound(size: Size, device: DeviceProfile) -> bool:
    """Whether the time of a size is no more than a lower bound."""
    return basis_of(device, size.precision) == "bound"


def as_least(number: Quantity | None, is_least: bool) -> Quantity | AtLeast | None:
    """A number that is no more than a lower bound, if `is_least`."""
    return AtLeast(*number) if number is not None and is_least else number


def limit_table(fit: Fit, size: Size) -> Table | None:
    """Each limit, what is allowed, and what a size has; None without limits."""
    if not size.uses:
        return None
    binding = fit.binding if size is fit.best else ()
    rows = tuple([_limit_row(fit, size, use, use.limit in binding) for use in size.uses])
    columns = (
        Column("limit", "limit", "text", ASKED),
        Column("allowed", "allowed", "quantity", ASKED),
        Column("used", "used", "quantity", ASKED),
        Column("share", "used %", "percent", 8),
        Column("state", "", "text", ASKED),
    )
    note = ""
    if binding:
        note = "binds: the next better size is over it"
    elif size is fit.best and not fit.undecided:
        note = "no limit binds: no size that is tried is better"
    title = "Limits, and what the best size has" if size is fit.best else (
        "Limits, and what the closest size has"
    )  # fmt: skip
    return Table("limits", title, columns, rows, note=note)


def _limit_row(fit: Fit, size: Size, use: Use, binds: bool) -> tuple[Any, ...]:
    limit = use.limit
    name = limit.objective.title
    if limit.end is not None:
        name += f", {100 * (fit.request.confidence or 0):g} % sure"
    metric = limit.objective.metric
    allowed = quantity(metric, limit.value)
    used: Any = quantity(metric, use.value)
    device = limit.objective.device
    if used is not None and device is not None and metric.unit in ("s", "J"):
        used = as_least(used, is_bound(size, device))
    state: Any = None
    if use.value is None:
        state = Marked(f"unknown: {why_unknown(limit, size.precision)}", "bad")
    elif not use.is_within:
        state = Marked("over" if limit.is_most else "under", "bad")
    elif binds:
        state = "binds"
    return (
        name, allowed if limit.is_most or allowed is None else AtLeast(*allowed),
        used if used is not None else Absent("unknown"), use.share, state,
    )  # fmt: skip


def why_unknown(limit: Limit, precision: str) -> str:
    """Why a number that is limited is not known."""
    metric, device = limit.objective.metric, limit.objective.device
    if metric.unit == "%":
        return "not published"
    if device is None:
        return "a layer has no cost rule"
    basis = basis_of(device, precision)
    if basis is None:
        return f"{device.name} has no {precision} rate"
    if limit.end is not None:
        return "a lower bound has no range" if basis == "bound" else "it has no range"
    if metric.name.startswith("energy"):
        return f"{device.name} states no power"
    return "not all of it is known"


def over(size: Size) -> list[Any]:
    """(which limit a size is over most, by how much, by which share of it); of what fits, none."""
    outside = [use for use in size.uses if not use.is_within]
    if not outside:
        return [None, None, None]
    worst = max(outside, key=excess_of_use)
    if worst.over is None:
        return [worst.limit.objective.title, Absent("unknown"), None]
    share = worst.over / worst.limit.value if worst.limit.value else None
    return [worst.limit.objective.title, quantity(worst.limit.objective.metric, worst.over), share]


def excess_of_use(use: Use) -> float:
    """The share of a limit that a size is over by."""
    return float("inf") if use.over is None else use.over / (use.limit.value or 1.0)


OVER_COLUMNS = (
    Column("over", "beyond", "text", 8),
    Column("by", "by", "quantity", 7),
    Column("by_share", "by %", "percent", 9),
)
