"""Reports of layer kinds: all, or one with its fields."""

from __future__ import annotations

import inspect
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers import KINDS, LAYERS, Layer
from mnet_cost.layers.fields import fields_of
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Fact, Report, Table


def _report(title: str, table: Table, schema: str, facts: tuple[Fact, ...] = ()) -> Report:
    """A report of one table, whose rows are the document, too."""
    keys = [column.key for column in table.columns]

    def document() -> dict[str, Any]:
        rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
        return {"schema": schema_id(schema), table.key: rows}

    return Report(title, "", facts, (table,), (), document)


def layers_report() -> Report:
    """All layer kinds with the first line of their documentation."""
    rows = tuple(
        (
            kind.kind,
            tuple(
                name if field.required else f"{name}={_default(field.default)}"
                for name, field in fields_of(kind).items()
            ),
            _doc(kind).splitlines()[0],
        )
        for kind in LAYERS
    )
    columns = (
        Column("kind", "kind"),
        Column("fields", "fields", "prose", 5),
        Column("summary", "what it does", "prose", 8),
    )
    return _report("Layer kinds", Table("layers", "", columns, rows), "layers")


def layer_report(name: str) -> Report:
    """One layer kind: its fields and its documentation."""
    kind = KINDS.get(name)
    if kind is None:
        from mnet_cost.layers.other_names import OTHER_KINDS, operation_hint

        raise ModelReferenceError(
            Problem(
                f"there is no layer kind `{name}`",
                hint=operation_hint(name)
                or did_you_mean(name, KINDS, OTHER_KINDS)
                or "`mnet-cost layers` lists them",
            )
        )
    rows = tuple(
        (
            field.name,
            field.kind.describe(),
            "required" if field.required else _default(field.default),
            field.help,
        )
        for field in fields_of(kind).values()
    )
    columns = (
        Column("field", "field"),
        Column("values", "values", "prose", 8),
        Column("default", "default"),
        Column("help", "what it is", "prose", 7),
    )
    least, most = kind.arity
    inputs = f"{least} or more" if most is None else f"{least} to {most}"
    if least == most:
        inputs = str(most)
    lines = _doc(kind).splitlines()
    table = Table(
        "fields",
        "Fields" if rows else "No fields",
        columns,
        rows,
        note="\n".join(lines[1:]).strip(),
    )
    facts = (Fact("inputs", inputs, "text"), Fact("effect", kind.effect, "text"))
    report = _report(f"{kind.kind}: {lines[0]}", table, "layer", facts=facts)
    head = {"kind": kind.kind, "documentation": _doc(kind)}
    return report._replace(document=lambda: report.document() | head)


def _default(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(kind: type[Layer]) -> str:
    return inspect.getdoc(kind) or kind.kind
