"""Reports as text for a terminal, with rich.

A table goes to rich as one row whose cells hold all lines of a column: rich takes as long for
that as for one row, and the picture is the same. Width and colour are parameters, so that
output can be compared in tests.
"""

from __future__ import annotations

from io import StringIO
from textwrap import wrap
from typing import Any, Literal

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mnet_cost.errors import printable
from mnet_cost.report.cells import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import Column, Form, Report, Table

_GAP = 2
_CHUNK = 250  # lines
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
        left_out = _print_table(console, table, width)
        if left_out:
            names = ", ".join(dict.fromkeys(left_out))
            note = f"left out at {width} columns: {names}"
            console.print(Text(note, style="dim"))
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


def _print_table(console: Console, table: Table, width: int) -> list[str]:
    """Print a table; titles of the columns that did not fit."""
    rows = [*table.rows, *([table.total] if table.total else [])]
    cells = [
        [
            [printable(line) for line in cell(value, column.form).split("\n")]
            for value, column in zip(row, table.columns, strict=True)
        ]
        for row in rows
    ]
    wanted = [
        max([len(column.title), *(len(line) for row in cells for line in row[i])])
        for i, column in enumerate(table.columns)
    ]
    rooms = _rooms(table.columns, wanted, width)
    lines: list[list[str]] = [[] for _ in rooms]
    for row in cells:
        fitted = [_fit(row[i], room, table.columns[i].form) for i, room in rooms.items()]
        height = max(map(len, fitted))
        for done, parts in zip(lines, fitted, strict=True):
            done += parts + [""] * (height - len(parts))
    body = len(lines[0]) - (1 if table.total else 0)
    # Rich takes longer than linear for long cells, so a long table is printed in pieces.
    for start in range(0, max(body, 1), _CHUNK):
        grid = _grid(table, rooms, header=start == 0)
        end = min(start + _CHUNK, body)
        if start < end:
            grid.add_row(*["\n".join(column[start:end]) for column in lines])
        if table.total and end == body:
            grid.add_row(*[Text(column[-1], style="bold") for column in lines])
        console.print(grid)
    return [column.title for i, column in enumerate(table.columns) if i not in rooms]


def _grid(table: Table, rooms: dict[int, int], header: bool) -> RichTable:
    grid = RichTable(
        box=None,
        show_header=header,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        header_style="underline",
        collapse_padding=True,
    )
    for i, room in rooms.items():
        column = table.columns[i]
        justify: Literal["left", "right"] = "right" if column.form in RIGHT_ALIGNED else "left"
        grid.add_column(column.title, justify=justify, no_wrap=True, min_width=room, max_width=room)
    return grid


def _fit(lines: list[str], room: int, form: Form) -> list[str]:
    if form == "prose":
        return [part for line in lines for part in wrap(line, room, break_on_hyphens=False) or [""]]
    return [line if len(line) <= room else line[: room - 1] + "…" for line in lines]


def _rooms(columns: tuple[Column, ...], wanted: list[int], width: int) -> dict[int, int]:
    """Width of each column that fits, by its index.

    Words are shortened first, then the columns of least weight left out; the first column
    always stays, and what room is left goes to the shortened ones.
    """
    rooms = list(wanted)
    shown = list(range(len(columns)))

    def excess() -> int:
        return sum(rooms[i] + _GAP for i in shown) - _GAP - width

    for form in ("prose", "text"):
        for i, column in enumerate(columns):
            if excess() > 0 and column.form == form:
                rooms[i] = max(min(rooms[i], _SHORTEST_WORDS), rooms[i] - excess())
    while len(shown) > 1 and excess() > 0:
        shown.remove(min(reversed(shown[1:]), key=lambda i: columns[i].weight))
    for i in shown:
        if excess() < 0:
            rooms[i] = min(wanted[i], rooms[i] - excess())
    return {i: rooms[i] for i in shown}
