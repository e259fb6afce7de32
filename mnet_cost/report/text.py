"""Reports as text for a terminal, a pipe or a file.

Lines are padded and wrapped here: all cells are short texts of known width, and a library takes
half a millisecond for each. Width, colour and encoding are parameters, so that output can be
compared in tests. All text is escaped here, titles and notes, too, so that no report has to.
Without colour the text is the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size

from mnet_cost.escaping import plain, printable
from mnet_cost.report.cell_text import RIGHT_ALIGNED, cell, short
from mnet_cost.report.types import ASKED, SPARE, Column, Fact, Form, Mark, Marked, Report, Table

MOST_ROWS = 5000
"""Rows of a table that are shown: nobody reads more on a screen, and each takes time."""

_GAP = 2
_SHORTEST_WORDS = 30  # a column of words is not shortened below this while others can go
_LONG_NAME = 40  # nor what was asked for below this
_SHORTEST_NAME = 8  # nor below this at all
_BAR = 10
_SHORTEST_BAR, _COMFORTABLE_BAR, _LONGEST_BAR = 3, 7, 20
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_DOT = " · "
_BOLD, _UNDERLINE = "1", "4"
_COLOURS: dict[Mark, str] = {
    "bad": "1;31", "measured": "32", "datasheet": "", "bound": "35", "largest": "1",
    "better": "32", "worse": "31",
}  # fmt: skip
"""Of the sixteen colours of terminals those that read on a dark and on a light background."""


def to_text(
    report: Report,
    width: int | None = 100,
    color: bool = False,
    encoding: str = "utf-8",
    notes: bool = False,
) -> str:
    """The report at `width` columns (None: as wide as it needs) in characters of `encoding`; ANSI
    colours only with `color`; with `notes` all notes, facts in full, and what columns hold."""
    page = _Page(width, color, encoding, notes)
    for alert in report.alerts:
        page.words(alert, _COLOURS["bad"])
    if report.alerts:
        page.blank()
    page.words(report.title, _BOLD)
    if report.subtitle:
        page.pieces(report.subtitle.split(_DOT))
    for table in report.answer:
        page.blank()
        page.table(table)
    facts = [fact for fact in report.facts if notes or not fact.more]
    if facts:
        page.blank()
        if report.facts_in_line and not notes:
            page.facts_in_line(facts)
        else:
            page.facts(facts)
    for table in report.tables:
        page.blank()
        page.table(table)
    said = (*report.notes, *report.more_notes) if notes else report.notes
    hidden = 0 if notes else len(report.more_notes)
    if said or hidden:
        page.blank()
    for note in said:
        page.words(note, first="* ", indent="  ")
    if hidden:
        page.words(f"{hidden} more note{'s' * (hidden > 1)}: --notes")
    if notes:
        page.help([*report.answer, *report.tables])
    return "\n".join(line.rstrip() for line in page.lines) + "\n"


class _Cell(NamedTuple):
    """A cell of a table before it is fitted: its lines, how it is shown, and the share that its bar
    stands for."""

    lines: list[str]
    style: str
    share: float | None


class _Page:
    """Lines of a report, as they are written."""

    def __init__(self, width: int | None, color: bool, encoding: str, notes: bool) -> None:
        self.lines: list[str] = []
        self._notes = notes
        self._width = sys.maxsize if width is None else width
        self._color = color
        self._encoding = encoding
        self._cut_mark = plain("…", encoding)
        self._has_blocks = plain(_EIGHTHS, encoding) == _EIGHTHS

    def blank(self) -> None:
        """An empty line."""
        self.lines.append("")

    def words(self, text: str, style: str = "", first: str = "", indent: str = "") -> None:
        """A text in as many lines as it takes, `first` before it and `indent` before the others."""
        room = self._width - len(first)
        for i, line in enumerate(_wrapped(self._shown(text), room)):
            before = indent if i else first
            line = line.rstrip()
            self.lines.append(before + self._styled(line, style) if line else before.rstrip())

    def facts(self, facts: Sequence[Fact]) -> None:
        """A line for each fact, and more where its detail is long."""
        rows = [
            (
                self._shown(fact.label),
                self._shown(cell(fact.value, fact.form)),
                self._shown(short(fact.value, fact.form)),
                self._shown(fact.detail or fact.brief),
            )
            for fact in facts
        ]
        labels, values, shorts = (max(_size(row[i]) for row in rows) for i in range(3))
        gap = " " * _GAP
        taken = labels + _GAP + values + (_GAP + shorts if shorts else 0) + _GAP
        room = max(self._width - taken, _SHORTEST_NAME)
        for label, value, brief, detail in rows:
            blanks = " " * (values - _size(value))
            parts = [_pad(label, labels, False), blanks + self._styled(value, _BOLD)]
            if shorts:
                parts.append(_pad(brief, shorts, True))
            head, *rest = _wrapped(detail, room)
            self.lines.append(gap.join([*parts, head]).rstrip())
            self.lines += [(" " * taken + line).rstrip() for line in rest]

    def facts_in_line(self, facts: Sequence[Fact]) -> None:
        """Facts one after another, those in lines of their own last."""
        texts = [
            " ".join(
                filter(
                    None,
                    (
                        fact.label,
                        cell(fact.value, fact.form),
                        fact.detail if fact.whole else fact.brief,
                    ),
                )
            )
            for fact in facts
        ]
        self.pieces([text for text, fact in zip(texts, facts, strict=True) if not fact.whole])
        for text, fact in zip(texts, facts, strict=True):
            if fact.whole:
                self.words(text)

    def pieces(self, pieces: Sequence[str]) -> None:
        """Texts with dots between them, and a new line where the next does not fit."""
        dot = self._shown(_DOT)
        line = ""
        for piece in map(self._shown, pieces):
            joined = f"{line}{dot}{piece}" if line else piece
            if _size(joined) <= self._width:
                line = joined
                continue
            if line:
                self.lines.append(line)
            *before, line = _wrapped(piece, self._width)
            self.lines += before
        self.lines.append(line.rstrip())

    def help(self, tables: Sequence[Table]) -> None:
        """What the columns of `tables` hold, each said once."""
        meanings = {
            (_in_line(column.title), column.help): None
            for table in tables
            for column in table.columns
            if column.help
        }
        if meanings:
            self.blank()
            self.words("Columns", _BOLD)
            room = max(_size(self._shown(title)) for title, _ in meanings)
            for title, meaning in meanings:
                first = _pad(self._shown(title), room + _GAP, False)
                self.words(meaning, first=first, indent=" " * _size(first))

    def table(self, table: Table) -> None:
        """A table with its title above and its note below, and which columns did not fit."""
        if table.title:
            self.words(table.title, _BOLD)
        rows = [*table.rows[:MOST_ROWS], *([table.total] if table.total else [])]
        cells = [
            [
                self._cell(value, column.form)
                for value, column in zip(row, table.columns, strict=True)
            ]
            for row in rows
        ]
        titles, rooms = _layout(
            table.columns,
            [self._heading(column.title) for column in table.columns],
            [self._heading(column.short or column.title) for column in table.columns],
            [max((_size(line) for row in cells for line in row[i].lines), default=0)
             for i in range(len(table.columns))],
            self._width,
        )  # fmt: skip
        numbers = {
            i: max((_size(row[i].lines[0]) for row in cells), default=0)
            for i in rooms
            if table.columns[i].form == "share"
        }
        most = max((row[i].share or 0.0 for row in cells for i in numbers), default=0.0)
        self.lines += self._header(table.columns, titles, rooms, numbers)
        for number, row in enumerate(cells):
            if number == MOST_ROWS < len(table.rows):
                self._say_rows_left(table)
            total = table.total is not None and number == len(cells) - 1
            fitted = {
                i: _fit(row[i].lines, room, table.columns[i], self._cut_mark)
                for i, room in rooms.items()
            }
            for k in range(max(map(len, fitted.values()))):
                line, written = "", 0  # blanks wait until something follows
                start = 0
                for i, room in rooms.items():
                    text = fitted[i][k] if k < len(fitted[i]) else ""
                    blanks = 0
                    if i in numbers:
                        text = self._with_bar(text, row[i].share, numbers[i], room, most)
                    elif table.columns[i].form in RIGHT_ALIGNED:
                        blanks = room - _size(text)
                    text = text.rstrip()
                    if text:
                        line += " " * (start + blanks - written)
                        line += self._styled(text, _BOLD if total else row[i].style)
                        written = start + blanks + _size(text)
                    start += room + _GAP
                self.lines.append(line)
        if len(table.rows) > MOST_ROWS and table.total is None:
            self._say_rows_left(table)
        left_out = [
            _name_of(column, table.columns)
            for i, column in enumerate(table.columns)
            if i not in rooms
            and (self._notes or column.weight > SPARE)
            and (
                column.form != "percent"
                or not column.needs
                or _is_shown(column.needs, table.columns, rooms)
            )
        ]
        if left_out:
            names = ", ".join(dict.fromkeys(left_out))
            self.words(f"left out at {self._width} columns: {names}")
        for line in table.note.split("\n") if table.note else []:
            self.words(line)

    def _say_rows_left(self, table: Table) -> None:
        self.lines.append(f"... {len(table.rows) - MOST_ROWS:,} more rows: --format csv has all")

    def _header(
        self,
        columns: tuple[Column, ...],
        titles: dict[int, str],
        rooms: dict[int, int],
        numbers: dict[int, int],
    ) -> list[str]:
        """The lines of the headings, which stand on the last of them; none where none has words."""
        if not any(titles.values()):
            return []
        headings = {i: titles[i].split("\n") for i in rooms}
        height = max(map(len, headings.values()))
        lines = []
        for k in range(height):
            line, written, start = "", 0, 0
            for i, room in rooms.items():
                row = k - height + len(headings[i])
                title = headings[i][row].rstrip() if row >= 0 else ""
                # The heading of a bar stands above its number, and over the bar where it is longer.
                right = columns[i].form in RIGHT_ALIGNED
                blanks = max(0, numbers.get(i, room) - _size(title)) if right else 0
                if title:
                    style = _UNDERLINE if k == height - 1 else ""
                    line += " " * (start + blanks - written) + self._styled(title, style)
                    written = start + blanks + _size(title)
                start += room + _GAP
            lines.append(line)
        return lines

    def _heading(self, title: str) -> str:
        return "\n".join(map(self._shown, title.split("\n")))

    def _cell(self, value: Any, form: Form) -> _Cell:
        style = ""
        if isinstance(value, Marked):
            style, value = _COLOURS[value.mark], value.value
        lines = [self._shown(line) for line in cell(value, form).split("\n")]
        share = value if form == "share" and isinstance(value, (int, float)) else None
        return _Cell(lines, style, share)

    def _with_bar(
        self, number: str, share: float | None, room: int, whole_room: int, most: float
    ) -> str:
        """The number, and a bar that is full for the largest share of the table."""
        bar = whole_room - room - 1
        text = _pad(number, room, True)
        if bar <= 0 or not share or not most:
            return text.rstrip()
        if not self._has_blocks:
            return f"{text} {'#' * round(bar * share / most)}".rstrip()
        full, eighths = divmod(round(8 * bar * share / most), 8)
        return f"{text} {_EIGHTHS[8] * full}{_EIGHTHS[eighths]}".rstrip()

    def _shown(self, text: str) -> str:
        return plain(printable(text), self._encoding)

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._color and style and text else text


def _size(text: str) -> int:
    """Columns of the terminal that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _in_line(title: str) -> str:
    return title.replace("\n", " ")


