"""Our figures beside those of a paper, cell by cell, each with a computed verdict.

Each network is elaborated and counted once, however many cells speak of it. A figure that cannot
be computed is no reason to leave the others out: its verdict says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.errors import ModelReferenceError, did_you_mean
from mnet_cost.models.library import load_model, split_reference
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.papers.counting import QUANTITIES, SHARES, counted, ways_of
from mnet_cost.papers.properties import PROPERTIES, Layers
from mnet_cost.papers.types import Cell, Paper, Part, PrintedTable, Row
from mnet_cost.papers.verdict import VERDICTS, Judgement, Ours, Verdict, judge
from mnet_cost.tensors import DTYPES


class CellResult(NamedTuple):
    """A cell and what it was found to be; None where the row is quoted."""

    cell: Cell
    judgement: Judgement | None


class RowResult(NamedTuple):
    """A row with its cells judged, and what its layers cost by our own counting."""

    row: Row
    cells: tuple[CellResult, ...]
    mult_adds: int | None = None
    weights: int | None = None


class TableResult(NamedTuple):
    """A table with its rows judged."""

    table: PrintedTable
    rows: tuple[RowResult, ...]

    def verdicts(self) -> Counter[Verdict]:
        """How many cells have each verdict, in the order of `VERDICTS`."""
        return count_verdicts([self])

    def quoted(self) -> int:
        """Number of cells that are quoted."""
        return sum(one.judgement is None for row in self.rows for one in row.cells)


def count_verdicts(tables: Iterable[TableResult]) -> Counter[Verdict]:
    """How many cells of `tables` have each verdict, in the order of `VERDICTS`."""
    found = Counter(
        one.judgement.verdict
        for table in tables
        for row in table.rows
        for one in row.cells
        if one.judgement is not None
    )
    return Counter({verdict: found[verdict] for verdict in VERDICTS if found[verdict]})


def reproduce(
    paper: Paper, tables: Sequence[PrintedTable] | None = None
) -> tuple[TableResult, ...]:
    """All tables of `paper`, or some of them, with every cell judged."""
    networks = _Networks()
    return tuple(
        TableResult(table, tuple(_row(networks, table, row) for row in table.rows))
        for table in (paper.tables if tables is None else tables)
    )


class _Counted(NamedTuple):
    """A network and the cost of each of its layers."""

    network: Network
    costs: tuple[LayerCost, ...]


class _Networks:
    """Networks by reference, each made once."""

    def __init__(self) -> None:
        self._specs: dict[tuple[str, str | None], ModelSpec] = {}
        self._counted: dict[str, _Counted] = {}

    def get(self, reference: str) -> _Counted:
        """The network of a reference; `ModelReferenceError` where there is none."""
        found = self._counted.get(reference)
        if found is None:
            name, variant, knobs = split_reference(reference)
            spec = self._specs.get((name, variant))
            if spec is None:
                spec = load_model(f"{name}:{variant}" if variant else name).spec
                self._specs[name, variant] = spec
            network = elaborate(*Model(spec, knobs))
            found = _Counted(network, count_work(network, DTYPES["fp32"]))
            self._counted[reference] = found
        return found


class _Subject(NamedTuple):
    """The layers that a row speaks of, at one setting."""

    setting: str
    network: Network
    whole: tuple[LayerCost, ...]
    costs: tuple[LayerCost, ...]

    def figures(self, what: str, counting: str) -> Iterator[Ours]:
        """The quantity `what`, counted as `counting` first, then in the other ways."""
        for way in ways_of(what, counting):
            yield Ours(counted(what, way, self.costs, self.whole), self.setting, way.name)

    def property(self, what: str) -> Ours:
        """The property `what` of the layers."""
        return Ours(PROPERTIES[what][1](Layers(self.network, self.costs)), self.setting)


def _subject(networks: _Networks, reference: str, part: Part) -> _Subject:
    counted = networks.get(reference)
    costs = counted.costs
    for path in part.layers:
        if not any(_is_below(cost.step.name, path) for cost in costs):
            names = [cost.step.name for cost in costs]
            hint = did_you_mean(path, names)
            raise ModelReferenceError(
                f"`{reference}` has no layer `{path}`" + (f"; {hint}" if hint else "")
            )
    if part.layers:
        costs = tuple(c for c in costs if any(_is_below(c.step.name, one) for one in part.layers))
    if part.kind:
        costs = tuple(cost for cost in costs if cost.step.layer.variety() == part.kind)
        if not costs:
            raise ModelReferenceError(f"`{reference}` has no layer of kind `{part.kind}`")
    unknown = [cost.step.name for cost in costs if cost.work is None]
    if unknown:
        raise ModelReferenceError(f"the cost of `{unknown[0]}` in `{reference}` is unknown")
    return _Subject(reference, counted.network, counted.costs, costs)


def _is_below(name: str, pattern: str) -> bool:
    """Whether a path is what `pattern` names, or stands below it."""
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) >= len(wanted) and all(
        want in ("*", part) for part, want in zip(parts, wanted, strict=False)
    )


def _row(networks: _Networks, table: PrintedTable, row: Row) -> RowResult:
    if row.model is None:
        return RowResult(row, tuple(CellResult(cell, None) for cell in row.cells))
    try:
        own = _subject(networks, row.model, row.part)
        tried = [_subject(networks, one, row.part) for one in row.tried]
        meant = _subject(networks, row.meant, row.part) if row.meant else None
    except ModelReferenceError as error:
        problem = error.problems[0]
        note = problem.message + (f"; {problem.hint}" if problem.hint else "")
        unknown = Judgement("not computed", note=note)
        return RowResult(row, tuple(CellResult(cell, unknown) for cell in row.cells))
    return RowResult(
        row,
        tuple(
            CellResult(cell, _judge(cell, table.counting.get(_quantity(cell)), own, tried, meant))
            for cell in row.cells
        ),
        sum(cost.mult_adds for cost in own.costs),
        sum(cost.weights for cost in own.costs),
    )


def _quantity(cell: Cell) -> str:
    return SHARES.get(cell.what, cell.what)


def _judge(
    cell: Cell,
    counting: str | None,
    own: _Subject,
    tried: Sequence[_Subject],
    meant: _Subject | None,
) -> Judgement:
    if cell.what not in QUANTITIES:
        return judge(
            cell,
            own.property(cell.what),
            [one.property(cell.what) for one in tried],
            [meant.property(cell.what)] if meant else [],
        )
    assert counting is not None  # the loader asks for it
    first, *others = own.figures(cell.what, counting)
    # A setting that the file names for this row says more than a way of counting for any row.
    named = [[*one.figures(cell.what, counting)] for one in tried]
    others = [one[0] for one in named] + others + [way for one in named for way in one[1:]]
    return judge(cell, first, others, [*meant.figures(cell.what, counting)] if meant else [])
