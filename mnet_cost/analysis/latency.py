"""Time of kernels on a device: an estimate with its band, and beside it the lower bound.

The numbers are those of `times.py`, for one network; here are the words that are read off them:
what binds a kernel, what is not timed, how the network differs from those of a fit, and what is
not modelled. What is not known is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.analysis.energy import Energy, estimate_energy
from mnet_cost.analysis.kernels import Kernel, precision_of, precisions_of
from mnet_cost.analysis.lower_bounds import LowerBound, LowerBounds
from mnet_cost.analysis.times import (
    KernelTime,
    NetworkTime,
    fit_and_basis,
    network_time,
    operands_of,
)
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.runtimes import runtime_notes, version_note
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.tensors import is_nothing
from mnet_cost.units import format_seconds

if TYPE_CHECKING:
    from mnet_cost.analysis.fallback import SplitTime
    from mnet_cost.analysis.placement import Placement

_SEEN = 0.05
"""An estimate is marked if terms that were hardly measured take more than this share of it."""


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
    precision: str = "fp32"

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
    """That of the kernels: several, as in `int8 and fp32`, where layers state several."""
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
    latency_fits: Mapping[str, LatencyFit] = field(default_factory=dict)
    """The fits that the times come from, by precision of kernels; empty for a lower bound."""
    is_stated: bool = False
    """Whether the spec states precisions, so that to ask for another one gives no time."""
    placement: Placement | None = None
    """Which layers run on the accelerator; None where no list says what it runs. The time is that
    of all layers on it, whatever the list says."""
    split: SplitTime | None = None
    """The time by unit, where not all layers run on the accelerator."""

    def __repr__(self) -> str:
        return f"<DeviceEstimate {self.device.name} {self.precision}: {self.time_text}>"

    @property
    def is_partly_placed(self) -> bool:
        """Whether layers do not run on the accelerator, or are not known to."""
        return self.placement is not None and not self.placement.is_whole

    @property
    def is_marked(self) -> bool:
        """Whether the time is beyond what was measured: the network is, or the fit does not tell
        which layers ran on the accelerator. A lower bound has a mark of its own."""
        return bool(self.outside) or (self.is_partly_placed and self.basis != "bound")

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
    def latency_fit(self) -> LatencyFit | None:
        """The one fit that all times come from; None for a lower bound and for several fits."""
        fits = tuple(self.latency_fits.values())
        return fits[0] if len(fits) == 1 else None

    def fit_of(self, kernel_time: KernelEstimate) -> LatencyFit | None:
        """The fit that the time of one of its kernels comes from; None for a lower bound."""
        return self.latency_fits.get(kernel_time.precision)

    @property
    def adds_up(self) -> bool:
        """Whether parts of all kernels add up, as coefficients do; else the larger counts."""
        fits = self.latency_fits.values()
        return bool(fits) and all(isinstance(fit, CoefficientFit) for fit in fits)


def estimate_latency(
    kernels: tuple[Kernel, ...],
    device: DeviceProfile,
    precision: str,
    memory_fits: tuple[CapacityCheck, ...] = (),
) -> DeviceEstimate:
    """Time of `kernels`, which were formed by the device's rules, on `device`.

    `memory_fits` is what is known of its memory; it takes no part in the time.
    """
    time = network_time(kernels, device, precision)
    stated = " and ".join(precisions_of(kernels, precision) or (precision,))
    is_stated = any(kernel.anchor.step.precision is not None for kernel in kernels)
    if time is None:
        note = why_no_time(kernels, device, precision)
        return _without_time(device, stated, memory_fits, note, is_stated)
    lower_bounds = LowerBounds(device, device.compute.get(precision), device.compute)
    estimates = _kernel_estimates(kernels, time, lower_bounds, precision)
    untimed = _untimed(time.basis, estimates)
    # What is not known of the lower bound is no part of an estimate.
    notes = lower_bounds.notes() if time.basis == "bound" else ()
    notes += runtime_notes(device, precision, time.basis)
    if untimed:
        one, several = words_for_untimed(time.basis)
        notes += (one if len(untimed) == 1 else several.replace("{}", str(len(untimed))),)
    known_time = time.latency_s is not None
    traffic = [least.traffic for least in time.least]
    return DeviceEstimate(
        device=device,
        precision=stated,
        basis=time.basis if known_time else None,
        latency_s=time.latency_s,
        low_s=time.low_s,
        high_s=time.high_s,
        bound_s=time.bound_s,
        inference_s=time.inference_s if known_time else 0.0,
        kernels=estimates,
        untimed=untimed,
        memory_fits=memory_fits,
        notes=notes,
        outside=_outside(time, kernels, device) if known_time else (),
        shares=time.shares if known_time else (),
        energy=estimate_energy(device, precision, kernels, traffic, time.timing),
        latency_fits=time.fits if known_time else {},
        is_stated=is_stated,
    )


def why_no_time(kernels: Sequence[Kernel], device: DeviceProfile, precision: str) -> str:
    """Why `network_time` knows no time of `kernels`, as a sentence."""
    names = precisions_of(kernels, precision) or (precision,)
    missing = [name for name in names if basis_of(device, name) is None]
    if not missing:
        return "no layer computes or copies anything: no kernel is launched, and time is unknown"
    known = ", ".join(dict.fromkeys((*device.compute, *device.latency)))
    note = f"no {' and no '.join(missing)} rate in the profile (it has {known})"
    if len(names) > 1:
        count = sum([precision_of(kernel, precision) in missing for kernel in kernels])
        note += f", and {count} of {len(kernels)} kernels {'is' if count == 1 else 'are'} in "
        note += f"{' or '.join(missing)}"
    return f"{note}: time is unknown"


def words_for_untimed(basis: str) -> tuple[str, str]:
    """What is said of one kernel that is not timed, and of several, whose number is `{}`."""
    if basis == "bound":
        one = several = "no rate or bandwidth tells how long"
    else:
        one, several = "no rule counts what it does", "no rule counts what they do"
    return f"1 kernel is not timed: {one}", f"{{}} kernels are not timed: {several}"


def _without_time(
    device: DeviceProfile,
    precision: str,
    memory_fits: tuple[CapacityCheck, ...],
    note: str,
    is_stated: bool,
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
        is_stated=is_stated,
    )


def basis_of(device: DeviceProfile, precision: str) -> str | None:
    """What an estimate on `device` can be called: `bound` where it is only a lower bound.

    None where there can be none.
    """
    return fit_and_basis(device, precision)[1]


def _kernel_estimates(
    kernels: Sequence[Kernel], time: NetworkTime, lower_bounds: LowerBounds, precision: str
) -> tuple[KernelEstimate, ...]:
    """Times of the kernels, with what binds each."""
    estimates = []
    for number, (kernel, least) in enumerate(zip(kernels, time.least, strict=True)):
        lower_bound = lower_bounds.read_off(kernel, least)
        kernel_time = operands_of(time, kernel, number).known
        own = precision_of(kernel, precision)
        fit = time.fits.get(own)
        if fit is None:
            bound = lower_bound.bound(kernel_time.overhead_s)
        elif kernel_time.latency_s is None:
            bound = "unknown"
        else:
            bound = _bound(fit, kernel_time, lower_bound)
        estimates.append(KernelEstimate(kernel, *kernel_time, lower_bound, bound, own))
    return tuple(estimates)


def _bound(fit: LatencyFit, time: KernelTime, lower_bound: LowerBound) -> str:
    """What limits a time that comes from a fit."""
    compute_s, memory_s = time.compute_s or 0.0, time.memory_s or 0.0
    overhead_s = time.overhead_s or 0.0
    if isinstance(fit, RooflineFit):
        # What binds is what binds the fitted roofline: of the peaks little is published.
        if overhead_s > max(compute_s, memory_s):
            return "overhead"
        return "compute" if compute_s >= memory_s else "memory"
    if lower_bound.seconds is not None:
        return lower_bound.bound(overhead_s)
    # Without a lower bound, what takes most of the estimate is all that can be said.
    parts = {"compute": compute_s, "memory": memory_s, "overhead": overhead_s}
    return max(parts, key=lambda part: parts[part])


def _untimed(basis: str, estimates: Sequence[KernelEstimate]) -> tuple[str, ...]:
    """Kernels of which nothing says how long they take."""
    without_time = [each.kernel.name for each in estimates if each.latency_s is None]
    if basis == "bound":
        without_time += [
            each.kernel.name
            for each in estimates
            if each.latency_s is not None and each.lower_bound.seconds is None
        ]
    return tuple(without_time)


def _outside(
    time: NetworkTime, kernels: Sequence[Kernel], device: DeviceProfile
) -> tuple[str, ...]:
    """How a network differs from the networks that the fit was made on, a sentence each; and what
    the device is scaled or carried over from."""
    if not time.fits:
        return ()
    seen = [
        difference.text.replace("{}", f"{100 * difference.share:.0f}")
        for difference in differences_of(time, kernels)
        if difference.holds
    ]
    scaled = () if device.scaled is None else (f"scaled {device.scaled}",)
    version = version_note(device)
    return (*seen, *scaled, *(() if version is None else (version,)))


class Difference(NamedTuple):
    """How a network may differ from the networks that a fit was made on."""

    text: str
    """A sentence, in which `{}` stands for a share in percent."""
    holds: Any
    """Whether it does, as a condition of any kind."""
    share: Any = 0.0


def differences_of(time: NetworkTime, kernels: Sequence[Kernel]) -> list[Difference]:
    """All ways in which a network may differ from those that the fit of its time has seen."""
    if len(time.fits) > 1:
        text = (
            f"its layers are in {' and '.join(time.fits)}, each timed by its precision: no network "
            "of several was measured, nor what it takes to convert between them"
        )
        return [Difference(text, True)]
    seen = next((fit.fitted_on for fit in time.fits.values()), None)
    if seen is None:
        return []
    differences = []
    mult_adds = sum([kernel.mult_adds for kernel in kernels])
    for value, (low, high), fewer, more in (
        (mult_adds, seen.mult_adds, "fewer mult-adds", "more mult-adds"),
        (time.fitted_s, seen.latency_s, "less time", "more time"),
    ):
        than = "than any network that the fit has seen"
        differences.append(Difference(f"{fewer} {than}", value < low / 2))
        differences.append(Difference(f"{more} {than}", value > high * 2))
    terms = zip(TERM_NAMES, time.shares, strict=True) if time.shares else ()  # a roofline has none
    for name, share in terms:
        if name not in seen.terms and not is_nothing(share):
            text = f"{{}} % of the time in `{name}`, which was hardly measured"
            differences.append(Difference(text, share > _SEEN, share))
    return differences
