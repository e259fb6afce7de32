"""Coefficients of terms that devices have in common, and what is known of one without a
measurement.

Devices share coefficients where one runtime runs on them: each file of `specs/coefficients` has
those of a runtime, in a section for each precision and number of threads that was measured. They
are fitted to the published measurements in `benchmarks/accuracy`, whose README says how; they are
data, so that nothing in the code is a number of that fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, hypot, log, log2
from typing import Any

from mnet_cost.devices.latency_models import DEFAULT_SHARED, CoefficientFit, Spread
from mnet_cost.devices.rules import is_accelerated
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.devices.types import ACCELERATORS, ComputeRate, DeviceProfile
from mnet_cost.shipped import specs_folder
from mnet_cost.yamlfile import Node, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakShare:
    """How much of its peak a processor reaches in large 1x1 convolutions."""

    share: float
    spread: float
    """Standard deviation of its logarithm, over devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCoefficients:
    """What is taken of a device before it is measured."""

    name: str
    """The file that it is from."""
    source: str
    coefficients: tuple[float, ...]
    """In the order of `TERMS`; the first is 1. What the runtime has no cost of is 0."""
    spreads: tuple[float, ...]
    """Standard deviations of the logarithms of cost coefficients, over devices."""
    peak_shares: Mapping[str, PeakShare]
    """The share of the peak that cores reach, by pipeline."""
    measured: Spread
    """The band of an estimate from a fit to measurements."""
    unmeasured: Spread
    """The band of an estimate without a fit to measurements."""


MICROCONTROLLERS = "microcontrollers"
"""Cores without vectors, whose weights are in flash."""

NPU = "npu"
"""Accelerators, whose weights come from main memory and take a large part of the time."""

SHARED_NAMES = (DEFAULT_SHARED, MICROCONTROLLERS, NPU)
"""The files: by runtime, and by what has no runtime in common with processors."""

MEASURED_THREADS = (1, 2, 4, 8)
"""Numbers of threads that the default file has. Of more nothing was measured."""

_ABSENT = 1.0
"""Spread of a term that a file does not list. Nothing depends on it: its coefficient is 0."""

_BORROWED = 0.2
"""Spread of a coefficient that is another file's by its ratio to one thread, beside that of its
own: as runs of one runtime were seen to differ in it."""


def shared_name(runtime: str, device_class: str | None, pipeline: str | None) -> str:
    """The file with the coefficients of a runtime on a kind of core."""
    if device_class == "microcontroller":
        return MICROCONTROLLERS
    if pipeline is None and (device_class in ACCELERATORS or is_accelerated(runtime)):
        return NPU
    return DEFAULT_SHARED


def shared_name_of(device: DeviceProfile) -> str:
    """The file that a profile takes coefficients from where it has no fit."""
    return shared_name(device.runtime, device.device_class, device.pipeline)


@cache
def _sections(name: str) -> Mapping[str, SharedCoefficients]:
    plain = _plain(read_yaml(str(specs_folder() / "coefficients" / f"{name}.yaml")))
    return {key: _coefficients(name, plain[key]) for key in plain if isinstance(plain[key], dict)}


def section_name(precision: str, threads: int) -> str:
    """The section of a precision, of which int8 alone has kernels of its own, and of threads."""
    kernels = "int8" if precision == "int8" else "fp32"
    return kernels if threads == 1 else f"{kernels}_{threads}_threads"


@cache
def shared_coefficients(
    name: str = DEFAULT_SHARED, precision: str = "fp32", threads: int = 1
) -> SharedCoefficients:
    """The cost coefficients that a way to run has in common with others; read once.

    Between two numbers of threads that were measured they lie between theirs, by the logarithm of
    the number; beyond the most they are those of the most. Where a file lacks a precision, the
    other one's are taken, and where it lacks threads, they are to one thread as in the default
    file.
    """
    fewer = max(count for count in MEASURED_THREADS if count <= threads)
    more = min((count for count in MEASURED_THREADS if count >= threads), default=fewer)
    below, above = (_of_threads(name, precision, count) for count in (fewer, more))
    return below if fewer == more else _between(below, above, log2(threads / fewer))


