"""Time of kernels on a device: an estimate with its band, and beside it the lower bound.

Three ways to estimate, never mixed in silence. Coefficients of terms, fitted to measured times or,
without any, a share of the data sheet's peak at shared coefficients: parts of a kernel add up. A
fitted roofline, for accelerators. Else the lower bound and kernel launches alone, which are a lower
bound and have no band. No estimate of a kernel is below its lower bound. What is not known is None,
never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import NamedTuple

from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.analysis.energy import Energy, Timing, estimate_energy
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.lower_bounds import LowerBound, LowerBounds
from mnet_cost.analysis.terms import kernel_amounts
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import shared_coefficients, unmeasured_fit
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn, LatencyFit, RooflineFit
from mnet_cost.devices.terms import TERM_NAMES, TERMS
from mnet_cost.units import format_seconds

_SEEN = 0.05
"""An estimate is marked if terms that were hardly measured take more than this share of it."""

_OWN_NOISE = 0.2
"""Share of the noise (its variance) in which even two networks of the same terms differ. With it
and as much for each difference of shares, intervals of ratios hold what they are to hold of ncnn's
measurements, alike or not (`python benchmarks/accuracy ratios`)."""


class KernelEstimate(NamedTuple):
    """Time of one kernel, in seconds per inference, and what it is made of.

    These are the estimate's operands: with coefficients summands, on a roofline alternatives. What
    adds up to `latency_s` is in `time_breakdown.py`, and reports show that.
    """

    kernel: Kernel
    latency_s: float | None
    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None
    lower_bound: LowerBound
    bound: str
    """What limits the time: `compute`, `memory:LEVEL`, `overhead`, or `unknown`."""

    def __repr__(self) -> str:
        time = "time unknown" if self.latency_s is None else format_seconds(self.latency_s)
        return f"<KernelEstimate {self.kernel.name}: {time}, {self.bound}>"

    @property
    def intensity(self) -> float | None:
        """Mult-adds per byte moved."""
        traffic = self.kernel.traffic_bytes
        return self.kernel.mult_adds / traffic if traffic else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEstimate:
    """What the network takes on one device. `latency_s` is None where a rate is missing."""

    device: DeviceProfile
    precision: str
    basis: str | None
    """`calibrated`, `fitted`, `datasheet`, or `bound` where it is no more than a lower bound; None
    where there is no time."""
    latency_s: float | None
    """Sum over the kernels that have a time, and constants: a lower bound if `untimed`. None where
    nothing adds up to it, as in a network without any kernel."""
    low_s: float | None
    high_s: float | None
    """The band that holds 80 % of measurements; None where no error is known."""
    bound_s: float | None
    """Sum of lower bounds: these kernels cannot be faster on these peaks. None where nothing adds
    up."""
    inference_s: float
    """Constant part of `latency_s`."""
    kernels: tuple[KernelEstimate, ...]
    untimed: tuple[str, ...]
    """Names of kernels of which neither compute nor memory time is known."""
    memory_fits: tuple[CapacityCheck, ...]
    notes: tuple[str, ...]
    outside: tuple[str, ...] = ()
    """Sentences that say how the network differs from the networks of the fit."""
    shares: tuple[float, ...] = ()
    """Shares of the terms, by which errors of two estimates on one device hang together."""
    energy: Energy | None = None
    latency_fit: LatencyFit | None = None
    """The fit that the times come from; None for a lower bound."""

    def __repr__(self) -> str:
        return f"<DeviceEstimate {self.device.name} {self.precision}: {self.time_text}>"

    @property
    def time_text(self) -> str:
        """The time with its range and basis, in words."""
        if self.latency_s is None:
            return "time unknown"
        least = "at least " if self.basis == "bound" or self.untimed else ""
        time, band = format_seconds(self.latency_s), ""
        if self.low_s is not None and self.high_s is not None:
            low, high = format_seconds(self.low_s), format_seconds(self.high_s)
            unit = high.rpartition(" ")[2]
            if low.endswith(f" {unit}") and time.endswith(f" {unit}"):
                low, high = low.removesuffix(f" {unit}"), high.removesuffix(f" {unit}")
            band = f" [{low} - {high}]"
        return f"{least}{time}{band} {self.basis}"

    @property
    def adds_up(self) -> bool:
        """Whether parts of a kernel add up, as coefficients do; else the larger of two counts."""
        return isinstance(self.latency_fit, CoefficientFit)


class _Timed(NamedTuple):
    """Kernels with their times, before anything else is known of the network."""

    basis: str
    kernels: tuple[KernelEstimate, ...]
    inference_s: float = 0.0
    half_width: float | None = None
    """Half the width of the range, in natural logarithms."""
    shares: tuple[float, ...] = ()
    outside: tuple[str, ...] = ()
    fit: LatencyFit | None = None


def estimate_latency(
    kernels: tuple[Kernel, ...],
    device: DeviceProfile,
    precision: str,
    memory_fits: tuple[CapacityCheck, ...] = (),
) -> DeviceEstimate:
    """Time of `kernels`, which were formed by the device's rules, on `device`.

    `memory_fits` is what is known of its memory; it takes no part in the time.
    """
    fit, basis = _fit_and_basis(device, precision)
    if basis is None:
        known = ", ".join(dict.fromkeys((*device.compute, *device.latency)))
        note = f"no {precision} rate in the profile (it has {known}): time is unknown"
        return _without_time(device, precision, memory_fits, note)
    if not kernels:
        note = "no layer computes or copies anything: no kernel is launched, and time is unknown"
        return _without_time(device, precision, memory_fits, note)
    lower_bounds = LowerBounds(device, device.compute.get(precision))
    bounds = lower_bounds.lower_bounds(kernels)
    if isinstance(fit, CoefficientFit):
        timed = _by_coefficients(kernels, bounds, fit, device, precision, basis)
    elif isinstance(fit, RooflineFit):
        timed = _on_fitted_roofline(kernels, bounds, fit, basis)
    else:
        timed = _on_bounds(kernels, bounds, device)
    if device.scaled is not None and timed.basis != "bound":
        timed = timed._replace(outside=(*timed.outside, f"scaled {device.scaled}"))
    return _whole(timed, bounds, device, precision, memory_fits, lower_bounds.notes())


def _without_time(
    device: DeviceProfile, precision: str, memory_fits: tuple[CapacityCheck, ...], note: str
) -> DeviceEstimate:
    """An estimate of which `note` says why there is no time."""
    return DeviceEstimate(
        device=device,
        precision=precision,
        basis=None,
        latency_s=None,
        low_s=None,
        high_s=None,
        bound_s=None,
        inference_s=0.0,
        kernels=(),
        untimed=(),
        memory_fits=memory_fits,
        notes=(note,),
    )


def basis_of(device: DeviceProfile, precision: str) -> str | None:
    """What an estimate on `device` can be called: `bound` where it is only a lower bound.

    None where there can be none.
    """
    return _fit_and_basis(device, precision)[1]


def _fit_and_basis(device: DeviceProfile, precision: str) -> tuple[LatencyFit | None, str | None]:
    """The fit that gives the times, and the basis of the estimate."""
    fit = device.latency.get(precision)
    if fit is not None:
        return fit, device.basis
    rate = device.compute.get(precision)
    if rate is None:
        return None, None
    fit = unmeasured_fit(device, rate, precision)
    return fit, "bound" if fit is None else "datasheet"


def _whole(
    timed: _Timed,
    bounds: Sequence[LowerBound],
    device: DeviceProfile,
    precision: str,
    memory_fits: tuple[CapacityCheck, ...],
    notes: tuple[str, ...],
) -> DeviceEstimate:
    untimed = _untimed(timed)
    if timed.basis != "bound":
        notes = ()  # what is not known of the lower bound is no part of the estimate
    if untimed:
        kernels_are = "kernel is" if len(untimed) == 1 else "kernels are"
        why = "no rate or bandwidth tells how long"
        if timed.basis != "bound":
            why = f"no rule counts what {'it does' if len(untimed) == 1 else 'they do'}"
        notes += (f"{len(untimed)} {kernels_are} not timed: {why}",)
    # Nothing at least says nothing.
    bound_s = sum([lower_bound.seconds or 0.0 for lower_bound in bounds]) or None
    latency_s = sum([estimate.latency_s or 0.0 for estimate in timed.kernels]) + timed.inference_s
    known = bool(latency_s)  # a sum of nothing known is not no time
    low_s = high_s = None
    if known and timed.half_width is not None and not untimed:  # no error of a missing part
        low_s = max(latency_s * exp(-timed.half_width), bound_s or 0.0)
        high_s = latency_s * exp(timed.half_width)
    timing = Timing(
        latency_s if known else None,
        low_s,
        high_s,
        timed.basis,
        is_lower_bound=(known and timed.basis == "bound") or bool(untimed),
    )
    traffic = [lower_bound.traffic for lower_bound in bounds]
    kernels = [estimate.kernel for estimate in timed.kernels]
    return DeviceEstimate(
        device=device,
        precision=precision,
        basis=timed.basis if known else None,
        latency_s=timing.seconds,
        low_s=low_s,
        high_s=high_s,
        bound_s=bound_s,
        inference_s=timed.inference_s if known else 0.0,
        kernels=timed.kernels,
        untimed=untimed,
        memory_fits=memory_fits,
        notes=notes,
        outside=timed.outside if known else (),
        shares=timed.shares if known else (),
        energy=estimate_energy(device, precision, kernels, traffic, timing),
        latency_fit=timed.fit if known else None,
    )


def _untimed(timed: _Timed) -> tuple[str, ...]:
    """Kernels of which nothing says how long they take."""
    without_time = [each.kernel.name for each in timed.kernels if each.latency_s is None]
    if timed.basis == "bound":
        without_time += [
            each.kernel.name
            for each in timed.kernels
            if each.latency_s is not None and each.lower_bound.seconds is None
        ]
    return tuple(without_time)


def _by_coefficients(
    kernels: Sequence[Kernel],
    bounds: Sequence[LowerBound],
    fit: CoefficientFit,
    device: DeviceProfile,
    precision: str,
    basis: str,
) -> _Timed:
    """Amounts times cost coefficients. The band widens for terms that the fit knows little of."""
    coefficients = relative_coefficients(fit, device, precision)
    totals = [0.0] * len(TERMS)
    estimates = []
    for kernel, amounts, lower_bound in zip(
        kernels, kernel_amounts(kernels, device.kernel_rules, fit.tile), bounds, strict=True
    ):
        parts = {"compute": 0.0, "memory": 0.0, "overhead": 0.0}
        for i, seconds in summands(fit, kernel, amounts, coefficients):
            totals[i] += seconds
            parts[TERMS[i].part] += seconds
        estimates.append(_estimate(kernel, lower_bound, parts))
    whole = sum(totals)
    shares = tuple([seconds / whole if whole else 0.0 for seconds in totals])
    half_width = fit.spread.width * deviation_of(fit, shares)
    return _Timed(
        basis,
        tuple(estimates),
        0.0,
        half_width,
        shares,
        _outside(fit.fitted_on, kernels, whole, shares),
        fit,
    )


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
            (i, amount * coefficients[i] * scale_s) for i, amount in enumerate(amounts) if amount
        ]
    return [
        (i, amount * coefficients[i] * scale_s / (speedup if TERMS[i].part == "compute" else 1.0))
        for i, amount in enumerate(amounts)
        if amount
    ]


def relative_coefficients(
    fit: CoefficientFit, device: DeviceProfile, precision: str
) -> tuple[float, ...]:
    """Coefficients of terms in units of the scale, in order: shared ones, moved by deviations."""
    shared = shared_coefficients(device.device_class, precision, device.threads).coefficients
    deviations = fit.deviations
    return tuple(
        [
            coefficient * exp(deviations.get(name, 0.0))
            for name, coefficient in zip(TERM_NAMES, shared, strict=True)
        ]
    )


def _estimate(kernel: Kernel, lower_bound: LowerBound, parts: dict[str, float]) -> KernelEstimate:
    if kernel.anchor.work is None:
        return KernelEstimate(kernel, None, None, None, None, lower_bound, "unknown")
    latency_s = max(sum(parts.values()), lower_bound.seconds or 0.0)
    # Without a lower bound, what takes most of the estimate is all that can be said.
    most = max(parts, key=lambda part: parts[part])
    bound = most if lower_bound.seconds is None else lower_bound.bound(parts["overhead"])
    return KernelEstimate(
        kernel, latency_s, parts["compute"], parts["memory"], parts["overhead"], lower_bound,
        bound,
    )  # fmt: skip


def deviation_of(fit: CoefficientFit, shares: Sequence[float]) -> float:
    """Standard deviation of the logarithm of a time whose terms have these shares."""
    variance = _variance(fit, (1.0, *shares))
    return sqrt(max(variance, 0.0) + fit.spread.noise**2)


def _variance(fit: CoefficientFit, row: Sequence[float]) -> float:
    """row C row, with C the covariance, of which the lower triangle is known."""
    variance = 0.0
    for i, covariances in enumerate(fit.covariance):
        if row[i]:
            for j, covariance in enumerate(covariances):
                product = row[i] * row[j] * covariance
                variance += product if i == j else 2 * product
    return variance


def deviation_of_ratio(fit: LatencyFit, first: Sequence[float], other: Sequence[float]) -> float:
    """Standard deviation of the logarithm of a ratio of two times on one device.

    `first` and `other` are the shares of their terms: what is wrong with a coefficient is wrong in
    both, so only differences count, and the scale is in neither. Networks that ask for much the
    same are off alike in what coefficients leave out, too: of the noise that has its own part
    alone. Of a roofline no shares are known.
    """
    noise = 2 * fit.spread.noise**2
    if not isinstance(fit, CoefficientFit):
        return sqrt(noise)
    row = [a - b for a, b in zip(first, other, strict=True)]
    noise *= min(_OWN_NOISE + sum(map(abs, row)), 1.0)
    return sqrt(max(_variance(fit, (0.0, *row)), 0.0) + noise)


def _outside(
    seen: FittedOn | None, kernels: Sequence[Kernel], latency_s: float, shares: Sequence[float]
) -> tuple[str, ...]:
    """How a network differs from the networks that a fit was made on, a sentence each."""
    if seen is None:
        return ()
    differences = []
    mult_adds = sum(kernel.mult_adds for kernel in kernels)
    for value, (low, high), words in (
        (mult_adds, seen.mult_adds, ("fewer mult-adds", "more mult-adds")),
        (latency_s, seen.latency_s, ("less time", "more time")),
    ):
        if not low / 2 <= value <= high * 2:
            differences.append(f"{words[value > high]} than any network that the fit has seen")
    terms = zip(TERM_NAMES, shares, strict=True) if shares else ()  # a roofline has none
    for name, share in terms:
        if share > _SEEN and name not in seen.terms:
            differences.append(
                f"{100 * share:.0f} % of the time in `{name}`, which was hardly measured"
            )
    return tuple(differences)


def _on_fitted_roofline(
    kernels: Sequence[Kernel], bounds: Sequence[LowerBound], fit: RooflineFit, basis: str
) -> _Timed:
    per_kernel = fit.kernel_s.value if fit.kernel_s else 0.0
    estimates = []
    for kernel, lower_bound in zip(kernels, bounds, strict=True):
        if kernel.anchor.work is None:
            estimates.append(KernelEstimate(kernel, None, None, None, None, lower_bound, "unknown"))
            continue
        compute_s = kernel.mult_adds / (fit.macs_per_s.value * kernel.speedup)
        memory_s = kernel.traffic_bytes / fit.bytes_per_s.value if fit.bytes_per_s else 0.0
        latency_s = max(compute_s, memory_s, lower_bound.seconds or 0.0) + per_kernel
        # What binds is what binds the fitted roofline: of the peaks little is published.
        bound = "compute" if compute_s >= memory_s else "memory"
        bound = "overhead" if per_kernel > max(compute_s, memory_s) else bound
        estimates.append(
            KernelEstimate(kernel, latency_s, compute_s, memory_s, per_kernel, lower_bound, bound)
        )
    inference_s = fit.inference_s.value if fit.inference_s else 0.0
    whole = sum([estimate.latency_s or 0.0 for estimate in estimates]) + inference_s
    half_width = fit.spread.width * fit.spread.noise
    return _Timed(
        basis, tuple(estimates), inference_s, half_width, (),
        _outside(fit.fitted_on, kernels, whole, ()), fit,
    )  # fmt: skip


def _on_bounds(
    kernels: Sequence[Kernel], bounds: Sequence[LowerBound], device: DeviceProfile
) -> _Timed:
    """Lower bounds and kernel launches: less than any run will take."""
    per_kernel = device.kernel_overhead_s.least if device.kernel_overhead_s else None
    estimates = []
    for kernel, lower_bound in zip(kernels, bounds, strict=True):
        seconds = lower_bound.seconds
        latency_s = per_kernel if seconds is None else seconds + (per_kernel or 0.0)
        estimates.append(
            KernelEstimate(
                kernel,
                latency_s,
                lower_bound.compute_s,
                lower_bound.memory_s,
                per_kernel,
                lower_bound,
                lower_bound.bound(per_kernel),
            )
        )
    inference = device.inference_overhead_s
    return _Timed("bound", tuple(estimates), inference.least if inference else 0.0)
