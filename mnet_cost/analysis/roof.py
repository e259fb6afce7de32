"""The roof of a kernel: the time that no run can undercut on a device's peaks, and what binds it.

max(compute, memory). compute = mult-adds / peak rate, as many as the device really has to carry
out: output channels in whole tiles, and where the runtime has Winograd's tiles, the fewest
multiplications that they need. memory = the slowest level of the hierarchy: activations pass a
level if the kernel's own inputs and outputs do not fit into the level inside it, weights if the
whole network's weights and peak activations do not. Unknown is None, never zero. Not here: how
much of the peaks a runtime reaches.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.terms import tile_waste
from mnet_cost.analysis.winograd import applies, fewest_multiplications
from mnet_cost.devices import ComputeRate, DeviceProfile


class Roof(NamedTuple):
    """The least time of one kernel, in seconds, and what it is made of."""

    compute_s: float | None
    memory_s: float | None
    """None also where all traffic stays in caches of unknown bandwidth."""
    level: str
    """The level that `memory_s` is of; empty where it is not known."""

    @property
    def seconds(self) -> float | None:
        """None where neither part is known, so that nothing bounds the kernel."""
        if self.memory_s is None and not self.compute_s:
            return None
        return max(self.compute_s or 0.0, self.memory_s or 0.0)

    def bound(self, overhead_s: float | None) -> str:
        """`compute`, `memory:LEVEL`, `overhead` where launching takes longer, or `unknown`."""
        roof = self.seconds
        if roof is None:
            return "overhead" if overhead_s else "unknown"
        if (overhead_s or 0.0) > roof:
            return "overhead"
        if (self.compute_s or 0.0) >= (self.memory_s or 0.0):
            return "compute"
        return f"memory:{self.level}"


UNKNOWN = Roof(None, None, "")


def ridge_point(device: DeviceProfile, precision: str) -> float | None:
    """Mult-adds per byte of main memory below which its bandwidth binds, above which the peak."""
    rate, memory = device.compute.get(precision), device.main_memory
    if rate is None or memory is None or memory.bytes_per_s is None:
        return None
    return rate.macs_per_s.value / memory.bytes_per_s.value


class Roofs:
    """Roofs of kernels on one device at one precision."""

    def __init__(
        self, device: DeviceProfile, rate: ComputeRate | None, resident_bytes: int
    ) -> None:
        """`resident_bytes`: weights and peak activations of the whole network."""
        self._device = device
        self._rate = rate
        self._tile = int(rate.tile.value) if rate and rate.tile else 1
        self._packs = "pack_channels" in device.kernel_rules
        self._winograd = "winograd" in device.kernel_rules
        self._levels: list[tuple[str, float, float, bool]] = []
        inner_size = 0.0  # nothing fits inside the innermost level
        for level in device.memory:
            if level.bytes_per_s is not None:
                weights_pass = device.storage is None and resident_bytes > inner_size
                self._levels.append((level.name, level.bytes_per_s.value, inner_size, weights_pass))
            if level.size_bytes is not None:
                inner_size = level.size_bytes.value

    def roof(self, kernel: Kernel) -> Roof:
        """The least time of `kernel`."""
        if kernel.anchor.work is None:
            return UNKNOWN
        return Roof(self._compute_s(kernel), *self._slowest(kernel))

    def _compute_s(self, kernel: Kernel) -> float | None:
        if self._rate is None:
            return None
        if kernel.mult_adds:
            return self.multiplications(kernel) / self._rate.macs_per_s.value
        if not kernel.vector_ops:
            return 0.0
        vector = self._rate.vector_ops_per_s
        return None if vector is None else kernel.vector_ops / vector.value

    def multiplications(self, kernel: Kernel) -> float:
        """What the device cannot do without: at least, of all ways that its runtime has."""
        sizes = kernel.convolution
        if sizes is None:
            return kernel.mult_adds
        if self._winograd and applies(sizes) and kernel.anchor.work:
            batch = kernel.mult_adds // max(kernel.anchor.work.mult_adds, 1)
            return min(kernel.mult_adds, fewest_multiplications(sizes) * batch)
        # Packs that do not fill are computed with narrower ones, which is no bound.
        return kernel.mult_adds * (1.0 if self._packs else tile_waste(sizes, self._tile))

    def _slowest(self, kernel: Kernel) -> tuple[float | None, str]:
        """Seconds at the level that takes longest, and its name; None where none is known."""
        activations = kernel.input_bytes + kernel.output_bytes
        if not activations + kernel.weight_bytes:
            return 0.0, ""
        slowest, name = 0.0, ""
        for level, bytes_per_s, inner_size, weights_pass in self._levels:
            traffic = activations if activations > inner_size else 0
            if weights_pass:
                traffic += kernel.weight_bytes
            if traffic / bytes_per_s > slowest:
                slowest, name = traffic / bytes_per_s, level
        storage = self._device.storage
        if storage and storage.bytes_per_s:
            seconds = kernel.weight_bytes / storage.bytes_per_s.value
            if seconds > slowest:
                slowest, name = seconds, storage.name
        return (slowest, name) if name else (None, "")

    def notes(self) -> tuple[str, ...]:
        """What of the memory is not modelled."""
        device = self._device
        levels = [*device.memory, *([device.storage] if device.storage else [])]
        silent = [level.name for level in levels if level.bytes_per_s is None]
        if not silent:
            return ()
        names = silent[0] if len(silent) == 1 else f"{', '.join(silent[:-1])} and {silent[-1]}"
        return (f"what stays in {names} takes no memory time here: no bandwidth is known",)
