"""What the peaks of a profile allow: the least times of measured networks, and the longest.

Nothing that was measured can be less, and nothing is predicted to be: reports show the lower bound
where it is higher. What is far above the lower bound of a single thread was not measured either: of
many threads some runtimes make nothing. Not here: what a lower bound is made of, which the analysis
knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.lower_bounds import LowerBounds
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.threads import rates_of_threads
from mnet_cost.measure.arrays import Array

MOST_OVER_BOUND = 250.0
"""The most that any runtime takes of the lower bound of one thread. Of the honest tables of
`benchmarks/accuracy` the slowest network takes 48 times (ncnn on a Xeon Phi, 224 threads), of
microcontrollers 19 (TensorFlow Lite Micro's reference); microseconds for milliseconds make 1000
times as much, and the fastest runtimes take 1.1."""
MOST_OVER_OTHER_BOUND = 1000.0
"""The same where the peak is that of another precision, which may be emulated: the slowest is int8
by ncnn on RISC-V, 84 times the lower bound at fp32."""
MOST_CONSTANT_S = 0.2
"""What an inference takes besides, however small: the slowest is 133 ms above 250 lower bounds (a
vision transformer by ncnn with Vulkan on an RTX 3090), the next 16 ms in all (TensorFlow on a
Jetson TX2)."""


class Limits(NamedTuple):
    """Between which seconds a measured network can be, on the peaks of a profile."""

    least_s: float
    """What no runtime undercuts; 0 where no peak is known that bounds it."""
    bound_s: float | None
    """The lower bound, of a processor with one thread, of which the longest is a multiple; None
    where none is known."""
    most_times: float
    """How many times that some runtime takes."""
    is_processor: bool

    @property
    def most_s(self) -> float:
        return (
            math.inf if self.bound_s is None else self.most_times * self.bound_s + MOST_CONSTANT_S
        )


def as_extended(
    base: DeviceProfile, rules: frozenset[str], threads: int, runtime: str = ""
) -> DeviceProfile:
    """`base` with the peaks that a profile has which extends it with these rules and threads."""
    compute = base.compute if threads == base.threads else rates_of_threads(base, threads)
    return replace(
        base, kernel_rules=rules, threads=threads, compute=compute, runtime=runtime or base.runtime
    )


def lower_bounds_of(
    kernels: Sequence[Kernel], peaks: DeviceProfile | None, precision: str
) -> Array:
    """Least seconds of each kernel; 0 where no peak is known that bounds it."""
    if peaks is None:
        return np.zeros(len(kernels))
    bounds = LowerBounds(peaks, peaks.compute.get(precision)).lower_bounds(kernels)
    return np.array([lower_bound.seconds or 0.0 for lower_bound in bounds])


def limits_of(
    kernels: Sequence[Kernel], peaks: DeviceProfile, precision: str, runtime: str
) -> Limits:
    """Limits of a network that `runtime`, empty where nobody says, ran on `peaks`."""
    ran = replace(peaks, runtime=runtime)
    least = LowerBounds(ran, ran.compute.get(precision), any_runtime=True).lower_bounds(kernels)
    rate, most_times = ran.compute.get(precision), MOST_OVER_BOUND
    if rate is None and ran.compute:
        rate = min(ran.compute.values(), key=lambda rate: rate.macs_per_s.value)
        most_times = MOST_OVER_OTHER_BOUND
    bound_s = None
    if rate is not None:
        scaled_by = ran.threads  # which the rates of what is no processor were scaled to, too
        slower = replace(
            rate,
            macs_per_s=rate.macs_per_s.times(1 / scaled_by),
            vector_ops_per_s=rate.vector_ops_per_s and rate.vector_ops_per_s.times(1 / scaled_by),
        )
        bound_s = sum(
            lower_bound.seconds or 0.0
            for lower_bound in LowerBounds(ran, slower).lower_bounds(kernels)
        )
    return Limits(
        sum(lower_bound.seconds or 0.0 for lower_bound in least),
        bound_s or None,
        most_times,
        ran.pipeline is not None,
    )
