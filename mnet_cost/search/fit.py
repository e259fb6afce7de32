"""The best size of some networks within limits: the exact best point of all that are tried.

    request = plan_fit(names, models, {}, devices, limits=["latency@pixel_1_tflite<=20ms"])
    fit = find_fit(request)

All points are evaluated as a sweep evaluates them, each network with its own values of knobs, and
seen once. Beside the best points two things are kept: the point that comes closest to the limits,
and of the points that are better than the best one but over a limit those that no other is better
and closer than. Not here: values of knobs that nobody states (`usual_values.py`), reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mnet_cost.analysis import analyze_network
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.metrics import METRICS, find_metric, named
from mnet_cost.models.published import ACCURACIES
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate
from mnet_cost.search.accuracies import PRECISION, Surface, surfaces_of
from mnet_cost.search.blocks import COMPUTED, column_of
from mnet_cost.search.limits import Limit, excess_of
from mnet_cost.search.networks import with_knobs
from mnet_cost.search.objectives import Direction, Objective
from mnet_cost.search.single import knob_type, word_of
from mnet_cost.search.summary import Table, length_of, row_of
from mnet_cost.search.sweep import Progress, evaluate
from mnet_cost.search.sweep_request import Network, SweepRequest, plan_sweep, refuse_twins
from mnet_cost.search.usual_values import changes_cost, usual_values
from mnet_cost.units import format_capacity

SHOWN = named(("mult_adds", "params", "weight_bytes", "peak_memory", "latency", "energy", "memory"))
"""Costs that are known of each size of a fit."""

_MOST_ROWS = 9
"""Values of a knob for which the line of equal cost has a row."""
_CANDIDATES = 32
"""Best points that are kept beyond those that are asked for: the arena of a device with storage can
need more than its largest live set, which only an analysis of one network knows."""


class Aim(NamedTuple):
    """What the best size has the most of, or the least."""

    name: str
    """A metric, or a knob."""
    direction: Direction
    is_knob: bool = False
    was_asked: bool = True

    @property
    def sign(self) -> float:
        """What makes less of it better."""
        return 1.0 if self.direction == "less" else -1.0

    @property
    def title(self) -> str:
        return self.name if self.is_knob else find_metric(self.name.partition("@")[0]).title


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """What is tried, and what is asked of it; all of it was checked."""

    sweeps: tuple[SweepRequest, ...]
    """One for each network, with its own values of knobs."""
    aim: Aim
    limits: tuple[Limit, ...]
    confidence: float | None
    """That the end of a band is within the limits; None where the number itself is to be."""
    top: int
    """How many of the best points are asked for."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Networks that cannot be compared, and why."""

    @property
    def points(self) -> int:
        return sum(sweep.points for sweep in self.sweeps)

    def column_of(self, sweep: SweepRequest) -> str:
        """The column of the aim."""
        return self.aim.name if self.aim.is_knob else sweep.objectives[0].column


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


