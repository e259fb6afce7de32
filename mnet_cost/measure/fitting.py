"""Measured times to a fit of one form: cost coefficients, or a roofline, and how far off each is.

What is stated of the error is what was left out: a family at a time, or where there is one family,
a network at a time. Both what was fitted and what was left out are predicted as reports show them:
by kernels that take no less than their lower bounds. Bands are as wide as the shared ones, wider if
what was left out or what was measured twice says so. Not here: which form is taken.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from mnet_cost.analysis.terms import network_amounts
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import SharedCoefficients, of_another_runtime
from mnet_cost.devices.latency_models import (
    CoefficientFit,
    FittedOn,
    HeldOut,
    LatencyFit,
    RooflineFit,
    Spread,
)
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES, moved_together
from mnet_cost.measure.arrays import Array, Mask
from mnet_cost.measure.coefficient_solver import (
    NOISE,
    Solution,
    deviation,
    shown_seconds,
    solve,
)
from mnet_cost.measure.drift import noise_floor
from mnet_cost.measure.least_times import lower_bounds_of
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.mult_adds_alone import left_out_by_mult_adds
from mnet_cost.measure.networks import Kernels
from mnet_cost.measure.plausibility import repeat_noise
from mnet_cost.measure.rooflines import Work, choose_shape, fit_roofline
from mnet_cost.measure.settings import Setting

T = TypeVar("T")

FEWEST_FOR_BAND = 4
"""Times that were left out; fewer say nothing against the shared band."""
_MOST_GROUPS = 20
"""Up to so many groups are left out, since each group needs a fit of its own."""
_TAKES_PART = 0.01
"""Share of the time of some network that a term takes which the fit has seen."""
_CHANCE = 1.28
"""Standard deviations by which the share in a band may fall short by chance."""
_IN_BAND = 0.8
_FEWEST_TO_NARROW = 30
"""Times that were left out, for a band narrower than the shared one."""
_FEWEST_FAMILIES = 8
"""Of these: a grid of two designs is easier than the next network."""
_LEAST_WIDTH = 0.5
"""Half a band in standard deviations, whatever a table says."""
_FEWEST_TO_CHOOSE = 4
"""Networks that can tell one setting from another."""
_MORE_PROBABLE = 2.0
"""Difference of the logarithms of evidence that another setting must have: seven times as
probable."""
_CLEARLY_LESS = 0.85
"""Part of the left-out error that it must not exceed. Both were chosen on published tables of ten
runtimes: with less, what four networks gain on some tables they lose on others."""
_MOST_OFF = 0.5
"""Logarithm that an error counts at most, so that one odd network does not decide."""

TELLS = 0.2
"""Part of the time of a small graph that a term must take, so that the graph tells its
coefficient."""
WIDER = 5.0
"""How many times as wide the prior of such a coefficient is."""
SMALL_GRAPH_NOISE = 0.2
"""Scale of the errors of small graphs, in natural logarithms. A network has many kernels, whose
errors cancel; a small graph has one kind."""
BESIDE_SMALL_GRAPHS = Spread(width=1.15, noise=0.08)
"""The least band of a fit to small graphs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fit, and what each measurement was predicted to be when it was left out."""

    fit: LatencyFit
    form: str
    measurements: tuple[Measurement, ...]
    fitted_s: tuple[float, ...]
    held_out_s: tuple[float | None, ...]
    """None where nothing was left to fit to."""
    half_widths: tuple[float | None, ...]
    """Half the widths of the ranges of the held-out times, in natural logarithms."""
    notes: tuple[str, ...]
    kernel_rules: frozenset[str]
    """Those of the setting that was taken: times of a fit hold for kernels of these rules."""


class Measured(NamedTuple):
    """Measured times with what fits of both forms are made of, one entry a row."""

    rows: tuple[Measurement, ...]
    kernels: Sequence[Kernels]
    lower_bounds: Sequence[Array]
    """Least seconds of each kernel."""
    seconds: Array
    groups: Sequence[str]
    """The group of each row: rows of one group are left out together. Small graphs have an empty
    one, which never is."""
    protocol: str
    """The words for that."""
    source: str

    @property
    def noise(self) -> float:
        """Of times of one network."""
        return repeat_noise(self.rows)

    @property
    def small(self) -> Mask:
        """Which rows are small graphs."""
        return np.array([row.is_small_graph for row in self.rows])

    @property
    def mult_adds(self) -> Array:
        """Of one inference of each row."""
        return np.array(
            once(self.kernels, lambda kernels: float(sum(kernel.mult_adds for kernel in kernels)))
        )

    def of_networks(self) -> Measured:
        """Without small graphs."""
        if not self.small.any():
            return self
        kept = [int(i) for i in np.flatnonzero(np.logical_not(self.small))]
        return self._replace(
            rows=tuple(self.rows[i] for i in kept),
            kernels=[self.kernels[i] for i in kept],
            lower_bounds=[self.lower_bounds[i] for i in kept],
            seconds=self.seconds[kept],
            groups=[self.groups[i] for i in kept],
        )

    @property
    def held_out_groups(self) -> tuple[str, ...]:
        """Groups that are left out in turn."""
        return tuple(group for group in dict.fromkeys(self.groups) if group)


def measured_times(
    rows: tuple[Measurement, ...],
    kernels: Sequence[Kernels],
    peaks: DeviceProfile | None,
    source: str,
) -> Measured:
    lower_bounds = once(
        kernels, lambda network_kernels: lower_bounds_of(network_kernels, peaks, rows[0].precision)
    )
    seconds = np.array([row.latency_s for row in rows])
    return Measured(rows, kernels, lower_bounds, seconds, *_groups(rows), source)


def once(kernels: Sequence[Kernels], make: Callable[[Kernels], T]) -> list[T]:
    """`make(kernels)` for each row; called once for a network that was measured several times."""
    distinct = {id(network_kernels): network_kernels for network_kernels in kernels}
    made = {key: make(network_kernels) for key, network_kernels in distinct.items()}
    return [made[id(network_kernels)] for network_kernels in kernels]


def _groups(rows: Sequence[Measurement]) -> tuple[list[str], str]:
    """The group of each row, and words for the grouping of networks: by family, network or
    batch."""
    networks = [row for row in rows if not row.is_small_graph]
    if len(networks) < len(rows):
        named, protocol = _groups(networks) if networks else ([], "")
        if len(set(named)) == 1:
            protocol = "all networks"
        names = iter(named)
        return ["" if row.is_small_graph else next(names) for row in rows], protocol
    families = [row.family for row in rows]
    if len(set(families)) > 1:
        return families, "one family at a time"
    models = {row.model: None for row in rows}
    if len(models) > _MOST_GROUPS:
        # Neighbours in a file are alike, so they are dealt out in turn.
        turn = {model: str(i % _MOST_GROUPS) for i, model in enumerate(models)}
        return [turn[row.model] for row in rows], f"1 network of {_MOST_GROUPS} at a time"
    if len(models) > 1:
        return [row.model for row in rows], "one network at a time"
    return [str(row.batch) for row in rows], "one batch at a time"


class Trial(NamedTuple):
    """A setting, and what a fit to the measured networks under it is made of."""

    setting: Setting
    shared: SharedCoefficients
    tile: int
    parts: Sequence[Array]
    """Of each row, the amounts of each kernel."""
    lower_bounds: Sequence[Array]
    amounts: Array
    """[rows, terms]"""
    small: Mask
    """Which rows are small graphs."""
    is_of_another_runtime: bool = False
    """Whether spreads are those of runtimes, not of devices."""

    @property
    def coefficients(self) -> Array:
        return np.array(self.shared.coefficients)

    @property
    def spreads(self) -> Array:
        """Of the prior: wide where small graphs tell."""
        return spreads_beside(self.amounts[self.small], self.shared)

    @property
    def noise(self) -> Array:
        """Scale of the errors of each row."""
        return np.where(self.small, SMALL_GRAPH_NOISE, NOISE)

    def of_another_runtime(self) -> Trial:
        """Of a runtime that the shared coefficients are not of, before anything is left out."""
        shared = of_another_runtime(self.shared)
        return self._replace(shared=shared, is_of_another_runtime=shared is not self.shared)

    def solved(self, seconds: Array, seen: Mask) -> Solution:
        """The fit to the rows of a mask."""
        return solve(
            self.amounts[seen],
            seconds[seen],
            self.coefficients,
            self.spreads,
            together=np.array(moved_together(self.shared.together)),
            noise=self.noise[seen],
        )

    def predicted(self, solution: Solution, rows: Mask) -> Array:
        """Times of the rows of a mask, as reports show them."""
        places = np.flatnonzero(rows)
        return shown_seconds(
            [self.parts[int(i)] for i in places],
            [self.lower_bounds[int(i)] for i in places],
            self.coefficients,
            solution.parameters,
        )


def trial_of(measured: Measured, setting: Setting, tile: int, shared: SharedCoefficients) -> Trial:
    """`measured` has the kernels of the setting's rules."""
    parts = once(
        measured.kernels,
        lambda kernels: np.array(network_amounts(kernels, setting.rules, tile, shared.caches)),
    )
    amounts = np.array([kernel_rows.sum(0) for kernel_rows in parts])
    return Trial(setting, shared, tile, parts, measured.lower_bounds, amounts, measured.small)


