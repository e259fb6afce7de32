"""Measured times to a fit: what times are refused, and which form is taken.

Cost coefficients, of which one measurement says something, or a roofline; where both could be, the
one that errs less on what is left out. Not here: the file that is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import (
    NPU,
    THREADS_NOISE,
    is_measured_runtime,
    shared_coefficients,
    with_noise,
)
from mnet_cost.devices.latency_models import DEFAULT_SHARED, CoefficientFit
from mnet_cost.errors import MeasurementError, Problem
from mnet_cost.measure.fit_rows import Measured, measured_times, once
from mnet_cost.measure.fitting import (
    FEWEST_FOR_BAND,
    Calibration,
    fit_of_coefficients,
    fit_of_roofline,
)
from mnet_cost.measure.least_times import as_extended, limits_of
from mnet_cost.measure.measurements import Measurement, raise_if_any
from mnet_cost.measure.networks import Networks, kernels_of
from mnet_cost.measure.plausibility import (
    all_equal,
    at_odds,
    by_network,
    out_of_limits,
    out_of_place,
    without_sense,
)
from mnet_cost.measure.settings import Setting, own_setting, settings_to_try
from mnet_cost.measure.trials import Trial, trial_of

__all__ = ["Calibration", "Form", "calibrate"]

Form = Literal["auto", "coefficients", "roofline"]

FEWEST_FOR_ROOFLINE = 4
"""A rate and a constant, and twice as many networks."""
FEWEST_TO_CHOOSE = 8
"""Networks, of which what is left out tells a roofline from cost coefficients."""
_SEVERAL_FAMILIES = 4
"""Families that differ, of which an error says something: those that the guide asks for."""
MOST_MEASUREMENTS = 10_000
"""Whoever has more has measured the same networks many times, of which a median says as much."""
_MOST_OFF = 0.5
"""Logarithm that an error of a processor counts at most, so that one network whose kind of layer
the coefficients know nothing of does not decide. On accelerators such networks are what tells the
forms apart."""
_CLEARLY = 0.99
"""Part of an error to which another form must take it, to be taken instead."""
_A_SINGLE_ONE = "cost coefficients can be scaled by a single one: `--form coefficients`"


def calibrate(
    measurements: Sequence[Measurement],
    *,
    rules: frozenset[str] | None = None,
    tile: int = 1,
    device_class: str | None = None,
    threads: int = 1,
    base: DeviceProfile | None = None,
    runtime: str = "",
    form: Form = "auto",
    source: str = "",
    lenient: bool = False,
    networks: Networks | None = None,
) -> Calibration:
    """The fit to measurements of one device, runtime, precision and number of threads.

    `rules` are the only ones that are tried; without them, those of the runtime, and those of
    others that the times may speak for. `tile` is the runtime's, `base` is the profile whose peaks
    hold, `runtime` the one that the fitted profile names (that of `base` if empty), `source` goes
    beside the numbers.
    `networks` are those that were read already.
    `auto` takes the form whose errors are smaller on what is left out, coefficients where both do
    alike, or where networks are too few to tell.
    Raises `MeasurementError` for networks that are not there, too few rows, and times that cannot
    be; the last are taken if `lenient`, to tell how far off a fit to them is.
    """
    rows = tuple(measurements)
    _check_number(rows)
    networks = networks or Networks()
    problems = list(_too_few(rows, form))
    ran = rows[0].runtime or runtime or (base.runtime if base else "")
    stated = rules
    if rules is None and base is not None and rows[0].runtime in ("", base.runtime):
        stated = base.kernel_rules
    pipeline = None if base is None else base.pipeline
    kind = device_class
    if base is not None and kind != "microcontroller" and not _is_processor(base):
        kind = "accelerator"
    is_known = is_measured_runtime(ran, kind, pipeline)
    own = own_setting(ran, kind, pipeline, rows[0].precision, stated)
    try:
        kernels = kernels_of(rows, own.rules, networks)
    except MeasurementError as error:
        raise MeasurementError((*problems, *error.problems)) from None
    peaks = None if base is None else as_extended(base, own.rules, threads, runtime)
    measured = measured_times(rows, kernels, peaks, source)
    forms = _forms(measured, form)
    if not forms and not problems:
        message = "a roofline is of mult-adds, which networks of two families must have"
        problems.append(Problem(message, rows[0].span, _A_SINGLE_ONE))
    if not lenient:
        if peaks is not None:
            precision, ran = rows[0].precision, rows[0].runtime
            limits = once(
                kernels, lambda network_kernels: limits_of(network_kernels, peaks, precision, ran)
            )
            problems += out_of_limits(rows, limits, peaks.name)
        problems += at_odds(rows)
        problems += all_equal(rows, kernels)
    raise_if_any(problems)
    fits: list[Calibration] = []
    if "coefficients" in forms:
        settings = (own,) if rules is not None else settings_to_try(own)
        trials = trials_of(measured, settings, tile, threads, base, runtime, networks)
        if not is_known and _networks(rows) < FEWEST_FOR_BAND:
            trials = [trial.of_another_runtime() for trial in trials]
        fits.append(fit_of_coefficients(measured, trials))
    if "roofline" in forms:
        fits.append(fit_of_roofline(measured, own.rules))
    # The shape of a roofline was chosen by what is left out, so a little less says nothing.
    held_out_error = _typical_and_mean if own.shared == NPU else _held_out_error
    coefficients_off, *roofline_off = map(held_out_error, fits)
    better = bool(roofline_off) and roofline_off[0] < _CLEARLY * coefficients_off
    chosen = fits[1] if better else fits[0]
    if not lenient:
        raise_if_any(without_sense(rows, chosen.held_out_s))
        raise_if_any(out_of_place(rows, chosen.held_out_s))
    return replace(chosen, notes=(*chosen.notes, *_of_few_families(rows)))


def _of_few_families(rows: Sequence[Measurement]) -> tuple[str, ...]:
    """What the stated error leaves out, where all that was left out is alike."""
    families = len({row.family for row in rows})
    if _networks(rows) < 2 or families >= _SEVERAL_FAMILIES:
        return ()
    if families == 1:
        return (
            "all networks are of one family: the error is that of other sizes of one design, and "
            "says nothing of other designs",
        )
    return (
        f"the networks are of {families} families: other designs may be further off than the error "
        "says",
    )


def trials_of(
    measured: Measured,
    settings: Sequence[Setting],
    tile: int = 1,
    threads: int = 1,
    base: DeviceProfile | None = None,
    runtime: str = "",
    networks: Networks | None = None,
) -> list[Trial]:
    """What fits under each setting are made of; `measured` has the kernels of the first one.
    `networks` are those that were read already."""
    rows, trials, networks = measured.rows, list[Trial](), networks or Networks()
    for setting in settings:
        shared = shared_coefficients(setting.shared, rows[0].precision, threads)
        ran = runtime or rows[0].runtime
        if threads > 1 and setting.shared == DEFAULT_SHARED and not ran.startswith(DEFAULT_SHARED):
            shared = replace(shared, measured=with_noise(shared.measured, THREADS_NOISE))
        under = measured
        if setting.rules != settings[0].rules:
            peaks = base and as_extended(base, setting.rules, threads, runtime)
            kernels = kernels_of(rows, setting.rules, networks)
            under = measured_times(rows, kernels, peaks, measured.source)
        trials.append(trial_of(under, setting, tile, shared))
    return trials


def _is_processor(base: DeviceProfile) -> bool:
    """Whether a profile is of processor cores: it states their pipeline, unless it was fitted to
    measured times alone; then its coefficients tell."""
    return base.pipeline is not None or any(
        isinstance(fit, CoefficientFit) and fit.shared != NPU for fit in base.latency.values()
    )


def _check_number(rows: Sequence[Measurement]) -> None:
    if not rows:
        raise MeasurementError("there is no measurement to fit to")
    if len(rows) > MOST_MEASUREMENTS:
        hint = "choose some, `--where run=...`, or give the median of each network"
        message = f"a fit takes at most {MOST_MEASUREMENTS:,} measurements, not {len(rows):,}"
        raise MeasurementError(Problem(message, rows[MOST_MEASUREMENTS].span, hint))


def _networks(rows: Sequence[Measurement]) -> int:
    """How many were measured; small graphs are none."""
    networks = [row for row in rows if not row.is_small_graph]
    return len(by_network(networks, networks))


def _too_few(rows: Sequence[Measurement], form: Form) -> Iterator[Problem]:
    """A problem where there are too few networks for a fit of this form."""
    networks = _networks(rows)
    if form == "roofline" and networks < FEWEST_FOR_ROOFLINE:
        there_are = "there is 1" if networks == 1 else f"there are {networks}"
        message = f"a roofline needs {FEWEST_FOR_ROOFLINE} networks, and {there_are}"
        yield Problem(message, rows[-1].span, _A_SINGLE_ONE)


def _forms(measured: Measured, form: Form) -> tuple[str, ...]:
    """Forms to fit; none for a roofline of networks without mult-adds."""
    rooflines = ("roofline",) if _multiply(measured) else ()
    if form == "coefficients":
        return ("coefficients",)
    if form == "roofline":
        return rooflines
    several = _networks(measured.rows) >= FEWEST_TO_CHOOSE
    return ("coefficients", *(rooflines if several else ()))


def _held_out_error(calibration: Calibration) -> float:
    """Mean of what was left out, in logarithms of at most `_MOST_OFF` each."""
    errors = [
        min(abs(math.log(predicted_s / row.latency_s)), _MOST_OFF)
        for row, predicted_s in zip(calibration.measurements, calibration.held_out_s, strict=True)
        if predicted_s is not None
    ]
    return sum(errors) / len(errors) if errors else math.inf


def _typical_and_mean(calibration: Calibration) -> float:
    """The median times the mean of the errors of what was left out: on accelerators, which differ
    more than processors do, neither alone tells which form the next network is nearer to."""
    held_out = calibration.fit.held_out
    return held_out.median * held_out.mean if held_out else math.inf


def _multiply(measured: Measured) -> bool:
    """Whether there are mult-adds, whatever is left out."""
    measured = measured.of_networks()
    some = {
        group
        for group, group_kernels in zip(measured.groups, measured.kernels, strict=True)
        if any(kernel.mult_adds for kernel in group_kernels)
    }
    return len(some) > 1
