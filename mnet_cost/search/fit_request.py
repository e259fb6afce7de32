"""What is fitted: networks with values of their knobs, an aim and limits, all of it checked.

Each network has values of knobs of its own, so each is a sweep of its own. Limits are those that
are stated, and the memories of the devices. Not here: the points (`fit_scan.py`, `fit.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mnet_cost.analysis.work import settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, Source, Span, UsageError, did_you_mean
from mnet_cost.metrics import METRICS, find_metric, named
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate
from mnet_cost.search.accuracies import PRECISION, Accuracy, Surface, surfaces_of
from mnet_cost.search.blocks import column_of
from mnet_cost.search.limits import Limit, parse_limits
from mnet_cost.search.networks import with_knobs
from mnet_cost.search.objectives import Direction, Objective, objective_of
from mnet_cost.search.single import knob_type
from mnet_cost.search.sweep_request import Network, SweepRequest, plan_sweep, refuse_twins
from mnet_cost.search.usual_values import usual_values
from mnet_cost.units import format_capacity


class Aim(NamedTuple):
    """What the best size has the most of, or the least: a column, or a knob."""

    objective: Objective | None
    knob: str | None
    direction: Direction
    was_asked: bool = True

    @property
    def sign(self) -> float:
        """What makes less of it better."""
        return 1.0 if self.direction == "less" else -1.0

    @property
    def column(self) -> str:
        """The name of its column."""
        return self.knob or (self.objective.column if self.objective is not None else "")

    @property
    def title(self) -> str:
        return self.knob or (self.objective.title if self.objective is not None else "")

    @property
    def accuracy(self) -> Accuracy | None:
        return self.objective.accuracy if self.objective is not None else None


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

    @property
    def precisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for sweep in self.sweeps for each in sweep.precisions))

    @property
    def devices(self) -> tuple[DeviceProfile, ...]:
        return self.sweeps[0].devices

    def untried(self, network: Network) -> tuple[list[str], int]:
        """(knobs of a network that keep their values, how many choices of blocks keep their first
        option)."""
        spec, knobs = network.model.spec, network.model.knobs
        kept = [name for name in spec.knobs if name not in network.axes and name not in knobs]
        choices = elaborate(spec, {**knobs, **{name: values[0] for name, values
                                               in network.axes.items()}}).choices  # fmt: skip
        return kept, len([path for path in choices if path not in network.axes])


def plan_fit(
    names: Sequence[str],
    models: Sequence[Model],
    axes: Mapping[str, Sequence[Any]],
    devices: Sequence[DeviceProfile] = (),
    *,
    precisions: Sequence[str] | None = None,
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
    Accuracies are compared on one dataset. Raises `UsageError` for what cannot be,
    `ModelReferenceError` for a knob that no network has.
    """
    if not models:
        raise UsageError(Problem("a fit needs a network", hint="mnet-cost fit mobilenet_v1"))
    if precisions is not None and not precisions:
        raise UsageError("a fit needs a precision")
    if top < 1:
        raise UsageError(f"of the best sizes one or more are shown, not {top}")
    _check_confidence(confidence)
    with_knobs(models, axes)  # refuses a knob that no network has
    values = [_values(model, axes) for model in models]
    known = [
        _accuracies(model, own) if PRECISION in _precisions(model, precisions) else ()
        for model, own in zip(models, values, strict=True)
    ]
    accuracies = tuple(dict.fromkeys(accuracy for own in known for accuracy in own))
    bounds = _with_capacities(parse_limits(limits, devices, accuracies), devices)
    if confidence is not None:
        bounds = tuple([limit.with_confidence(confidence) for limit in bounds])
    aim = _aim(values, devices, accuracies, maximize, minimize)
    asked = (aim.accuracy, *[each.accuracy for limit in bounds for each in limit.objectives])
    needed = [accuracy for accuracy in asked if accuracy is not None]
    sweeps, left_out = [], []
    for name, model, own, published in zip(names, models, values, known, strict=True):
        reason = _why_not(model, own, aim, needed, published)
        if reason is not None:
            left_out.append((name, reason))
            continue
        sweeps.append(
            plan_sweep(
                [name],
                [model],
                own,
                devices,
                precisions=precisions,
                metrics=_NEEDED,
                objectives=_objectives(aim),
                limits=bounds,
                lower_bound=lower_bound,
            )
        )
    if not sweeps:
        said = "; ".join(": ".join(pair) for pair in left_out)
        raise UsageError(Problem(said, hint="name another aim, as in `--maximize mult_adds`"))
    refuse_twins([sweep.networks[0] for sweep in sweeps])
    return FitRequest(
        sweeps=tuple(sweeps),
        aim=aim,
        limits=bounds,
        confidence=confidence,
        top=top,
        left_out=tuple(left_out),
    )


