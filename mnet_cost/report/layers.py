"""Reports of layer kinds: all, or one with its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from textwrap import fill
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers import FAMILIES, KINDS, SHORT_FORMS, Layer
from mnet_cost.layers.fields import fields_of
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Fact, Report, Table


def layers_report() -> Report:
    """All layer kinds, in groups, with the first line of their documentation."""
    columns = (
        Column("kind", "kind"),
        Column("fields", "fields", "prose", 5),
        Column("summary", "what it does", "prose"),
    )
    rows = {family: [_row(kind) for kind in kinds] for family, kinds in FAMILIES.items()}
    # Without fields and headings a screen has the names of all kinds, each on a line.
    shown = (columns[0]._replace(title=""), columns[2]._replace(title=""))
    names = {family: tuple([(row[0], row[2]) for row in rows[family]]) for family in rows}
    tables = [
        Table("layers", family, shown, names[family], note=_short_forms(kinds))
        for family, kinds in FAMILIES.items()
    ]
    records = Table(
        "layers",
        "",
        (Column("family", "family"), *columns),
        tuple([(family, *row) for family in FAMILIES for row in rows[family]]),
    )
    return Report(
        "Layer kinds",
        "",
        (),
        tuple(tables),
        ("`mnet-cost layers KIND` shows the fields of a kind, and how it is counted",),
        _document(records, "layers"),
        records=records,
        long_form=True,
    )


def _short_forms(kinds: Iterable[str]) -> str:
    """What is said below kinds that have short forms; empty for others."""
    return "\n".join(
        fill(f"Short for `{kind}` with an operation: {', '.join(SHORT_FORMS[kind])}", 79)
        for kind in kinds
        if kind in SHORT_FORMS
    )


def _row(name: str) -> tuple[Any, ...]:
    """Name, fields with their defaults, and the first line of the documentation of a kind."""
    kind = KINDS[name]
    fields = tuple(
        field.name if field.required else f"{field.name}={_default(field.default)}"
        for field in fields_of(kind).values()
    )
    return name, fields, _doc(kind).splitlines()[0]


def _document(table: Table, schema: str) -> Callable[[], dict[str, Any]]:
    """The document of a table: its rows by the keys of its columns."""
    keys = [column.key for column in table.columns]

    def document() -> dict[str, Any]:
        rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
        return {"schema": schema_id(schema), table.key: rows}

    return document


def layer_report(name: str) -> Report:
    """One layer kind: its fields and its documentation."""
    kind = KINDS.get(name)
    if kind is None:
        from mnet_cost.layers.other_names import OTHER_KINDS

        raise ModelReferenceError(
            Problem(
                f"there is no layer kind `{name}`",
                hint=did_you_mean(name, KINDS, OTHER_KINDS) or "`mnet-cost layers` lists them",
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
    note = "\n".join(lines[1:]).strip()
    fields = Table("fields", "Fields", columns, rows, note=note)
    # For people, no headings without rows; files have their columns all the same.
    shown = fields if rows else Table("fields", "No fields", (), (), note=note)
    facts = (Fact("inputs", inputs, "text"), Fact("effect", kind.effect, "text"))
    document = _document(fields, "layer")
    head = {"kind": kind.kind, "documentation": _doc(kind)}
    title = f"{kind.kind}: {lines[0]}"
    return Report(title, "", facts, (shown,), (), lambda: document() | head, records=fields)


def _default(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(kind: type[Layer]) -> str:
    return inspect.getdoc(kind) or kind.kind