def plan_fit(
    names: Sequence[str],
    models: Sequence[Model],
    axes: Mapping[str, Sequence[Any]],
    devices: Sequence[DeviceProfile] = (),
    *,
    precisions: Sequence[str] = (PRECISION,),
    limits: Sequence[str | Limit] = (),
    maximize: str | None = None,
    minimize: str | None = None,
    confidence: float | None = None,
    top: int = 5,
    lower_bound: bool = False,
) -> FitRequest:
    """What is to be fitted: `models` with the values of `axes`, and with the usual values of their
    other knobs.

    The aim is the metric or knob that `maximize` or `minimize` names; without both an accuracy
    where one is published, else mult-adds, since costs alone grow with what a network can learn.
    Raises `UsageError` for what cannot be, `ModelReferenceError` for a knob that no network has.
    """
    if confidence is not None and not 0.5 <= confidence < 1:
        said = f"a confidence is from 0.5 to below 1, not {confidence:g}"
        wanted = "0.9 asks that 9 of 10 measurements are within the limits"
        raise UsageError(Problem(said, hint=wanted))
    if maximize is not None and minimize is not None:
        raise UsageError("a fit has one aim: state `maximize` or `minimize`")
    with_knobs(models, axes)  # refuses a knob that no network has
    stated = [_stated(model, axes) for model in models]
    aim = _aim(models, stated, maximize, minimize, precisions)
    asked = (aim.name, *[_limited(limit) for limit in limits])
    needed = [column for column in asked if _base(column) in ACCURACIES]
    sweeps, left_out = [], []
    for name, model, own in zip(names, models, stated, strict=True):
        values = {**usual_values(_without(model, own), without_cost=bool(needed)), **own}
        reason = _why_not(model, values, aim, needed, precisions)
        if reason is not None:
            left_out.append((name, reason))
            continue
        sweep = plan_sweep(
            [name], [model], values, devices, precisions=precisions,
            metrics=_NEEDED, objectives=_objectives(aim), lower_bound=lower_bound, limits=limits,
        )  # fmt: skip
        bounds = _with_capacities(sweep.limits, devices)
        if confidence is not None:
            bounds = tuple([limit.with_confidence(confidence) for limit in bounds])
        sweeps.append(replace(sweep, limits=bounds))
    if not sweeps:
        said = "; ".join(": ".join(pair) for pair in left_out)
        hint = "--maximize mult_adds takes the largest network" if needed else None
        raise UsageError(Problem(said, hint=hint))
    refuse_twins([sweep.networks[0] for sweep in sweeps])
    return FitRequest(
        sweeps=tuple(sweeps), aim=aim, limits=sweeps[0].limits, confidence=confidence,
        top=max(1, top), left_out=tuple(left_out),
    )  # fmt: skip


_NEEDED = named(("mult_adds", "params", "weight_bytes", "memory"))
"""Metrics of aims, and of the memories of devices."""


def _base(name: str) -> str:
    return name.partition("@")[0]


def _limited(limit: str | Limit) -> str:
    """The metric of a limit as it was typed."""
    if isinstance(limit, Limit):
        return limit.objective.metric.name
    return limit.partition("<")[0].partition(">")[0].strip()


