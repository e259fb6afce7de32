"""The best size of some networks within limits: the exact best point of all that are tried.

    request = plan_fit(names, models, {}, devices, limits=["latency@pixel_1_tflite<=20ms"])
    fit = find_fit(request)

All points are evaluated as a sweep evaluates them, each network with its own values of knobs, and
seen once (`fit_scan.py`). Here is what is shown of them: sizes with all their costs, the steps
around the best one, and the line of sizes that use up the same limit. Not here: what can be asked
(`fit_request.py`), values of knobs that nobody states (`usual_values.py`), reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mnet_cost.analysis import analyze_network
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import find_metric, named
from mnet_cost.models.types import BATCH
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import COMPUTED, column_of
from mnet_cost.search.fit_request import FitRequest, with_axes
from mnet_cost.search.fit_scan import Candidate, FitScan, improving, scan_points
from mnet_cost.search.limits import Limit
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.summary import length_of, row_of
from mnet_cost.search.sweep import Progress, evaluate
from mnet_cost.search.sweep_request import Network

SHOWN = named(
    ("mult_adds", "params", "weight_bytes", "peak_memory", "latency", "latency_low", "latency_high",
     "energy", "energy_low", "energy_high", "memory")
)  # fmt: skip
"""Costs that are known of each size of a fit."""

_MOST_ROWS = 9
"""Values of a knob for which the line of equal cost has a row."""
_CANDIDATES = 32
"""Best points that are kept beyond those that are asked for: the arena of a device with storage can
need more than its largest live set, which only an analysis of one network knows."""


class Use(NamedTuple):
    """What a size has of a limit."""

    limit: Limit
    value: float | None
    """In the unit of files: the end of the band where a confidence is asked for; None where it is
    not known."""

    @property
    def share(self) -> float | None:
        """Of what is allowed; None of a limit that is the least."""
        if self.value is None or not self.limit.is_most or not self.limit.value:
            return None
        return self.value / self.limit.value

    @property
    def over(self) -> float | None:
        """By how much it is over the limit, or under one that is the least; at most 0 within."""
        if self.value is None:
            return None
        over: float = self.limit.over(self.value)
        return over

    @property
    def is_within(self) -> bool:
        return self.over is not None and self.over <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One point with all that is known of it."""

    network: Network
    precision: str
    knobs: Mapping[str, Any]
    """Of those that were tried."""
    aim: float | None
    """In the unit of files."""
    values: Mapping[str, Any]
    """Columns of a sweep by their names, in the units of files."""
    uses: tuple[Use, ...]

    @property
    def reference(self) -> str:
        """What `analyze` and `compare` take: `mobilenet_v1@alpha=0.5,resolution=160`."""
        settings = ",".join(f"{knob}={word_of(value)}" for knob, value in self.knobs.items())
        if not settings:
            return self.network.name
        between = "," if "@" in _last_part(self.network.name) else "@"
        return f"{self.network.name}{between}{settings}"

    @property
    def is_within(self) -> bool:
        """Whether it is within all limits."""
        return all(use.is_within for use in self.uses)


def _last_part(reference: str) -> str:
    """A reference without folders, whose names may have any sign."""
    return reference.replace("\\", "/").rpartition("/")[2]


class Step(NamedTuple):
    """The next value of one knob from the best size, downwards or upwards."""

    knob: str
    is_up: bool
    size: Size | None
    """None where it is no network."""
    value: Any


class Line(NamedTuple):
    """Sizes of the best network that use up the same limits: for values of one knob, the best value
    of another."""

    across: str
    along: str
    rows: tuple[tuple[Any, Size | None], ...]
    """(value of `across`, the best size there); None where nothing is within the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What was found."""

    request: FitRequest
    valid: int
    """Points that are a network."""
    within: int
    """Points within all limits; with the memories of devices without gaps of an arena."""
    too_large_arenas: int
    """Of these, points that were looked at and have no room with the gaps."""
    undecided: Mapping[tuple[str, str], int]
    """By (column of a limit, precision): points that may be within, since that is not known."""
    unknown_aim: int
    """Of these, points whose aim is not known."""
    without_totals: int
    """Points whose sums leave layers out, so that they are not given."""
    broken: Mapping[str, int]
    sizes: tuple[Size, ...] = ()
    """The best points within the limits, best first."""
    best_of: tuple[tuple[str, Size | None], ...] = ()
    """The best size of each network."""
    beyond: tuple[Size, ...] = ()
    """Better sizes that are over a limit, the closest to the limits first: none is better and
    closer than another."""
    steps: tuple[Step, ...] = ()
    line: Line | None = None
    closest: Size | None = None
    """Where nothing is within the limits, what comes closest of that of which most is known."""

    @property
    def best(self) -> Size | None:
        return self.sizes[0] if self.sizes else None

    @property
    def binding(self) -> tuple[Limit, ...]:
        """The limits that the next better size is over; none where there is no better size."""
        if not self.beyond:
            return ()
        return tuple([use.limit for use in self.beyond[0].uses if not use.is_within])