def spreads_beside(small_graphs: Array, shared: SharedCoefficients) -> Array:
    """Spreads of the prior [terms] beside the amounts of small graphs [graphs, terms]: wide of the
    terms that take a part of one of them, so that the graph tells, not other devices."""
    spreads = np.array(shared.spreads)
    if not len(small_graphs):
        return spreads
    times = small_graphs * np.array(shared.coefficients)
    told = (times / times.sum(1)[:, None]).max(0) >= TELLS
    return np.where(told, WIDER * spreads, spreads)


def fit_of_coefficients(measured: Measured, trials: Sequence[Trial]) -> Calibration:
    """The fit under the first setting, or under another one that is clearly better.

    What is left out is predicted under the setting that the rest chooses.
    """
    everything = np.ones(len(measured.rows), dtype=bool)
    held_out, sigmas = _left_out(trials, measured, everything)
    chosen = choose_trial(trials, measured, everything)
    trial, solution = trials[chosen.place], chosen.solution
    allowed = _allowed(trial, measured)
    families = _families(measured, everything)
    spread, widened = _band(held_out, sigmas, measured.seconds, allowed, families)
    fitted = trial.predicted(solution, everything)
    by_coefficients = trial.amounts * trial.coefficients * np.exp(solution.parameters[1:])
    seen = (by_coefficients / by_coefficients.sum(1)[:, None]).max(0) >= _TAKES_PART
    names = tuple(name for name, is_seen in zip(TERM_NAMES, seen, strict=True) if is_seen)
    # The scale is of millions of multiplications; a deviation of nothing is the shared coefficient.
    # What moves together with terms that were seen is known from them.
    known = seen | (
        (np.array(moved_together(trial.shared.together)) > 0) & (trial.coefficients > 0)
    )
    fit = CoefficientFit(
        scale_s=Sourced(
            value=float(np.exp(solution.parameters[0])) / 1e6,
            source=measured.source,
            basis="fitted",
        ),
        deviations={
            name: float(value)
            for name, value, is_known in zip(
                TERM_NAMES, solution.parameters[1:], known, strict=True
            )
            if is_known
        },
        covariance=_triangle(solution.covariance, known, np.array(trial.shared.spreads)),
        spread=spread,
        tile=trial.tile,
        shared=trial.shared.name,
        fitted_on=_fitted_on(measured, names),
        held_out=_held_out(measured, held_out),
    )
    notes = []
    if len(measured.rows) == 1:
        notes.append(
            "one measurement: it sets the scale, and cost coefficients are the shared ones"
        )
    if trial.is_of_another_runtime:
        notes.append(
            "the band is as wide as runtimes differ: coefficients were fitted to none of this name"
        )
    if chosen.place:
        notes.append(
            f"fitted as for {trial.setting.words}: what was left out was "
            f"{100 * chosen.error:.0f} % off in the mean, and as for {trials[0].setting.words} "
            f"{100 * chosen.own_error:.0f} %"
        )
    if widened:
        notes.append("the band is wider than the shared one: what was left out was further off")
    if allowed.noise > _usual(trial, measured).noise:
        notes.append(
            "the band is wider than the shared one: times of one network differ by "
            f"{100 * math.expm1(allowed.noise):.0f} % from time to time"
        )
    return Calibration(
        fit=fit,
        form="coefficients",
        measurements=measured.rows,
        fitted_s=tuple(map(float, fitted)),
        held_out_s=_or_none(held_out),
        half_widths=_or_none(spread.width * sigmas),
        notes=tuple(notes),
        kernel_rules=trial.setting.rules,
    )


