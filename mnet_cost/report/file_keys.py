"""Cells as files have them: one rule of names and units for CSV columns and keys of JSON.

A column's key says in which unit the program computes (`latency_s`, `energy_j`), and
`units.file_unit` which unit files have instead. A column of quantities whose units differ from row
to row has its unit in a column beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.report.types import (
    Absent,
    AtLeast,
    Change,
    Column,
    Compared,
    Marked,
    Quantity,
    Range,
    Table,
    Time,
)
from mnet_cost.units import file_unit

_UNITS = ("_s", "_j", "_bytes", "_w")
"""Endings of keys that are units: quantities below other keys have their unit beside them."""


def file_keys(column: Column) -> tuple[str, ...]:
    """Names of a column in files: one, or two for a range and for quantities of any unit."""
    stem, ending, _ = file_unit(column.key)
    if column.form == "range":
        return f"{stem}_low{ending}", f"{stem}_high{ending}"
    if column.form == "quantity" and not column.key.endswith(_UNITS):
        return column.key, f"{column.key}_unit"
    return (stem + ending,)


def file_values(value: Any, column: Column) -> tuple[Any, ...]:
    """The values of a cell under `file_keys`, in the same order; None where there is none."""
    while isinstance(value, (Marked, Compared)):
        value = value.value
    keys = file_keys(column)
    if value is None or isinstance(value, Absent):
        return (None,) * len(keys)
    factor = file_unit(column.key)[2]
    if isinstance(value, Range):
        return value.low * factor, value.high * factor
    if isinstance(value, (Quantity, AtLeast)):
        return (value.value * factor,) if len(keys) == 1 else (value.value, value.unit)
    if isinstance(value, Change):
        return (value.value * factor,)
    if isinstance(value, Time):
        return (value.seconds * factor,)
    if factor != 1 and isinstance(value, (int, float)):
        return (value * factor,)
    return (value, *[None] * (len(keys) - 1))


def file_records(table: Table) -> list[dict[str, Any]]:
    """The rows of a table as records of JSON, with the keys and values that CSV has."""
    return [
        {
            key: list(part) if isinstance(part, tuple) else part
            for value, column in zip(row, table.columns, strict=True)
            for key, part in zip(file_keys(column), file_values(value, column), strict=True)
        }
        for row in table.rows
    ]


def file_numbers(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers by key as JSON has them: `{"latency_s": 0.012}` is `{"latency_ms": 12.0}`."""
    in_files = {}
    for key, number in numbers.items():
        stem, ending, factor = file_unit(key)
        in_files[stem + ending] = number if number is None or factor == 1 else number * factor
    return in_files


def plain_value(value: Any) -> Any:
    """The value of a knob as JSON has it: a height and a width are a text."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
