"""Cells as files have them: one rule of names and units for CSV columns and keys of JSON.

A column's key says in which unit the program computes (`latency_s`, `energy_j`). Files have
milliseconds and millijoules, bytes, and rates per second, and the unit is in the name. A column of
quantities whose units differ from row to row has its unit in a column beside it.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.report.types import (
    Absent,
    AtLeast,
    Column,
    Compared,
    Marked,
    Quantity,
    Range,
    Table,
    Time,
)

_CONVERTED = {"_s": ("_ms", 1e3), "_j": ("_mj", 1e3)}
"""Endings of keys whose unit is another one in files, and the factor."""
_PLAIN = ("_per_s", "_bytes", "_w")
"""Endings of keys whose unit is the same in files."""


def file_keys(column: Column) -> tuple[str, ...]:
    """Names of a column in files: one, or two for a range and for quantities of any unit."""
    stem, ending, _ = _converted(column.key)
    if column.form == "range":
        return f"{stem}_low{ending}", f"{stem}_high{ending}"
    if column.form == "quantity" and not _has_unit(column.key):
        return column.key, f"{column.key}_unit"
    return (stem + ending,)


def file_values(value: Any, column: Column) -> tuple[Any, ...]:
    """The values of a cell under `file_keys`, in the same order; None where there is none."""
    while isinstance(value, (Marked, Compared)):
        value = value.value
    keys = file_keys(column)
    if value is None or isinstance(value, Absent):
        return (None,) * len(keys)
    factor = _converted(column.key)[2]
    if isinstance(value, Range):
        return value.low * factor, value.high * factor
    if isinstance(value, (Quantity, AtLeast)):
        return (value.value * factor,) if len(keys) == 1 else (value.value, value.unit)
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


def _converted(key: str) -> tuple[str, str, float]:
    """The key without its unit, the unit's ending in files, and the factor."""
    for ending, (other, factor) in _CONVERTED.items():
        if key.endswith(ending) and not key.endswith(_PLAIN):
            return key.removesuffix(ending), other, factor
    return key, "", 1


def _has_unit(key: str) -> bool:
    return key.endswith((*_CONVERTED, *_PLAIN))