def _stated(model: Model, axes: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Those of `axes` that the model has, which may be choices of its blocks."""
    known = {*model.spec.knobs, BATCH}
    if any("." in name for name in axes):
        known |= set(elaborate(model.spec, model.knobs).choices)
    return {name: values for name, values in axes.items() if name in known}


def _without(model: Model, own: Mapping[str, Any]) -> Model:
    """The model with the first of the stated values, whose other knobs are looked at."""
    return model._replace(knobs={**model.knobs, **{name: each[0] for name, each in own.items()}})


def _aim(
    models: Sequence[Model],
    stated: Sequence[Mapping[str, Any]],
    maximize: str | None,
    minimize: str | None,
    precisions: Sequence[str],
) -> Aim:
    word: str | None = maximize or minimize
    if word is None:
        for model, own in zip(models, stated, strict=True):
            values = {**usual_values(_without(model, own), without_cost=True), **own}
            accuracies = [surface.accuracy.column for surface in _surfaces(model, values)]
            if accuracies and PRECISION in precisions:
                return Aim(accuracies[0], "more", was_asked=False)
        return Aim("mult_adds", "more", was_asked=False)
    direction: Direction = "more" if maximize is not None else "less"
    is_metric = any(_base(word) in (m.name, m.key, m.file_key) for m in METRICS)
    is_knob = not is_metric and any(
        word in model.spec.knobs or word in own for model, own in zip(models, stated, strict=True)
    )
    if not is_metric and not is_knob:
        names = [*(metric.name for metric in METRICS), *(k for m in models for k in m.spec.knobs)]
        hint = did_you_mean(word, names) or "`--maximize mult_adds`, or the name of a knob"
        raise UsageError(Problem(f"`{word}` is no metric, and no knob of a network here",
                                 hint=hint))  # fmt: skip
    return Aim(word, direction, is_knob)


def _surfaces(model: Model, values: Mapping[str, Sequence[Any]]) -> tuple[Surface, ...]:
    return surfaces_of(
        model._replace(knobs={k: v for k, v in model.knobs.items() if k not in values}), values
    )


def _why_not(
    model: Model,
    values: Mapping[str, Sequence[Any]],
    aim: Aim,
    needed: Sequence[str],
    precisions: Sequence[str],
) -> str | None:
    """Why a network has nothing to compare; None where it has."""
    if aim.is_knob and aim.name not in values:
        return f"no values of `{aim.name}` are tried" if aim.name in model.spec.knobs else (
            f"it has no knob `{aim.name}`"
        )  # fmt: skip
    known = {
        name
        for surface in (_surfaces(model, values) if needed and PRECISION in precisions else ())
        for name in (surface.accuracy.name, surface.accuracy.column)
    }
    missing = [name for name in needed if name not in known]
    if missing:
        return f"no {missing[0]} is published for a size that is tried"
    return None


def _objectives(aim: Aim) -> str:
    """The aim, and what decides between sizes that have the same of it: less work; of sizes with
    the same value of a knob, more."""
    if aim.is_knob:
        return "mult_adds:more"
    tie = "params" if aim.name == "mult_adds" else "mult_adds"
    return f"{aim.name}:{aim.direction},{tie}:less"


def _with_capacities(
    limits: tuple[Limit, ...], devices: Sequence[DeviceProfile]
) -> tuple[Limit, ...]:
    """`limits` and the memories of the devices; of two on one column the tighter one."""
    bounds = {(limit.column, limit.is_most): limit for limit in limits}
    for device in devices:
        weights = Objective(find_metric("weight_bytes"), column_of(find_metric("weight_bytes")))
        needed = find_metric("memory")
        memory = Objective(needed, column_of(needed, device), device)
        for level, objective in ((device.main_memory, memory), (device.storage, weights)):
            if level is None or level.size_bytes is None:
                continue
            size = level.size_bytes.value
            text = f"{level.name} of {device.name}, {format_capacity(size)}"
            stated = bounds.get((objective.column, True))
            if stated is None or stated.value > size:
                bounds[objective.column, True] = Limit(objective, True, size, text)
    return tuple(bounds.values())


class _Seen:
    """What is kept of the points so far."""

    def __init__(self, request: FitRequest, keep: int) -> None:
        self.request = request
        self.keep = keep
        self.valid = self.within = self.unknown_aim = 0
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


def find_fit(request: FitRequest, progress: Progress | None = None) -> Fit:
    """The best sizes of a request, and what is around them."""
    seen = _seen(request, request.top + _CANDIDATES, progress)
    chosen, skipped = _with_arenas(request, seen.best, request.top)
    while not chosen and skipped and len(seen.best) < seen.within:
        seen = _seen(request, 8 * seen.keep, progress)  # all of them had too large an arena
        chosen, skipped = _with_arenas(request, seen.best, request.top)
    result = Fit(request=request, valid=seen.valid, within=seen.within,
                 unknown_aim=seen.unknown_aim, broken=dict(seen.broken),
                 skipped=tuple([_size(request, each) for each in skipped]))  # fmt: skip
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


def _seen(request: FitRequest, keep: int, progress: Progress | None = None) -> _Seen:
    seen, before = _Seen(request, keep), 0

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, request.points)

    for number, sweep in enumerate(request.sweeps):
        for table in evaluate(sweep, report, seen.broken, objectives_alone=True):
            seen.add(number, table)
        before += sweep.points
    return seen


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
    seen = {value: _Seen(part, _CANDIDATES) for value in values}
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
