"""Cells as people read them. Numbers in files are written by the formats themselves."""

from __future__ import annotations

from typing import Any

from mnet_cost.report.types import Form
from mnet_cost.units import format_bytes, format_count, format_seconds

UNKNOWN = "-"

RIGHT_ALIGNED = frozenset(("count", "bytes", "seconds", "percent", "ratio", "number"))


def cell(value: Any, form: Form) -> str:
    """`value` as text for a table."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if form == "count":
        return f"{value:,}"
    if form == "bytes":
        return format_bytes(value)
    if form == "seconds":
        return format_seconds(value)
    if form == "percent":
        return f"{100 * value:.2f}"
    if form == "ratio":
        return f"{value:.2f}x"
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
