"""What a fit to measurements knows of a device: coefficients of terms, or the numbers of a
roofline.

In a `CoefficientFit` time is the sum of amounts times coefficients, which are shared coefficients
times a scale and deviations. A `RooflineFit`, which some accelerators are more like, is a rate, a
bandwidth, and a constant per inference and kernel. Both carry
how far they were off on what they were not fitted to. Not here: how a network's time follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mnet_cost.devices.sourced import Sourced

DEFAULT_SHARED = "ncnn"
"""The file of `specs/coefficients` that is the default: of the runtime that was measured on most
devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How wide the band around an estimate is, in natural logarithms.

    The band is `exp(+-width * sqrt(x C x + noise^2))` with x the shares of the terms and C the
    covariance of the fit; `width` was set so that it holds 80 % of what was held out.
    """

    width: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Errors on held-out measurements, as absolute shares of the measured time."""

    protocol: str
    """What was left out: `one family at a time`, `one network at a time`."""
    measurements: int
    median: float
    mean: float
    worst: str | None = None
    """The network that was furthest off, as it is called on the command line."""
    worst_error: float | None = None
    """How far: of the estimate over the measured time, less 1."""
    by_mult_adds: float | None = None
    """The mean of the same times by mult-adds alone, at the rate of the other networks; None where
    nobody looked."""
    noise_floor: float | None = None
    """How far measuring once more was off, in the median; None where nobody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedOn:
    """What the fit has seen; outside of it an estimate is marked."""

    networks: int
    families: tuple[str, ...]
    mult_adds: tuple[float, float]
    """Least and most of one inference."""
    latency_s: tuple[float, float]
    terms: tuple[str, ...]
    """Terms that took at least a hundredth of the time of some network."""
    small_graphs: int = 0
    """Graphs of one kind of layer that were measured besides: no networks, in no family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoefficientFit:
    """Coefficients of terms: `scale` seconds for a multiplication in a large 1x1 convolution."""

    scale_s: Sourced
    deviations: Mapping[str, float]
    """Natural logarithms of a term's coefficient over the shared coefficient; 0 where it is not
    named."""
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    """Of the logarithm of the scale, then of the deviations of all terms in order; lower
    triangle."""
    spread: Spread
    tile: int = 1
    """Output channels that the runtime computes, or keeps, together."""
    shared: str = DEFAULT_SHARED
    """The file of `specs/coefficients` with the shared coefficients."""
    fitted_on: FittedOn | None = None
    held_out: HeldOut | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RooflineFit:
    """inference + sum over kernels of kernel + max(mult-adds / rate, bytes / bandwidth)."""

    macs_per_s: Sourced
    bytes_per_s: Sourced | None
    inference_s: Sourced | None
    kernel_s: Sourced | None
    spread: Spread
    fitted_on: FittedOn | None = None
    held_out: HeldOut | None = None


LatencyFit = CoefficientFit | RooflineFit
