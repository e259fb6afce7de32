"""Our figures beside those of a paper, cell by cell, each with a computed verdict.

Each network is elaborated and counted once, however many cells are of it. Where the spec of a
network is missing or has errors, the verdict of its cells says so; all others are computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.errors import MnetCostError, ModelReferenceError, UsageError, did_you_mean
from mnet_cost.models.library import is_path, load_model, path_beside, split_reference
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.papers.counting import QUANTITIES, SHARES, counted, countings_for
from mnet_cost.papers.properties import PROPERTIES, Layers
from mnet_cost.papers.types import Cell, NetworkPart, Paper, PrintedTable, Row
from mnet_cost.papers.verdict import VERDICTS, Judgement, Ours, Verdict, judge, settings_of
from mnet_cost.tensors import DTYPES


class CellResult(NamedTuple):
    """A cell with its judgement."""

    cell: Cell
    judgement: Judgement | None
    """None where the row is quoted."""


class RowResult(NamedTuple):
    """A row with its cells judged, and the cost of its layers by our own counting."""

    row: Row
    cells: tuple[CellResult, ...]
    mult_adds: int | None = None
    """For one example; None where it is not known, and where the row is quoted."""
    weights: int | None = None
    """None as for `mult_adds`."""
    mixed: bool = False
    """Whether the figures of the row that are ours are not all of the same setting."""


class TableResult(NamedTuple):
    """A table with its rows judged."""

    table: PrintedTable
    rows: tuple[RowResult, ...]

    def verdicts(self) -> Counter[Verdict]:
        """The number of cells with each verdict, in the order of `VERDICTS`."""
        return count_verdicts([self])

    def quoted(self) -> int:
        """The number of cells in quoted rows."""
        return sum(result.judgement is None for row in self.rows for result in row.cells)


def count_verdicts(tables: Iterable[TableResult]) -> Counter[Verdict]:
    """The number of cells of `tables` with each verdict, in the order of `VERDICTS`."""
    counts = Counter(
        result.judgement.verdict
        for table in tables
        for row in table.rows
        for result in row.cells
        if result.judgement is not None
    )
    return Counter({verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]})


def reproduce(
    paper: Paper,
    tables: Sequence[PrintedTable] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[TableResult, ...]:
    """All tables of `paper`, or those in `tables`, with every cell judged.

    `progress` is called with how many rows are done, and how many there are.
    """
    networks = _Networks(paper.path)
    chosen = paper.tables if tables is None else tables
    done, total = 0, sum(len(table.rows) for table in chosen)
    results = []
    for table in chosen:
        rows = []
        for row in table.rows:
            rows.append(_row(networks, table, row))
            done += 1
            if progress is not None:
                progress(done, total)
        results.append(TableResult(table, tuple(rows)))
    return tuple(results)


class _Counted(NamedTuple):
    """A network and the cost of each of its layers."""

    network: Network
    costs: tuple[LayerCost, ...]


class _Networks:
    """Networks by reference, each elaborated and counted once.

    Relative paths of specs start from the folder of `file`.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._specs: dict[tuple[str, str | None], ModelSpec] = {}
        self._counted: dict[str, _Counted] = {}

    def get(self, reference: str) -> _Counted:
        """The network of a reference; `MnetCostError` if its spec is missing or has errors."""
        result = self._counted.get(reference)
        if result is None:
            name, variant, knobs = split_reference(reference)
            spec = self._specs.get((name, variant))
            if spec is None:
                place = path_beside(self._file, name) if is_path(name) else name
                spec = load_model(f"{place}:{variant}" if variant else place).spec
                self._specs[name, variant] = spec
            network = elaborate(*Model(spec, knobs))
            result = _Counted(network, count_work(network, DTYPES["fp32"]))
            self._counted[reference] = result
        return result


class _Subject(NamedTuple):
    """The layers that a row is of, at a setting."""

    setting: str
    """The reference of the network."""
    network: Network
    whole: tuple[LayerCost, ...]
    """The costs of all layers of the network."""
    costs: tuple[LayerCost, ...]
    """The costs of the layers of the row."""

    def figures(self, what: str, counting: str) -> Iterator[Ours]:
        """Our figures for the quantity `what`: by `counting` first, then by the other countings."""
        unknown = _unknown(self.whole if what in SHARES else self.costs)
        if unknown:
            raise UsageError(f"the cost of `{unknown}` in `{self.setting}` is unknown")
        for rule in countings_for(what, counting):
            yield Ours(counted(what, rule, self.costs, self.whole), self.setting, rule.name)

    def property(self, what: str) -> Ours:
        """The property `what` of the layers."""
        return Ours(PROPERTIES[what][1](Layers(self.network, self.costs)), self.setting)


