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
from mnet_cost.papers.types import Paper, PrintedFigure, Row
from mnet_cost.papers.verdict import Judgement, Match
from mnet_cost.printed import Printed
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Report, Table

_WORDS = {
    "mult_adds": "mult-adds",
    "params": "params",
    "mult_adds_share": "mult-adds %",
    "params_share": "params %",
}
_QUOTED = "quoted"
_VERDICT_WEIGHT = 12
"""The verdict is what the table is for: of all columns but the first it goes last."""
_MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("exact", "rounded", "truncated", "rounded twice"),
        "ours as the table counts, printed that way",
    ),
    (("fitted",), "the same, of settings chosen to give it, not stated"),
    (("convention",), "ours counted otherwise, or at another setting"),
    (("typo",), "ours should be printed, or the row should name another setting"),
    (("not reproducible",), "no counting gives it"),
    (("not computed",), "our figure is not known"),
    (("unexplained",), "no counting gives it, and the file has no reason"),
    (("refuted",), "our figure says otherwise than the file"),
    ((_QUOTED,), "there is no spec of the network"),
)
_PUBLISHED = "accuracies and times are as published: nothing is trained or measured here"


def paper_report(paper: Paper, results: Sequence[TableResult]) -> Report:
    """The tables that were reproduced, each with a count of its verdicts, and all in all."""
    return Report(
        title=paper.title,
        subtitle=paper.source,
        facts=(),
        tables=tuple(_table(result) for result in results),
        notes=(*_legend(results), *_left_out(paper, results), *_in_all(results)),
        document=lambda: _document(paper, results),
        records=_records(results),
    )


def _legend(results: Sequence[TableResult]) -> list[str]:
    """The meaning of the verdicts in the table, and a note that accuracies have no verdict."""
    there = {*count_verdicts(results)} | {_QUOTED for result in results if result.quoted()}
    said = [
        f"{', '.join(shown)}: {meaning}"
        for words, meaning in _MEANINGS
        if (shown := [word for word in words if word in there])
    ]
    published = any(result.table.published for result in results)
    return [*(["; ".join(said)] if said else []), *([_PUBLISHED] if published else [])]


def _in_all(results: Sequence[TableResult]) -> list[str]:
    """The summary of all tables, where that says more than theirs."""
    return [f"all in all {_summary(results)}"] if len(results) > 1 else []


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
    return "; ".join(parts) or "published figures alone: there is nothing to compute"


