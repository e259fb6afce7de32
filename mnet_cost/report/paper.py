"""The report of `paper`: printed figures beside ours, each with its verdict.

Tables of figures have a line for each cell, tables of layers one for each row. Why a cell is what
it is stands in footnotes, so that the lines stay short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from mnet_cost.papers.counting import SHARES
from mnet_cost.papers.properties import PROPERTIES
from mnet_cost.papers.reproduce import CellResult, RowResult, TableResult, count_verdicts
from mnet_cost.papers.types import Figure, Paper, Row
from mnet_cost.papers.verdict import Judgement, Ours
from mnet_cost.printed import Printed
from mnet_cost.report.types import Column, Report, Table

SCHEMA = "mnet-cost/paper/1"

_WORDS = {
    "mult_adds": "mult-adds",
    "params": "params",
    "mult_adds_share": "mult-adds %",
    "params_share": "params %",
}
_QUOTED = "quoted"
_NOTES = (
    "exact, rounded, truncated, rounded twice: ours as the table counts, printed that way; "
    "convention: ours counted otherwise, or at another setting",
    "typo: ours is what should be printed; not reproducible: no counting gives it; quoted: there "
    "is no spec of the network",
    "accuracies and times are as published: nothing is trained or measured here",
)


def paper_report(paper: Paper, results: Sequence[TableResult]) -> Report:
    """The tables that were reproduced, each with a count of its verdicts, and all in all."""
    return Report(
        title=paper.title,
        subtitle=paper.source,
        facts=(),
        tables=tuple(_table(result) for result in results),
        notes=(*_NOTES, *_left_out(paper, results), f"all in all {_summary(results)}"),
        document=lambda: _document(paper, results),
        records=_records(results),
    )


def _left_out(paper: Paper, results: Sequence[TableResult]) -> list[str]:
    """`left out: Table 4, times alone`, where all tables that are here are shown."""
    if not paper.left_out or len(results) < len(paper.tables):
        return []
    said = (f"Table {key}, {why}" for key, why in paper.left_out.items())
    return ["left out: " + ". ".join(said)]


def _summary(results: Sequence[TableResult]) -> str:
    """`14 cells: 10 rounded, 1 typo; 4 quoted`."""
    verdicts = count_verdicts(results)
    quoted = sum(result.quoted() for result in results)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    total = verdicts.total()
    parts = [f"{total} {'cell' if total == 1 else 'cells'}: {counted}"] if total else []
    if quoted:
        parts.append(f"{quoted} {_QUOTED}")
    return "; ".join(parts) or "published figures alone"


class _Footnotes:
    """Numbered notes of one table; the same words have one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, word: str, text: str) -> str:
        """`word`, with the number of a note if there is one to make."""
        if not text:
            return word
        return f"{word} [{self._numbers.setdefault(text, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        return [f"[{number}] {text}" for text, number in self._numbers.items()]


def _table(result: TableResult) -> Table:
    table, footnotes = result.table, _Footnotes()
    of_layers = any(cell.what in PROPERTIES for row in table.rows for cell in row.cells)
    columns, rows = (_layers if of_layers else _figures)(result, footnotes)
    about = _sums(result) if of_layers else _countings(result)
    notes = [_summary([result]), table.note, about, *footnotes.lines()]
    title = f"Table {table.id}" if table.id.isdigit() else table.id
    return Table(
        table.id,
        f"{title}: {table.title}",
        columns,
        tuple(rows),
        note="\n".join(note for note in notes if note),
    )


_Shown = tuple[tuple[Column, ...], list[tuple[Any, ...]]]


def _countings(result: TableResult) -> str:
    """`mult-adds: conv + linear; params: weights`."""
    counting = result.table.counting
    return "; ".join(f"{_WORDS[what]}: {counting[what]}" for what in _quantities(result))


