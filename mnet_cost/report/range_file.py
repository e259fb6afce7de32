"""What a check writes for later ones to be compared with, read back: `check --baseline FILE`.

The document of a check holds analyses, and of ranges the numbers of each setting (`ranges`); that
of `analyze` is one analysis. Not here: the other parts of these documents (`check.py`,
`analysis_json.py`), and how analyses are read (`analysis_file.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from mnet_cost.budgets import network_ranges
from mnet_cost.budgets.network_ranges import (
    COMPARED,
    NetworkRange,
    StoredRange,
    key_of,
    numbers_compared,
)
from mnet_cost.differences.snapshots import Snapshot
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import Metric
from mnet_cost.models.types import BATCH
from mnet_cost.report.analysis_file import Reader, other_schema, read_json, snapshot_of_document
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.search.blocks import column_of

_LARGEST = 1e300
"""Of numbers in files: whole ones may be too large for arrays."""


def range_document(range_: NetworkRange) -> dict[str, Any]:
    """A range with the numbers of all its settings, where they are not too many."""
    defaults = {name: knob.default for name, knob in range_.spec.knobs.items()}
    knobs = {**defaults, **range_.fixed}
    swept = BATCH in range_.axes
    is_small = range_.points <= network_ranges.MAX_STORED
    return {
        "name": range_.spec.name,
        "spec": range_.spec.path,
        "variant": range_.spec.variant,
        "knobs": {knob: value for knob, value in knobs.items()
                  if knob not in range_.axes and knob != BATCH},
        "stated": [knob for knob in range_.fixed if knob != BATCH],
        "batch": None if swept else range_.fixed.get(BATCH, 1),
        "precision": range_.precision,
        "axes": {knob: list(values) for knob, values in range_.axes.items()},
        "points": range_.points,
        "numbers": _columns(range_) if is_small else None,
    }  # fmt: skip


def _columns(range_: NetworkRange) -> dict[str, list[float | int | None]]:
    from mnet_cost.budgets.range_numbers import range_numbers  # NumPy

    numbers = range_numbers(range_, COMPARED)
    columns: dict[str, list[float | int | None]] = {}
    for metric, device in numbers_compared(COMPARED, range_.devices):
        values = (numbers.values[key_of(metric, device)] * metric.file_factor).tolist()
        columns[column_of(metric, device)] = [
            None if value != value else value if metric.per_device else int(value)
            for value in values
        ]
    return columns


def read_baseline(path: str) -> tuple[tuple[Snapshot, ...], tuple[StoredRange, ...]]:
    """The analyses and ranges that the document of a check holds, or the one analysis of another;
    `UsageError` for a file that is neither."""
    document = read_json(path)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema == schema_id("analysis"):
        return (snapshot_of_document(document, path),), ()
    if schema != schema_id("check"):
        wanted = f"`{schema_id('check')}`"
        if _kind(schema) != _kind(schema_id("check")):
            wanted += f" or `{schema_id('analysis')}`"
        message = f"{path}: {other_schema(schema)}, not {wanted}"
        raise UsageError(Problem(message, hint=write_again(path)))
    reader = Reader(path)
    analyses = [snapshot_of_document(each, path) for each in reader.mappings(document, "analyses")]
    ranges = [_stored(reader, each) for each in reader.mappings(document, "ranges")]
    return tuple(analyses), tuple(ranges)


def write_again(path: str) -> str:
    """The hint where a file is not, or does not hold, what a check is compared with."""
    return (
        f"write it again with `mnet-cost check ... --format json -o {path}`, or compare with "
        "git:REV"
    )


def _kind(schema: object) -> str:
    """A schema without its version."""
    return str(schema).rpartition("/")[0]


def _stored(reader: Reader, document: Mapping[str, Any]) -> StoredRange:
    variant, batch = document.get("variant"), reader.maybe_whole(document, "batch")
    axes = {
        knob: reader.items(reader.mapping(document, "axes"), knob)
        for knob in reader.mapping(document, "axes")
    }
    for knob, values in axes.items():
        if not values:
            raise reader.refuse(knob, "some values of a knob")
    points = reader.whole(document, "points")
    if points != prod(map(len, axes.values())):
        raise reader.refuse("points", "the number of its settings")
    columns = document.get("numbers")
    return StoredRange(
        title=reader.text(document, "name") + (f":{variant}" if variant else ""),
        spec=reader.text(document, "spec"),
        variant=variant if isinstance(variant, str) else None,
        precision=reader.text(document, "precision"),
        knobs={**reader.mapping(document, "knobs"), **({} if batch is None else {BATCH: batch})},
        stated=tuple(map(str, reader.items(document, "stated"))),
        axes=axes,
        numbers=None if columns is None else _numbers(reader, document, points),
    )


def _numbers(
    reader: Reader, document: Mapping[str, Any], points: int
) -> dict[tuple[str, str], Sequence[float | None]]:
    columns = reader.mapping(document, "numbers")
    metrics: dict[str, Metric] = {column_of(metric, None): metric for metric in COMPARED}
    numbers: dict[tuple[str, str], Sequence[float | None]] = {}
    for column in columns:
        name, _, device = column.partition("@")
        metric = metrics.get(name)
        if metric is None:
            continue
        values = reader.items(columns, column)
        if len(values) != points or not all(map(_is_number, values)):
            raise reader.refuse(column, "a number or null for each setting")
        numbers[metric.name, device] = [
            None if value is None else value / metric.file_factor for value in values
        ]
    return numbers


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    is_real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_real and 0 <= value <= _LARGEST
