"""Reports as text for a terminal, with rich.

A table goes to rich as one row whose cells hold all lines of a column: rich takes as long for
that as for one row, and the picture is the same. Width and colour are parameters, so that
output can be compared in tests.
"""

from __future__ import annotations

from io import StringIO
from typing import Any, Literal

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mnet_cost.errors import printable
from mnet_cost.report.cells import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import Column, Report, Table

_GAP = 2
_SHORTEST_WORDS = 30  # a column of words is not shortened below this


def to_text(report: Report, width: int = 100, color: bool = False) -> str:
    """The report at `width` columns; ANSI colours only with `color`."""
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(Text(printable(report.title), style="bold"))
    if report.subtitle:
        console.print(printable(report.subtitle))
    if report.facts:
        console.print()
        console.print(_facts(report, width))
    for table in report.tables:
        console.print()
        if table.title:
            console.print(Text(table.title, style="bold"))
        console.print(_table(table, width))
        if table.note:
            console.print(Text("\n".join(map(printable, table.note.split("\n"))), style="dim"))
    if report.notes:
        console.print()
        for note in report.notes:
            console.print(Text("* " + printable(note), style="dim"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _facts(report: Report, width: int) -> RichTable:
    grid = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    shorts = [short(fact.value, fact.form) for fact in report.facts]
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    if any(shorts):
        grid.add_column(no_wrap=True, justify="right")
    grid.add_column()
    for fact, brief in zip(report.facts, shorts, strict=True):
        cells: list[Any] = [fact.label, Text(cell(fact.value, fact.form), style="bold")]
        if any(shorts):
            cells.append(brief)
        grid.add_row(*cells, Text(printable(fact.detail), style="dim"))
    return grid


def _table(table: Table, width: int) -> RichTable:
    rows = [*table.rows, *([table.total] if table.total else [])]
    texts = _lines(
        [[cell(v, c.form) for v, c in zip(row, table.columns, strict=True)] for row in rows]
    )
    body = len(texts) - (1 if table.total else 0)
    columns = [
        (column, [printable(line[i]) for line in texts]) for i, column in enumerate(table.columns)
    ]
    grid = RichTable(
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        header_style="underline",
        collapse_padding=True,
    )
    shown = []
    for column, lines, room in _fitting(columns, width):
        justify: Literal["left", "right"] = "right" if column.form in RIGHT_ALIGNED else "left"
        grid.add_column(column.title, justify=justify, no_wrap=True, min_width=room, max_width=room)
        shown.append([line if len(line) <= room else line[: room - 1] + "…" for line in lines])
    if body:
        grid.add_row(*["\n".join(lines[:body]) for lines in shown])
    if table.total:
        grid.add_row(*[Text(lines[-1], style="bold") for lines in shown])
    return grid


def _lines(rows: list[list[str]]) -> list[list[str]]:
    """Rows of single lines: a cell of two lines makes two rows of its row."""
    lines = []
    for row in rows:
        parts = [text.split("\n") for text in row]
        for i in range(max(map(len, parts))):
            lines.append([part[i] if i < len(part) else "" for part in parts])
    return lines


def _fitting(
    columns: list[tuple[Column, list[str]]], width: int
) -> list[tuple[Column, list[str], int]]:
    """The columns that fit, with their widths.

    Words are shortened first, then the columns of least weight left out; the first column
    always stays, and what room is left goes to the shortened ones.
    """
    rooms = [max([len(column.title), *map(len, lines)]) for column, lines in columns]
    wanted = list(rooms)
    shown = list(range(len(columns)))

    def excess() -> int:
        return sum(rooms[i] + _GAP for i in shown) - _GAP - width

    for i, (column, _) in enumerate(columns):
        if excess() > 0 and column.form == "text":
            rooms[i] = max(min(rooms[i], _SHORTEST_WORDS), rooms[i] - excess())
    while len(shown) > 1 and excess() > 0:
        shown.remove(min(reversed(shown[1:]), key=lambda i: columns[i][0].weight))
    for i in shown:
        rooms[i] = min(wanted[i], rooms[i] - excess()) if excess() < 0 else rooms[i]
    return [(*columns[i], rooms[i]) for i in shown]