def band_of(trials: Sequence[Trial], measured: Measured, chosen: Trial, seen: Mask) -> Spread:
    """The band of a fit under `chosen` to the rows of the mask alone."""
    held_out, sigmas = _left_out(trials, measured, seen)
    allowed = _allowed(chosen, measured)
    return _band(held_out, sigmas, measured.seconds, allowed, _families(measured, seen))[0]


def _allowed(trial: Trial, measured: Measured) -> Spread:
    """The usual band, which cannot be narrower than what one network takes from time to time."""
    usual = _usual(trial, measured)
    return replace(usual, noise=max(usual.noise, measured.noise))


def _usual(trial: Trial, measured: Measured) -> Spread:
    """The band of devices of a kind, or that of fits to small graphs."""
    return BESIDE_SMALL_GRAPHS if measured.small.any() else trial.shared.measured


def _families(measured: Measured, seen: Mask) -> int:
    """Of the networks among the rows of the mask."""
    networks = seen & np.logical_not(measured.small)
    return len(
        {row.family for row, is_network in zip(measured.rows, networks, strict=True) if is_network}
    )


def _left_out(trials: Sequence[Trial], measured: Measured, seen: Mask) -> tuple[Array, Array]:
    """Times of the rows of the mask, each group from the others under the setting that these
    choose, and standard deviations of their logarithms; NaN where there is none."""
    held_out, sigmas = np.full(len(measured.rows), np.nan), np.full(len(measured.rows), np.nan)
    groups = np.array(measured.groups)
    for group in measured.held_out_groups:
        out, rest = seen & (groups == group), seen & (groups != group)
        if not out.any() or not rest.any():
            continue
        choice = choose_trial(trials, measured, rest)
        trial, solution = trials[choice.place], choice.solution
        held_out[out] = trial.predicted(solution, out)
        sigmas[out] = deviation(
            trial.amounts[out], trial.coefficients, solution, _allowed(trial, measured).noise
        )
    return held_out, sigmas