def _width_of(heading: str) -> int:
    """Columns that the longest line of a heading takes."""
    return max(map(_size, heading.split("\n")))


def _pad(text: str, room: int, right: bool) -> str:
    blanks = " " * (room - _size(text))
    return blanks + text if right else text + blanks


def _name_of(column: Column, columns: tuple[Column, ...]) -> str:
    """A column beside its table: a share with what it is a share of."""
    title = _in_line(column.title)
    if column.form != "percent":
        return title
    return title + "".join(f" of {_in_line(c.title)}" for c in columns if c.key == column.needs)


def _is_shown(key: str, columns: tuple[Column, ...], shown: Iterable[int]) -> bool:
    return any(columns[i].key == key for i in shown)


_BREAK = re.compile(r" (?!(?:%|[munµ]?[sJ]|[kKMGT]?i?B|[kMGT])(?!\w))|(?<!\d) ")
"""A space where a line may end: a number and its unit stay together."""


def _wrapped(text: str, room: int) -> list[str]:
    """Lines of at most `room` columns; a word that is longer is cut."""
    if _size(text) <= room:
        return [text]
    lines: list[str] = []
    line = ""
    for word in _BREAK.split(text):
        longer = f"{line} {word}" if line else word
        if _size(longer) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        *pieces, line = [word] if _size(word) <= room else chop_cells(word, max(room, 2))
        lines += pieces
    return [*lines, line]


