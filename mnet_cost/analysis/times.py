"""Times of kernels on a device as numbers alone: of one network, of many, or recorded.

Three ways to estimate, never mixed in silence. Coefficients of terms, fitted to measured times or,
without any, a share of the data sheet's peak at shared coefficients: parts of a kernel add up. A
fitted roofline, for accelerators. Else the lower bound and kernel launches alone, which are a lower
bound and have no band. Where layers state several precisions, each kernel is timed at its own. No
estimate of a kernel is below its lower bound. What is not known is None,
which the device and the structure decide, and no size. Not here: words (`latency.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.energy import Timing
from mnet_cost.analysis.kernels import Kernel, precision_of, precisions_of
from mnet_cost.analysis.lower_bounds import LeastTime, LowerBounds, least_parts
from mnet_cost.analysis.terms import NONE, kernel_amounts
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import shared_coefficients, unmeasured_fit
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.terms import INFERENCE, TERM_NAMES, TERMS
from mnet_cost.devices.types import PROFILE_BASES
from mnet_cost.tensors import (
    agreed,
    exponential,
    is_nothing,
    known,
    known_if,
    largest,
    smallest,
    square_root,
)

_OWN_NOISE = 0.2
"""Share of the noise (its variance) in which even two networks of the same terms differ. With it
and as much for each difference of shares, intervals of ratios hold what they are to hold of ncnn's
measurements, alike or not (`python benchmarks/accuracy ratios`)."""

_PARTS = [("compute", "memory", "overhead").index(term.part) for term in TERMS]
"""For each term, which part of a kernel's time it is."""


class KernelTime(NamedTuple):
    """Seconds of one kernel, and what they are made of; None for a kernel of unknown cost."""

    latency_s: float | None
    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None


_NO_TIME = KernelTime(None, None, None, None)


class NetworkTime(NamedTuple):
    """Seconds of one inference, as numbers of any kind."""

    basis: str
    """As in `DeviceEstimate`, whatever adds up."""
    fits: Mapping[str, LatencyFit]
    """By precision of its kernels; empty for a lower bound."""
    kernels: list[KernelTime]
    least: list[LeastTime]
    """Of each kernel."""
    latency_s: float | None
    """None where nothing adds up."""
    low_s: float | None
    high_s: float | None
    bound_s: float | None
    inference_s: float
    shares: tuple[float, ...]
    """Of the terms; empty where the time is no sum of terms, or of those of several fits."""
    fitted_s: float
    """What fits say of the whole, if no lower bound is above it."""
    is_partial: bool
    """Whether there are kernels of unknown cost, so that the time is a lower bound."""

    @property
    def timing(self) -> Timing:
        """What an energy needs."""
        return Timing(
            self.latency_s,
            self.low_s,
            self.high_s,
            self.basis,
            is_lower_bound=self.basis == "bound" or self.is_partial,
        )


def network_time(
    kernels: Sequence[Kernel], device: DeviceProfile, precision: str, *, band: bool = True
) -> NetworkTime | None:
    """Time of `kernels`, which were formed by the device's rules, on `device`.

    Without `band`, neither its ends nor the shares of terms are calculated. None where there is no
    kernel, or the device has no rate at the precision of one.
    """
    fits, basis = fits_and_basis(device, precisions_of(kernels, precision))
    if basis is None:
        return None
    rate = device.compute.get(precision)
    least = LowerBounds(device, rate, device.compute).least_times(kernels)
    if not fits:
        timed = _on_bounds(kernels, least, device)
    elif len(fits) == 1:
        timed = _by_fit(kernels, least, device, *next(iter(fits.items())), band)
    else:
        timed = _by_fits(kernels, least, device, fits, precision, band)
    least_s = sum([each.seconds for each in least if each.seconds is not None])
    total_s = _total(timed.kernels) + timed.inference_s
    latency_s = known(total_s)
    is_partial = any(kernel.anchor.work is None for kernel in kernels)
    low_s = high_s = None
    half_width = timed.half_width if band else None
    # A missing part has no error.
    if latency_s is not None and half_width is not None and not is_partial:
        low_s, high_s = band_ends(latency_s, half_width, least_s)
    return NetworkTime(
        basis, fits, timed.kernels, least, latency_s, low_s, high_s, known(least_s),
        timed.inference_s,
        timed.shares,
        total_s if timed.fitted_s is None else timed.fitted_s + timed.inference_s,
        is_partial,
    )  # fmt: skip