class Choice(NamedTuple):
    """Which setting rows speak for."""

    place: int
    """0 is the runtime's own."""
    solution: Solution
    """The fit to these rows."""
    error: float = 0.0
    """Mean error of what was left out under it, each at most `_MOST_OFF`."""
    own_error: float = 0.0
    """The same under the runtime's own."""


def choose_trial(trials: Sequence[Trial], measured: Measured, seen: Mask) -> Choice:
    """The first setting, or one under which the rows of the mask are clearly more probable and are
    predicted clearly better when they are left out: a few networks agree with many by chance."""
    own = trials[0].solved(measured.seconds, seen)
    networks = seen & np.logical_not(measured.small)
    models = {
        row.model for row, is_network in zip(measured.rows, networks, strict=True) if is_network
    }
    if len(trials) == 1 or len(models) < _FEWEST_TO_CHOOSE:
        return Choice(0, own)
    probable = [
        (index, solution)
        for index, trial in enumerate(trials[1:], start=1)
        if (solution := trial.solved(measured.seconds, seen)).evidence
        > own.evidence + _MORE_PROBABLE
    ]
    if not probable:
        return Choice(0, own)
    own_error = _left_out_error(trials[0], measured, seen)
    for index, solution in sorted(probable, key=lambda pair: -pair[1].evidence):
        error = _left_out_error(trials[index], measured, seen)
        if error < _CLEARLY_LESS * own_error:
            return Choice(index, solution, error, own_error)
    return Choice(0, own)


