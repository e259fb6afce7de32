"""Reports as files: JSON, CSV, Markdown and HTML. Numbers in JSON and CSV are plain.

All text is escaped here, titles and notes, too, so that no report has to. A writer is given the
report and the encoding of where it goes; JSON and HTML are ASCII, which all encodings have.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from mnet_cost.escaping import csv_cell, html_text, json_text, markdown_cell, markdown_line, plain
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
        return [title, _grid(table, part, "github"), note]

    parts = [f"**{line(alert)}**" for alert in report.alerts]
    parts += [f"## {line(report.title)}", line(report.subtitle)]
    shown = report.tables
    recorded = report.recorded() if report.long_form else None
    if recorded is not None:
        shown = (recorded,)
    for table in report.answer:
        parts += tabulated(table)
    if report.facts:
        parts.append(_tabulate(_facts(report, part), ["", "", ""], _FACTS_ALIGNED, "github"))
    for table in shown:
        parts += tabulated(table)
    parts.append("\n".join(f"- {line(note)}" for note in (*report.notes, *report.more_notes)))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(report: Report, encoding: str = "ascii") -> str:
    """One self-contained page."""
    return _PAGE.format(title=_ascii(html_text(report.title)), body=html_body(report))


def html_body(report: Report) -> str:
    """What is on the page, without its head: what a notebook shows."""

    def tabulated(table: Table) -> list[str]:
        title = f"<h2>{html_text(table.title)}</h2>" if table.title else ""
        note = html_text(table.note).replace("\n", "<br>\n")
        return [title, _grid(table, html_text, "unsafehtml"), f"<p>{note}</p>" if note else ""]

    parts = [f"<p><strong>{html_text(alert)}</strong></p>" for alert in report.alerts]
    parts += [f"<h1>{html_text(report.title)}</h1>", f"<p>{html_text(report.subtitle)}</p>"]
    for table in report.answer:
        parts += tabulated(table)
    if report.facts:
        parts.append(_tabulate(_facts(report, html_text), [], _FACTS_ALIGNED, "unsafehtml"))
    for table in report.tables:
        parts += tabulated(table)
    notes = "".join(f"<li>{html_text(note)}</li>" for note in (*report.notes, *report.more_notes))
    parts.append(f"<ul>{notes}</ul>" if notes else "")
    return _ascii("\n".join(part for part in parts if part))


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


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

_FACTS_ALIGNED = ["left", "right", "left"]


def _facts(report: Report, escape: Callable[[str], str]) -> list[list[str]]:
    rows = []
    for fact in report.facts:
        brief = short(fact.value, fact.form)
        value = cell(fact.value, fact.form)
        texts = [fact.label, f"{value} ({brief})" if brief else value, fact.detail]
        rows.append([escape(text) for text in texts])
    return rows


def _grid(table: Table, escape: Callable[[str], str], style: str) -> str:
    rows = [*table.rows, *([table.total] if table.total else [])]
    texts = [
        [escape(cell(value, column.form)) for value, column in zip(row, table.columns, strict=True)]
        for row in rows
    ]
    alignment = ["right" if column.form in RIGHT_ALIGNED else "left" for column in table.columns]
    return _tabulate(texts, [escape(column.title) for column in table.columns], alignment, style)


def _tabulate(rows: list[list[str]], headers: list[str], alignment: list[str], style: str) -> str:
    """A table of texts that are escaped already."""
    from tabulate import tabulate

    options: dict[str, Any] = {"disable_numparse": True, "colalign": alignment} if rows else {}
    return str(tabulate(rows, headers=headers, tablefmt=style, **options))
