"""Cells as people read them. Numbers in files are written by the formats themselves."""

from __future__ import annotations

from typing import Any

from mnet_cost.report.types import Form, Quantity
from mnet_cost.units import (
    format_bytes,
    format_capacity,
    format_count,
    format_seconds,
    format_si,
)

UNKNOWN = "-"

RIGHT_ALIGNED = frozenset(("quantity", "count", "bytes", "seconds", "percent", "ratio", "number"))


def cell(value: Any, form: Form) -> str:
    """`value` as text for a table."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, Quantity):
        return _quantity(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or UNKNOWN
    if form == "count":
        return f"{value:,}"
    if form == "bytes":
        return format_bytes(value)
    if form == "seconds":
        return format_seconds(value)
    if form == "percent":
        return f"{100 * value:.2f}"
    if form == "ratio":
        return f"{value:.2f}x" if value >= 0.1 or not value else f"{value:.2g}x"
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


def _quantity(quantity: Quantity) -> str:
    if quantity.unit == "B":
        return format_capacity(quantity.value)
    if quantity.unit == "s":
        return format_seconds(quantity.value)
    return format_si(quantity.value, quantity.unit)