def _left_out_error(trial: Trial, measured: Measured, seen: Mask) -> float:
    """Mean error of the rows of the mask, each group predicted from the others."""
    groups = np.array(measured.groups)
    networks = seen & np.logical_not(measured.small)
    if len(set(groups[networks])) < 2:  # one family: each network from the others
        groups = np.array([row.model for row in measured.rows])
    errors = np.zeros(0)
    for group in dict.fromkeys(groups[networks]):
        out = seen & (groups == group)
        solution = trial.solved(measured.seconds, seen & (groups != group))
        predicted = trial.predicted(solution, out)
        errors = np.append(errors, np.abs(np.log(predicted / measured.seconds[out])))
    return float(np.minimum(errors, _MOST_OFF).mean())


def _band(
    held_out: Array, sigmas: Array, seconds: Array, shared: Spread, families: int = 1
) -> tuple[Spread, bool]:
    """The shared band, or one that holds 80 % of what was left out, if that holds clearly fewer, or
    of many times of many families clearly more; and whether it is wider."""
    known = np.isfinite(held_out)
    count = int(known.sum())
    if count < FEWEST_FOR_BAND:
        return shared, False
    reach = np.abs(np.log(held_out[known] / seconds[known])) / sigmas[known]
    inside = float(np.mean(reach <= shared.width))
    chance = _CHANCE * math.sqrt(_IN_BAND * (1 - _IN_BAND) / count)
    too_narrow = inside < _IN_BAND - chance
    many = count >= _FEWEST_TO_NARROW and families >= _FEWEST_FAMILIES
    too_wide = many and inside > _IN_BAND + chance
    if not too_narrow and not too_wide:
        return shared, False
    # One more is to be inside with the same chance as each of these: conformal prediction.
    share = min(_IN_BAND * (1 + 1 / count), 1.0)
    width = max(float(np.quantile(reach, share)), _LEAST_WIDTH)
    return Spread(width=width, noise=shared.noise), too_narrow


def _triangle(covariance: Array, seen: Array, spreads: Array) -> tuple[tuple[float, ...], ...]:
    """Lower triangle; what was not seen is as uncertain as before, and of nothing else."""
    kept = covariance.copy()
    unseen = np.concatenate([[False], np.logical_not(seen)])
    kept[unseen, :] = 0.0
    kept[:, unseen] = 0.0
    for i in np.flatnonzero(unseen):
        kept[i, i] = spreads[i - 1] ** 2
    return tuple(tuple(map(float, row[: i + 1])) for i, row in enumerate(kept))


