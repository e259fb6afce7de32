"""Reports as files: JSON, CSV and Markdown. Numbers in JSON and CSV are plain.

All text is escaped here, titles and notes, too, so that no report has to. A writer is given the
report and the encoding of where it goes; JSON is ASCII, which all encodings have.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from mnet_cost.escaping import csv_cell, json_text, markdown_cell, markdown_line, plain
from mnet_cost.report.cell_text import RIGHT_ALIGNED, cell, short
from mnet_cost.report.file_keys import file_keys, file_values
from mnet_cost.report.types import Report, Table


def to_json(report: Report, encoding: str = "ascii") -> str:
    """The report's document with all notes, whatever the document; unknown numbers are null.

    Items of its `bulky` key stand on a line each: programs alone read them, and indented they are
    three times as long.
    """
    document = {**report.document(), "notes": [*report.notes, *report.more_notes]}
    if report.bulky is None:
        return json_text(document)
    items = [json_text(item, indent=None).rstrip() for item in document.pop(report.bulky)]
    listed = "[\n    " + ",\n    ".join(items) + "\n  ]" if items else "[]"
    end = "\n}\n"
    return f'{json_text(document).removesuffix(end)},\n  "{report.bulky}": {listed}{end}'


def to_csv(report: Report, encoding: str = "utf-8") -> str:
    """The records, else the first table, with one header line; unknown cells are empty.

    Names and units are those of `file_keys`; lists are joined by blanks. Texts that spreadsheets
    would compute have an apostrophe in front.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = report.recorded() or next(iter(report.tables), None)
    if table:
        keys = [key for column in table.columns for key in file_keys(column)]
        writer.writerow([csv_cell(plain(key, encoding)) for key in keys])
        for row in table.rows:
            cells = zip(row, table.columns, strict=True)
            values = [value for cell, column in cells for value in file_values(cell, column)]
            writer.writerow([_csv_value(value, encoding) for value in values])
    return out.getvalue()


def _csv_value(value: Any, encoding: str) -> Any:
    """A value as a cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    return csv_cell(plain(value, encoding)) if isinstance(value, str) else value


def to_markdown(report: Report, encoding: str = "utf-8") -> str:
    """All tables as GitHub tables, or the records in their place; facts and all notes."""

    def line(text: str) -> str:
        return markdown_line(plain(text, encoding))

    def part(text: str) -> str:
        return markdown_cell(plain(text, encoding))

    def tabulated(table: Table) -> list[str]:
        note = "  \n".join(map(line, table.note.split("\n")))  # its lines stay lines
        title = f"### {line(table.title)}" if table.title else ""
        return [title, _grid(table, part), note]

    parts = [f"**{line(alert)}**" for alert in report.alerts]
    parts += [f"## {line(report.title)}", line(report.subtitle)]
    shown = report.tables
    recorded = report.recorded() if report.long_form else None
    if recorded is not None:
        shown = (recorded,)
    for table in report.answer:
        parts += tabulated(table)
    if report.facts:
        parts.append(_tabulate(_facts(report, part), ["", "", ""], _FACTS_ALIGNED))
    for table in shown:
        parts += tabulated(table)
    parts.append("\n".join(f"- {line(note)}" for note in (*report.notes, *report.more_notes)))
    return "\n\n".join(part for part in parts if part) + "\n"


_FACTS_ALIGNED = ["left", "right", "left"]


def _facts(report: Report, escape: Callable[[str], str]) -> list[list[str]]:
    rows = []
    for fact in report.facts:
        brief = short(fact.value, fact.form)
        value = cell(fact.value, fact.form)
        texts = [fact.label, f"{value} ({brief})" if brief else value, fact.detail]
        rows.append([escape(text) for text in texts])
    return rows


def _grid(table: Table, escape: Callable[[str], str]) -> str:
    rows = [*table.rows, *([table.total] if table.total else [])]
    texts = [
        [escape(cell(value, column.form)) for value, column in zip(row, table.columns, strict=True)]
        for row in rows
    ]
    alignment = ["right" if column.form in RIGHT_ALIGNED else "left" for column in table.columns]
    return _tabulate(texts, [escape(column.title) for column in table.columns], alignment)


def _tabulate(rows: list[list[str]], headers: list[str], alignment: list[str]) -> str:
    """A table of texts that are escaped already."""
    from tabulate import tabulate

    options: dict[str, Any] = {"disable_numparse": True, "colalign": alignment} if rows else {}
    return str(tabulate(rows, headers=headers, tablefmt="github", **options))
