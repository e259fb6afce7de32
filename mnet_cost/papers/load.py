"""Printed tables read from YAML: every figure as it is written, every row with its network.

All problems of a file are raised together, each at the user's own value. Not here: whether the
networks exist and give the figures, which `reproduce` computes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mnet_cost.errors import (
    ModelReferenceError,
    PaperError,
    Problem,
    ProblemList,
    TooManyProblemsError,
    UnitError,
    did_you_mean,
    one_of,
)
from mnet_cost.filekinds import PAPER, mistaken
from mnet_cost.models.library import split_reference
from mnet_cost.papers.counting import COUNTINGS, QUANTITIES, SHARES
from mnet_cost.papers.properties import PROPERTIES
from mnet_cost.papers.types import Cell, NetworkPart, Paper, PrintedFigure, PrintedTable, Row
from mnet_cost.paths import is_yaml
from mnet_cost.printed import Printed, parse_printed
from mnet_cost.shipped import shown_path, specs_folder
from mnet_cost.yamlfile import Node, read_yaml

FORMAT = 1

_TOP = ("format", "name", "title", "source", "tables")
_OPTIONAL_TOP = ("counting", "left_out")
_TABLE = ("table", "title", "rows")
_OPTIONAL_TABLE = ("source", "counting", "truncated", "published", "note", "model")
_ABOUT_NETWORK = ("layer", "kind", "tried", "meant", "chosen")
_ROW = ("name", "model", "published", *_ABOUT_NETWORK)
_EXPLANATIONS = ("typo", "why", "chosen")
_CELL = ("printed", "to", *_EXPLANATIONS)


def paper_names() -> tuple[str, ...]:
    """Names of the shipped papers, in alphabetical order."""
    return tuple(sorted(path.stem for path in (specs_folder() / "papers").glob("*.yaml")))


def load_paper(name_or_path: str | os.PathLike[str]) -> Paper:
    """The shipped paper of that name, or the tables in the file at that path.

    A text with a path separator, or with .yaml or .yml at its end, is a path. Raises `PaperError`
    for a name that is not there and for a file with errors.
    """
    text = os.fspath(name_or_path)
    is_path = isinstance(name_or_path, Path) or "/" in text or os.sep in text
    if is_path or is_yaml(text):
        return _load(text)
    names = paper_names()
    if text in names:
        return _load(shown_path(specs_folder() / "papers" / f"{text}.yaml"))
    raise PaperError(
        Problem(
            f"there is no paper `{text}`; there are " + ", ".join(f"`{name}`" for name in names),
            hint=did_you_mean(text, names)
            or f"tables of your own are named by their path: `./{text or 'tables'}.yaml`",
        )
    )


def tables_of(paper: Paper, ids: Sequence[str]) -> tuple[PrintedTable, ...]:
    """The tables with those ids, in the order of the paper; all tables if `ids` is empty.

    Raises `PaperError` for an id that the paper does not have or leaves out.
    """
    known = [table.id for table in paper.tables]
    for id_ in ids:
        if id_ in paper.left_out:
            raise PaperError(
                Problem(
                    f"table `{id_}` of {paper.name} is left out: {paper.left_out[id_]}",
                    hint=f"there are {', '.join(known)}",
                )
            )
        if id_ not in known:
            raise PaperError(
                Problem(
                    f"{paper.name} has no table `{id_}`",
                    hint=f"there are {', '.join(known)}",
                )
            )
    return tuple(table for table in paper.tables if not ids or table.id in ids)


def _load(path: str) -> Paper:
    root = read_yaml(path, error=PaperError)
    reader = _PaperReader(path)
    paper = None
    with suppress(TooManyProblemsError):
        paper = reader.paper(root)
    if reader.problems or paper is None:
        raise PaperError(reader.problems)
    return paper


def _written(node: Node) -> str:
    """A scalar as it is written in the file: 72.0 with its zero."""
    if isinstance(node.value, str):
        return node.value.strip()
    return node.source.line(node.line)[node.column - 1 : node.end - 1]


class _PaperReader:
    """Reads a file and collects its `problems`; a method returns None for a part that has some."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems = ProblemList()

    def problem(self, message: str, node: Node, hint: str | None = None) -> None:
        self.problems.append(Problem(message, node.span(), hint))

    def paper(self, root: Node) -> Paper | None:
        if not isinstance(root.value, dict):
            self.problem("tables of a paper are a mapping: `name: ...`, one key a line", root)
            return None
        if (problem := mistaken(root, PAPER)) is not None:
            self.problems.append(problem)
            return None
        self.keys(root, "a paper", _TOP, _OPTIONAL_TOP)
        values = root.value
        version = values.get("format")
        if version is not None and (type(version.value) is not int or version.value != FORMAT):
            self.problem(f"this version reads `format: {FORMAT}` only", version)
        name, title, source = (self.text(values.get(key)) for key in ("name", "title", "source"))
        counting = self.counting(values.get("counting"))
        tables: list[PrintedTable] = []
        for child in self.list(values.get("tables"), "`tables` must be a list of tables"):
            table = self.table(child, source, counting)
            if table is None:
                continue
            if any(table.id == other.id for other in tables):
                self.problem(f"table `{table.id}` is already there", child.value["table"])
            tables.append(table)
        left_out = self.left_out(values.get("left_out"), tables)
        return Paper(name, title, source, tuple(tables), self.path, left_out)

    # What all parts share.

    def keys(self, node: Node, what: str, required: Sequence[str], optional: Sequence[str]) -> None:
        """Report keys that are not known in `what`, and required keys that are missing."""
        known = (*required, *optional)
        for key, key_node in node.keys.items():
            if key not in known:
                hint = did_you_mean(key, known) or f"{what} has {', '.join(known)}"
                self.problem(f"{what} has no `{key}`", key_node, hint)
        missing = [f"`{key}`" for key in required if key not in node.value]
        if missing:
            self.problem(f"{what} must state {', '.join(missing)}", node)

    def text(self, node: Node | None) -> str:
        """Words or a number, as written; empty without a node."""
        if node is None:
            return ""
        if isinstance(node.value, (str, int, float)) and _written(node):
            return _written(node)
        self.problem("words must stand here", node)
        return ""

    def list(self, node: Node | None, message: str) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.problem(message, node)
            return []
        return node.value

    def texts(self, node: Node | None, message: str) -> tuple[str, ...]:
        return tuple([self.text(child) for child in self.list(node, message)])

    def mapping(self, node: Node | None, message: str) -> dict[str, Node]:
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.problem(message, node)
            return {}
        return node.value

    def reference(self, node: Node | None) -> str | None:
        """A model reference; None without a node and for `null`."""
        if node is None or node.value is None:
            return None
        text = self.text(node)
        try:
            split_reference(text)
        except ModelReferenceError as error:
            self.problems.append(error.problems[0]._replace(span=node.span()))
        return text

    # The parts of a paper.

    def counting(self, node: Node | None) -> dict[str, str]:
        """The name of the counting of each quantity."""
        countings: dict[str, str] = {}
        for what, child in self.mapping(node, "`counting` must be a mapping").items():
            assert node is not None
            if what not in COUNTINGS:
                hint = did_you_mean(what, COUNTINGS) or f"there are {one_of([*COUNTINGS])}"
                self.problem(f"there is no quantity `{what}`", node.keys[what], hint)
                continue
            names = [counting.name for counting in COUNTINGS[what]]
            name = self.text(child)
            if name and name not in names:
                hint = did_you_mean(name, names) or f"there are {one_of(names)}"
                self.problem(f"`{what}` are not counted as `{name}`", child, hint)
            countings[what] = name
        return countings

    def truncated(self, node: Node | None, counting: Mapping[str, str]) -> frozenset[str]:
        """The quantities whose further digits are cut off."""
        quantities = self.list(node, "`truncated` must be a list of quantities")
        for child in quantities:
            if self.text(child) not in counting:
                hint = f"`counting` has {one_of([*counting])}" if counting else None
                self.problem(f"the table does not count `{self.text(child)}`", child, hint)
        return frozenset(self.text(child) for child in quantities)

    def left_out(self, node: Node | None, tables: Sequence[PrintedTable]) -> dict[str, str]:
        """The reason for each table that is left out, by id."""
        reasons: dict[str, str] = {}
        for key, child in self.mapping(node, "`left_out` must be a mapping").items():
            assert node is not None
            if any(key == table.id for table in tables):
                self.problem(f"table `{key}` is there, and left out", node.keys[key])
            reasons[key] = self.text(child)
        return reasons

    def table(self, node: Node, source: str, counting: Mapping[str, str]) -> PrintedTable | None:
        if not isinstance(node.value, dict):
            self.problem("a table is a mapping: `{table: 4, title: ..., rows: [...]}`", node)
            return None
        self.keys(node, "a table", _TABLE, _OPTIONAL_TABLE)
        values = node.value
        counting = {**counting, **self.counting(values.get("counting"))}
        titles = self.texts(values.get("published"), "`published` must be a list of titles")
        model = self.reference(values.get("model"))
        rows = []
        for i, child in enumerate(self.list(values.get("rows"), "`rows` must be a list of rows")):
            row = self.row(child, str(i + 1), model, titles)
            if row is not None:
                rows.append(row)
                self.kinds(child, rows[0], row, counting)
        return PrintedTable(
            self.text(values.get("table")),
            self.text(values.get("title")),
            self.text(values.get("source")) or source,
            counting,
            titles,
            tuple(rows),
            self.text(values.get("note")),
            self.truncated(values.get("truncated"), counting),
        )

    def kinds(self, node: Node, first: Row, row: Row, counting: Mapping[str, str]) -> None:
        """Report words and figures in the same table, and figures without a counting."""
        of_layers = any(cell.what in PROPERTIES for cell in first.cells)
        for cell in row.cells:
            place = node.keys[cell.what]
            if (cell.what in PROPERTIES) is not of_layers and first.cells:
                self.problem("a table holds figures or properties of layers, not both", place)
            elif not of_layers and (what := SHARES.get(cell.what, cell.what)) not in counting:
                names = one_of([counting.name for counting in COUNTINGS[what]])
                self.problem(f"nothing says how `{what}` are counted", place,
                             f"add `counting: {{{what}: ...}}` with {names}")  # fmt: skip

    def row(self, node: Node, number: str, model: str | None, titles: Sequence[str]) -> Row | None:
        if not isinstance(node.value, dict):
            self.problem("a row is a mapping: `{name: ..., model: ..., mult_adds: 569 M}`", node)
            return None
        self.keys(node, "a row", (), (*_ROW, *QUANTITIES, *PROPERTIES))
        values = node.value
        if "model" in values:
            model = self.reference(values["model"])
        if model is None:
            for key in _ABOUT_NETWORK:
                if key in values:
                    self.problem(f"`{key}` is of a network, and this row has no `model`",
                                 node.keys[key])  # fmt: skip
        layer = values.get("layer")
        layers: tuple[str, ...] = ()
        if layer is not None:
            several = isinstance(layer.value, list)
            layers = self.texts(layer, "") if several else (self.text(layer),)
        published = self.texts(values.get("published"), "`published` must be a list")
        if published and len(published) != len(titles):
            self.problem(
                f"{len(published)} published figures under {len(titles)} titles",
                values["published"],
                "`published: [...]` of the table has the titles",
            )
        chosen = self.text(values.get("chosen"))
        tried = self.list(values.get("tried"), "`tried` must be a list of model references")
        cells = [
            self.cell(key, child, quoted=model is None, chosen=chosen)
            for key, child in values.items()
            if key in QUANTITIES or key in PROPERTIES
        ]
        return Row(
            self.text(values.get("name")) or number,
            model,
            NetworkPart(layers, self.text(values.get("kind"))),
            tuple(cell for cell in cells if cell is not None),
            published,
            tuple(reference for child in tried if (reference := self.reference(child))),
            self.reference(values.get("meant")),
        )

    def cell(self, what: str, node: Node, quoted: bool, chosen: str) -> Cell | None:
        if not isinstance(node.value, dict):
            printed = self.figure(what, node)
            return None if printed is None else Cell(what, printed, chosen=chosen)
        self.keys(node, "a cell", ("printed",), _CELL[1:])
        values = node.value
        if "printed" not in values:
            return None
        if quoted:
            for key in _EXPLANATIONS:
                if key in values:
                    self.problem("a row without `model` is quoted: nothing is to be explained",
                                 node.keys[key])  # fmt: skip
        printed = self.figure(what, values["printed"])
        typo = self.figure(what, values["typo"]) if "typo" in values else None
        if "to" in values and isinstance(printed, Printed):
            step = self.figure(what, values["to"])
            if isinstance(step, Printed) and step.value and printed.value % step.value == 0:
                printed = printed._replace(step=step.value)
            elif step is not None:
                self.problem(f"`{printed}` is not a multiple of this", values["to"])
        if "typo" in values and "why" in values:
            self.problem("a cell is a typo or has a reason, not both", node.keys["why"])
        if printed is None:
            return None
        why, to = (self.text(values.get(key)) for key in ("why", "to"))
        return Cell(what, printed, typo, why, to, self.text(values.get("chosen")) or chosen)

    def figure(self, what: str, node: Node) -> PrintedFigure | None:
        """A figure as written: a number with its prefix, a percentage, or words."""
        text = self.text(node)
        if not text or what in PROPERTIES:
            return text or None
        share = what in SHARES
        number = text.removesuffix("%").rstrip() if share else text
        if share and number == text:
            self.problem(f"a share is printed in percent: `{text} %`", node)
            return None
        try:
            printed = parse_printed(number)
        except UnitError as error:
            self.problems.append(error.problems[0]._replace(span=node.span()))
            return None
        if share:
            return Printed(text, printed.value / 100, printed.step / 100)
        if printed.step < 1:
            self.problem(f"`{text}` is no whole number", node, f"write its unit: `{text} M`")
            return None
        return printed
