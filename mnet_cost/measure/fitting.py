"""Measured times to a fit of one form: cost coefficients, or a roofline, and how far off each is.

What is stated of the error is what was left out: a family at a time, or where there is one family,
a network at a time. Both what was fitted and what was left out are predicted as reports show them:
by kernels that take no less than their lower bounds. Bands are as wide as the shared ones, wider if
what was left out or what was measured twice says so. Not here: which form is taken.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

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
from mnet_cost.measure.coefficient_solver import deviation
from mnet_cost.measure.drift import noise_of
from mnet_cost.measure.fit_rows import Measured, once
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.mult_adds_alone import left_out_by_mult_adds
from mnet_cost.measure.plausibility import repeat_noise
from mnet_cost.measure.rooflines import Work, choose_shape, fit_roofline
from mnet_cost.measure.trials import Trial, choose_trial

FEWEST_FOR_BAND = 4
"""Times that were left out; fewer say nothing against the shared band."""

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
        noise_floor=noise_of(measured.rows),
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
