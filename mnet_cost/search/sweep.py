"""A sweep: every combination of knob values of several networks, evaluated share by share.

    request = plan_sweep(names, models, axes, devices, precisions=("fp32",))
    summary = Summary(request)
    for table in sweep_tables(request, summary):
        ...

Tables come one after another, so memory is that of some of them, however many points there are.
A share is a part of the points that is evaluated alone, whoever evaluates the others. Not here:
what can be asked for (`sweep_request.py`), how points are evaluated (`grids.py`, `single.py`), what
is said of them (`summary.py`), and files (`sweep_files.py`, `sweep_folder.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.search.accuracies import PRECISION
from mnet_cost.search.blocks import Block
from mnet_cost.search.single import single_blocks
from mnet_cost.search.summary import Summary, Table, length_of
from mnet_cost.search.sweep_request import FLAGS, Network, SweepRequest
from mnet_cost.search.words import Words, repeated

if TYPE_CHECKING:
    from mnet_cost.search.grids import GridSweep, Task

TABLE_POINTS = 1_000_000
"""Most points of a table: some 100 MB with all that is made of it."""

KEPT_POINTS = 500_000
"""So many points are kept in memory; more are evaluated a second time when they are written."""

_FEW = 16
"""Settings that cost less one by one than to record the rules."""

Progress = Callable[[int, int], None]


class Share(NamedTuple):
    """Points of one network of a sweep that are evaluated together."""

    network: int
    """Its place in the request."""
    task: Task | None
    """None: all of them, one by one, or as candidates of a design space."""
    points: int
    """Those that will break among them."""
    first: int
    """Points of the shares before it: those of this share are numbered from here on."""


class SweepRun:
    """Evaluates a sweep, or some shares of it. What it has recorded of the latest network is kept
    from one share to the next."""

    def __init__(self, request: SweepRequest) -> None:
        self.request = request
        self._latest: tuple[int, GridSweep] | None = None

    def shares(self, points: int) -> list[Share]:
        """Shares of about `points` points each, the same in every process."""
        shares: list[Share] = []
        first = 0
        for number, network in enumerate(self.request.networks):
            precisions = len(network.precisions)
            tasks: list[Task | None] = [None]
            if network.space is None and network.settings > _FEW:
                tasks = [*self._grids(number).tasks(max(1, points // precisions))]
            for task in tasks:
                count = precisions * (network.points if task is None else task.points)
                shares.append(Share(number, task, count, first))
                first += count
        return shares

    def tables(
        self, share: Share, broken: Counter[str], *, objectives_alone: bool = False
    ) -> Iterator[tuple[Table, int]]:
        """The points of a share, some at a time, each time with the number of points that are done,
        with those that broke: these are counted into `broken`, by cause.

        Tables have `request.columns`, or only those of objectives.
        """
        network = self.request.networks[share.network]
        columns = None
        if objectives_alone:
            decisive = self.request.decisive
            columns = frozenset([each.column for each in decisive if each.accuracy is None])
        for block in self._blocks(share, columns):
            broken.update(block.broken)
            done = block.points + sum(block.broken.values())
            yield _table(self.request, network, block, objectives_alone), done

    def _blocks(self, share: Share, columns: frozenset[str] | None) -> Iterator[Block]:
        request, network = self.request, self.request.networks[share.network]
        if network.space is not None:
            from mnet_cost.search.space_requests import space_blocks

            return space_blocks(request, network)
        if share.task is None:
            return single_blocks(
                network.model, network.axes, request.devices, network.precisions,
                block_points=TABLE_POINTS, **_settings(request),
            )  # fmt: skip
        return self._grids(share.network).blocks(network.name, TABLE_POINTS, share.task, columns)

    def _grids(self, number: int) -> GridSweep:
        if self._latest is None or self._latest[0] != number:
            from mnet_cost.search.grids import GridSweep

            self._latest = None  # its memory, before more is taken
            request, network = self.request, self.request.networks[number]
            self._latest = number, GridSweep(
                network.model, network.axes, request.devices, network.precisions,
                **_settings(request),
            )  # fmt: skip
        return self._latest[1]


def _settings(request: SweepRequest) -> dict[str, Any]:
    return {
        "convention": request.convention,
        "metrics": [metric.name for metric in request.metrics],
        "lower_bound": request.lower_bound,
    }


def evaluate(
    request: SweepRequest,
    progress: Progress | None = None,
    broken: Counter[str] | None = None,
    *,
    objectives_alone: bool = False,
) -> Iterator[Table]:
    """The points of a sweep, some at a time, as `SweepRun.tables` gives them.

    `progress` is called with the points done and those in all.
    """
    run, done = SweepRun(request), 0
    counted: Counter[str] = Counter() if broken is None else broken
    for share in run.shares(request.points):
        for table, points in run.tables(share, counted, objectives_alone=objectives_alone):
            if length_of(table):
                yield table
            done += points
            if progress is not None:
                progress(done, request.points)


def _table(request: SweepRequest, network: Network, block: Block, objectives_alone: bool) -> Table:
    """A block with the columns of the whole sweep, or with those of its objectives."""

    points = block.points
    decisive = {each.column for each in request.decisive}
    table: dict[str, Any] = {
        "model": repeated(Words.of([network.name]), points),
        "precision": repeated(Words.of([block.precision]), points),
        **{knob: block.knobs.get(knob) for knob in request.axes},
        **block.metrics,
    }
    surfaces = {surface.accuracy: surface for surface in network.surfaces}
    for accuracy in request.accuracies:
        if objectives_alone and accuracy.column not in decisive:
            continue
        surface = surfaces.get(accuracy) if block.precision == PRECISION else None
        figures, basis = (None, None) if surface is None else surface.figures(block)
        table[accuracy.column], table[accuracy.basis_column] = figures, basis
    return table


def sweep_tables(
    request: SweepRequest, summary: Summary, progress: Progress | None = None
) -> Iterator[Table]:
    """The tables of a sweep with their flags, once all points were scanned by `summary`.

    Where there are more points than are kept, they are evaluated once more: that is faster than to
    write them twice. `progress` then counts each point twice.
    """
    small = request.points <= KEPT_POINTS
    total = request.points * (1 if small else 2)

    def report(before: int, done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    report(0, 0, 0)
    kept: list[Table] = []
    scan = summary.scan
    for table in evaluate(request, partial(report, 0), scan.broken, objectives_alone=not small):
        scan.add(table)
        if small:
            kept.append(table)
    summary.refuse_empty()
    scan.limits.refuse_unmet()
    first = 0
    for table in kept if small else evaluate(request, partial(report, request.points)):
        result = summary.add(table, first)
        yield (
            {
                name: None if values is None else values[result["front"]]
                for name, values in result.items()
            }
            if request.front_only
            else result
        )
        first += length_of(table)


def joined(request: SweepRequest, tables: Sequence[Table]) -> dict[str, Any]:
    """All tables as one: a number that only some networks have is NaN for the others, a word
    empty."""
    import numpy

    columns: dict[str, Any] = {}
    for column in (*request.columns, *FLAGS):
        parts = [table[column.name] for table in tables]
        missing = any(part is None for part in parts)
        missing_value = Words.of([""]) if column.kind == "word" else numpy.array([numpy.nan])
        filled = [
            repeated(missing_value, length_of(table)) if part is None else part
            for part, table in zip(parts, tables, strict=True)
        ]
        values: Any = Words.joined(filled) if column.kind == "word" else numpy.concatenate(filled)
        if column.kind == "int64" and not missing and not numpy.isnan(values).any():
            values = values.astype(numpy.int64)
        columns[column.name] = values
    return columns