@cache
def _of_threads(name: str, precision: str, threads: int) -> SharedCoefficients:
    """Of a number of threads out of `MEASURED_THREADS`."""
    sections = _sections(name)
    own = sections.get(section_name(precision, threads))
    if own is not None:
        return own
    one = sections.get(section_name(precision, 1)) or next(iter(sections.values()))
    if threads == 1 or name in (MICROCONTROLLERS, NPU):
        return one
    default = _sections(DEFAULT_SHARED)
    single, several = default["fp32"], default[section_name("fp32", threads)]
    return SharedCoefficients(
        name=name,
        source=f"{one.source}; with {threads} threads as others gain from them: {several.source}",
        coefficients=tuple(
            own * after / before if before else own
            for own, before, after in zip(
                one.coefficients, single.coefficients, several.coefficients, strict=True
            )
        ),
        spreads=tuple(hypot(spread, _BORROWED) for spread in one.spreads),
        peak_shares={
            pipeline: PeakShare(
                share=share.share * after.share / single.peak_shares[pipeline].share,
                spread=max(share.spread, after.spread),
            )
            for pipeline, share in one.peak_shares.items()
            if (after := several.peak_shares.get(pipeline))
        },
        measured=_wider(one.measured, several.measured),
        unmeasured=_wider(one.unmeasured, several.unmeasured),
    )


def _wider(first: Spread, other: Spread) -> Spread:
    return Spread(width=max(first.width, other.width), noise=max(first.noise, other.noise))


def _between(
    below: SharedCoefficients, above: SharedCoefficients, part: float
) -> SharedCoefficients:
    """Cost coefficients a `part` of the way from one number of threads to twice as many."""

    def coefficients(first: float, second: float) -> float:
        return first * exp(part * log(second / first)) if first else 0.0

    def spreads(first: float, second: float) -> float:
        return first + part * (second - first)

    def spread(first: Spread, second: Spread) -> Spread:
        return Spread(
            width=spreads(first.width, second.width), noise=spreads(first.noise, second.noise)
        )

    return SharedCoefficients(
        name=below.name,
        source=f"between two numbers of threads: {below.source}; {above.source}",
        coefficients=tuple(map(coefficients, below.coefficients, above.coefficients)),
        spreads=tuple(map(spreads, below.spreads, above.spreads)),
        peak_shares={
            pipeline: PeakShare(
                share=coefficients(share.share, other.share),
                spread=spreads(share.spread, other.spread),
            )
            for pipeline, share in below.peak_shares.items()
            if (other := above.peak_shares.get(pipeline))
        },
        measured=spread(below.measured, above.measured),
        unmeasured=spread(below.unmeasured, above.unmeasured),
    )


def _coefficients(name: str, plain: Mapping[str, Any]) -> SharedCoefficients:
    terms = plain["terms"]
    return SharedCoefficients(
        name=name,
        source=plain["source"],
        coefficients=tuple(
            float(terms[term]["coefficient"]) if term in terms else 0.0 for term in TERM_NAMES
        ),
        spreads=tuple(
            float(terms[term]["spread"]) if term in terms else _ABSENT for term in TERM_NAMES
        ),
        peak_shares={
            pipeline: PeakShare(share=float(entry["share"]), spread=float(entry["spread"]))
            for pipeline, entry in plain["peak_share"].items()
        },
        measured=_spread(plain["measured"]),
        unmeasured=_spread(plain["unmeasured"]),
    )


def _spread(plain: Mapping[str, Any]) -> Spread:
    return Spread(width=float(plain["width"]), noise=float(plain["noise"]))


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value


def unmeasured_fit(
    device: DeviceProfile, rate: ComputeRate, precision: str
) -> CoefficientFit | None:
    """What a data sheet says of coefficients: a share of the peak, and shared coefficients.

    None for what is no processor core, of whose kind no share of the peak is known, or for more
    threads than anybody measured.
    """
    if device.threads > MEASURED_THREADS[-1]:
        return None
    shared = shared_coefficients(shared_name_of(device), precision, device.threads)
    reached = shared.peak_shares.get(device.pipeline or "")
    if reached is None:
        return None
    scale = Sourced(
        value=1 / (rate.macs_per_s.value * reached.share), source=shared.source, basis="derived"
    )
    variances = (reached.spread**2, *(spread**2 for spread in shared.spreads))
    covariance = tuple((0.0,) * i + (variance,) for i, variance in enumerate(variances))
    tile = int(rate.tile.value) if rate.tile else 1
    return CoefficientFit(
        scale_s=scale,
        deviations={},
        covariance=covariance,
        spread=shared.unmeasured,
        tile=tile,
        shared=shared.name,
    )
