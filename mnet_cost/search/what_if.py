"""What if a device had other numbers: its profile altered, and the estimates before and after.

The lower bound follows by itself. A fitted estimate follows by a model: coefficients have no
bandwidth in them, so compute parts are scaled by the ratio of `macs`, memory parts by that of the
main memory's `bandwidth`, overhead parts by that of `launch`; what else is changed moves the lower
bound alone. The rate, bandwidth and overheads of a fitted roofline are scaled by the same ratios.
As everywhere, no estimate is below the lower bound, which is the altered one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mnet_cost.analysis import Analysis, estimate_devices
from mnet_cost.analysis.latency import DeviceEstimate, KernelEstimate
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.terms import TERMS, Part
from mnet_cost.errors import DeviceError, Problem
from mnet_cost.search.changes import (
    Change,
    Figure,
    find_figures,
    fit_of,
    parse_changes,
    shown,
)

__all__ = ["BoundChange", "Figure", "WhatIf", "altered", "compare_what_if", "parse_changes"]

_PARTS: Mapping[str, Part] = {"macs": "compute", "bandwidth": "memory", "launch": "overhead"}


class BoundChange(NamedTuple):
    """A kernel that something else binds than before."""

    before: KernelEstimate
    after: KernelEstimate


class WhatIf(NamedTuple):
    """One device before and after."""

    figures: tuple[Figure, ...]
    before: DeviceEstimate
    after: DeviceEstimate
    notes: tuple[str, ...]
    """How the estimate follows, and what is not known then."""

    @property
    def kernels(self) -> tuple[BoundChange, ...]:
        """All kernels that are timed before and after."""
        if len(self.before.kernels) != len(self.after.kernels):
            return ()
        return tuple(map(BoundChange, self.before.kernels, self.after.kernels))

    @property
    def changed(self) -> tuple[BoundChange, ...]:
        """The kernels whose `bound` is another one."""
        return tuple(one for one in self.kernels if one.before.bound != one.after.bound)


def compare_what_if(analysis: Analysis, changes: Sequence[Change]) -> tuple[WhatIf, ...]:
    """Each device of `analysis` with `changes`; `DeviceError` where they do not suit it."""
    if not analysis.devices:
        raise DeviceError(Problem("`--what-if` needs a device whose numbers it can change"))
    devices = [estimate.device for estimate in analysis.devices]
    figures = [find_figures(device, changes, analysis.precision) for device in devices]
    changed = [
        _with_figures(device, found, analysis.precision)
        for device, found in zip(devices, figures, strict=True)
    ]
    # The runtime launches the same kernels in the same order: nothing of that is looked for anew.
    after = estimate_devices(analysis, changed)
    return tuple(
        WhatIf(found, before, other, (*_notes(before, found), *_silenced(before, other, found)))
        for found, before, other in zip(figures, analysis.devices, after, strict=True)
    )


def altered(device: DeviceProfile, changes: Iterable[Change], precision: str) -> DeviceProfile:
    """`device` with the numbers that `changes` state; `DeviceError` where they do not suit it."""
    return _with_figures(device, find_figures(device, changes, precision), precision)


def _with_figures(
    device: DeviceProfile, figures: Sequence[Figure], precision: str
) -> DeviceProfile:
    fit = fit_of(device, precision)
    followed = fit
    for figure in sorted(figures, key=lambda one: one.place != "macs"):  # a rate has the others
        device = _with_figure(device, figure, precision, fit is not None)
        if figure.place in _PARTS and _is_main(device, figure):
            followed = _following(followed, figure)
        elif figure.place == "inference" and isinstance(followed, RooflineFit):
            followed = followed._replace(inference_s=_sourced(figure, followed.inference_s))
    if followed is None or followed == fit:
        return device
    # An estimate from shared cost coefficients stays one from a data sheet.
    basis = device.basis if precision in device.latency else "datasheet"
    return device._replace(latency={**device.latency, precision: followed}, basis=basis)


def _is_main(device: DeviceProfile, figure: Figure) -> bool:
    """Whether a bandwidth is that of the main memory; other places have no level."""
    main = device.main_memory
    return figure.level is None or (main is not None and figure.level == main.name)


def _with_figure(
    device: DeviceProfile, figure: Figure, precision: str, has_fit: bool
) -> DeviceProfile:
    """The profile with one number altered, its fits apart."""
    if figure.place in ("launch", "inference"):
        runtime_plans = figure.place == "launch"
        own = device.kernel_overhead_s if runtime_plans else device.inference_overhead_s
        if own is None and has_fit:
            return device  # the fit alone knows of it
        new = _sourced(figure, own)
        if runtime_plans:
            return device._replace(kernel_overhead_s=new)
        return device._replace(inference_overhead_s=new)
    if figure.place in ("macs", "vector"):
        rate = device.compute.get(precision)
        if figure.place == "vector":
            if rate is None:
                return device
            rate = rate._replace(vector_ops_per_s=_sourced(figure, rate.vector_ops_per_s))
        elif rate is not None:
            rate = rate._replace(macs_per_s=_sourced(figure, rate.macs_per_s))
        elif has_fit and figure.change.factor is not None:
            return device  # the factor is one of a fitted rate
        else:
            rate = ComputeRate(_sourced(figure, None))
        return device._replace(compute={**device.compute, precision: rate})
    if device.storage is not None and device.storage.name == figure.level:
        return device._replace(storage=_level(device.storage, figure))
    return device._replace(
        memory=tuple(
            _level(one, figure) if one.name == figure.level else one for one in device.memory
        )
    )


def _level(level: MemoryLevel, figure: Figure) -> MemoryLevel:
    if figure.place == "size":
        return level._replace(size_bytes=_sourced(figure, level.size_bytes))
    if level.bytes_per_s is None and figure.change.factor is not None:
        return level  # the factor is one of a fitted bandwidth
    return level._replace(bytes_per_s=_sourced(figure, level.bytes_per_s))


def _sourced(figure: Figure, before: Sourced | None) -> Sourced:
    """The new number, and what it was made of."""
    new = shown(figure.after, figure.unit)
    if before is None:
        return Sourced(figure.after, f"what if: {new}; nothing is known", "assumed")
    old, factor = shown(before.value, figure.unit), figure.change.factor
    if factor is None:
        return Sourced(figure.after, f"what if: {new} instead of {old}", "assumed")
    source = f"what if: {figure.change.value} of {old}"
    return before.times(factor)._replace(source=source, basis="assumed")


def _following(fit: LatencyFit | None, figure: Figure) -> LatencyFit | None:
    """The fit with the parts scaled that rest on a figure."""
    ratio = figure.ratio
    if isinstance(fit, RooflineFit):
        if figure.place == "launch":
            return fit._replace(kernel_s=_sourced(figure, fit.kernel_s))
        if ratio is None:
            return fit
        if figure.place == "macs":
            return fit._replace(macs_per_s=_scaled(fit.macs_per_s, ratio, "MAC/s"))
        if fit.bytes_per_s is not None:
            return fit._replace(bytes_per_s=_scaled(fit.bytes_per_s, ratio, "B/s"))
        return fit
    if fit is None or ratio is None or ratio == 1:
        return fit
    part = _PARTS[figure.place]
    shift = math.log(ratio) if part == "overhead" else -math.log(ratio)
    shifted = {
        term.name: fit.deviations.get(term.name, 0.0) + shift for term in TERMS if term.part == part
    }
    return fit._replace(deviations={**fit.deviations, **shifted})


def _scaled(before: Sourced, ratio: float, unit: str) -> Sourced:
    source = f"what if: x{ratio:.4g} of {shown(before.value, unit)}"
    return Sourced(before.value * ratio, source, "assumed")


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
    grown = [one.level for one in figures if one.place == "size" and one.level in silent]
    if not grown or (after.bound_s or 0.0) >= (before.bound_s or 0.0):
        return ()
    return tuple(
        f"more stays in {level} then, where it takes no memory time since no bandwidth is known"
        for level in grown
    )