def fit_of_roofline(measured: Measured, rules: frozenset[str]) -> Calibration:
    """`measured` has the kernels of these rules. A small graph says nothing of a roofline, in which
    kinds of layers do not differ."""
    measured = measured.of_networks()
    rows, seconds = measured.rows, measured.seconds
    bare = once(
        measured.kernels,
        lambda network_kernels: Work(
            np.array([float(kernel.mult_adds) for kernel in network_kernels]),
            np.array([float(kernel.traffic_bytes) for kernel in network_kernels]),
        ),
    )
    lower_bounds = {
        id(work): lower_bound for work, lower_bound in zip(bare, measured.lower_bounds, strict=True)
    }
    with_lower_bounds = {
        id(work): work._replace(lower_bounds=lower_bounds[id(work)]) for work in bare
    }
    works = [with_lower_bounds[id(work)] for work in bare]
    shape, errors = choose_shape(works, seconds, measured.groups)
    fitted = fit_roofline(works, seconds, shape)

    def number(value: float) -> Sourced | None:
        return Sourced(value=value, source=measured.source, basis="fitted") if value > 0 else None

    rate = 1 / fitted.mult_add_s
    # Of a few rows, the largest errors are hardly seen: the least sample's 80 % are widened.
    reach = float(np.quantile(np.abs(errors), _IN_BAND)) * (1 + 1 / len(rows))
    fit = RooflineFit(
        macs_per_s=Sourced(value=rate, source=measured.source, basis="fitted"),
        bytes_per_s=number(rate / fitted.ridge) if fitted.ridge else None,
        inference_s=number(fitted.inference_s),
        kernel_s=number(fitted.kernel_s),
        spread=Spread(width=1.0, noise=max(reach, _CHANCE * repeat_noise(rows), 0.01)),
        fitted_on=_fitted_on(measured, ()),
        held_out=_held_out(measured, np.exp(errors) * seconds),
    )
    words = [
        word
        for word, has in (
            ("a rate", True), ("a bandwidth", shape.bandwidth),
            ("a constant per inference", shape.inference), ("one per kernel", shape.kernel),
        )
        if has
    ]  # fmt: skip
    return Calibration(
        fit=fit,
        form="roofline",
        measurements=rows,
        fitted_s=tuple(fitted.seconds(work) for work in works),
        held_out_s=tuple(float(left_out_s) for left_out_s in np.exp(errors) * seconds),
        half_widths=(fit.spread.width * fit.spread.noise,) * len(rows),
        notes=(
            f"fitted: {', '.join(words)}; more numbers would not do better on what is left out",
        ),
        kernel_rules=rules,
    )


def _fitted_on(measured: Measured, terms: tuple[str, ...]) -> FittedOn:
    rows = measured.rows
    distinct = {
        id(network_kernels): network_kernels for network_kernels in measured.kernels
    }.values()
    mult_adds = [
        float(sum(kernel.mult_adds for kernel in network_kernels)) for network_kernels in distinct
    ]
    networks = [row for row in rows if not row.is_small_graph]
    return FittedOn(
        networks=len({row.model for row in networks}),
        small_graphs=len({row.model for row in rows if row.is_small_graph}),
        families=tuple(sorted({row.family for row in networks})),
        mult_adds=(max(min(mult_adds), 1.0), max(*mult_adds, 1.0)),
        latency_s=(min(row.latency_s for row in rows), max(row.latency_s for row in rows)),
        terms=terms,
    )


def _held_out(measured: Measured, estimates: Array) -> HeldOut | None:
    known = np.isfinite(estimates)
    if not known.any():
        return None
    errors = estimates / measured.seconds - 1
    worst = int(np.nanargmax(np.abs(np.log(estimates / measured.seconds))))
    return HeldOut(
        protocol=measured.protocol,
        measurements=int(known.sum()),
        median=float(np.median(np.abs(errors[known]))),
        mean=float(np.mean(np.abs(errors[known]))),
        worst=os.path.basename(measured.rows[worst].model).replace(".yaml", ""),
        worst_error=float(errors[worst]),
        by_mult_adds=_by_mult_adds(measured) if measured.small.any() else None,
        noise_floor=noise_floor(
            row.rounds_s for row in measured.rows if row.model != row.reference
        ),
    )


def _by_mult_adds(measured: Measured) -> float | None:
    """Mean error of what is left out by mult-adds alone."""
    predicted = left_out_by_mult_adds(
        measured.mult_adds, measured.seconds, measured.groups, measured.small
    )
    errors = np.abs(predicted / measured.seconds - 1)
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else None


def _or_none(values: Array) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else float(value) for value in values)
