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
from mnet_cost.metrics import named
from mnet_cost.models.types import BATCH
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import COMPUTED
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.fit_scan import Candidate, FitScan, scan_points
from mnet_cost.search.limits import Limit
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.summary import length_of, row_of
from mnet_cost.search.sweep import Progress, evaluate
from mnet_cost.search.sweep_request import Network
from mnet_cost.search.usual_values import changes_cost

SHOWN = named(("mult_adds", "params", "weight_bytes", "peak_memory", "latency", "energy", "memory"))
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
        """Of what is allowed, or of what it has where that is the least that is allowed."""
        if self.value is None:
            return None
        high, low = (
            (self.value, self.limit.value) if self.limit.is_most
            else (self.limit.value, self.value)
        )  # fmt: skip
        return high / low if low else None

    @property
    def over(self) -> float | None:
        """By how much it is over the limit, or under one that is the least; at most 0 within."""
        if self.value is None:
            return None
        over = self.value - self.limit.value
        return over if self.limit.is_most else -over

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
    """Points within all limits."""
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
    """Where nothing is within the limits, what comes closest; None where no number is known."""
    skipped: tuple[Size, ...] = ()
    """Points before the best one whose arena is too large for a device."""

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
    """The best sizes of a request, and what is around them."""
    seen = scan_points(request, request.top + _CANDIDATES, progress)
    chosen, skipped = _with_arenas(request, seen.best, request.top)
    while not chosen and skipped and len(seen.best) < seen.within:
        seen = scan_points(request, 8 * seen.keep, progress)  # all of them had too large an arena
        chosen, skipped = _with_arenas(request, seen.best, request.top)
    result = Fit(
        request=request,
        valid=seen.valid,
        within=seen.within,
        unknown_aim=seen.unknown_aim,
        without_totals=seen.without_totals,
        broken=dict(seen.broken),
        skipped=tuple([_size(request, each) for each in skipped]),
    )
    if not chosen:
        closest = None if seen.closest is None else _size(request, seen.closest)
        return replace(result, closest=closest)
    best = chosen[0]
    sizes = tuple([_size(request, each) for each in chosen])
    beyond = [each for each in seen.beyond if each.aim < best.aim]
    return replace(
        result,
        sizes=sizes,
        best_of=tuple([
            (sweep.networks[0].name,
             _size(request, seen.best_of[i]) if i in seen.best_of else None)
            for i, sweep in enumerate(request.sweeps)
        ]),
        beyond=tuple([_size(request, each) for each in beyond[: request.top]]),
        steps=_steps(request, best),
        line=_line(request, best),
    )  # fmt: skip


def _with_arenas(
    request: FitRequest, candidates: Sequence[Candidate], wanted: int
) -> tuple[list[Candidate], list[Candidate]]:
    """(so many of the candidates that fit the arenas of devices with storage, those before the
    first of them that do not)."""
    chosen: list[Candidate] = []
    skipped: list[Candidate] = []
    for candidate in candidates:
        if len(chosen) == wanted:
            break
        if _fits_arenas(request, candidate):
            chosen.append(candidate)
        elif not chosen:
            skipped.append(candidate)
    return chosen, skipped


def _fits_arenas(request: FitRequest, candidate: Candidate) -> bool:
    """Whether a point has room on all devices with storage, with the gaps of an arena."""
    sweep = request.sweeps[candidate.sweep]
    devices = [device for device in sweep.devices if device.storage is not None]
    if not devices:
        return True
    (network,) = sweep.networks
    knobs = {**network.model.knobs, **_settings(network, candidate.row)}
    analysis = analyze_network(
        elaborate(network.model.spec, knobs), devices, precision=candidate.row["precision"]
    )
    checks = [check for each in analysis.devices for check in each.memory_fits]
    return all(check.fits is not False for check in checks)


def _settings(network: Network, row: Mapping[str, Any]) -> dict[str, Any]:
    """The swept knobs of a row as they were stated: rows have flags and sides as words."""
    knobs = {}
    for name, values in network.axes.items():
        value = row[name]
        if isinstance(value, str):
            value = next(each for each in values if word_of(each) == value)
        knobs[name] = value
    return knobs


def _size(request: FitRequest, candidate: Candidate) -> Size:
    """A point with all costs that are shown. Accuracies are those of the point among all."""
    sweep = request.sweeps[candidate.sweep]
    (network,) = sweep.networks
    knobs = _settings(network, candidate.row)
    size = _size_at(request, candidate.sweep, knobs, candidate.row["precision"])
    assert size is not None, "it was evaluated before"
    return size


