"""A report as one self-contained HTML page: no script, no other file, nothing from a network.

The page is ASCII. A policy in it lets the browser use our style and nothing else, so
whatever a name in a report looks like, it is text. The style is `page.css`. Bars are SVG, whose
length is an attribute: the policy forbids styles in markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mnet_cost.escaping import html_text
from mnet_cost.report.cell_text import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import SPARE, Absent, Column, Fact, Marked, Report, Table

_STYLE = Path(__file__).with_name("page.css")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
_POLICY = "default-src 'none'; style-src '{style}'; base-uri 'none'; form-action 'none'"
_DOT = " · "
_LONG = 24
"""Texts of more characters than these may be broken, names after their dots and slashes."""
_LONG_HEAD = 20
"""The same of the first cell of a row, which stays in sight on a phone."""
_BREAK = r"[./](?=\w)"


def to_html(report: Report, encoding: str = "ascii") -> str:
    """The page of a report: alerts, title, answer, facts, tables, notes, what columns hold."""
    style = _STYLE.read_text(encoding="ascii")
    parts = ["<header>"]
    parts += [f'<p class="alert">{html_text(alert)}</p>' for alert in report.alerts]
    title = re.sub(r"[@,](?=\w)", r"\g<0><wbr>", html_text(report.title))  # `net@a=1,b=2` is long
    parts.append(f"<h1>{title}</h1>")
    if report.subtitle:
        pieces = _DOT.join(f"<span>{html_text(p)}</span>" for p in report.subtitle.split(_DOT))
        parts.append(f'<p class="setting">{pieces}</p>')
    parts.append("</header>")
    parts += [_table(table, "row answer") for table in report.answer]
    parts.append(_facts(report))
    parts += [_table(table) for table in report.tables]
    parts += [_notes((*report.notes, *report.more_notes)), _meanings(report)]
    page = _PAGE.format(
        policy=_POLICY.format(style=hash_of(style)),
        title=html_text(report.title),
        style=style,
        body="\n".join(filter(None, parts)),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def hash_of(text: str) -> str:
    """The source by which a Content-Security-Policy allows a style or script of exactly `text`."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


# --- facts, notes, meanings


def _facts(report: Report) -> str:
    """Facts that share a line in a terminal are tiles, those of lines of their own are lines."""
    tiles = [fact for fact in report.facts if report.facts_in_line and not fact.whole]
    lines = [fact for fact in report.facts if fact not in tiles]
    lists = [_list_of(facts, name) for facts, name in ((tiles, "tiles"), (lines, "facts")) if facts]
    return f'<section class="row">\n{"".join(lists)}</section>' if lists else ""


def _list_of(facts: Iterable[Fact], name: str) -> str:
    items = []
    for fact in facts:
        value, brief = cell(fact.value, fact.form), short(fact.value, fact.form)
        exact = f' <span class="exact">{html_text(value)}</span>' if brief else ""
        shown = html_text(brief or value) + exact
        detail = fact.detail or fact.brief
        said = f'<dd class="detail">{html_text(detail)}</dd>' if detail else ""
        items.append(
            f'<div><dt>{html_text(fact.label)}</dt><dd class="value">{shown}</dd>{said}</div>\n'
        )
    return f'<dl class="{name}">\n{"".join(items)}</dl>\n'


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{html_text(note)}</li>\n" for note in notes)
    section = f'<section class="row">\n<h2>Notes</h2>\n<ul>\n{items}</ul>\n</section>'
    return section if notes else ""


def _meanings(report: Report) -> str:
    """What columns hold, each said once."""
    meanings = {
        (" ".join(column.title.split("\n")), column.help): None
        for table in (*report.answer, *report.tables)
        for column in table.columns
        if column.help
    }
    items = "".join(
        f"<div><dt>{html_text(title)}</dt><dd>{html_text(meaning)}</dd></div>\n"
        for title, meaning in meanings
    )
    if not items:
        return ""
    return (
        '<section class="row">\n<details>\n<summary>What the columns hold</summary>\n'
        f'<dl class="facts">\n{items}</dl>\n</details>\n</section>'
    )


