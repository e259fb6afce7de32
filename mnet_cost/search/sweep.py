"""A sweep: every combination of knob values of several networks, evaluated, tallied, and its front.

    request = plan_sweep(names, models, axes, devices, precisions=("fp32",))
    summary, tables = Summary(request), []
    for table in evaluate(request):
        summary.add(table)

Tables come one after another, so memory is that of some of them, however many points there are.
Not here: what can be asked for (`sweep_request.py`), how points are evaluated (`grids.py`,
`single.py`), and files (`sweep_files.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import exp
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.search.accuracies import PRECISION
from mnet_cost.search.blocks import Block
from mnet_cost.search.fronts import Front, dominated, ratio_width
from mnet_cost.search.limits import Limit, LimitTally, excess_of
from mnet_cost.search.objectives import Objective
from mnet_cost.search.single import single_blocks
from mnet_cost.search.sweep_request import FLAGS, Network, SweepRequest

TABLE_POINTS = 500_000
"""Most points of a table: some 100 MB with all that is made of it."""

KEPT_POINTS = 500_000
"""So many points are kept in memory; more are evaluated a second time when they are written."""

_FEW = 16
"""Settings that cost less one by one than to record the rules."""

_MOST_CAUSES = 100
_NUMBER = re.compile(r"\d+(\.\d+)?")

Progress = Callable[[int, int], None]

Table = Mapping[str, Any]
"""Column name -> NumPy array; None where no point has a value. All arrays are equally long."""


def evaluate(
    request: SweepRequest,
    progress: Progress | None = None,
    broken: Counter[str] | None = None,
    block_points: int = TABLE_POINTS,
) -> Iterator[Table]:
    """The points of a sweep, some at a time, with `request.columns`.

    `progress` is called with the points done and those in all; `broken` is given the causes of
    points that broke, with their number.
    """
    done = 0
    for network in request.networks:
        for block in _blocks_of(request, network, block_points):
            if broken is not None:
                broken.update(block.broken)
            if block.points:
                yield _table(request, network, block)
            done += block.points + sum(block.broken.values())
            if progress is not None:
                progress(done, request.points)


def _blocks_of(request: SweepRequest, network: Network, block_points: int) -> Iterator[Block]:
    """All points of one network, by analyses of their own where they are few."""
    if network.space is not None:
        from mnet_cost.search.space_requests import space_blocks

        return space_blocks(request, network)
    from mnet_cost.search.grids import GridSweep

    asked = network.model, network.axes, request.devices, request.precisions
    metrics = [metric.name for metric in request.metrics]
    if network.settings <= _FEW:
        return single_blocks(
            *asked, convention=request.convention, metrics=metrics,
            lower_bound=request.lower_bound, block_points=block_points,
        )  # fmt: skip
    sweep = GridSweep(
        *asked, convention=request.convention, metrics=metrics, lower_bound=request.lower_bound
    )
    return sweep.blocks(network.name, block_points)


def _table(request: SweepRequest, network: Network, block: Block) -> Table:
    """A block with the columns of the whole sweep."""
    import numpy

    points = block.points
    table: dict[str, Any] = {
        # One text, seen `points` times.
        "model": numpy.broadcast_to(numpy.array(network.name), points),
        "precision": numpy.broadcast_to(numpy.array(block.precision), points),
        **{knob: block.knobs.get(knob) for knob in request.axes},
        **block.metrics,
    }
    surfaces = {surface.accuracy: surface for surface in network.surfaces}
    for accuracy in request.accuracies:
        surface = surfaces.get(accuracy) if block.precision == PRECISION else None
        figures, basis = (None, None) if surface is None else surface.figures(block.knobs, points)
        table[accuracy.column], table[accuracy.basis_column] = figures, basis
    return table


def length_of(table: Table) -> int:
    """Points of a table."""
    return len(table["model"])


def vectors_of(table: Table, objectives: Sequence[Objective], limits: Sequence[Limit] = ()) -> Any:
    """A row for each point, a column for each objective; less is better. NaN is unknown, and all
    of a point that is over a limit."""
    import numpy

    vectors = numpy.full((length_of(table), len(objectives)), numpy.nan)
    for i, objective in enumerate(objectives):
        column = table[objective.column]
        if column is not None:
            vectors[:, i] = objective.sign * column
    if limits:
        vectors[excess_of(limits, table, length_of(table)) > 0] = numpy.nan
    return vectors


def flags_of(
    table: Table,
    front: Front,
    objectives: Sequence[Objective],
    precisions: Sequence[str],
    limits: Sequence[Limit] = (),
) -> tuple[Any, Any]:
    """(whether each point is on the front, whether it is a near-tie and not on the front)."""
    import numpy

    vectors = vectors_of(table, objectives, limits)
    known = ~numpy.isnan(vectors).any(axis=1)
    on_front = known & ~dominated(front.vectors, vectors)
    near = numpy.zeros(len(vectors), dtype=bool)
    rest = numpy.flatnonzero(known & ~on_front)
    if len(rest) and any(objective.is_time for objective in objectives):
        at_best = vectors[rest]
        for precision in precisions:
            here = table["precision"][rest] == precision
            for i, objective in enumerate(objectives):
                if objective.is_time and objective.device is not None:
                    width = ratio_width(objective.device, precision)
                    at_best[here, i] *= exp(-objective.sign * width)
        near[rest] = ~dominated(front.vectors, at_best)
    return on_front, near


class Span(NamedTuple):
    """The values of a column over all points."""

    low: float
    high: float
    known: int
    """Points of which it is known."""


class Summary:
    """What is said of a sweep, collected table by table; nothing of it grows with the points but
    the front."""

    def __init__(self, request: SweepRequest, top: int = 0) -> None:
        self.request = request
        self.front = Front(len(request.objectives))
        self.valid = 0
        self.spans: dict[str, Span] = {}
        self.top: list[dict[str, Any]] = []
        """The best points by the first objective, best first."""
        self.broken: Counter[str] = Counter()
        """By cause, as it was met: `evaluate` counts into it."""
        self.limits = LimitTally(request.limits)
        self.near_ties: int | None = None
        """How many there are; None where nobody has counted them."""
        self._asked = top
        self._front_rows: dict[int, dict[str, Any]] = {}

    def add(self, table: Table) -> None:
        """Take in the next table."""
        import numpy

        for column in self.request.columns:
            if column.metric is not None and table[column.name] is not None:
                self._widen(column.name, table[column.name])
        if self.request.objectives:
            vectors = vectors_of(table, self.request.objectives, self.request.limits)
            self.front.add(vectors, self.valid)
            self._front_rows = {
                number: self._front_rows.get(number) or row_of(table, number - self.valid)
                for number in self.front.rows.tolist()
            }
            if self._asked:
                firsts = numpy.where(numpy.isnan(vectors[:, 0]), numpy.inf, vectors[:, 0])
                best = numpy.argsort(firsts, kind="stable")[: self._asked]
                known = [int(i) for i in best if firsts[i] < numpy.inf]
                self._take_best([row_of(table, i) for i in known])
        self.limits.add(table, length_of(table))
        self.valid += length_of(table)

    @property
    def without_totals(self) -> int:
        """Points whose sums leave layers out, so that they are not given."""
        for column in self.request.columns:
            metric = column.metric
            if metric is not None and metric.of_network is not None and metric.needs_totals:
                span = self.spans.get(column.name)
                return self.valid - (span.known if span is not None else 0)
        return 0

    def _widen(self, name: str, values: Any) -> None:
        import numpy

        known = values[~numpy.isnan(values)]
        if not len(known):
            return
        low, high, count = float(known.min()), float(known.max()), len(known)
        if name in self.spans:
            before = self.spans[name]
            low, high, count = min(low, before.low), max(high, before.high), count + before.known
        self.spans[name] = Span(low, high, count)

    def _take_best(self, rows: list[dict[str, Any]]) -> None:
        first = self.request.objectives[0]
        both = [*self.top, *rows]
        self.top = sorted(both, key=lambda row: first.sign * row[first.column])[: self._asked]

    @property
    def front_rows(self) -> list[dict[str, Any]]:
        """The points of the front, the best by the first objective first."""
        return [self._front_rows[number] for number in self.front.rows.tolist()]

    @property
    def causes(self) -> list[tuple[int, str]]:
        """(points, cause) of points that broke, most first. Causes that differ in numbers alone
        are one, and the first of them is shown."""
        grouped: dict[str, list[Any]] = {}
        for cause, count in self.broken.items():
            group = grouped.setdefault(_NUMBER.sub("0", cause), [0, cause])
            group[0] += count
        ordered = sorted(((count, cause) for count, cause in grouped.values()), reverse=True,
                         key=lambda item: item[0])  # fmt: skip
        rest = sum(count for count, _ in ordered[_MOST_CAUSES:])
        return ordered[:_MOST_CAUSES] + ([(rest, "other causes")] if rest else [])

    def refuse_empty(self) -> None:
        """`UsageError` where no point holds."""
        if self.valid:
            return
        causes = self.causes
        message = f"none of the {self.request.points:,} points of this sweep is a network"
        if self.request.points == 1:
            message = "the point of this sweep is no network"
        hint = "; ".join(f"{count:,}: {cause}" for count, cause in causes[:3])
        raise UsageError(Problem(message, hint=hint or None))


def row_of(table: Table, i: int) -> dict[str, Any]:
    """One point; None for what it has no value of."""
    row: dict[str, Any] = {}
    for name, values in table.items():
        value = None if values is None else values[i].item()
        row[name] = None if value != value or value == "" else value
    return row


def flagged(request: SweepRequest, front: Front, table: Table) -> Table:
    """The table with its flags."""
    on_front, near = flags_of(table, front, request.objectives, request.precisions, request.limits)
    return {**table, "front": on_front, "near_tie": near}


def sweep_tables(
    request: SweepRequest, summary: Summary, progress: Progress | None = None
) -> Iterator[Table]:
    """The tables of a sweep with their flags, once all points are known to `summary`.

    Where there are more points than are kept, they are evaluated once more: that is faster than to
    write them twice. `progress` then counts each point twice.
    """
    small = request.points <= KEPT_POINTS
    total = request.points * (1 if small else 2)

    def first(done: int, _: int) -> None:
        if progress is not None:
            progress(done, total)

    kept: list[Table] = []
    for table in evaluate(request, first, summary.broken):
        summary.add(table)
        if small:
            kept.append(table)
    summary.refuse_empty()
    summary.limits.refuse_unmet()
    summary.near_ties = 0

    def second(done: int, _: int) -> None:
        if progress is not None:
            progress(request.points + done, total)

    for table in kept if small else evaluate(request, second):
        result = flagged(request, summary.front, table)
        summary.near_ties += int(result["near_tie"].sum())
        yield result


def joined(request: SweepRequest, tables: Sequence[Table]) -> dict[str, Any]:
    """All tables as one: a number that only some networks have is NaN for the others, a word
    empty."""
    import numpy

    columns: dict[str, Any] = {}
    for column in (*request.columns, *FLAGS):
        parts = [table[column.name] for table in tables]
        missing = any(part is None for part in parts)
        empty: Any = "" if column.kind == "word" else numpy.nan
        filled = [
            numpy.full(length_of(table), empty) if part is None else part
            for part, table in zip(parts, tables, strict=True)
        ]
        values = numpy.concatenate(filled)
        if column.kind == "int64" and not missing and not numpy.isnan(values).any():
            values = values.astype(numpy.int64)
        columns[column.name] = values
    return columns