_NEEDED = named(("mult_adds", "params", "weight_bytes", "memory"))
"""Metrics of aims, and of the memories of devices."""


def _precisions(model: Model, asked: Sequence[str] | None) -> Sequence[str]:
    """The precisions at which a network is looked at."""
    return [settle_precision(model.spec, None).name] if asked is None else asked


def _check_confidence(confidence: float | None) -> None:
    if confidence is not None and not 0.5 <= confidence < 1:
        said = f"a confidence is from 0.5 to below 1, not {confidence:g}"
        hint = "0.9 asks that 9 of 10 measurements are within the limits"
        raise UsageError(Problem(said, hint=hint))


def _values(model: Model, axes: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The values of each knob that is tried, in the order of the spec; choices of blocks last."""
    known = {*model.spec.knobs, BATCH}
    if any("." in name for name in axes):
        known |= set(elaborate(model.spec, model.knobs).choices)
    stated = {name: values for name, values in axes.items() if name in known}
    usual = {name: values for name, values in usual_values(model).items() if name not in stated}
    places = {name: place for place, name in enumerate((*model.spec.knobs, BATCH))}
    both = {**usual, **stated}
    return {name: both[name] for name in sorted(both, key=lambda name: places.get(name, 1_000_000))}


def _accuracies(model: Model, values: Mapping[str, Sequence[Any]]) -> tuple[Accuracy, ...]:
    """Those that are published for a setting that is tried."""
    fixed = {name: value for name, value in model.knobs.items() if name not in values}
    surfaces: tuple[Surface, ...] = surfaces_of(model._replace(knobs=fixed), values)
    return tuple([surface.accuracy for surface in surfaces])


def _aim(
    values: Sequence[Mapping[str, Sequence[Any]]],
    devices: Sequence[DeviceProfile],
    accuracies: Sequence[Accuracy],
    maximize: str | None,
    minimize: str | None,
) -> Aim:
    if maximize is not None and minimize is not None:
        raise UsageError("a fit has one aim: state `maximize` or `minimize`")
    word = minimize if maximize is None else maximize
    direction: Direction = "more" if minimize is None else "less"
    if word is None:
        first = accuracies[0].column if accuracies else "mult_adds"
        objective = objective_of(first, devices, accuracies)._replace(direction="more")
        return Aim(objective, None, "more", was_asked=False)
    option = "--maximize" if minimize is None else "--minimize"
    span = Span(Source(option, word), 1, 1, max(len(word), 1) + 1)
    axes = [own[word] for own in values if word in own]
    if axes and not any(word == metric.name for metric in METRICS):
        if not all(knob_type(axis) in ("int64", "float64") for axis in axes):
            said = f"the values of `{word}` are no numbers, of which one is the most"
            raise UsageError(Problem(said, span))
        return Aim(None, word, direction)
    try:
        objective = objective_of(word, devices, accuracies)
    except UsageError as error:
        hint = did_you_mean(word, [name for own in values for name in own])
        raise UsageError([
            problem._replace(span=span, hint=hint or problem.hint) for problem in error.problems
        ]) from None  # fmt: skip
    return Aim(objective._replace(direction=direction), None, direction)


def _why_not(
    model: Model,
    values: Mapping[str, Sequence[Any]],
    aim: Aim,
    needed: Sequence[Accuracy],
    published: Sequence[Accuracy],
) -> str | None:
    """Why a network has nothing to compare; None where it has."""
    if aim.knob is not None and aim.knob not in values:
        if aim.knob not in model.spec.knobs:
            return f"it has no knob `{aim.knob}`"
        return f"no values of `{aim.knob}` are tried"
    for accuracy in needed:
        if accuracy not in published:
            what = accuracy.metric.title
            others = [str(each.dataset) for each in published if each.name == accuracy.name]
            if others:
                return f"its {what} is published for {others[0]}, not for {accuracy.dataset}"
            return f"no {what} is published for a size that is tried"
    return None


def _objectives(aim: Aim) -> tuple[Objective, ...]:
    """The aim, and what decides between sizes that have the same of it: less work; of sizes with
    the same value of a knob, more."""
    mult_adds, params = [Objective(metric, column_of(metric))
                         for metric in named(("mult_adds", "params"))]  # fmt: skip
    if aim.objective is None:
        return (mult_adds._replace(direction="more"),)
    tie = params if aim.column == mult_adds.column else mult_adds
    return (aim.objective, tie)


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


def with_axes(
    request: FitRequest, number: int, axes: Mapping[str, tuple[Any, ...]], precision: str
) -> FitRequest:
    """The points of one network over `axes` at one precision, with what is published for all."""
    sweep = request.sweeps[number]
    network = replace(sweep.networks[0], axes=axes, precisions=(precision,))
    part = replace(sweep, networks=(network,), axes=axes, precisions=(precision,))
    return replace(request, sweeps=(part,))
