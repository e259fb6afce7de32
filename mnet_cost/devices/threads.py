"""A profile with another number of threads, as other devices gain from them.

Peaks grow with the cores; how much of them is reached does not, and coefficients of what moves
rise: both are in the shared coefficients of so many threads. A fit keeps its deviations, and its
scale becomes less sure by what devices differ in. Fewer threads draw some part of the power that is
stated, more some multiple. Beyond the numbers of threads that were measured only peaks are known.
"""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

from mnet_cost.devices.coefficients import MEASURED_THREADS, shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.sourced import Sourced, range_of
from mnet_cost.devices.types import ComputeRate, DeviceProfile, PowerFigure
from mnet_cost.errors import DeviceError, Problem


def with_threads(device: DeviceProfile, threads: int) -> DeviceProfile:
    """`device` as it would be with so many threads; itself with as many as it has.

    Raises `DeviceError` for what is no processor, for more threads than it has cores, for a fit
    that cannot be scaled, and for no whole number from 1 on.
    """
    if type(threads) is not int or threads < 1:
        raise DeviceError(f"threads must be a whole number from 1 on, not {threads}")
    if threads == device.threads:
        return device
    hint = _against(device, threads)
    if hint:
        raise DeviceError(Problem(f"{device.name} cannot be given {threads} threads", hint=hint))
    return replace(
        with_power_of_threads(device, threads),
        threads=threads,
        compute=rates_of_threads(device, threads),
        latency={
            precision: _scaled(device, precision, fit, threads)
            for precision, fit in device.latency.items()
            if isinstance(fit, CoefficientFit) and threads <= MEASURED_THREADS[-1]
        },
        scaled=f"from {device.threads} to {threads} threads, as other devices gain from them",
    )


def takes_threads(device: DeviceProfile, threads: int) -> bool:
    """Whether `with_threads` gives `device` so many, of whole numbers from 1 on."""
    return threads == device.threads or _against(device, threads) is None


def most_threads(device: DeviceProfile) -> int:
    """As many as there are cores; where those are not known, as many as were measured."""
    return int(device.cores.value) if device.cores else max(MEASURED_THREADS[-1], device.threads)


def _against(device: DeviceProfile, threads: int) -> str | None:
    """Why a device cannot have another number of threads."""
    if device.pipeline is None:
        return "a profile of processor cores states its `pipeline`; this one does not"
    most = most_threads(device)
    if threads > most and device.cores:
        return f"it has {most} core{'s' if most > 1 else ''}: {device.cores.source}"
    if threads > most:
        return f"nobody measured more than {most}, and the profile states no `cores`"
    if any(isinstance(fit, RooflineFit) for fit in device.latency.values()):
        from shlex import quote  # only errors need it

        other = f"; `--device {quote(device.extends)}` has peaks alone" if device.extends else ""
        return f"its roofline was fitted with {device.threads}, as a whole{other}"
    return None


def rates_of_threads(device: DeviceProfile, threads: int) -> dict[str, ComputeRate]:
    """The peaks of so many cores like those that `device` runs on."""

    def part(figure: Sourced) -> Sourced:
        source = f"{threads} of {device.threads} threads of {device.name}; {figure.source}"
        return replace(figure.times(threads / device.threads), source=source)

    return {
        precision: replace(
            rate,
            macs_per_s=part(rate.macs_per_s),
            vector_ops_per_s=part(rate.vector_ops_per_s) if rate.vector_ops_per_s else None,
        )
        for precision, rate in device.compute.items()
    }


def with_power_of_threads(device: DeviceProfile, threads: int) -> DeviceProfile:
    """`device` with what so many of its threads draw, worked out from the power that is stated.

    Fewer threads draw a like share at least, as if nothing but cores drew anything, and all of it
    at most; more draw all of it at least, as if cores drew nothing, and a like multiple at most.
    """
    power = device.power_w
    if power is None:
        return device
    stated = device.power_stated or PowerFigure(
        watts=power, threads=device.threads, device=device.name
    )
    if threads == stated.threads:
        return replace(device, power_w=stated.watts, power_stated=None)
    between = f"of {stated.threads} threads of {stated.device}, between a like share of its power"
    between += " and all of it"
    if threads > stated.threads:
        between = f"threads for {stated.threads} of {stated.device}, between its power and a like"
        between += " multiple of it"
    source = f"{threads} {between}; {stated.watts.source}"
    like = stated.watts.value * threads / stated.threads
    low, high = range_of(stated.watts)
    low, high = min(low, like), max(high, like)
    figure = Sourced(value=sqrt(low * high), source=source, basis="assumed", low=low, high=high)
    return replace(device, power_w=figure, power_stated=stated)


def _scaled(
    device: DeviceProfile, precision: str, fit: CoefficientFit, threads: int
) -> CoefficientFit:
    """The fit at the shared cost coefficients of so many threads."""
    before = shared_coefficients(fit.shared, precision, device.threads)
    after = shared_coefficients(fit.shared, precision, threads)
    # Of a pipeline that nobody ran with so many threads, another one's gain is all there is.
    pipeline = next(
        pipeline
        for pipeline in (device.pipeline, *before.peak_shares)
        if pipeline in before.peak_shares and pipeline in after.peak_shares
    )
    assert pipeline is not None
    known, reached = after.peak_shares[pipeline], before.peak_shares[pipeline].share
    gain = threads * known.share / (device.threads * reached)
    rows = [list(row) for row in fit.covariance]
    rows[0][0] += known.spread**2
    source = f"{fit.scale_s.source}; {log(gain, 2):+.2f} doublings by threads"
    return replace(
        fit,
        scale_s=Sourced(value=fit.scale_s.value / gain, source=source, basis="derived"),
        covariance=tuple(map(tuple, rows)),
        spread=after.measured,
        fitted_on=None,
        held_out=None,
    )
