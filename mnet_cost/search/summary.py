"""What is said of a sweep: its front, the best points, the span of each metric, what broke.

Points are seen twice. The first time their objectives alone are looked at (`Scan`): which points
are on the front is known only when all were seen. The second time they get their flags, and rows
are taken of those that are shown (`Summary`). A scan of many points is a merge of scans of some of
them. Nothing here grows with the points but the front. Not here: how points are evaluated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.search.fronts import Front, dominated, ratio_width
from mnet_cost.search.limits import Limit, LimitTally, excess_of
from mnet_cost.search.objectives import Objective
from mnet_cost.search.sweep_request import FLAGS, Column, SweepRequest

Table = Mapping[str, Any]
"""Column name -> NumPy array, or `Words`; None where no point has a value. All are equally long."""

_MOST_CAUSES = 100
_NUMBER = re.compile(r"\d+(\.\d+)?")


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


class Scan:
    """What the objectives of points say, whoever has seen them: the front, and the best points by
    the first objective.

    Points have numbers: those of `add` count from `first` on, and broken points have none.
    """

    def __init__(self, request: SweepRequest, top: int = 0) -> None:
        import numpy

        self.request = request
        self.valid = 0
        self.broken: Counter[str] = Counter()
        """By cause, as it was met: whoever evaluates counts into it."""
        self.limits = LimitTally(request.limits)
        self.front = Front(len(request.objectives))
        self.best_rows: Any = numpy.empty(0, dtype=numpy.int64)
        """The numbers of the best points by the first objective, best first."""
        self.best_values: Any = numpy.empty(0)
        self.top = top

    def add(self, table: Table, first: int | None = None) -> None:
        """Take in the points of a table, numbered from `first` on: without it, as they come."""
        import numpy

        vectors = vectors_of(table, self.request.objectives, self.request.limits)
        self.limits.add(table, len(vectors))
        first = self.valid if first is None else first
        self.front.add(vectors, first)
        self.valid += len(vectors)
        if self.top:
            known = numpy.flatnonzero(~numpy.isnan(vectors[:, 0]))
            best = known[numpy.argsort(vectors[known, 0], kind="stable")[: self.top]]
            self._take_best(vectors[best, 0], best + first)

    def merge(self, other: Scan) -> None:
        """Take in the points of another scan, whose numbers are of the same count."""
        self.valid += other.valid
        self.broken.update(other.broken)
        self.limits.merge(other.limits)
        self.front.merge(other.front)
        self._take_best(other.best_values, other.best_rows)

    def _take_best(self, values: Any, rows: Any) -> None:
        import numpy

        both = numpy.concatenate([self.best_values, values])
        numbers = numpy.concatenate([self.best_rows, rows])
        order = numpy.lexsort((numbers, both))[: self.top]
        self.best_values, self.best_rows = both[order], numbers[order]


class Span(NamedTuple):
    """The values of a column over all points."""

    low: float
    high: float
    known: int
    """Points of which it is known."""


class Spans(dict[str, Span]):
    """The span of each metric, by its column."""

    def add(self, request: SweepRequest, table: Table) -> None:
        """Take in the points of a table."""
        import numpy

        for column in request.columns:
            values = table[column.name]
            if column.metric is not None and values is not None and len(values):
                low, high = float(numpy.fmin.reduce(values)), float(numpy.fmax.reduce(values))
                if low == low:
                    known = len(values) - int(numpy.isnan(values).sum())
                    self.merge({column.name: Span(low, high, known)})

    def merge(self, other: Mapping[str, Span]) -> None:
        """Take in the spans of other points."""
        for name, (low, high, known) in other.items():
            before = self.get(name)
            if before is not None:
                low, high, known = (
                    min(low, before.low), max(high, before.high), known + before.known,
                )  # fmt: skip
            self[name] = Span(low, high, known)


def flagged(request: SweepRequest, front: Front, table: Table, first: int) -> Table:
    """A table whose points are numbered from `first` on, with its flags: `front` where no point is
    better, `near_tie` where one is better by less than the error of a time."""
    import numpy

    vectors = vectors_of(table, request.objectives, request.limits)
    known = ~numpy.isnan(vectors).any(axis=1)
    on_front = known & ~dominated(front.vectors, vectors)
    # Its own points are on the front whatever the last bits of a second evaluation are.
    on_front[front.rows[(front.rows >= first) & (front.rows < first + len(known))] - first] = True
    near = numpy.zeros(len(vectors), dtype=bool)
    rest = numpy.flatnonzero(known & ~on_front)
    if len(rest) and any(objective.is_time for objective in request.objectives):
        at_best = vectors[rest]
        for precision in request.precisions:
            here = table["precision"][rest] == precision
            for i, objective in enumerate(request.objectives):
                if objective.is_time and objective.device is not None:
                    width = ratio_width(objective.device, precision)
                    at_best[here, i] *= exp(-objective.sign * width)
        near[rest] = ~dominated(front.vectors, at_best)
    return {**table, "front": on_front, "near_tie": near}


def row_of(columns: Sequence[Column], table: Table, i: int) -> dict[str, Any]:
    """One point; None for what it has no value of."""
    import numpy

    row: dict[str, Any] = {}
    for column in columns:
        values = table[column.name]
        value = None if values is None else values[i]
        value = value.item() if isinstance(value, numpy.generic) else value
        value = None if value != value or value == "" else value
        # Columns of counts are doubles.
        row[column.name] = int(value) if column.kind == "int64" and value is not None else value
    return row


class Summary:
    """What is said of a sweep: a scan of all its points, and what was taken of them since."""

    def __init__(self, request: SweepRequest, top: int = 0) -> None:
        self.request = request
        self.scan = Scan(request, top)
        self.spans = Spans()
        self.near_ties: int | None = None
        """How many there are; None where nobody has counted them."""
        self.rows: dict[int, Mapping[str, Any]] = {}
        """Points that are shown, of the front or of the best, by their numbers."""

    def add(self, table: Table, first: int) -> Table:
        """Take in points that were scanned, numbered from `first` on: the table with its flags."""
        result = flagged(self.request, self.front, table, first)
        self.spans.add(self.request, table)
        self.near_ties = (self.near_ties or 0) + int(result["near_tie"].sum())
        columns = (*self.request.columns, *FLAGS)
        for number in self.chosen(first, length_of(table)):
            self.rows[number] = row_of(columns, result, number - first)
        return result

    def take(
        self, rows: Mapping[int, Mapping[str, Any]], spans: Mapping[str, Span], near_ties: int
    ) -> None:
        """Take in what another summary of this scan has of other points."""
        self.rows.update(rows)
        self.spans.merge(spans)
        self.near_ties = (self.near_ties or 0) + near_ties

    def chosen(self, first: int, points: int) -> list[int]:
        """The numbers of points that are shown, of the front or of the best, among some."""
        import numpy

        numbers = numpy.concatenate([self.front.rows, self.scan.best_rows])
        return sorted({*numbers[(numbers >= first) & (numbers < first + points)].tolist()})

    @property
    def wanted_best(self) -> int:
        """How many of the best points are asked for."""
        return self.scan.top

    @property
    def limits(self) -> LimitTally:
        return self.scan.limits

    @property
    def front(self) -> Front:
        return self.scan.front

    @property
    def valid(self) -> int:
        """Points that hold."""
        return self.scan.valid

    @property
    def front_rows(self) -> list[Mapping[str, Any]]:
        """The points of the front, the best by the first objective first."""
        return [self.rows[number] for number in self.front.rows.tolist()]

    @property
    def top(self) -> list[Mapping[str, Any]]:
        """The best points by the first objective, best first; none where nobody asked for them."""
        return [self.rows[number] for number in self.scan.best_rows.tolist()]

    @property
    def without_totals(self) -> int:
        """Points whose sums leave layers out, so that they are not given."""
        for column in self.request.columns:
            metric = column.metric
            if metric is not None and metric.of_network is not None and metric.needs_totals:
                span = self.spans.get(column.name)
                return self.valid - (span.known if span is not None else 0)
        return 0

    @property
    def causes(self) -> list[tuple[int, str]]:
        """(points, cause) of points that broke, most first. Causes that differ in numbers alone
        are one, and the first of them is shown."""
        grouped: dict[str, list[Any]] = {}
        for cause, count in self.scan.broken.items():
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