def band_ends(latency_s: Any, half_width: Any, least_s: Any) -> tuple[Any, Any]:
    """(low, high) of the band of a time; `half_width` is in natural logarithms."""
    width = exponential(half_width)
    return largest(latency_s / width, least_s), latency_s * width


def half_width_of(fit: LatencyFit, seconds: Sequence[float], total_s: float = 1.0) -> Any:
    """Half the width of the band of a time `total_s` of which the terms take `seconds`, in natural
    logarithms; without it they are shares. A roofline has no terms."""
    if isinstance(fit, CoefficientFit):
        return fit.spread.width * deviation_of(fit, seconds, total_s)
    return fit.spread.width * fit.spread.noise


def fit_and_basis(device: DeviceProfile, precision: str) -> tuple[LatencyFit | None, str | None]:
    """The fit that gives the times, and the basis of the estimate."""
    fit = device.latency.get(precision)
    if fit is not None:
        return fit, device.basis
    rate = device.compute.get(precision)
    if rate is None:
        return None, None
    fit = unmeasured_fit(device, rate, precision)
    return fit, "bound" if fit is None else "datasheet"


def fits_and_basis(
    device: DeviceProfile, precisions: Sequence[str]
) -> tuple[Mapping[str, LatencyFit], str | None]:
    """The fits that give times at `precisions`, and the basis of what they add up to: the weakest.

    Estimates and lower bounds do not add up, so one lower bound makes all others lower bounds.
    """
    found = {name: fit_and_basis(device, name) for name in precisions}
    bases = [basis for _, basis in found.values() if basis is not None]
    if not found or len(bases) < len(found):
        return {}, None
    if "bound" in bases:
        return {}, "bound"
    fits = {name: fit for name, (fit, _) in found.items() if fit is not None}
    return fits, min(bases, key=PROFILE_BASES.index)


def _total(times: Sequence[KernelTime]) -> Any:
    return sum([time.latency_s for time in times if time.latency_s is not None])


class _Timed(NamedTuple):
    """Kernels with their times, before anything else is known of the network."""

    kernels: list[KernelTime]
    inference_s: float = 0.0
    half_width: float | None = None
    """Half the width of the range, in natural logarithms."""
    shares: tuple[float, ...] = ()
    fitted_s: float | None = None
    """What the fit says of the kernels, where that is not the sum of their times."""


def _by_fit(
    kernels: Sequence[Kernel],
    least: Sequence[LeastTime],
    device: DeviceProfile,
    precision: str,
    fit: LatencyFit,
    band: bool,
    network: Sequence[Kernel] | None = None,
) -> _Timed:
    if isinstance(fit, RooflineFit):
        return _on_fitted_roofline(kernels, least, fit)
    return _by_coefficients(kernels, least, fit, device, precision, band, network)


def _by_fits(
    kernels: Sequence[Kernel],
    least: Sequence[LeastTime],
    device: DeviceProfile,
    fits: Mapping[str, LatencyFit],
    precision: str,
    band: bool,
) -> _Timed:
    """Each kernel by the fit of its precision.

    Nothing says that errors of two fits of one device are independent, so they add up: the band is
    as wide as the mean of theirs, weighted by time. What an inference takes once, it takes once.
    """
    times = [_NO_TIME] * len(kernels)
    of_kernel = [precision_of(kernel, precision) for kernel in kernels]
    inference_s = fitted_s = widths_s = 0.0
    for name, fit in fits.items():
        places = [place for place, own in enumerate(of_kernel) if own == name]
        part = _by_fit(
            [kernels[place] for place in places], [least[place] for place in places],
            device, name, fit, band, kernels,
        )  # fmt: skip
        for place, time in zip(places, part.kernels, strict=True):
            times[place] = time
        inference_s = max(inference_s, part.inference_s)
        part_s = _total(part.kernels) if part.fitted_s is None else part.fitted_s
        fitted_s = fitted_s + part_s
        widths_s = widths_s + part_s * (part.half_width or 0.0)
    half_width = widths_s / fitted_s if band and agreed(fitted_s > 0) else None
    return _Timed(times, inference_s, half_width, (), fitted_s)


