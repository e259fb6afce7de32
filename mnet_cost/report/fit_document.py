"""The JSON document of `fit`; its schema is in `schemas/fit.py`."""

from __future__ import annotations

from typing import Any

from mnet_cost.report.file_keys import plain_value
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Table
from mnet_cost.search.fit import Fit, Line, Size


def fit_document(fit: Fit) -> dict[str, Any]:
    """The JSON document; numbers in the units that the keys of columns say."""
    request = fit.request
    return {
        "schema": schema_id("fit"),
        "aim": {"name": request.aim.column, "better": request.aim.direction},
        "confidence": request.confidence,
        "precisions": list(request.precisions),
        "devices": [device.name for device in request.devices],
        "models": [
            {
                "name": sweep.networks[0].name,
                "axes": {name: [plain_value(value) for value in values]
                         for name, values in sweep.axes.items()},
            }
            for sweep in request.sweeps
        ],
        "left_out": [{"name": name, "why": why} for name, why in request.left_out],
        "limits": [
            {
                "column": limit.column,
                "is": "most" if limit.is_most else "least",
                "value": limit.value,
                "binds": limit in fit.binding,
            }
            for limit in request.limits
        ],
        "points": request.points,
        "valid": fit.valid,
        "within": fit.within,
        "too_large_arenas": fit.too_large_arenas,
        "undecided": [
            {"column": column, "precision": precision, "points": count}
            for (column, precision), count in fit.undecided.items()
            if count
        ],
        "best": _size_document(fit.best),
        "sizes": [_size_document(size) for size in fit.sizes],
        "beyond": [_size_document(size) for size in fit.beyond],
        "steps": [
            {
                "knob": step.knob,
                "value": plain_value(step.value),
                "size": _size_document(step.size),
            }
            for step in fit.steps
        ],
        "line": _line_document(fit.line),
        "networks": [
            {"name": name, "best": _size_document(size)} for name, size in fit.best_of
        ],
        "closest": _size_document(fit.closest),
    }  # fmt: skip


def fit_records(fit: Fit) -> Table:
    """A row for each of the best sizes, best first; where nothing fits, of the closest one. Columns
    are those of a sweep, after the reference and whether the size fits."""
    closest = [] if fit.closest is None else [fit.closest]
    sizes = list(fit.sizes) or closest
    names = list(dict.fromkeys(name for size in sizes for name in size.values))
    names = [name for name in names if name != "model"]
    columns = [Column("reference", "size"), Column("model", "model"), Column("fits", "fits")]
    columns += [Column(name, name, "setting") for name in names]
    rows = [
        (size.reference, size.network.name, size.is_within,
         *[size.values.get(name) for name in names])
        for size in sizes
    ]  # fmt: skip
    return Table("sizes", "Sizes", tuple(columns), tuple(rows))


def _line_document(line: Line | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "across": line.across,
        "along": line.along,
        "rows": [
            {"value": plain_value(value), "size": _size_document(size)} for value, size in line.rows
        ],
    }


def _size_document(size: Size | None) -> dict[str, Any] | None:
    if size is None:
        return None
    return {
        "reference": size.reference,
        "precision": size.precision,
        "knobs": {name: plain_value(value) for name, value in size.knobs.items()},
        "aim": size.aim,
        "fits": size.is_within,
        "uses": [
            {
                "column": use.limit.column,
                "value": use.value,
                "share": use.share,
                "over": use.over,
            }
            for use in size.uses
        ],
        "columns": {
            name: value
            for name, value in size.values.items()
            if name not in size.knobs and name not in ("model", "precision")
        },
    }
