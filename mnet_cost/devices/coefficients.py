"""Coefficients of terms that devices have in common, and what is known of one without a
measurement.

`specs/coefficients/shared.yaml` is fitted to the published measurements in `benchmarks/accuracy`,
whose README says how; it is data, so that nothing in the code is a number of that fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, log, log2
from typing import Any

from mnet_cost.devices.latency_models import CoefficientFit, Spread
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.devices.types import ComputeRate, DeviceProfile
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

    source: str
    coefficients: tuple[float, ...]
    """In the order of `TERMS`; the first is 1."""
    spreads: tuple[float, ...]
    """Standard deviations of the logarithms of cost coefficients, over devices."""
    peak_shares: Mapping[str, PeakShare]
    """The share of the peak that cores reach, by pipeline."""
    measured: Spread
    """The band of an estimate from a fit to measurements."""
    unmeasured: Spread
    """The band of an estimate without a fit to measurements."""


@cache
def _all_coefficients() -> Mapping[str, SharedCoefficients]:
    plain = _plain(read_yaml(str(specs_folder() / "coefficients" / "shared.yaml")))
    return {kind: _coefficients(plain[kind]) for kind in KINDS}


KINDS = (
    "processors", "processors_2_threads", "processors_4_threads", "processors_8_threads",
    "processors_int8", "microcontrollers",
)  # fmt: skip
"""What has coefficients in common. Threads share the multiplications and hardly the memory, so
coefficients of what moves rise with them; int8 has other kernels; a microcontroller has no vectors,
and its weights in flash."""


MEASURED_THREADS = (1, 2, 4, 8)
"""Numbers of threads that have cost coefficients. Of more nothing was measured."""


def kind_of(device_class: str | None, precision: str, threads: int) -> str:
    """Which of `KINDS` has the coefficients of a way to run, with a number of
    `MEASURED_THREADS`."""
    if device_class == "microcontroller":
        return "microcontrollers"
    if threads == 1:
        return "processors_int8" if precision == "int8" else "processors"
    return f"processors_{threads}_threads"


@cache
def shared_coefficients(
    device_class: str | None = None, precision: str = "fp32", threads: int = 1
) -> SharedCoefficients:
    """The cost coefficients that a way to run has in common with others; read once.

    Between two numbers of threads that were measured they lie between theirs, by the logarithm of
    the number; beyond the most they are those of the most.
    """
    fewer = max(count for count in MEASURED_THREADS if count <= threads)
    more = min((count for count in MEASURED_THREADS if count >= threads), default=fewer)
    below, above = (
        _all_coefficients()[kind_of(device_class, precision, count)] for count in (fewer, more)
    )
    return below if below is above else _between(below, above, log2(threads / fewer))


def _between(
    below: SharedCoefficients, above: SharedCoefficients, part: float
) -> SharedCoefficients:
    """Cost coefficients a `part` of the way from one number of threads to twice as many."""

    def coefficients(first: float, second: float) -> float:
        return first * exp(part * log(second / first))

    def spreads(first: float, second: float) -> float:
        return first + part * (second - first)

    def spread(first: Spread, second: Spread) -> Spread:
        return Spread(
            width=spreads(first.width, second.width), noise=spreads(first.noise, second.noise)
        )

    return SharedCoefficients(
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


def _coefficients(plain: Mapping[str, Any]) -> SharedCoefficients:
    terms = plain["terms"]
    return SharedCoefficients(
        source=plain["source"],
        coefficients=tuple(float(terms[name]["coefficient"]) for name in TERM_NAMES),
        spreads=tuple(float(terms[name]["spread"]) for name in TERM_NAMES),
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
    shared = shared_coefficients(device.device_class, precision, device.threads)
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
        scale_s=scale, deviations={}, covariance=covariance, spread=shared.unmeasured, tile=tile
    )