class _Footnotes:
    """Numbered notes of one table; the same words have one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, word: str, *texts: str) -> str:
        """`word`, with the numbers of notes if there are some to make."""
        numbers = [
            str(self._numbers.setdefault(text, len(self._numbers) + 1)) for text in texts if text
        ]
        return f"{word} [{', '.join(numbers)}]" if numbers else word

    def lines(self) -> list[str]:
        return [f"[{number}] {text}" for text, number in self._numbers.items()]


def _table(result: TableResult) -> Table:
    table, footnotes = result.table, _Footnotes()
    of_layers = any(cell.what in PROPERTIES for row in table.rows for cell in row.cells)
    columns, rows = (_layers if of_layers else _figures)(result, footnotes)
    about = _sums(result) if of_layers else _countings(result)
    notes = [_summary([result]), table.note, about, _mixed(result), *footnotes.lines()]
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
    """`mult-adds: conv + linear, truncated; params: weights`."""
    counting, truncated = result.table.counting, result.table.truncated
    return "; ".join(
        f"{_WORDS[what]}: {counting[what]}{', truncated' if what in truncated else ''}"
        for what in _quantities(result)
    )


def _mixed(result: TableResult) -> str:
    names = [row.row.name for row in result.rows if row.mixed]
    return f"figures of several networks in one row: {', '.join(names)}" if names else ""


def _sums(result: TableResult) -> str:
    """The sum of the rows; a lower bound where some are not known."""
    computed = [row for row in result.rows if row.row.model is not None]
    mult_adds = [row.mult_adds for row in computed if row.mult_adds is not None]
    weights = [row.weights for row in computed if row.weights is not None]
    if not mult_adds:
        return ""
    counts = f"{sum(mult_adds):,} mult-adds, {sum(weights):,} weights"
    unknown = len(computed) - len(mult_adds)
    if unknown:
        return f"by our counting at least {counts}: {unknown} of {len(computed)} rows not known"
    quoted = len(result.rows) - len(computed)
    return f"all rows{' but the quoted' if quoted else ''} by our counting: {counts}"


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
        Column("what", "what", weight=8),
        Column("printed", "printed", "quantity", 9),
        Column("ours", "ours", "count", 7),
        Column("verdict", "verdict", weight=_VERDICT_WEIGHT),
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
    """What a footnote says: what the file does, and which figure of ours is printed instead."""
    judgement = cell.judgement
    if judgement is None:
        return ""
    match, right = judgement.match, judgement.right
    said = [judgement.note] if judgement.note else []
    if right is not None and right.ours is not judgement.ours:
        said.append(_origin(row, cell, right))
    if match is not None:
        if match.ours is not judgement.ours:
            printed = "printed is " if right is not None else ""
            said.append(printed + _origin(row, cell, match))
        elif cell.cell.to or judgement.verdict == "fitted":
            said.append(_way(cell, match))
    return "; ".join(said)


def _origin(row: Row, cell: CellResult, match: Match) -> str:
    """`1,137,480,704: 2 x mult-adds (FLOPs) of mobilenet_v1@alpha=0.5, rounded`."""
    ours = match.ours
    value = _readable(ours.value, cell.cell.what)
    number = f"{value:,}" if isinstance(value, int) else value
    elsewhere = f" of {ours.setting}" if ours.setting != row.model else ""
    return f"{number}: {ours.counting}{elsewhere}, {_way(cell, match)}"


def _way(cell: CellResult, match: Match) -> str:
    return f"{match.rounding} to {cell.cell.to}" if cell.cell.to else match.rounding


# Tables of layers.


def _layers(result: TableResult, footnotes: _Footnotes) -> _Shown:
    printed = {cell.what for row in result.table.rows for cell in row.cells}
    keys = [key for key in PROPERTIES if key in printed]
    rows: list[tuple[Any, ...]] = []
    for row in result.rows:
        cells = {cell.cell.what: cell for cell in row.cells}
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
        Column("verdict", "verdict", weight=_VERDICT_WEIGHT),
        Column("layer", "layer", "text", 2),
    )
    return columns, rows


def _verdict(row: RowResult, footnotes: _Footnotes) -> str:
    """`exact` where all cells are, else what the others are."""
    if any(cell.judgement is None for cell in row.cells):
        return _QUOTED
    texts: dict[str, list[str]] = {}
    for cell in row.cells:
        judgement = cell.judgement
        if judgement is not None and judgement.verdict != "exact":
            ours = "" if judgement.ours is None else f", ours {judgement.ours.value}"
            text = f"{PROPERTIES[cell.cell.what][0]}: {cell.cell.printed}{ours}"
            note = f"; {judgement.note}" if judgement.note else ""
            texts.setdefault(judgement.verdict, []).append(text + note)
    return ", ".join(footnotes.mark(word, *said) for word, said in texts.items()) or "exact"


# Files.


def _plain(value: Fraction | str | None) -> int | float | str | None:
    """A number as files have it."""
    if value is None or isinstance(value, str):
        return value
    return int(value) if value.denominator == 1 else float(value)


def _number(figure: PrintedFigure | None) -> int | float | str | None:
    return _plain(figure.value if isinstance(figure, Printed) else figure)


def _records(results: Sequence[TableResult]) -> Table:
    """One record a cell, of all tables."""
    about = ("table", "row", "model", "layer", "kind")
    own = ("what", "printed", "printed_value", "verdict", "ours", "counting", "setting")
    match = ("match", "match_counting", "match_setting", "way")
    rows = []
    for result in results:
        for row in result.rows:
            part = row.row.part
            head = (result.table.id, row.row.name, row.row.model, " ".join(part.layers), part.kind)
            for cell in row.cells:
                document = _cell_document(cell)
                matched = document["match"] or {}
                parts = [matched.get(key) for key in ("value", "counting", "setting", "way")]
                rows.append((*head, *(document[key] for key in own), *parts, document["note"]))
    columns = (Column(key, key) for key in (*about, *own, *match, "note"))
    return Table("cells", "", tuple(columns), tuple(rows))


def _document(paper: Paper, results: Iterable[TableResult]) -> dict[str, Any]:
    results = list(results)
    return {
        "schema": schema_id("paper"),
        "paper": {"name": paper.name, "title": paper.title, "source": paper.source},
        "left_out": dict(paper.left_out),
        "tables": [
            {
                "table": result.table.id,
                "title": result.table.title,
                "source": result.table.source,
                "counting": {what: result.table.counting.get(what) for what in _counted(result)},
                "truncated": sorted(result.table.truncated),
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
        "mixed": row.mixed,
        "published": dict(zip(result.table.published, row.row.published, strict=False)),
        "cells": [_cell_document(cell) for cell in row.cells],
    }


def _cell_document(result: CellResult) -> dict[str, Any]:
    cell, judgement = result
    judged = judgement or Judgement("exact")  # of a quoted cell nothing of it is shown
    ours = judged.ours
    return {
        "what": cell.what,
        "printed": str(cell.printed),
        "printed_value": _number(cell.printed),
        "verdict": judged.verdict if judgement else _QUOTED,
        "ours": _plain(ours.value) if ours else None,
        "counting": ours.counting or None if ours else None,
        "setting": ours.setting if ours else None,
        "match": _match_document(judged.match),
        "corrected": None if cell.typo is None else str(cell.typo),
        "right": _match_document(judged.right),
        "note": judged.note or None,
    }


def _match_document(match: Match | None) -> dict[str, Any] | None:
    if match is None:
        return None
    ours = match.ours
    return {
        "value": _plain(ours.value),
        "counting": ours.counting or None,
        "setting": ours.setting,
        "way": match.rounding,
    }