def _by_coefficients(
    kernels: Sequence[Kernel],
    least: Sequence[LeastTime],
    fit: CoefficientFit,
    device: DeviceProfile,
    precision: str,
    band: bool,
    network: Sequence[Kernel] | None = None,
) -> _Timed:
    """Amounts times cost coefficients. The band widens for terms that the fit knows little of."""
    coefficients = relative_coefficients(fit, device, precision)
    totals: list[Any] = [0.0] * len(TERMS)
    times = []
    amounts_of_kernels = amounts_of(fit, device, precision, kernels, network)
    for kernel, amounts, (_, _, least_s, _) in zip(kernels, amounts_of_kernels, least, strict=True):
        parts: list[Any] = [0.0, 0.0, 0.0]
        for i, seconds in summands(fit, kernel, amounts, coefficients):
            # Never `+=`, which writes into an array.
            totals[i] = totals[i] + seconds
            parts[_PARTS[i]] = parts[_PARTS[i]] + seconds
        if kernel.anchor.work is None:
            times.append(_NO_TIME)
            continue
        latency_s = sum(parts)
        if least_s is not None:
            latency_s = largest(latency_s, least_s)
        times.append(KernelTime(latency_s, *parts))
    fitted_s = sum(totals)
    inference_s = inference_of(fit, coefficients)
    if not band:
        return _Timed(times, inference_s, fitted_s=fitted_s)
    totals[INFERENCE] = inference_s
    whole_s = fitted_s if is_nothing(inference_s) else fitted_s + inference_s
    shares = (0.0,) * len(TERMS)
    half_width = half_width_of(fit, shares)
    if agreed(whole_s > 0):
        shares = tuple([seconds / whole_s for seconds in totals])
        half_width = half_width_of(fit, totals, whole_s)
    return _Timed(times, inference_s, half_width, shares, fitted_s)


def summands(
    fit: CoefficientFit, kernel: Kernel, amounts: Sequence[float], coefficients: Sequence[float]
) -> list[tuple[int, float]]:
    """Indices of the terms that a kernel asks for, and the seconds that each takes.

    Zeros among the weights make what is compute faster.
    """
    scale_s = fit.scale_s.value * 1e6  # amounts are in millions
    speedup = kernel.speedup
    if speedup == 1.0:  # nearly always
        return [
            (i, amount * coefficients[i] * scale_s)
            for i, amount in enumerate(amounts)
            if amount is not NONE and coefficients[i] is not NONE
        ]
    return [
        (i, amount * coefficients[i] * scale_s / (speedup if TERMS[i].part == "compute" else 1.0))
        for i, amount in enumerate(amounts)
        if amount is not NONE and coefficients[i] is not NONE
    ]


def amounts_of(
    fit: CoefficientFit,
    device: DeviceProfile,
    precision: str,
    kernels: Sequence[Kernel],
    network: Sequence[Kernel] | None = None,
) -> tuple[tuple[float, ...], ...]:
    """Amounts of each kernel, in the order of `TERMS`; `network` has all kernels, if not these."""
    caches = shared_coefficients(fit.shared, precision, device.threads).caches
    return kernel_amounts(kernels, device.kernel_rules, fit.tile, caches, network)


def inference_of(fit: CoefficientFit, coefficients: Sequence[float]) -> float:
    """Seconds of an inference besides its kernels; 0 where the runtime has no such cost."""
    coefficient = coefficients[INFERENCE]
    return NONE if coefficient is NONE else coefficient * (fit.scale_s.value * 1e6)


def relative_coefficients(
    fit: CoefficientFit, device: DeviceProfile, precision: str
) -> tuple[float, ...]:
    """Coefficients of terms in units of the scale, in order: shared ones, moved by deviations."""
    shared = shared_coefficients(fit.shared, precision, device.threads).coefficients
    deviations = fit.deviations
    return tuple(
        [
            coefficient * exponential(deviations.get(name, 0.0)) if coefficient else NONE
            for name, coefficient in zip(TERM_NAMES, shared, strict=True)
        ]
    )


def deviation_of(fit: CoefficientFit, seconds: Sequence[float], total_s: float = 1.0) -> Any:
    """Standard deviation of the logarithm of a time `total_s` of which the terms take `seconds`;
    without it they are shares.

    It is divided at the end: for a grid, all before is sums of products.
    """
    variance = _variance(fit, (total_s, *seconds)) / (total_s * total_s)
    return square_root(largest(variance, 0.0) + fit.spread.noise**2)


