"""Reports as files: JSON, CSV, Markdown and HTML. Numbers in JSON and CSV are plain."""

from __future__ import annotations

import csv
import html
import json
from io import StringIO
from typing import Any

from mnet_cost.report.cells import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import AtLeast, Column, Quantity, Range, Report, Table, Time


def to_json(report: Report) -> str:
    """The report's document; unknown numbers are null."""
    return json.dumps(report.document(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(report: Report) -> str:
    """The records, else the first table, with one header line; unknown cells are empty.

    A column of quantities has its unit in a column beside it, a range is two columns; lists are
    joined by blanks.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = report.records or next(iter(report.tables), None)
    if table:
        headers = [_headers(column) for column in table.columns]
        writer.writerow([name for names in headers for name in names])
        for row in table.rows:
            cells = zip(row, headers, strict=True)
            writer.writerow([part for value, names in cells for part in _plain(value, len(names))])
    return out.getvalue()


def _headers(column: Column) -> tuple[str, ...]:
    if column.form == "quantity":
        return column.key, f"{column.key}_unit"
    if column.form == "range":
        return f"{column.key}_low", f"{column.key}_high"
    return (column.key,)


def _plain(value: Any, width: int) -> tuple[Any, ...]:
    """A cell as `width` cells of CSV."""
    if isinstance(value, (Quantity, AtLeast)):
        return tuple(value)
    if isinstance(value, Range):
        return value.low, value.high
    if isinstance(value, Time):
        return (value.seconds,)
    if isinstance(value, tuple):
        return (" ".join(map(str, value)),)
    return ("" if value is None else value, *[""] * (width - 1))


def to_markdown(report: Report) -> str:
    """All tables as GitHub tables."""
    parts = [f"## {_escaped(report.title)}", _escaped(report.subtitle)]
    if report.facts:
        facts = [_fact(report, i) for i in range(len(report.facts))]
        parts.append(_tabulate(facts, ["", "", ""], ["left", "right", "left"], "github"))
    for table in report.tables:
        parts += [f"### {_escaped(table.title)}", _grid(table, "github"), _lines(table.note)]
    parts.append("\n".join(f"- {_escaped(note)}" for note in report.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(report: Report) -> str:
    """One self-contained page."""
    parts = [f"<h1>{html.escape(report.title)}</h1>", f"<p>{html.escape(report.subtitle)}</p>"]
    if report.facts:
        facts = [_fact(report, i) for i in range(len(report.facts))]
        parts.append(_tabulate(facts, [], ["left", "right", "left"], "html"))
    for table in report.tables:
        parts += [f"<h2>{html.escape(table.title)}</h2>", _grid(table, "html")]
        note = html.escape(table.note).replace("\n", "<br>\n")
        parts.append(f"<p>{note}</p>" if note else "")
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
    parts.append(f"<ul>{notes}</ul>" if notes else "")
    body = "\n".join(part for part in parts if part)
    return _PAGE.format(title=html.escape(report.title), body=body)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .15rem .7rem; border-bottom: 1px solid #ddd }}
li, p {{ color: #555 }}
</style>
{body}
</html>
"""


def _fact(report: Report, index: int) -> list[str]:
    fact = report.facts[index]
    brief = short(fact.value, fact.form)
    value = cell(fact.value, fact.form)
    return [fact.label, f"{value} ({brief})" if brief else value, _escaped(fact.detail)]


def _grid(table: Table, style: str) -> str:
    rows = [*table.rows, *([table.total] if table.total else [])]
    escape = _escaped if style == "github" else str
    texts = [
        [escape(cell(value, column.form)) for value, column in zip(row, table.columns, strict=True)]
        for row in rows
    ]
    alignment = ["right" if column.form in RIGHT_ALIGNED else "left" for column in table.columns]
    return _tabulate(texts, [column.title for column in table.columns], alignment, style)


def _tabulate(rows: list[list[str]], headers: list[str], alignment: list[str], style: str) -> str:
    from tabulate import tabulate

    options: dict[str, Any] = {"disable_numparse": True, "colalign": alignment} if rows else {}
    return str(tabulate(rows, headers=headers, tablefmt=style, **options))


def _lines(text: str) -> str:
    """Lines that stay lines in Markdown."""
    return "  \n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    """Text that cannot break out of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
