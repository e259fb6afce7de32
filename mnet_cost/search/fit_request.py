"""What is fitted: networks with values of their knobs, an aim and limits, all of it checked.

Each network has values of knobs of its own, so each is a sweep of its own. Limits are those that
are stated, and the memories of the devices. Not here: the points (`fit_scan.py`, `fit.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.metrics import METRICS, find_metric, named
from mnet_cost.models.published import ACCURACIES
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate
from mnet_cost.search.accuracies import PRECISION, Surface, surfaces_of
from mnet_cost.search.blocks import column_of
from mnet_cost.search.limits import Limit
from mnet_cost.search.networks import with_knobs
from mnet_cost.search.objectives import Direction, Objective
from mnet_cost.search.sweep_request import SweepRequest, plan_sweep, refuse_twins
from mnet_cost.search.usual_values import usual_values
from mnet_cost.units import format_capacity


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
