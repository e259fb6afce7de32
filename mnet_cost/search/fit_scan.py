"""The points of a fit, seen once: the best, those beyond the limits, and what comes closest.

Nothing here grows with the points but the front of what is beyond, which has as many points as
there are ways to be better and further away. Not here: which sizes are shown (`fit.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.errors import UsageError
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.limits import excess_of
from mnet_cost.search.summary import Table, length_of, row_of
from mnet_cost.search.sweep import Progress, evaluate
from mnet_cost.search.sweep_request import SweepRequest


class Candidate(NamedTuple):
    """A point while points are seen."""

    excess: float
    """The largest share of a limit that it is over by; at most 0 within all of them."""
    aim: float
    """Less is better."""
    tie: float
    """What decides between points of the same aim; less is better."""
    number: int
    """In the order in which points were seen."""
    sweep: int
    row: Mapping[str, Any]


class FitScan:
    """What is kept of the points so far."""

    def __init__(self, request: FitRequest, keep: int) -> None:
        self.request = request
        self.keep = keep
        self.valid = self.within = self.unknown_aim = self.without_totals = 0
        self.broken: Counter[str] = Counter()
        self.best: list[Candidate] = []
        self.best_of: dict[int, Candidate] = {}
        self.beyond: list[Candidate] = []
        self.closest: Candidate | None = None

    def add(self, number: int, table: Table) -> None:
        """Take in points of one of the networks."""
        import numpy

        sweep, points = self.request.sweeps[number], length_of(table)
        columns = [column for column in sweep.columns if column.name in table]
        excess = excess_of(sweep.limits, table, points)
        aims = self._aims(sweep, table)
        ties = sweep.objectives[-1].sign * table[sweep.objectives[-1].column]
        first, self.valid = self.valid, self.valid + points
        self.without_totals += int(numpy.isnan(ties).sum())

        def taken(places: Any) -> list[Candidate]:
            return [
                Candidate(float(excess[i]), float(aims[i]), float(ties[i]), first + int(i), number,
                          row_of(columns, table, int(i)))
                for i in places
            ]  # fmt: skip

        within = excess <= 0
        known = ~numpy.isnan(aims)
        self.within += int(within.sum())
        self.unknown_aim += int((within & ~known).sum())
        chosen = numpy.flatnonzero(within & known)
        order = numpy.lexsort((ties[chosen], aims[chosen]))[: self.keep]
        best = taken(chosen[order])
        self.best = sorted([*self.best, *best], key=_rank)[: self.keep]
        if best and (number not in self.best_of or _rank(best[0]) < _rank(self.best_of[number])):
            self.best_of[number] = best[0]
        limit = self.best[0].aim if self.best else numpy.inf
        outside = numpy.flatnonzero(~within & known & numpy.isfinite(excess) & (aims < limit))
        self.beyond = _improving([*self.beyond, *taken(_front(excess, aims, ties, outside))])
        if not self.best and numpy.isfinite(excess).any():
            unmet = numpy.where(within, 0.0, excess)
            least = numpy.flatnonzero(unmet == unmet.min())
            closest = taken(least[numpy.lexsort((ties[least], aims[least]))[:1]])[0]
            if self.closest is None or closest.excess < self.closest.excess:
                self.closest = closest

    def _aims(self, sweep: SweepRequest, table: Table) -> Any:
        import numpy

        values = table[self.request.column_of(sweep)]
        if values is None:
            return numpy.full(length_of(table), numpy.nan)
        if self.request.aim.is_knob and not isinstance(values, numpy.ndarray):
            name = self.request.aim.name
            raise UsageError(f"the values of `{name}` are words, of which none is the most")
        return self.request.aim.sign * values.astype(float)


def _rank(candidate: Candidate) -> tuple[float, float, int]:
    return candidate.aim, candidate.tie, candidate.number


def _front(excess: Any, aims: Any, ties: Any, places: Any) -> Any:
    """Of the points at `places` those that no other is better and closer than, closest first."""
    import numpy

    order = places[numpy.lexsort((ties[places], aims[places], excess[places]))]
    best = numpy.minimum.accumulate(aims[order])
    return order[numpy.append(True, aims[order][1:] < best[:-1])] if len(order) else order


def _improving(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other is better and closer than, closest first."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: (each.excess, *_rank(each))):
        if not kept or candidate.aim < kept[-1].aim:
            kept.append(candidate)
    return kept


def scan_points(request: FitRequest, keep: int, progress: Progress | None = None) -> FitScan:
    """All points of a request; `keep` of the best are kept."""
    seen, before = FitScan(request, keep), 0

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, request.points)

    for number, sweep in enumerate(request.sweeps):
        for table in evaluate(sweep, report, seen.broken, objectives_alone=True):
            seen.add(number, table)
        before += sweep.points
    return seen
