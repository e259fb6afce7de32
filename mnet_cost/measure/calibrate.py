"""Measured times to a fit: which form, with how much freedom, and how far off it is.

Prices are for processors, a roofline for what else there is. What is stated of the error is what
was left out: a family at a time, or where there is one family, a network at a time. Bands are as
wide as the shared ones, wider if what was left out says so. Not here: the file that is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.terms import kernel_amounts
from mnet_cost.devices.fits import FittedOn, HeldOut, LatencyFit, PriceFit, RooflineFit, Spread
from mnet_cost.devices.prices import SharedPrices, shared_prices
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import MeasurementError, Problem
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.prices import NOISE, deviation, expected_seconds, solve
from mnet_cost.measure.rooflines import Work, choose_shape, fit_roofline

Form = Literal["auto", "prices", "roofline"]

FEWEST_FOR_ROOFLINE = 4
"""A rate and a constant, and twice as many networks."""
FEWEST_TO_CHOOSE = 8
"""Networks, of which what is left out tells a roofline from prices."""
FEWEST_FOR_BAND = 4
"""Times that were left out; fewer say nothing against the shared band."""
MOST_MEASUREMENTS = 10_000
"""Whoever has more has measured the same networks many times, of which a median says as much."""
_TAKES_PART = 0.01
"""Share of the time of some network that a term takes which the fit has seen."""
_CHANCE = 1.28
"""Standard deviations by which the share in a band may fall short by chance."""
_IN_BAND = 0.8
_CLEARLY = 0.99
"""Part of an error to which another form must take it, to be taken instead."""


class Calibration(NamedTuple):
    """A fit, and what each measurement was foretold to be when it was left out."""

    fit: LatencyFit
    form: str
    measurements: tuple[Measurement, ...]
    fitted_s: tuple[float, ...]
    held_out_s: tuple[float | None, ...]
    """None where nothing was left to fit to."""
    half_widths: tuple[float | None, ...]
    """Of the bands around those, in natural logarithms."""
    notes: tuple[str, ...]


def calibrate(
    measurements: Sequence[Measurement],
    *,
    rules: frozenset[str],
    tile: int = 1,
    device_class: str | None = None,
    threads: int = 1,
    form: Form = "auto",
    source: str = "",
) -> Calibration:
    """The fit to measurements of one device, runtime, precision and number of threads.

    `rules` and `tile` are the runtime's, `source` goes beside the numbers. `auto` takes the form
    whose errors are smaller on what is left out, prices where both do alike. Raises
    `MeasurementError` for networks that are not there, and for too few rows.
    """
    rows = tuple(measurements)
    if not rows:
        raise MeasurementError("there is no measurement to fit to")
    if len(rows) > MOST_MEASUREMENTS:
        hint = "choose some, `--where run=...`, or give the median of each network"
        message = f"a fit takes at most {MOST_MEASUREMENTS:,} measurements, not {len(rows):,}"
        raise MeasurementError(Problem(message, rows[MOST_MEASUREMENTS].span, hint))
    hint = "prices can be scaled by a single one: `--form prices`"
    networks = len({(one.model, one.batch) for one in rows})
    if form == "roofline" and networks < FEWEST_FOR_ROOFLINE:
        there_are = "there is 1" if networks == 1 else f"there are {networks}"
        message = f"a roofline needs {FEWEST_FOR_ROOFLINE} networks, and {there_are}"
        raise MeasurementError(Problem(message, rows[-1].span, hint))
    kernels = kernels_of(rows, rules)
    multiply = _multiply(rows, kernels)
    if form == "roofline" and not multiply:
        message = "a roofline is of mult-adds, which networks of two families must have"
        raise MeasurementError(Problem(message, rows[0].span, hint))
    found: list[Calibration] = []
    if form in ("auto", "prices"):
        shared = shared_prices(device_class, rows[0].precision, threads)
        found.append(_prices(rows, kernels, rules, tile, shared, source))
    enough = networks >= FEWEST_TO_CHOOSE and multiply
    if form == "roofline" or (form == "auto" and enough):
        found.append(_roofline(rows, kernels, source))
    # The shape of a roofline was chosen by what is left out, so a little less says nothing.
    better = len(found) > 1 and _held_out_error(found[1]) < _CLEARLY * _held_out_error(found[0])
    return found[1] if better else found[0]


def _held_out_error(one: Calibration) -> float:
    held_out = one.fit.held_out
    return held_out.mean if held_out else math.inf


def _groups(rows: Sequence[Measurement]) -> tuple[list[str], str]:
    """What is left out together, and the words for it: never a part of what is the same."""
    families = [one.family for one in rows]
    if len(set(families)) > 1:
        return families, "one family at a time"
    models = [one.model for one in rows]
    if len(set(models)) > 1:
        return models, "one network at a time"
    return [str(one.batch) for one in rows], "one batch at a time"


def _multiply(rows: Sequence[Measurement], kernels: Sequence[tuple[Kernel, ...]]) -> bool:
    """Whether there are mult-adds, whatever is left out."""
    some = {
        group
        for group, one in zip(_groups(rows)[0], kernels, strict=True)
        if any(kernel.mult_adds for kernel in one)
    }
    return len(some) > 1


def _prices(
    rows: tuple[Measurement, ...],
    kernels: Sequence[tuple[Kernel, ...]],
    rules: frozenset[str],
    tile: int,
    shared: SharedPrices,
    source: str,
) -> Calibration:
    distinct = {id(one): one for one in kernels}  # measured several times, counted once
    amounts_of = {
        key: np.sum(kernel_amounts(one, rules, tile), axis=0) for key, one in distinct.items()
    }
    amounts = np.array([amounts_of[id(one)] for one in kernels])
    seconds = np.array([one.latency_s for one in rows])
    prices, spreads = np.array(shared.prices), np.array(shared.spreads)
    solution = solve(amounts, seconds, prices, spreads)
    groups, protocol = _groups(rows)
    held_out, sigmas = _left_out(amounts, seconds, prices, spreads, groups)
    spread, widened = _band(held_out, sigmas, seconds, shared.measured)
    fitted = expected_seconds(amounts, prices, solution.parameters)
    priced = amounts * prices * np.exp(solution.parameters[1:])
    seen = (priced / priced.sum(1)[:, None]).max(0) >= _TAKES_PART
    names = tuple(name for name, one in zip(TERM_NAMES, seen, strict=True) if one)
    # The scale is of millions of multiplications; a deviation of nothing is the shared price.
    fit = PriceFit(
        Sourced(float(np.exp(solution.parameters[0])) / 1e6, source, "fitted"),
        {
            name: float(value)
            for name, value in zip(TERM_NAMES, solution.parameters[1:], strict=True)
            if name in names
        },
        _triangle(solution.covariance, seen, spreads),
        spread,
        tile,
        _fitted_on(rows, kernels, names),
        _held_out(protocol, held_out, seconds),
    )
    notes = []
    if len(rows) == 1:
        notes.append("one measurement: it sets the scale, and prices are the shared ones")
    if widened:
        notes.append("the band is wider than the shared one: what was left out was further off")
    return Calibration(
        fit,
        "prices",
        rows,
        tuple(map(float, fitted)),
        _or_none(held_out),
        _or_none(spread.width * sigmas),
        tuple(notes),
    )


def _left_out(
    amounts: Array, seconds: Array, prices: Array, spreads: Array, groups: Sequence[str]
) -> tuple[Array, Array]:
    """Times of each group from all others, and the deviations of their logarithms; NaN without."""
    estimates, sigmas = np.full(len(groups), np.nan), np.full(len(groups), np.nan)
    for group in dict.fromkeys(groups):
        out = np.array([one == group for one in groups])
        seen = np.logical_not(out)
        if out.all():
            continue
        solution = solve(amounts[seen], seconds[seen], prices, spreads)
        estimates[out] = expected_seconds(amounts[out], prices, solution.parameters)
        sigmas[out] = deviation(amounts[out], prices, solution, NOISE)
    return estimates, sigmas


def _band(held_out: Array, sigmas: Array, seconds: Array, shared: Spread) -> tuple[Spread, bool]:
    """The shared band, or one that holds 80 % of what was left out if that holds too few."""
    known = np.isfinite(held_out)
    if known.sum() < FEWEST_FOR_BAND:
        return shared, False
    reach = np.abs(np.log(held_out[known] / seconds[known])) / sigmas[known]
    inside = float(np.mean(reach <= shared.width))
    chance = _CHANCE * math.sqrt(_IN_BAND * (1 - _IN_BAND) / known.sum())
    if inside >= _IN_BAND - chance:
        return shared, False
    return Spread(float(np.quantile(reach, _IN_BAND)), shared.noise), True


def _triangle(covariance: Array, seen: Array, spreads: Array) -> tuple[tuple[float, ...], ...]:
    """Lower triangle; what was not seen is as uncertain as before, and of nothing else."""
    kept = covariance.copy()
    unseen = np.concatenate([[False], np.logical_not(seen)])
    kept[unseen, :] = 0.0
    kept[:, unseen] = 0.0
    for i in np.flatnonzero(unseen):
        kept[i, i] = spreads[i - 1] ** 2
    return tuple(tuple(map(float, row[: i + 1])) for i, row in enumerate(kept))


def _roofline(
    rows: tuple[Measurement, ...],
    kernels: Sequence[tuple[Kernel, ...]],
    source: str,
) -> Calibration:
    work_of = {
        id(one): Work(
            np.array([float(kernel.mult_adds) for kernel in one]),
            np.array([float(kernel.traffic_bytes) for kernel in one]),
        )
        for one in {id(one): one for one in kernels}.values()
    }
    works = [work_of[id(one)] for one in kernels]
    seconds = np.array([one.latency_s for one in rows])
    groups, protocol = _groups(rows)
    shape, errors = choose_shape(works, seconds, groups)
    fitted = fit_roofline(works, seconds, shape)

    def number(value: float) -> Sourced | None:
        return Sourced(value, source, "fitted") if value > 0 else None

    rate = 1 / fitted.mult_add_s
    # Of a few rows, the largest errors are hardly seen: the least sample's 80 % are widened.
    reach = float(np.quantile(np.abs(errors), _IN_BAND)) * (1 + 1 / len(rows))
    fit = RooflineFit(
        Sourced(rate, source, "fitted"),
        number(rate / fitted.ridge) if fitted.ridge else None,
        number(fitted.inference_s),
        number(fitted.kernel_s),
        Spread(1.0, max(reach, 0.01)),
        _fitted_on(rows, kernels, ()),
        _held_out(protocol, np.exp(errors) * seconds, seconds),
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
        fit,
        "roofline",
        rows,
        tuple(fitted.seconds(one) for one in works),
        tuple(float(one) for one in np.exp(errors) * seconds),
        (fit.spread.width * fit.spread.noise,) * len(rows),
        (f"fitted: {', '.join(words)}; more numbers would not do better on what is left out",),
    )


def _fitted_on(
    rows: Sequence[Measurement], kernels: Sequence[tuple[Kernel, ...]], terms: tuple[str, ...]
) -> FittedOn:
    distinct = {id(one): one for one in kernels}.values()
    mult_adds = [float(sum(kernel.mult_adds for kernel in one)) for one in distinct]
    return FittedOn(
        len({one.model for one in rows}),
        tuple(sorted({one.family for one in rows})),
        (max(min(mult_adds), 1.0), max(*mult_adds, 1.0)),
        (min(one.latency_s for one in rows), max(one.latency_s for one in rows)),
        terms,
    )


def _held_out(protocol: str, estimates: Array, seconds: Array) -> HeldOut | None:
    known = np.isfinite(estimates)
    if not known.any():
        return None
    errors = np.abs(estimates[known] / seconds[known] - 1)
    return HeldOut(protocol, int(known.sum()), float(np.median(errors)), float(np.mean(errors)))


def _or_none(values: Array) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(one) else float(one) for one in values)
