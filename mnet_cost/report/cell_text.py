"""Cells as people read them. Numbers in files are written by the formats themselves."""

from __future__ import annotations

from typing import Any

from mnet_cost.report.types import (
    Absent,
    AtLeast,
    Change,
    Compared,
    Form,
    Marked,
    Quantity,
    Range,
    Time,
)
from mnet_cost.units import (
    format_bytes,
    format_capacity,
    format_count,
    format_seconds,
    format_si,
)

UNKNOWN = "-"

RIGHT_ALIGNED = frozenset(
    (
        "quantity",
        "count",
        "bytes",
        "seconds",
        "percent",
        "share",
        "ratio",
        "number",
        "setting",
        "range",
    )
)


def cell(value: Any, form: Form) -> str:
    """`value` as text for a table."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, Marked):
        return cell(value.value, form)
    if isinstance(value, Compared):
        return _compared(value, form)
    if form == "setting" and not isinstance(value, Absent):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Absent):
        return value.why
    if isinstance(value, Quantity):
        return _quantity(value)
    if isinstance(value, Change):
        return f"{value.value:+,}" if value.is_exact else _change(value.value, form)
    if isinstance(value, AtLeast):
        return f"≥{_quantity(Quantity(*value))}"
    if isinstance(value, Time):
        return f"{'*' * value.outside}{'≥' * value.least}{format_seconds(value.seconds)}"
    if isinstance(value, Range):
        return _range(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or UNKNOWN
    if form == "count":
        return f"{value:,}"
    if form == "bytes":
        return format_bytes(value)
    if form == "seconds":
        return format_seconds(value)
    if form == "share":
        return f"{100 * value:.1f}" if value >= 0.0005 or not value else "<0.1"
    if form == "percent":
        return f"{100 * value:z.2f}"  # z: what is rounded to zero has no sign
    if form == "ratio":
        return f"{_times(value)}x"
    if form == "number":
        return f"{value:.3g}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def short(value: Any, form: Form) -> str:
    """A second, shorter reading of a large count: `568.7 M`."""
    return (
        format_count(value)
        if form == "count" and isinstance(value, int) and value >= 10_000
        else ""
    )


def _compared(value: Compared, form: Form) -> str:
    """`300.8 M` above `0.53x`."""
    figure = short(value.value, form) or cell(value.value, form)
    if value.ratio is None:
        return figure
    return "\n".join((figure, " ".join(filter(None, (cell(value.ratio, "ratio"), value.word)))))


def _times(value: float) -> str:
    if value < 10:
        return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def _range(value: Range) -> str:
    """`12.3-15.1 ms`, with two units where one is too small for both; `0.90-1.20x`."""
    if value.unit == "x":
        return f"{_times(value.low)}-{_times(value.high)}x"
    low, unit = format_seconds(value.low).rsplit(" ", 1)
    high, other = format_seconds(value.high).rsplit(" ", 1)
    if unit != other and float(low) >= 100:  # as in 0.261-1.31 ms
        low, unit = f"{float(low) / 1000:.3f}", other
    return f"{low}-{high} {unit}" if unit == other else f"{low} {unit} - {high} {other}"


def _change(value: float, form: Form) -> str:
    """`+12.3 M`, `-1.2 ms`; `0` for no change."""
    if not value:
        return "0"
    size = abs(value)
    text = short(size, form) or cell(size, form)
    return f"{'+' if value > 0 else '-'}{text}"


def _quantity(quantity: Quantity) -> str:
    if quantity.unit == "B":
        return format_capacity(quantity.value)
    if quantity.unit == "bytes":
        return format_bytes(round(quantity.value))
    if quantity.unit == "s":
        return format_seconds(quantity.value)
    return format_si(quantity.value, quantity.unit)
