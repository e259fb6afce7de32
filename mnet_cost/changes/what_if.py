"""What if a device had other numbers: its profile altered, and the estimates before and after.

The lower bound follows by itself. A fitted estimate follows by a model: coefficients have no
bandwidth in them, so compute parts are scaled by the ratio of `macs`, memory parts by that of the
main memory's `bandwidth`, overhead parts by that of `launch`; what else is changed moves the lower
bound alone. The rate, bandwidth and overheads of a fitted roofline are scaled by the same ratios.
As everywhere, no estimate is below the lower bound, which is the altered one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mnet_cost.analysis import Analysis, estimate_devices
from mnet_cost.analysis.kernels import precisions_of
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.changes.device_changes import (
    Change,
    Figure,
    find_figures,
    fit_of,
    parse_changes,
    shown,
)
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.terms import TERMS, Part
from mnet_cost.errors import DeviceError, Problem
from mnet_cost.tensors import logarithm

__all__ = ["BoundChange", "Figure", "WhatIf", "altered", "compare_what_if", "parse_changes"]

_PARTS: Mapping[str, Part] = {
    "macs": "compute", "bandwidth": "memory", "launch": "overhead", "inference": "overhead",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundChange:
    """A kernel that something else binds than before."""

    before: KernelEstimate
    after: KernelEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """One device before and after."""

    figures: tuple[Figure, ...]
    before: DeviceEstimate
    after: DeviceEstimate
    notes: tuple[str, ...]
    """Sentences that say how the estimate follows, and what is no longer known."""

    @property
    def kernels(self) -> tuple[BoundChange, ...]:
        """All kernels that are timed before and after."""
        if len(self.before.kernels) != len(self.after.kernels):
            return ()
        return tuple(
            BoundChange(before=before, after=after)
            for before, after in zip(self.before.kernels, self.after.kernels, strict=True)
        )

    @property
    def changed(self) -> tuple[BoundChange, ...]:
        """The kernels whose `bound` is another one."""
        return tuple(kernel for kernel in self.kernels if kernel.before.bound != kernel.after.bound)


def compare_what_if(analysis: Analysis, changes: Sequence[Change]) -> tuple[WhatIf, ...]:
    """Each device of `analysis` with `changes`; `DeviceError` where they do not suit it."""
    if not analysis.devices:
        raise DeviceError(Problem("`--what-if` needs a device whose numbers it can change"))
    devices = [estimate.device for estimate in analysis.devices]
    precision = _precision_of(analysis)
    figures = [find_figures(device, changes, precision) for device in devices]
    changed = [
        _with_figures(device, device_figures, precision)
        for device, device_figures in zip(devices, figures, strict=True)
    ]
    # The runtime launches the same kernels in the same order: nothing of that is looked for anew.
    after = estimate_devices(analysis, changed)
    return tuple(
        WhatIf(
            figures=device_figures,
            before=before,
            after=other,
            notes=(*_notes(before, device_figures), *_silenced(before, other, device_figures)),
        )
        for device_figures, before, other in zip(figures, analysis.devices, after, strict=True)
    )


def _precision_of(analysis: Analysis) -> str:
    """The precision whose numbers are changed; `DeviceError` where kernels have several."""
    kernels = [kernel for plan in analysis.runtime_plans for kernel in plan.kernels]
    names = precisions_of(kernels, analysis.precision)
    if len(names) > 1:
        raise DeviceError(
            Problem(
                f"`--what-if` changes numbers of one precision, and layers are in "
                f"{' and '.join(names)}",
                hint="write a profile that `extends` this one with other numbers",
            )
        )
    return names[0] if names else analysis.precision


def altered(device: DeviceProfile, changes: Iterable[Change], precision: str) -> DeviceProfile:
    """`device` with the numbers that `changes` state; `DeviceError` where they do not suit it.

    Factors can be recorded numbers.
    """
    return _with_figures(device, find_figures(device, changes, precision), precision)


def _with_figures(
    device: DeviceProfile, figures: Sequence[Figure], precision: str
) -> DeviceProfile:
    fit = fit_of(device, precision)
    followed = fit
    # The rate comes first: others are fields of it.
    for figure in sorted(figures, key=lambda figure: figure.place != "macs"):
        device = _with_figure(device, figure, precision, fit is not None)
        if figure.place in _PARTS and _is_main(device, figure):
            followed = _following(followed, figure)
    if followed is None or followed is fit:
        return device
    # An estimate from shared cost coefficients stays one from a data sheet.
    basis = device.basis if precision in device.latency else "datasheet"
    return replace(device, latency={**device.latency, precision: followed}, basis=basis)


def _is_main(device: DeviceProfile, figure: Figure) -> bool:
    """Whether a bandwidth is that of the main memory; other places have no level."""
    main = device.main_memory
    return figure.level is None or (main is not None and figure.level == main.name)


def _with_figure(
    device: DeviceProfile, figure: Figure, precision: str, has_fit: bool
) -> DeviceProfile:
    """The profile with one number altered, its fits apart."""
    if figure.place in ("launch", "inference"):
        is_launch = figure.place == "launch"
        own = device.kernel_overhead_s if is_launch else device.inference_overhead_s
        if own is None and has_fit:
            return device  # the fit alone knows of it
        new = _sourced(figure, own)
        if is_launch:
            return replace(device, kernel_overhead_s=new)
        return replace(device, inference_overhead_s=new)
    if figure.place in ("macs", "vector"):
        rate = device.compute.get(precision)
        if figure.place == "vector":
            if rate is None:
                return device
            rate = replace(rate, vector_ops_per_s=_sourced(figure, rate.vector_ops_per_s))
        elif rate is not None:
            rate = replace(rate, macs_per_s=_sourced(figure, rate.macs_per_s))
        elif has_fit and figure.change.factor is not None:
            return device  # the factor is one of a fitted rate
        else:
            rate = ComputeRate(macs_per_s=_sourced(figure, None))
        return replace(device, compute={**device.compute, precision: rate})
    if device.storage is not None and device.storage.name == figure.level:
        return replace(device, storage=_level(device.storage, figure))
    return replace(
        device,
        memory=tuple(
            _level(level, figure) if level.name == figure.level else level
            for level in device.memory
        ),
    )


def _level(level: MemoryLevel, figure: Figure) -> MemoryLevel:
    if figure.place == "size":
        return replace(level, size_bytes=_sourced(figure, level.size_bytes))
    if level.bytes_per_s is None and figure.change.factor is not None:
        return level  # the factor is one of a fitted bandwidth
    return replace(level, bytes_per_s=_sourced(figure, level.bytes_per_s))


def _sourced(figure: Figure, before: Sourced | None) -> Sourced:
    """The new number, and what it was made of."""
    factor = figure.change.factor
    if before is None:
        new = shown(figure.after, figure.unit)
        return Sourced(
            value=figure.after, source=f"what if: {new}; nothing is known", basis="assumed"
        )
    old = shown(before.value, figure.unit)
    if factor is None:
        new = shown(figure.after, figure.unit)
        return Sourced(
            value=figure.after, source=f"what if: {new} instead of {old}", basis="assumed"
        )
    source = f"what if: {figure.change.value} of {old}"
    return replace(before.times(factor), source=source, basis="assumed")


def _following(fit: LatencyFit | None, figure: Figure) -> LatencyFit | None:
    """The fit with the parts scaled that rest on a figure."""
    ratio = figure.ratio
    if isinstance(fit, RooflineFit):
        if figure.place == "launch":
            return replace(fit, kernel_s=_sourced(figure, fit.kernel_s))
        if figure.place == "inference":
            return replace(fit, inference_s=_sourced(figure, fit.inference_s))
        if ratio is None:
            return fit
        if figure.place == "macs":
            return replace(fit, macs_per_s=_scaled(fit.macs_per_s, ratio, "MAC/s"))
        if fit.bytes_per_s is not None:
            return replace(fit, bytes_per_s=_scaled(fit.bytes_per_s, ratio, "B/s"))
        return fit
    if fit is None or ratio is None or (isinstance(ratio, (int, float)) and ratio == 1):
        return fit
    part = _PARTS[figure.place]
    shift = logarithm(ratio) if part == "overhead" else -logarithm(ratio)
    of_inference = figure.place == "inference"
    shifted = {
        term.name: fit.deviations.get(term.name, 0.0) + shift
        for term in TERMS
        if term.part == part and (term.name == "inference") == of_inference
    }
    return replace(fit, deviations={**fit.deviations, **shifted})


def _scaled(before: Sourced, ratio: float, unit: str) -> Sourced:
    source = f"what if: x{ratio:.4g} of {shown(before.value, unit)}"
    return Sourced(value=before.value * ratio, source=source, basis="assumed")


def _notes(before: DeviceEstimate, figures: Sequence[Figure]) -> tuple[str, ...]:
    fit = fit_of(before.device, before.precision)
    if fit is None:
        return ()
    if isinstance(fit, CoefficientFit):
        how = (
            "parts that are compute are scaled as macs, those that are memory as the bandwidth of "
            "the main memory, kernel launches as launch"
        )
    else:
        how = "the fitted rate, bandwidth and overheads are scaled as macs, bandwidth and launch"
    notes = [f"the time with other numbers is a model: {how}; all else moves only the lower bound"]
    for figure in figures:
        scales = figure.place in ("macs", "bandwidth") and _is_main(before.device, figure)
        if scales and figure.ratio is None:
            notes.append(
                f"{figure.text} moves only the lower bound: without the number before, there is no "
                "ratio to scale by"
            )
    return tuple(notes)


def _silenced(
    before: DeviceEstimate, after: DeviceEstimate, figures: Sequence[Figure]
) -> tuple[str, ...]:
    """Notes where the lower bound falls since more stays in a cache of which no bandwidth is
    known."""
    silent = {level.name for level in after.device.memory if level.bytes_per_s is None}
    grown = [
        figure.level for figure in figures if figure.place == "size" and figure.level in silent
    ]
    if not grown or (after.bound_s or 0.0) >= (before.bound_s or 0.0):
        return ()
    return tuple(
        f"more stays in {level} then, where it takes no memory time since no bandwidth is known"
        for level in grown
    )