def _fit(lines: list[str], room: int, column: Column, cut_mark: str) -> list[str]:
    """Lines of a cell in a column of `room`: prose and what was asked for are whole, in more lines
    where need be; other texts are cut."""
    if column.form == "prose" or (column.form == "text" and column.weight >= ASKED):
        return [part for line in lines for part in _wrapped(line, max(room, 1))]
    if column.form == "share":
        return lines
    kept = room - len(cut_mark)
    return [line if _size(line) <= room else set_cell_size(line, kept) + cut_mark for line in lines]


def _layout(
    columns: tuple[Column, ...],
    titles: list[str],
    short_titles: list[str],
    contents: list[int],
    width: int,
) -> tuple[dict[int, str], dict[int, int]]:
    """Heading and width of each column that fits, by its index.

    Where the room is short, spare columns are left out, then headings and bars shortened, then bars
    left out; then words are shortened, prose before texts and those by weight, then columns left
    out, those of least weight first, but neither the first one nor what was asked for. What room is
    left goes to the shortened ones, and to bars.
    """
    shown = list(range(len(columns)))
    bars = {i: _BAR for i in shown if columns[i].form == "share"}

    def wanted(i: int) -> int:
        return max(_width_of(titles[i]), contents[i] + (1 + bars[i] if bars.get(i) else 0))

    def excess() -> int:
        return sum(rooms[i] + _GAP for i in shown) - _GAP - width

    rooms = [wanted(i) for i in shown]
    for weight in sorted({column.weight for column in columns[1:] if column.weight <= SPARE}):
        if weight == SPARE:  # what is worth more than long bars
            bars = _shorter(bars, excess(), _COMFORTABLE_BAR)
            rooms = [wanted(i) for i in range(len(columns))]
        if excess() > 0:
            shown = [i for i in shown if i == 0 or columns[i].weight != weight]
    if excess() > 0:
        titles = short_titles
        rooms = [wanted(i) for i in range(len(columns))]
    bars = _shorter(bars, excess(), _SHORTEST_BAR)
    rooms = [wanted(i) for i in range(len(columns))]
    if excess() > 0:
        bars = {}
        rooms = [wanted(i) for i in range(len(columns))]
    full = list(rooms)
    by_weight = sorted(enumerate(columns), key=lambda item: item[1].weight)
    words = [(i, column) for i, column in enumerate(columns) if column.form == "prose"]
    words += [(i, column) for i, column in by_weight if column.form == "text"]
    for i, column in words:
        if excess() > 0:
            whole = column.form == "text" and column.weight >= ASKED
            least = _LONG_NAME if whole else _SHORTEST_WORDS
            rooms[i] = max(min(rooms[i], least), rooms[i] - excess())
    dropped: list[int] = []
    while excess() > 0:
        droppable = [i for i in reversed(shown[1:]) if columns[i].weight < ASKED]
        if not droppable:
            break
        lightest = min(droppable, key=lambda i: columns[i].weight)
        key = columns[lightest].key
        for i in (*(i for i in droppable if columns[i].needs == key), lightest):
            dropped.append(i)
            shown.remove(i)
    for i, _ in words:
        if excess() > 0 and i in shown:
            rooms[i] = max(min(rooms[i], _SHORTEST_NAME), rooms[i] - excess())
    for i in shown:
        if excess() < 0:
            rooms[i] = min(full[i], rooms[i] - excess())
    for i in reversed(dropped):  # a narrow one may have gone before a wide one
        if columns[i].needs and not _is_shown(columns[i].needs, columns, shown):
            continue
        if excess() + rooms[i] + _GAP <= 0:
            shown = sorted([*shown, i])
    growing = [i for i in shown if bars.get(i)] if width < sys.maxsize else []
    if growing and excess() < 0:
        more = min(-excess() // len(growing), _LONGEST_BAR - bars[growing[0]])
        for i in growing:
            rooms[i] += more
    return {i: titles[i] for i in shown}, {i: rooms[i] for i in shown}


def _shorter(bars: dict[int, int], excess: int, least: int) -> dict[int, int]:
    """Bars that take `excess` columns less, if they are not shorter than `least` then."""
    less = -(-excess // len(bars)) if bars and excess > 0 else 0
    return {i: max(size - less, min(size, least)) for i, size in bars.items()}