def _sums(result: TableResult) -> str:
    mult_adds, weights = (
        sum(getattr(row, key) or 0 for row in result.rows) for key in ("mult_adds", "weights")
    )
    return f"all rows by our counting: {mult_adds:,} mult-adds, {weights:,} weights"


def _quantities(result: TableResult) -> list[str]:
    """Quantities that the table counts, in the order of its cells."""
    whats = [cell.what for row in result.table.rows for cell in row.cells]
    return list(dict.fromkeys(SHARES.get(what, what) for what in whats))


# Tables of figures.


def _figures(result: TableResult, footnotes: _Footnotes) -> _Shown:
    titles = result.table.published
    rows: list[tuple[Any, ...]] = []
    for row in result.rows:
        published = row.row.published or [""] * len(titles)
        head: tuple[Any, ...] = (row.row.name, (*published, row.row.model or ""))
        for cell in row.cells or [None]:
            name, about = head
            rows.append((name, *_figure(row.row, cell, footnotes), *about))
            head = ("", ("",) * len(about))
    columns = (
        Column("row", "row"),
        Column("what", "what"),
        Column("printed", "printed", "quantity"),
        Column("ours", "ours", "count"),
        Column("verdict", "verdict"),
        *(
            Column(f"published_{i + 1}", title, "quantity", 6 - min(i, 3))
            for i, title in enumerate(titles)
        ),
        Column("setting", "network", "text", 2),
    )
    used = [i for i in range(len(columns)) if any(row[i] != "" for row in rows)]
    shown = [tuple(row[i] for i in used) for row in rows]
    return tuple(columns[i] for i in used), shown


def _figure(row: Row, cell: CellResult | None, footnotes: _Footnotes) -> tuple[Any, ...]:
    if cell is None:
        return ("", "", "", "")
    judgement = cell.judgement
    printed = (_WORDS[cell.cell.what], str(cell.cell.printed))
    if judgement is None:
        return (*printed, "", _QUOTED)
    ours = None if judgement.ours is None else _readable(judgement.ours.value, cell.cell.what)
    return (*printed, ours, footnotes.mark(judgement.verdict, _why(row, cell)))


def _readable(value: Fraction | str, what: str) -> int | str:
    if isinstance(value, str):
        return value
    return f"{float(100 * value):.4f} %" if what in SHARES else int(value)


def _why(row: Row, cell: CellResult) -> str:
    """What a footnote says: how another convention counts, or what the file says."""
    judgement = cell.judgement
    if judgement is None or judgement.ours is None or judgement.way is None:
        return judgement.note if judgement else ""
    ours, to = judgement.ours, f" to {cell.cell.to}" if cell.cell.to else ""
    elsewhere = ours.setting != row.model
    if judgement.verdict == "convention":
        return f"{_setting(ours, elsewhere)}, {judgement.way}{to}"
    if judgement.verdict == "typo" and elsewhere:
        return f"{judgement.note}; {_setting(ours, elsewhere)}, {judgement.way}{to}"
    return judgement.note or (f"{judgement.way}{to}" if to else "")


def _setting(ours: Ours, elsewhere: bool) -> str:
    return f"{ours.setting}: {ours.counting}" if elsewhere else ours.counting


# Tables of layers.


def _layers(result: TableResult, footnotes: _Footnotes) -> _Shown:
    printed = {cell.what for row in result.table.rows for cell in row.cells}
    keys = [key for key in PROPERTIES if key in printed]
    rows: list[tuple[Any, ...]] = []
    for row in result.rows:
        cells = {one.cell.what: one for one in row.cells}
        texts = [str(cells[key].cell.printed) if key in cells else "" for key in keys]
        rows.append(
            (
                row.row.name, *texts, row.mult_adds, row.weights, _verdict(row, footnotes),
                ", ".join(row.row.part.layers),
            )
        )  # fmt: skip
    columns = (
        Column("row", "row"),
        *(Column(key, PROPERTIES[key][0]) for key in keys),
        Column("mult_adds", "our mult-adds", "count", 6),
        Column("weights", "our weights", "count", 5),
        Column("verdict", "verdict"),
        Column("layer", "layer", "text", 2),
    )
    return columns, rows