# --- tables


def _table(table: Table, of: str = "") -> str:
    """A table in a region that moves sideways where it is wide; its title above, its note below."""
    columns = table.columns
    key = table.key.replace("_", " ")
    label = html_text(table.title or key)
    title = f"><h2>{label}</h2>" if table.title else f' class="hidden">{label}'
    most = most_share(table)
    heads = "".join(_heading(column, most) for column in columns)
    body = "".join(_row(row, columns, most) for row in table.rows)
    parts = [
        f'<section class="{of}">' if of else "<section>",
        f'<div class="wide" role="region" tabindex="0" aria-label="{label}">',
        f"<table>\n<caption{title}</caption>",
        f"<thead><tr>{heads}</tr></thead>" if any(column.title for column in columns) else "",
        f"<tbody>\n{body}</tbody>",
        f"<tfoot>\n{_row(table.total, columns, most)}</tfoot>" if table.total else "",
        "</table>\n</div>",
    ]
    spare = [column.title.replace("\n", " ") for column in columns[1:] if column.weight <= SPARE]
    if spare:
        named = html_text(", ".join(dict.fromkeys(spare)))
        parts.append(f'<p class="note left-out">left out on a narrow page: {named}</p>')
    if table.note:
        parts.append(f'<p class="note">{_lines(table.note)}</p>')
    return "\n".join([*filter(None, parts), "</section>"])


def most_share(table: Table) -> float:
    """The largest share in a table, for which bars are full; 0 where there is none."""
    shares = [
        share_of(value, column) or 0.0
        for row in table.rows
        for value, column in zip(row, table.columns, strict=True)
    ]
    return max(shares, default=0.0)


def share_of(value: Any, column: Column) -> float | None:
    """The share that a bar stands for; None where the cell has no bar."""
    if isinstance(value, Marked):
        value = value.value
    return value if column.form == "share" and isinstance(value, (int, float)) else None


def _heading(column: Column, most: float) -> str:
    barred = "barred" if column.form == "share" and most else ""
    told = f' title="{html_text(column.help)}"' if column.help else ""
    tag, scope = ("th", ' scope="col"') if column.title else ("td", "")
    return f"<{tag}{scope}{_classes(column, barred)}{told}>{_lines(column.title)}</{tag}>"


def _row(row: Sequence[Any], columns: Sequence[Column], most: float) -> str:
    cells = [_cell(row[i], column, most, i == 0) for i, column in enumerate(columns)]
    return f"<tr>{''.join(cells)}</tr>\n"


def _cell(value: Any, column: Column, most: float, heads: bool) -> str:
    """A cell of the body; the first one of a row is its heading."""
    style = ""
    if isinstance(value, Marked):
        style, value = value.mark, value.value
    elif value is None or isinstance(value, Absent) or value == 0:
        style = "none"
    tag, scope = ("th", ' scope="row"') if heads else ("td", "")
    share = share_of(value, column)
    first, *others = cell(value, column.form).split("\n")
    shown, long = html_text(first), ""
    if len(first) > (_LONG_HEAD if heads else _LONG) and column.form in ("text", "prose"):
        shown, long = re.sub(_BREAK, r"\g<0><wbr>", shown), "long" * (column.form == "text")
    for line in others:
        shown += f"<br><small>{html_text(line)}</small>"
    if share is not None and most:
        length = f'<rect width="{100 * share / most:.3g}%" height="100%"/>' if share else ""
        shown += f'<svg class="bar" aria-hidden="true">{length}</svg>'
    elif column.form == "share" and most:
        shown += '<span class="bar"></span>'
    return f"<{tag}{scope}{_classes(column, style, long)}>{shown}</{tag}>"


def _classes(column: Column, *more: str) -> str:
    kind = "number" if column.form in RIGHT_ALIGNED else column.form
    spare = "spare" if column.weight <= SPARE else ""
    return f' class="{" ".join(filter(None, (kind, *more, spare)))}"'


def _lines(text: str) -> str:
    return html_text(text).replace("\n", "<br>\n")