def _variance(fit: CoefficientFit, row: Sequence[float]) -> float:
    """row C row, with C the covariance, of which the lower triangle is known."""
    variance = 0.0
    for i, covariances in enumerate(fit.covariance):
        if not is_nothing(row[i]):
            others = 0.0
            for j, covariance in enumerate(covariances):
                if covariance and not is_nothing(row[j]):
                    others = others + row[j] * (covariance if i == j else 2 * covariance)
            if not is_nothing(others):
                variance = variance + row[i] * others
    return variance


def deviation_of_ratio(fit: LatencyFit, first: Sequence[float], other: Sequence[float]) -> Any:
    """Standard deviation of the logarithm of a ratio of two times on one device.

    `first` and `other` are the shares of their terms: what is wrong with a coefficient is wrong in
    both, so only differences count, and the scale is in neither. Networks that ask for much the
    same are off alike in what coefficients leave out, too: of the noise that has its own part
    alone. Of a roofline no shares are known.
    """
    noise = 2 * fit.spread.noise**2
    if not isinstance(fit, CoefficientFit):
        return square_root(noise)
    row = [a - b for a, b in zip(first, other, strict=True)]
    noise = noise * smallest(_OWN_NOISE + sum(map(abs, row)), 1.0)
    return square_root(largest(_variance(fit, (0.0, *row)), 0.0) + noise)


def _on_fitted_roofline(
    kernels: Sequence[Kernel], least: Sequence[LeastTime], fit: RooflineFit
) -> _Timed:
    per_kernel = fit.kernel_s.value if fit.kernel_s else 0.0
    times = []
    for kernel, (_, _, least_s, _) in zip(kernels, least, strict=True):
        if kernel.anchor.work is None:
            times.append(_NO_TIME)
            continue
        compute_s = kernel.mult_adds / (fit.macs_per_s.value * kernel.speedup)
        memory_s = kernel.traffic_bytes / fit.bytes_per_s.value if fit.bytes_per_s else 0.0
        latency_s = largest(compute_s, memory_s)
        if least_s is not None:
            latency_s = largest(latency_s, least_s)
        times.append(KernelTime(latency_s + per_kernel, compute_s, memory_s, per_kernel))
    inference_s = fit.inference_s.value if fit.inference_s else 0.0
    return _Timed(times, inference_s, half_width_of(fit, ()))


def _on_bounds(
    kernels: Sequence[Kernel], least: Sequence[LeastTime], device: DeviceProfile
) -> _Timed:
    """Lower bounds and kernel launches: less than any run will take."""
    per_kernel = device.kernel_overhead_s.least if device.kernel_overhead_s else None
    times = []
    for compute_s, _, seconds, _ in least:
        latency_s = per_kernel
        if seconds is not None:
            latency_s = seconds if per_kernel is None else seconds + per_kernel
        times.append(KernelTime(latency_s, compute_s, None, per_kernel))
    inference = device.inference_overhead_s
    return _Timed(times, inference.least if inference else 0.0)


class Operands(NamedTuple):
    """What the time of a kernel was estimated from, with 0 where size decides that a number is not
    known; None is what the device does not tell."""

    time: KernelTime
    is_known: Any = True
    """Whether `time.latency_s` is."""
    is_memory_known: Any = True

    @property
    def known(self) -> KernelTime:
        """The numbers that are known: others are None, and NaN among candidates."""
        latency_s, compute_s, memory_s, overhead_s = self.time
        return KernelTime(
            None if latency_s is None else known_if(self.is_known, latency_s),
            compute_s,
            None if memory_s is None else known_if(self.is_memory_known, memory_s),
            overhead_s,
        )


def operands_of(time: NetworkTime, kernel: Kernel, number: int) -> Operands:
    """What the time of a kernel, the one of this number, was estimated from.

    On bounds that is what its lower bound is made of. Where nothing bounds a kernel, its launch
    alone is known.
    """
    own = time.kernels[number]
    if time.fits:
        return Operands(own)
    if kernel.anchor.work is None:
        return Operands(own._replace(latency_s=own.overhead_s))
    least = least_parts(kernel, time.least[number])
    is_known = True if own.overhead_s is not None else least.is_known
    return Operands(own._replace(memory_s=least.memory_s), is_known, least.is_memory_known)