def _verdict(row: RowResult, footnotes: _Footnotes) -> str:
    """`exact` where all cells are, else what the others are."""
    if any(one.judgement is None for one in row.cells):
        return _QUOTED
    words = []
    for one in row.cells:
        judgement = one.judgement
        if judgement is not None and judgement.verdict != "exact":
            ours = "" if judgement.ours is None else f", ours {judgement.ours.value}"
            text = f"{PROPERTIES[one.cell.what][0]}: {one.cell.printed}{ours}"
            note = f"; {judgement.note}" if judgement.note else ""
            words.append(footnotes.mark(judgement.verdict, text + note))
    return ", ".join(words) or "exact"


# Files.


def _plain(value: Fraction | str | None) -> int | float | str | None:
    """A number as files have it."""
    if value is None or isinstance(value, str):
        return value
    return int(value) if value.denominator == 1 else float(value)


def _number(figure: Figure | None) -> int | float | str | None:
    return _plain(figure.value if isinstance(figure, Printed) else figure)


def _records(results: Sequence[TableResult]) -> Table:
    """One record a cell, of all tables."""
    keys = (
        "table", "row", "model", "layer", "kind", "what", "printed", "printed_value", "verdict",
        "ours", "counting", "setting", "way", "note",
    )  # fmt: skip
    rows = []
    for result in results:
        for row in result.rows:
            for cell in row.cells:
                one = _cell_document(cell)
                about = (
                    result.table.id, row.row.name, row.row.model, " ".join(row.row.part.layers),
                    row.row.part.kind,
                )  # fmt: skip
                rows.append((*about, *(one[key] for key in keys[len(about) :])))
    return Table("cells", "", tuple(Column(key, key) for key in keys), tuple(rows))


def _document(paper: Paper, results: Iterable[TableResult]) -> dict[str, Any]:
    results = list(results)
    return {
        "schema": SCHEMA,
        "paper": {"name": paper.name, "title": paper.title, "source": paper.source},
        "left_out": dict(paper.left_out),
        "tables": [
            {
                "table": result.table.id,
                "title": result.table.title,
                "source": result.table.source,
                "counting": {what: result.table.counting.get(what) for what in _counted(result)},
                "note": result.table.note or None,
                "rows": [_row_document(result, row) for row in result.rows],
                "verdicts": dict(result.verdicts()),
                "quoted": result.quoted(),
            }
            for result in results
        ],
        "verdicts": dict(count_verdicts(results)),
        "quoted": sum(result.quoted() for result in results),
    }


def _counted(result: TableResult) -> list[str]:
    return [what for what in _quantities(result) if what not in PROPERTIES]


def _row_document(result: TableResult, row: RowResult) -> dict[str, Any]:
    part = row.row.part
    return {
        "name": row.row.name,
        "model": row.row.model,
        "layers": list(part.layers) or None,
        "kind": part.kind or None,
        "published": dict(zip(result.table.published, row.row.published, strict=False)),
        "cells": [_cell_document(cell) for cell in row.cells],
    }


def _cell_document(result: CellResult) -> dict[str, Any]:
    cell, judgement = result
    found = judgement or Judgement("exact")  # of a quoted cell nothing of it is shown
    ours = found.ours
    return {
        "what": cell.what,
        "printed": str(cell.printed),
        "printed_value": _number(cell.printed),
        "verdict": found.verdict if judgement else _QUOTED,
        "ours": _plain(ours.value) if ours else None,
        "counting": ours.counting or None if ours else None,
        "setting": ours.setting if ours else None,
        "way": found.way,
        "corrected": None if cell.typo is None else str(cell.typo),
        "note": found.note or None,
    }