def _subject(networks: _Networks, reference: str, part: NetworkPart) -> _Subject:
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
        costs = tuple(c for c in costs if any(_is_below(c.step.name, path) for path in part.layers))
    if part.kind:
        costs = tuple(cost for cost in costs if cost.step.layer.variety() == part.kind)
    if not costs:
        of_kind = f" of kind `{part.kind}`" if part.kind else ""
        raise ModelReferenceError(f"`{reference}` has no layer{of_kind}")
    return _Subject(reference, counted.network, counted.costs, costs)


def _unknown(costs: Sequence[LayerCost]) -> str | None:
    """The path of the first layer without a cost rule; None if all have a rule."""
    return next((cost.step.name for cost in costs if cost.work is None), None)


def _is_below(name: str, pattern: str) -> bool:
    """Whether a path matches `pattern`, or is below a path that does."""
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) >= len(wanted) and all(
        want in ("*", part) for part, want in zip(parts, wanted, strict=False)
    )


class _Candidates(NamedTuple):
    """Our figures that a cell may be, as `judge` takes them and in the order of its trials."""

    own: Ours
    others: list[Ours]
    meant: list[Ours]

    def all(self) -> list[Ours]:
        return [self.own, *self.others, *self.meant]


def _row(networks: _Networks, table: PrintedTable, row: Row) -> RowResult:
    if row.model is None:
        return RowResult(row, tuple(CellResult(cell, None) for cell in row.cells))
    try:
        own = _subject(networks, row.model, row.part)
        tried = [_subject(networks, reference, row.part) for reference in row.tried]
        meant = [_subject(networks, row.meant, row.part)] if row.meant else []
    except MnetCostError as error:
        unknown = _not_computed(error)
        return RowResult(row, tuple(CellResult(cell, unknown) for cell in row.cells))
    cells = []
    settings = []
    for cell in row.cells:
        what = SHARES.get(cell.what, cell.what)
        truncated = what in table.truncated
        try:
            candidates = _candidates(cell, table.counting.get(what), own, tried, meant)
        except MnetCostError as error:
            cells.append(CellResult(cell, _not_computed(error)))
            continue
        judgement = judge(cell, *candidates, truncated)
        cells.append(CellResult(cell, judgement))
        if judgement.match is not None:
            settings.append(settings_of(cell.printed, candidates.all(), truncated))
    mixed = bool(settings) and not set.intersection(*settings)
    if _unknown(own.costs):
        return RowResult(row, tuple(cells), mixed=mixed)
    mult_adds, weights = (
        sum(getattr(cost, key) for cost in own.costs) for key in ("mult_adds", "weights")
    )
    return RowResult(row, tuple(cells), mult_adds, weights, mixed)


def _not_computed(error: MnetCostError) -> Judgement:
    """The judgement on a cell that an error stopped: the first problem, and how many others."""
    first, *more = error.problems
    note = (f"{first.span}: " if first.span else "") + first.message
    if first.hint:
        note += f"; {first.hint}"
    if more:
        note += f"; and {len(more)} more {'problem' if len(more) == 1 else 'problems'}"
    return Judgement("not computed", note=note)


def _candidates(
    cell: Cell,
    counting: str | None,
    own: _Subject,
    tried: Sequence[_Subject],
    meant: Sequence[_Subject],
) -> _Candidates:
    if cell.what not in QUANTITIES:
        first, *others = [subject.property(cell.what) for subject in (own, *tried)]
        return _Candidates(first, others, [subject.property(cell.what) for subject in meant])
    assert counting is not None  # the loader asks for it
    first, *others = own.figures(cell.what, counting)
    # A setting that the file names for this row goes before a counting that any row may have.
    at_settings = [[*subject.figures(cell.what, counting)] for subject in tried]
    by_own_counting = [figures[0] for figures in at_settings]
    by_others = [figure for figures in at_settings for figure in figures[1:]]
    return _Candidates(
        first,
        [*by_own_counting, *others, *by_others],
        [figure for subject in meant for figure in subject.figures(cell.what, counting)],
    )