def find_fit(request: FitRequest, progress: Progress | None = None) -> Fit:
    """The best sizes of a request, and what is around them; `UsageError` where none is a
    network."""
    finder, keep = _Finder(request), request.top + _CANDIDATES
    seen = scan_points(request, keep, progress)
    _refuse_empty(request, seen)
    while not finder.is_settled(seen):  # too many have too large an arena
        keep *= 8
        seen = scan_points(request, keep, progress)
    chosen, misfits = finder.first_fitting(seen.best, request.top)
    result = Fit(
        request=request,
        valid=seen.valid,
        within=seen.within,
        unknown_aim=seen.unknown_aim,
        without_totals=seen.without_totals,
        too_large_arenas=finder.too_large,
        undecided=seen.undecided,
        broken=dict(seen.broken),
    )
    if not chosen:
        closest = min(misfits, key=lambda each: each.excess, default=seen.closest)
        return replace(result, closest=None if closest is None else finder.size(closest))
    best = chosen[0]
    better = [each for each in (*seen.beyond, *misfits) if each.aim < best.aim]
    steps = finder.steps(best)
    return replace(
        result,
        sizes=tuple([finder.size(each) for each in chosen]),
        best_of=tuple([
            (sweep.networks[0].name, finder.best_of(seen.best_of.get(number, ())))
            for number, sweep in enumerate(request.sweeps)
        ]),
        beyond=tuple([finder.size(each) for each in improving(better)[: request.top]]),
        steps=steps,
        line=finder.line(best, list(dict.fromkeys(step.knob for step in steps))),
    )  # fmt: skip


def _refuse_empty(request: FitRequest, seen: FitScan) -> None:
    if seen.valid:
        return
    causes = sorted(seen.broken.items(), key=lambda item: -item[1])
    hint = "; ".join(f"{count:,}: {cause}" for cause, count in causes[:3])
    said = f"none of the {request.points:,} sizes is a network"
    raise UsageError(Problem(said, hint=hint or None))


