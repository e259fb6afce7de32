"""A report as a cell of a notebook shows it: a few lines, its tables with bars, the rest to open.

Styles stand at the elements, since notebooks and the sites that show them strip scripts and style
sheets. Text and lines take the colours of the theme. Where styles are stripped, too, all numbers
and words are there. Columns for wide screens are left out.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

from mnet_cost.escaping import html_text
from mnet_cost.report.cell_text import RIGHT_ALIGNED, cell, short
from mnet_cost.report.page import most_share, share_of
from mnet_cost.report.types import SPARE, Absent, Column, Fact, Marked, Report, Table

_MOST_TABLES = 2
"""Tables, beside the answer, that are shown as they are; others are there to open."""
_MOST_ROWS = 8
"""Rows of a table that are shown as it is; of more, those of the largest shares, or the first."""
_SHOWN_ROWS = 6
_MOST_OPENED = 500
"""Rows that can be opened: a notebook keeps all that is shown in its file."""
_FAINT = "opacity:.65"
_BAD = "color:#d0443a;font-weight:bold"
_TRACK = (
    "display:inline-block;width:90px;height:.6em;margin-left:8px;border-radius:2px;"
    "background:rgba(128,128,128,.18);text-align:left"
)
_BAR = "display:block;height:.6em;border-radius:2px;background:#4a81d6"
_CELL = "padding:1px 10px 1px 0;text-align:"


def to_notebook(report: Report) -> str:
    """What `_repr_html_` gives: alerts, title, setting, facts, answer, tables, notes."""
    lines = [_span(alert, _BAD) for alert in report.alerts]
    lines.append(f"<b>{html_text(report.title)}</b> {_span(report.subtitle, _FAINT)}")
    facts = [fact for fact in report.facts if not fact.more]
    if report.facts_in_line:
        in_line = " · ".join(_fact(fact) for fact in facts if not fact.whole)
        lines += [in_line, *(_fact(fact) for fact in facts if fact.whole)]
    else:
        lines += map(_fact, facts)
    parts = [f"<div>{line}</div>" for line in lines if line]
    for table in (*report.answer, *report.tables[:_MOST_TABLES]):
        parts += [_title(table), *_parts(table)]
    for table in report.tables[_MOST_TABLES:]:
        parts.append(_opened(table.title or table.key, "".join(_parts(table))))
    parts += [f"<div>{_span(note, _FAINT)}</div>" for note in report.notes]
    if report.more_notes:
        count = len(report.more_notes)
        items = "".join(f"<li>{html_text(note)}</li>" for note in report.more_notes)
        parts.append(_opened(f"{count} more note{'s' * (count > 1)}", f"<ul>{items}</ul>"))
    style = "font-variant-numeric:tabular-nums;line-height:1.45;overflow-x:auto;text-align:left"
    body = "\n".join(filter(None, parts))
    page = f'<div style="{style}">\n{body}\n</div>\n'
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def framed(page: str, title: str) -> str:
    """A whole page in a frame: it sees nothing of the notebook, and the other way round.

    Below it are words for notebooks and sites that leave frames out.
    """
    style = "width:100%;height:760px;border:1px solid rgba(128,128,128,.3)"
    return (
        f'<iframe title="{html_text(title)}" sandbox="allow-scripts" style="{style}" '
        f'srcdoc="{escape(page)}"></iframe>\n'
        f'<div style="{_FAINT}">The page of {html_text(title)}, with sliders. Where no frame is '
        "above, the notebook is not trusted: run the cell, or write the page to a file by "
        '<code>.write("page.html")</code>.</div>'
    )


def pictured(svg: str, told: str) -> str:
    """A figure as an image, which notebooks that are not trusted show, too; `told` says what it
    shows."""
    data = b64encode(svg.encode("ascii")).decode("ascii")
    return (
        f'<img alt="{html_text(told)}" style="max-width:100%;height:auto" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def _span(text: str, style: str) -> str:
    return f'<span style="{style}">{html_text(text)}</span>' if text else ""


def _opened(summary: str, body: str) -> str:
    """A part that is shown when it is asked for."""
    head = f'<summary style="{_FAINT};cursor:pointer">{html_text(summary)}</summary>'
    return f"<details>{head}{body}</details>"


def _fact(fact: Fact) -> str:
    value = short(fact.value, fact.form) or cell(fact.value, fact.form)
    said = fact.detail if fact.whole else fact.brief
    return f"{html_text(fact.label)} {html_text(value)} {_span(said, _FAINT)}".rstrip()


# --- tables


def _title(table: Table) -> str:
    title = f'<div style="margin-top:.6em"><b>{html_text(table.title)}</b></div>'
    return title if table.title else ""


def _parts(table: Table) -> list[str]:
    """The rows that say most, the note, and all rows to open."""
    rows = _chosen(table)
    parts = [_grid(table, rows)]
    if table.note:
        note = html_text(table.note).replace("\n", "<br>")
        parts.append(f'<div style="{_FAINT}">{note}</div>')
    if len(rows) < len(table.rows):
        opened = table.rows[:_MOST_OPENED]
        which = f"all {len(table.rows):,} rows"
        if len(opened) < len(table.rows):
            which = f"the first {len(opened):,} of {len(table.rows):,} rows"
        parts.append(_opened(which, _grid(table, opened)))
    return parts


def _chosen(table: Table) -> Sequence[tuple[Any, ...]]:
    """The rows that are shown: by the last column of shares, the largest first; else the first."""
    if len(table.rows) <= _MOST_ROWS:
        return table.rows
    shares = [i for i, column in enumerate(table.columns) if column.form == "share"]
    if not shares:
        return table.rows[:_SHOWN_ROWS]

    def share(row: tuple[Any, ...]) -> float:
        return share_of(row[shares[-1]], table.columns[shares[-1]]) or 0.0

    return sorted(table.rows, key=share, reverse=True)[:_SHOWN_ROWS]


def _grid(table: Table, rows: Sequence[tuple[Any, ...]]) -> str:
    columns = table.columns
    shown = [i for i, column in enumerate(columns) if column.weight > SPARE or i == 0]
    most = most_share(table)
    heads = "".join(_heading(columns[i]) for i in shown)
    totals = [table.total] if table.total else []
    lines = [[_cell(row[i], columns[i], most) for i in shown] for row in (*rows, *totals)]
    body = "".join(f'<tr style="vertical-align:top">{"".join(line)}</tr>\n' for line in lines)
    style = "margin:.4em 0;border-collapse:collapse;white-space:nowrap"
    return (
        f'<table style="{style}">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table>'
    )


def _heading(column: Column) -> str:
    title = html_text(column.title).replace("\n", "<br>")
    style = f"{_style(column)};{_FAINT};font-weight:normal"
    return f'<th scope="col" style="{style}">{title}</th>'


def _style(column: Column) -> str:
    if column.form == "prose":
        return f"{_CELL}left;white-space:normal"
    return f"{_CELL}{'right' if column.form in RIGHT_ALIGNED else 'left'}"


def _cell(value: Any, column: Column, most: float) -> str:
    style = _style(column)
    if isinstance(value, Marked):
        style += f";{_BAD}" * (value.mark == "bad") + ";font-weight:bold" * (
            value.mark == "largest"
        )
        value = value.value
    elif value is None or isinstance(value, Absent) or value == 0:
        style += f";{_FAINT}"
    shown = html_text(cell(value, column.form)).replace("\n", "<br>")
    share = share_of(value, column)
    if share is not None and most:
        bar = f'<span style="{_BAR};width:{100 * share / most:.0f}%"></span>'
        shown += f'<span style="{_TRACK}">{bar}</span>'
    return f'<td style="{style}">{shown}</td>'
