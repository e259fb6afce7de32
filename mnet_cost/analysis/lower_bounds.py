"""The lower bound of a kernel: the time that no run can undercut on a device's peaks, and what
binds it.

max(compute, memory). compute = mult-adds / peak rate, as many as the device really has to carry
out: output channels in whole tiles, and where the runtime has Winograd's tiles or is not known not
to, the fewest multiplications that they need. memory = the slowest level of the hierarchy, for
what has to pass it (`traffic.py`). Where a source gives a range, its upper end is the peak. Unknown
is None, never zero. Not here: how much of the peaks a runtime reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.terms import tile_waste
from mnet_cost.analysis.traffic import Traffic, kernel_traffic
from mnet_cost.analysis.winograd import applies, fewest_multiplications, fewest_of_any
from mnet_cost.devices import ComputeRate, DeviceProfile
from mnet_cost.devices.rules import may_multiply_less
from mnet_cost.tensors import is_nothing, known_if, largest, smallest


class LeastTime(NamedTuple):
    """The least time of one kernel as numbers of any kind, in seconds.

    None is what no rate of the device tells. Bytes that stay where no bandwidth is known take no
    time.
    """

    compute_s: float | None
    level_s: tuple[float | None, ...]
    """Of each level of the memory, in the order of `traffic`."""
    seconds: float | None
    """The longest of those that are known."""
    traffic: Traffic = ()


class LeastParts(NamedTuple):
    """What the least time of one kernel is made of, in seconds, as numbers of any kind."""

    compute_s: float | None
    """None where no rate tells, which the device decides."""
    memory_s: float
    """Of the slowest level; 0 where it is not known."""
    is_memory_known: bool
    """Whether some level is known to take time, or nothing moves."""

    @property
    def compute_or_0(self) -> Any:
        return 0.0 if self.compute_s is None else self.compute_s

    @property
    def is_known(self) -> Any:
        """Whether something bounds the kernel."""
        if self.compute_s is None:
            return self.is_memory_known
        return self.is_memory_known | (self.compute_s > 0)

    @property
    def known_memory_s(self) -> Any:
        """None, and NaN among candidates, where all stays in caches of unknown bandwidth."""
        return known_if(self.is_memory_known, self.memory_s)


def least_parts(kernel: Kernel, least: LeastTime) -> LeastParts:
    """The parts of a least time: its mult-adds, and the level of memory that takes longest."""
    memory_s = reduce(largest, [seconds for seconds in least.level_s if seconds is not None], 0.0)
    return LeastParts(least.compute_s, memory_s, (memory_s > 0) | (kernel.traffic_bytes == 0))


class LowerBound(NamedTuple):
    """The least time of one kernel, in seconds, and what it is made of: read off a `LeastTime`."""

    compute_s: float | None
    memory_s: float | None
    """None also where all traffic stays in caches of unknown bandwidth."""
    level: str
    """The level that `memory_s` is of; empty where it is not known."""
    traffic: Traffic = ()
    """The bytes that pass each level; empty for a kernel without a cost rule."""

    @property
    def seconds(self) -> float | None:
        """None where neither part is known, so that nothing bounds the kernel."""
        if self.memory_s is None and not self.compute_s:
            return None
        return max(self.compute_s or 0.0, self.memory_s or 0.0)

    def bound(self, overhead_s: float | None) -> str:
        """`compute`, `memory:LEVEL`, `overhead` where launching takes longer, or `unknown`."""
        lower_bound = self.seconds
        if lower_bound is None:
            return "overhead" if overhead_s else "unknown"
        if (overhead_s or 0.0) > lower_bound:
            return "overhead"
        if (self.compute_s or 0.0) >= (self.memory_s or 0.0):
            return "compute"
        return f"memory:{self.level}"


UNKNOWN = LowerBound(None, None, "")

_NO_LEAST_TIME = LeastTime(None, (), None)


def ridge_point(device: DeviceProfile, precision: str) -> float | None:
    """Mult-adds per byte of main memory below which its bandwidth binds, above which the peak."""
    rate, memory = device.compute.get(precision), device.main_memory
    if rate is None or memory is None or memory.bytes_per_s is None:
        return None
    return rate.macs_per_s.value / memory.bytes_per_s.value


class LowerBounds:
    """Lower bounds of kernels on one device.

    `rate` is that of the precision of the analysis, `stated` are those of kernels that state one.
    `any_runtime`: lower bounds that no runtime undercuts that is not known to multiply all, of
    whatever algorithms and widths, instead of those of the profile's.
    """

    def __init__(
        self,
        device: DeviceProfile,
        rate: ComputeRate | None,
        stated: Mapping[str, ComputeRate] | None = None,
        *,
        any_runtime: bool = False,
    ) -> None:
        self._device = device
        self._rate = rate
        self._stated = stated
        self._winograd = may_multiply_less(device.runtime, device.kernel_rules)
        # Of such a runtime nobody knows that it fills tiles, which are another's then. And packs
        # that do not fill are computed with narrower ones.
        self._tiles = not self._winograd and "pack_channels" not in device.kernel_rules
        self._any_runtime = any_runtime and self._winograd
        levels = (*device.memory, *((device.storage,) if device.storage else ()))
        self._bytes_per_s = [
            level.bytes_per_s.most if level.bytes_per_s else None for level in levels
        ]

    def lower_bounds(self, kernels: Sequence[Kernel]) -> list[LowerBound]:
        """The lower bounds of `kernels`, which are launched in this order."""
        return [
            self.read_off(kernel, least)
            for kernel, least in zip(kernels, self.least_times(kernels), strict=True)
        ]

    def least_times(self, kernels: Sequence[Kernel]) -> list[LeastTime]:
        """The least time of each of `kernels`, which are launched in this order."""
        return [
            _NO_LEAST_TIME if kernel.anchor.work is None else self._least_time(kernel, traffic)
            for kernel, traffic in zip(kernels, kernel_traffic(kernels, self._device), strict=True)
        ]

    def _least_time(self, kernel: Kernel, traffic: Traffic) -> LeastTime:
        compute_s = longest = self._compute_s(kernel)
        level_s: list[float | None] = []
        for bytes_per_s, (_, weights, activations) in zip(self._bytes_per_s, traffic, strict=True):
            if bytes_per_s is None or weights is None or activations is None:
                level_s.append(None)
                continue
            seconds = (weights + activations) / bytes_per_s
            level_s.append(seconds)
            longest = seconds if longest is None else largest(longest, seconds)
        return LeastTime(compute_s, tuple(level_s), longest, traffic)

    @staticmethod
    def read_off(kernel: Kernel, least: LeastTime) -> LowerBound:
        """What binds the least time of a kernel of one network."""
        if kernel.anchor.work is None:
            return UNKNOWN
        return LowerBound(least.compute_s, *_slowest(kernel, least), least.traffic)

    def _compute_s(self, kernel: Kernel) -> Any:
        """None where no rate tells."""
        rate = self._rate_of(kernel)
        if rate is None:
            return None
        if kernel.multiplies:
            macs_per_s = rate.macs_per_s.most * kernel.speedup
            return self.multiplications(kernel) / macs_per_s
        vector_ops = kernel.anchor.vector_ops
        if is_nothing(vector_ops):
            return 0.0
        vector = rate.vector_ops_per_s
        return None if vector is None else vector_ops / vector.most

    def _rate_of(self, kernel: Kernel) -> ComputeRate | None:
        own = kernel.anchor.step.precision
        if own is None or self._stated is None:
            return self._rate
        return self._stated.get(own.name)

    def multiplications(self, kernel: Kernel) -> Any:
        """What the device cannot do without: at least, of all ways that its runtime has."""
        sizes = kernel.convolution
        if sizes is None:
            return kernel.mult_adds
        if self._any_runtime:
            fewest = fewest_of_any(sizes)
            if fewest is None:
                return kernel.mult_adds
            return smallest(kernel.mult_adds, fewest * kernel.batch)
        if self._winograd and applies(sizes):
            return smallest(kernel.mult_adds, fewest_multiplications(sizes) * kernel.batch)
        rate = self._rate_of(kernel)
        tile = int(rate.tile.value) if self._tiles and rate and rate.tile else 1
        return kernel.mult_adds * tile_waste(sizes, tile)

    def notes(self) -> tuple[str, ...]:
        """Sentences that say which part of the memory is not modelled."""
        device = self._device
        levels = [*device.memory, *([device.storage] if device.storage else [])]
        notes = []
        silent = [level.name for level in levels if level.bytes_per_s is None]
        if silent:
            names = silent[0] if len(silent) == 1 else f"{', '.join(silent[:-1])} and {silent[-1]}"
            notes.append(f"what stays in {names} takes no memory time here: no bandwidth is known")
        hidden = next((level for level in device.memory[:-1] if level.size_bytes is None), None)
        if hidden:
            notes.append(f"what passes {hidden.name} is not known: its size is not")
        return tuple(notes)


def _slowest(kernel: Kernel, least: LeastTime) -> tuple[float | None, str]:
    """Seconds at the level that takes longest, and its name; None where none is known."""
    parts = least_parts(kernel, least)
    if not parts.memory_s:
        return (0.0 if parts.is_memory_known else None), ""
    return parts.memory_s, least.traffic[least.level_s.index(parts.memory_s)].level