class _Finder:
    """Makes sizes of candidates; knows the arenas that it has looked at."""

    def __init__(self, request: FitRequest) -> None:
        self.request = request
        self.storages = [device for device in request.devices if device.storage is not None]
        self._of_storage = {
            limit.column
            for limit in request.limits
            for device in self.storages
            if device.storage and limit.text.startswith(f"{device.storage.name} of {device.name},")
        }
        self._arenas: dict[tuple[Any, ...], Mapping[str, float]] = {}

    @property
    def too_large(self) -> int:
        """Arenas that were looked at and have no room."""
        return sum(self._arena_excess(needed) > 0 for needed in self._arenas.values())

    def is_settled(self, seen: FitScan) -> bool:
        """Whether the candidates that were kept tell the best, of all and of each network."""
        if not self.storages:
            return True
        is_whole = all(len(own) < seen.keep for own in seen.best_of.values())
        found = [self.first_fitting(own, 1)[0] for own in seen.best_of.values()]
        return is_whole or (
            all(found) and len(self.first_fitting(seen.best, self.request.top)[0])
            == self.request.top
        )  # fmt: skip

    def first_fitting(
        self, candidates: Sequence[Candidate], wanted: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """(so many candidates that have room for their arenas, those before with their excess)."""
        chosen: list[Candidate] = []
        misfits: list[Candidate] = []
        for candidate in candidates:
            if len(chosen) == wanted:
                break
            excess = self._excess(candidate)
            if excess <= 0:
                chosen.append(candidate)
            else:
                misfits.append(candidate._replace(excess=excess))
        return chosen, misfits

    def _excess(self, candidate: Candidate) -> float:
        """The share of a memory that the arena of a candidate is over by; at most 0 with room."""
        if not self.storages:
            return 0.0
        network = self.request.sweeps[candidate.sweep].networks[0]
        knobs = _settings(network, candidate.row)
        return self._arena_excess(self._needed(network, knobs, candidate.row["precision"]))

    def _arena_excess(self, needed: Mapping[str, float]) -> float:
        shares = [0.0]
        for limit in self.request.limits:
            if limit.column in needed:
                shares.append(limit.over(needed[limit.column]) / (limit.value or 1.0))
        return max(shares)

    def _needed(
        self, network: Network, knobs: Mapping[str, Any], precision: str
    ) -> Mapping[str, float]:
        """Bytes that the memories of devices with storage have to hold, by the column."""
        key = network.name, tuple(map(word_of, knobs.values())), precision
        if key not in self._arenas:
            elaborated = elaborate(network.model.spec, {**network.model.knobs, **knobs})
            analysis = analyze_network(elaborated, self.storages, precision=precision)
            checks = [(each.device, each.memory_fits) for each in analysis.devices]
            needed = {
                column_of(_MEMORY, device): float(fits[0].needed_bytes)
                for device, fits in checks if fits
            }  # fmt: skip
            # As stored: biases are wider than the metric has them.
            stored = max([float(fits[1].needed_bytes) for _, fits in checks if fits], default=0.0)
            self._arenas[key] = needed | dict.fromkeys(self._of_storage, stored)
        return self._arenas[key]

    def best_of(self, candidates: Sequence[Candidate]) -> Size | None:
        """The size of the first that has room."""
        fitting = self.first_fitting(candidates, 1)[0]
        return self.size(fitting[0]) if fitting else None

    def size(self, candidate: Candidate) -> Size:
        """A point with all costs that are shown."""
        (network,) = self.request.sweeps[candidate.sweep].networks
        knobs = _settings(network, candidate.row)
        size = self._size_at(candidate.sweep, knobs, candidate.row["precision"])
        assert size is not None, "it was evaluated before"
        return size

    def _size_at(self, number: int, knobs: Mapping[str, Any], precision: str) -> Size | None:
        """The point of a network at a setting; None where it is no network."""
        axes = {name: (value,) for name, value in knobs.items()}
        (sweep,) = with_axes(self.request, number, axes, precision).sweeps
        metrics = dict.fromkeys((*sweep.metrics, *SHOWN))
        part = replace(sweep, metrics=tuple([metric for metric in COMPUTED if metric in metrics]))
        network = self.request.sweeps[number].networks[0]
        for table in evaluate(part):
            if not length_of(table):
                continue
            row = row_of(part.columns, table, 0)
            needed = self._needed(network, knobs, precision) if self.storages else {}
            uses = []
            for limit in part.limits:
                values = limit.values(table)
                value = needed.get(limit.column, None if values is None else float(values[0]))
                uses.append(Use(limit, None if value is None or value != value else value))
            return Size(
                network=network, precision=precision, knobs=knobs,
                aim=row[self.request.aim.column], values=row, uses=tuple(uses),
            )  # fmt: skip
        return None

    def steps(self, best: Candidate) -> tuple[Step, ...]:
        """One step down and one up from the best size, along each knob of numbers that changes
        something there."""
        (network,) = self.request.sweeps[best.sweep].networks
        knobs, size = _settings(network, best.row), self.size(best)
        steps = []
        for name, values in network.axes.items():
            if len(values) < 2 or knob_type(values) not in ("int64", "float64"):
                continue
            ordered = sorted(values)
            place = ordered.index(knobs[name])
            for is_up, other in ((False, place - 1), (True, place + 1)):
                if 0 <= other < len(ordered):
                    setting = {**knobs, name: ordered[other]}
                    stepped = self._size_at(best.sweep, setting, best.row["precision"])
                    if stepped is None or not _costs_alike(stepped, size):
                        steps.append(Step(name, is_up, stepped, ordered[other]))
        return tuple(steps)

    def line(self, best: Candidate, knobs: Sequence[str]) -> Line | None:
        """For values of the knob that has the fewest, the best size by that which has most; None
        of a network with less than two knobs of numbers."""
        knobs = [name for name in knobs if name != BATCH]
        if len(knobs) < 2:
            return None
        (network,) = self.request.sweeps[best.sweep].networks
        along = max(knobs, key=lambda name: len(network.axes[name]))
        across = min((name for name in knobs if name != along),
                     key=lambda name: len(network.axes[name]))  # fmt: skip
        setting = _settings(network, best.row)
        values = _thinned(sorted(network.axes[across]), setting[across])
        axes = {name: (value,) for name, value in setting.items()}
        axes |= {across: tuple(values), along: tuple(network.axes[along])}
        part = with_axes(self.request, best.sweep, axes, best.row["precision"])
        finder = _Finder(part)
        seen = {value: FitScan(part, _CANDIDATES) for value in values}
        for table in evaluate(part.sweeps[0], objectives_alone=True):
            for value in values:
                at = table[across] == value
                seen[value].add(0, {name: column if column is None else column[at]
                                    for name, column in table.items()})  # fmt: skip
        return Line(
            across, along, tuple([(value, finder.best_of(seen[value].best)) for value in values])
        )


def _costs_alike(size: Size, other: Size) -> bool:
    """Whether two sizes of one network cost the same; accuracies apart."""
    metrics = [metric for metric in COMPUTED if metric.of_network or metric.of_device]
    keys = {metric.file_key for metric in metrics}
    return all(
        value == other.values[name]
        for name, value in size.values.items()
        if name.partition("@")[0] in keys
    )


_MEMORY = find_metric("memory")


def _settings(network: Network, row: Mapping[str, Any]) -> dict[str, Any]:
    """The swept knobs of a row as they were stated: rows have flags and sides as words."""
    knobs = {}
    for name, values in network.axes.items():
        value = row[name]
        if isinstance(value, str):
            value = next(each for each in values if word_of(each) == value)
        knobs[name] = value
    return knobs


def _thinned(values: Sequence[Any], kept: Any) -> list[Any]:
    """At most `_MOST_ROWS` of the values, evenly spread, with the first, the last and `kept`."""
    if len(values) <= _MOST_ROWS:
        return list(values)
    last = len(values) - 1
    places = {round(i * last / (_MOST_ROWS - 2)) for i in range(_MOST_ROWS - 1)}
    return [values[i] for i in sorted(places | {values.index(kept)})]
