"""The points of a fit, seen once: the best, those beyond the limits, and what comes closest.

Nothing here grows with the points but the front of what is beyond, which has as many points as
there are ways to be better and further away. Points that cost the same are one. Not here: which
sizes are shown (`fit.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.summary import Table, length_of, row_of
from mnet_cost.search.sweep import Progress, evaluate
from mnet_cost.search.sweep_request import SweepRequest


class Candidate(NamedTuple):
    """A point while points are seen."""

    unknown: int
    """Limits of which its number is not known."""
    excess: float
    """The largest share of a known limit that it is over by; at most 0 within all of them."""
    aim: float
    """Less is better; NaN where it is not known."""
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
        self.undecided: Counter[tuple[str, str]] = Counter()
        """By (column of a limit, precision): points that may be within all limits, since that
        number is not known."""
        self.broken: Counter[str] = Counter()
        self.best_of: dict[int, list[Candidate]] = {}
        """The best within the limits, by the network, best first."""
        self.beyond: list[Candidate] = []
        self.closest: Candidate | None = None

    @property
    def best(self) -> list[Candidate]:
        """The best of all networks, best first."""
        every = [candidate for own in self.best_of.values() for candidate in own]
        return sorted(every, key=rank)[: self.keep]

    def add(self, number: int, table: Table) -> None:
        """Take in points of one of the networks."""
        import numpy

        sweep, points = self.request.sweeps[number], length_of(table)
        if not points:
            return
        columns = [column for column in sweep.columns if column.name in table]
        excess, unknown = self._excess(sweep, table, points)
        aims = self._aims(sweep, table, points)
        ties = sweep.objectives[-1].sign * table[sweep.objectives[-1].column]
        first, self.valid = self.valid, self.valid + points
        self.without_totals += int(numpy.isnan(ties).sum())

        def taken(places: Any) -> list[Candidate]:
            return [
                Candidate(
                    int(unknown[i]), float(excess[i]), float(aims[i]), float(ties[i]),
                    first + int(i), number, row_of(columns, table, int(i)),
                )
                for i in places
            ]  # fmt: skip

        within = (excess <= 0) & (unknown == 0)
        known = ~numpy.isnan(aims)
        self.within += int(within.sum())
        self.unknown_aim += int((within & ~known).sum())
        chosen = numpy.flatnonzero(within & known)
        order = chosen[numpy.lexsort((ties[chosen], aims[chosen]))]
        kept = taken(_different(order, aims, ties, excess)[: self.keep])
        own = _distinct([*self.best_of.get(number, ()), *kept])[: self.keep]
        if own:
            self.best_of[number] = own
        limit = min((each[0].aim for each in self.best_of.values()), default=numpy.inf)
        outside = numpy.flatnonzero(~within & known & (unknown == 0) & (aims < limit))
        self.beyond = improving([*self.beyond, *taken(_front(excess, aims, ties, outside))])
        if not self.best_of:
            self._take_closest(excess, unknown, aims, ties, taken)

    def _excess(self, sweep: SweepRequest, table: Table, points: int) -> tuple[Any, Any]:
        """(the largest excess over known limits, how many limits are not known) of each point."""
        import numpy

        excess, unknown = numpy.full(points, -numpy.inf), numpy.zeros(points, dtype=int)
        missing = []
        for limit in sweep.limits:
            each = limit.excess(table, points)
            is_missing = numpy.isinf(each)
            excess = numpy.maximum(excess, numpy.where(is_missing, -numpy.inf, each))
            unknown += is_missing
            missing.append((limit.column, is_missing))
        for column, is_missing in missing:
            if is_missing.any():
                for precision in sweep.precisions:
                    here = is_missing & (excess <= 0) & (table["precision"] == precision)
                    self.undecided[column, precision] += int(here.sum())
        return excess, unknown

    def _take_closest(self, excess: Any, unknown: Any, aims: Any, ties: Any, taken: Any) -> None:
        """The least over the limits, among the points of which most limits are known."""
        import numpy

        # Unknown aims come last.
        order = numpy.lexsort((ties, aims, numpy.maximum(excess, 0.0), unknown))
        (closest,) = taken(order[:1])
        best = self.closest
        if best is None or (closest.unknown, closest.excess) < (best.unknown, best.excess):
            self.closest = closest

    def _aims(self, sweep: SweepRequest, table: Table, points: int) -> Any:
        import numpy

        values = table[self.request.aim.column]
        if values is None:
            return numpy.full(points, numpy.nan)
        return self.request.aim.sign * values.astype(float)


def rank(candidate: Candidate) -> tuple[float, float, int]:
    """What puts the best first."""
    return candidate.aim, candidate.tie, candidate.number


def _different(order: Any, *columns: Any) -> Any:
    """Places in their order, without those at which all columns are as at the place before."""
    import numpy

    if len(order) < 2:
        return order
    same = numpy.ones(len(order) - 1, dtype=bool)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    return order[numpy.append(True, ~same)]


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates of one network, best first, each cost once."""
    kept: dict[tuple[float, ...], Candidate] = {}
    for candidate in sorted(candidates, key=rank):
        kept.setdefault((candidate.aim, candidate.tie, candidate.excess), candidate)
    return list(kept.values())


def _front(excess: Any, aims: Any, ties: Any, places: Any) -> Any:
    """Of the points at `places` those that no other is better and closer than, closest first."""
    import numpy

    order = places[numpy.lexsort((ties[places], aims[places], excess[places]))]
    best = numpy.minimum.accumulate(aims[order])
    return order[numpy.append(True, aims[order][1:] < best[:-1])] if len(order) else order


def improving(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other is better and closer than, closest first."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: (each.excess, *rank(each))):
        if not kept or candidate.aim < kept[-1].aim:
            kept.append(candidate)
    return kept


def scan_points(request: FitRequest, keep: int, progress: Progress | None = None) -> FitScan:
    """All points of a request; `keep` of the best of each network are kept."""
    seen, before = FitScan(request, keep), 0

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, request.points)

    for number, sweep in enumerate(request.sweeps):
        for table in evaluate(sweep, report, seen.broken, objectives_alone=True):
            seen.add(number, table)
        before += sweep.points
    return seen
