"""Reports as text for a terminal, with rich.

Rich makes the header and the styles; the rows of tables are padded here, since all their cells are
single lines of known width and rich takes half a millisecond for each. Width, colour and encoding
are parameters, so that output can be compared in tests. All text is escaped here, titles and notes,
too, so that no report has to.
"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mnet_cost.escaping import plain, printable
from mnet_cost.report.cells import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import Column, Form, Report, Table

MOST_ROWS = 5000
"""Rows of a table that are shown: nobody reads more on a screen, and each takes time."""

_GAP = 2
_SHORTEST_WORDS = 30  # a column of words is not shortened below this


def to_text(report: Report, width: int = 100, color: bool = False, encoding: str = "utf-8") -> str:
    """The report at `width` columns in characters of `encoding`; ANSI colours only with `color`."""

    def shown(text: str) -> str:
        return plain(printable(text), encoding)

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
    console.print(Text(shown(report.title), style="bold"))
    if report.subtitle:
        console.print(Text(shown(report.subtitle)))
    if report.facts:
        console.print()
        console.print(_facts(report, shown))
    for table in report.tables:
        console.print()
        if table.title:
            console.print(Text(shown(table.title), style="bold"))
        left_out = _print_table(console, table, width, shown)
        if left_out:
            names = ", ".join(dict.fromkeys(left_out))
            note = f"left out at {width} columns: {names}"
            console.print(Text(note, style="dim"))
        if table.note:
            console.print(Text("\n".join(map(shown, table.note.split("\n"))), style="dim"))
    if report.notes:
        console.print()
        for note in report.notes:
            console.print(Text("* " + shown(note), style="dim"))
    written = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
    return plain(written, encoding)  # rich cuts with an ellipsis of its own


def _facts(report: Report, shown: Callable[[str], str]) -> RichTable:
    grid = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    shorts = [short(fact.value, fact.form) for fact in report.facts]
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    if any(shorts):
        grid.add_column(no_wrap=True, justify="right")
    grid.add_column()
    for fact, brief in zip(report.facts, shorts, strict=True):
        value = Text(shown(cell(fact.value, fact.form)), style="bold")
        cells = [Text(shown(fact.label)), value]
        if any(shorts):
            cells.append(Text(shown(brief)))
        grid.add_row(*cells, Text(shown(fact.detail), style="dim"))
    return grid


def _print_table(
    console: Console, table: Table, width: int, shown: Callable[[str], str]
) -> list[str]:
    """Print a table; titles of the columns that did not fit."""
    titles = [shown(column.title) for column in table.columns]
    cut_mark = shown("…")
    left_out = max(0, len(table.rows) - MOST_ROWS)
    rows = [*table.rows[:MOST_ROWS], *([table.total] if table.total else [])]
    cells = [
        [
            [shown(line) for line in cell(value, column.form).split("\n")]
            for value, column in zip(row, table.columns, strict=True)
        ]
        for row in rows
    ]
    wanted = [
        max([_size(title), *(_size(line) for row in cells for line in row[i])])
        for i, title in enumerate(titles)
    ]
    rooms = _rooms(table.columns, wanted, width)
    right = [table.columns[i].form in RIGHT_ALIGNED for i in rooms]
    header = _header([titles[i] for i in rooms], list(rooms.values()), right)
    console.print(header, no_wrap=True, crop=False)
    lines = []
    for row in cells:
        fitted = [_fit(row[i], room, table.columns[i].form, cut_mark) for i, room in rooms.items()]
        for k in range(max(map(len, fitted))):
            parts = [part[k] if k < len(part) else "" for part in fitted]
            padded = [_pad(*one) for one in zip(parts, rooms.values(), right, strict=True)]
            lines.append((" " * _GAP).join(padded).rstrip())
    body = len(lines) - (1 if table.total else 0)
    if body:
        console.out("\n".join(lines[:body]), highlight=False)
    if left_out:
        console.out(f"... {left_out:,} more rows: --format csv has all", highlight=False)
    for line in lines[body:]:
        console.out(line, style="bold", highlight=False)
    return [title for i, title in enumerate(titles) if i not in rooms]


def _header(titles: list[str], rooms: list[int], right: list[bool]) -> Text:
    header = Text()
    for i, (title, room, aligned) in enumerate(zip(titles, rooms, right, strict=True)):
        blanks = " " * (room - _size(title))
        if i:
            header.append(" " * _GAP)
        if aligned:
            header.append(blanks)
        header.append(title, style="underline")
        if not aligned:
            header.append(blanks)
    return header


def _size(text: str) -> int:
    """Columns of the terminal that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _pad(text: str, room: int, right: bool) -> str:
    blanks = " " * (room - _size(text))
    return blanks + text if right else text + blanks


def _fit(lines: list[str], room: int, form: Form, cut_mark: str) -> list[str]:
    if form == "prose":
        room = max(room, 1)  # a column of empty texts has none
        return [part for line in lines for part in wrap(line, room, break_on_hyphens=False) or [""]]
    kept = room - len(cut_mark)
    return [line if _size(line) <= room else set_cell_size(line, kept) + cut_mark for line in lines]


def _rooms(columns: tuple[Column, ...], wanted: list[int], width: int) -> dict[int, int]:
    """Width of each column that fits, by its index.

    Words are shortened first, prose before texts and those by weight, then the columns of least
    weight left out; the first column always stays, and what room is left goes to the shortened
    ones.
    """
    rooms = list(wanted)
    shown = list(range(len(columns)))

    def excess() -> int:
        return sum(rooms[i] + _GAP for i in shown) - _GAP - width

    by_weight = sorted(enumerate(columns), key=lambda item: item[1].weight)
    for form, order in (("prose", list(enumerate(columns))), ("text", by_weight)):
        for i, column in order:
            if excess() > 0 and column.form == form:
                rooms[i] = max(min(rooms[i], _SHORTEST_WORDS), rooms[i] - excess())
    while len(shown) > 1 and excess() > 0:
        shown.remove(min(reversed(shown[1:]), key=lambda i: columns[i].weight))
    for i in shown:
        if excess() < 0:
            rooms[i] = min(wanted[i], rooms[i] - excess())
    return {i: rooms[i] for i in shown}