def _size_at(
    request: FitRequest, number: int, knobs: Mapping[str, Any], precision: str
) -> Size | None:
    """The point of a network at a setting; None where it is no network."""
    sizes = _sizes(request, number, {name: (value,) for name, value in knobs.items()}, precision)
    return sizes[0] if sizes else None


def _sizes(
    request: FitRequest, number: int, axes: Mapping[str, tuple[Any, ...]], precision: str
) -> list[Size]:
    """All points of a network over `axes`, with all costs that are shown."""
    (sweep,) = _restricted(request, number, axes, precision).sweeps
    metrics = dict.fromkeys((*sweep.metrics, *SHOWN, *named(("latency_low", "latency_high"))))
    part = replace(sweep, metrics=tuple([metric for metric in COMPUTED if metric in metrics]))
    network = request.sweeps[number].networks[0]
    sizes = []
    for table in evaluate(part):
        uses = [limit.values(table) for limit in part.limits]
        for i in range(length_of(table)):
            row = row_of(part.columns, table, i)
            aim = row[request.column_of(sweep)]
            sizes.append(Size(
                network=sweep.networks[0], precision=precision,
                knobs=_settings(network, row), aim=aim, values=row,
                uses=tuple([
                    Use(limit, _known(None if values is None else float(values[i])))
                    for limit, values in zip(part.limits, uses, strict=True)
                ]),
            ))  # fmt: skip
    return sizes


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else value


def _steps(request: FitRequest, best: Candidate) -> tuple[Step, ...]:
    """One step down and one up from the best size, along each knob of numbers."""
    (network,) = request.sweeps[best.sweep].networks
    knobs = _settings(network, best.row)
    steps = []
    for name in _sizing_knobs(network):
        ordered = sorted(network.axes[name])
        place = ordered.index(knobs[name])
        for is_up, other in ((False, place - 1), (True, place + 1)):
            if 0 <= other < len(ordered):
                setting = {**knobs, name: ordered[other]}
                size = _size_at(request, best.sweep, setting, best.row["precision"])
                steps.append(Step(name, is_up, size, ordered[other]))
    return tuple(steps)


def _sizing_knobs(network: Network) -> list[str]:
    """The knobs of numbers that change a cost."""
    return [
        name
        for name, values in network.axes.items()
        if len(values) > 1
        and knob_type(values) in ("int64", "float64")
        and changes_cost(network.model, name, values)
    ]


def _line(request: FitRequest, best: Candidate) -> Line | None:
    """For values of the knob that has the fewest, the best size by that which has most; None of a
    network with less than two knobs of numbers."""
    (network,) = request.sweeps[best.sweep].networks
    knobs = [name for name in _sizing_knobs(network) if name != BATCH]
    if len(knobs) < 2:
        return None
    along = max(knobs, key=lambda name: len(network.axes[name]))
    across = min((name for name in knobs if name != along),
                 key=lambda name: len(network.axes[name]))  # fmt: skip
    setting = _settings(network, best.row)
    values = _thinned(sorted(network.axes[across]), setting[across])
    axes = {name: (value,) for name, value in setting.items()}
    axes |= {across: tuple(values), along: tuple(network.axes[along])}
    part = _restricted(request, best.sweep, axes, best.row["precision"])
    seen = {value: FitScan(part, _CANDIDATES) for value in values}
    for table in evaluate(part.sweeps[0], objectives_alone=True):
        for value in values:
            at = table[across] == value
            seen[value].add(0, {name: column if column is None else column[at]
                                for name, column in table.items()})  # fmt: skip
    rows = []
    for value in values:
        fitting = _with_arenas(part, seen[value].best, 1)[0]
        rows.append((value, _size(part, fitting[0]) if fitting else None))
    return Line(across, along, tuple(rows))


def _restricted(
    request: FitRequest, number: int, axes: Mapping[str, tuple[Any, ...]], precision: str
) -> FitRequest:
    """The points of one network over `axes` at one precision."""
    sweep = request.sweeps[number]
    network = replace(sweep.networks[0], axes=axes)
    part = replace(sweep, networks=(network,), axes=axes, precisions=(precision,))
    return replace(request, sweeps=(part,))


def _thinned(values: Sequence[Any], kept: Any) -> list[Any]:
    """At most `_MOST_ROWS` of the values, evenly spread, with the first, the last and `kept`."""
    if len(values) <= _MOST_ROWS:
        return list(values)
    last = len(values) - 1
    places = {round(i * last / (_MOST_ROWS - 2)) for i in range(_MOST_ROWS - 1)}
    return [values[i] for i in sorted(places | {values.index(kept)})]
