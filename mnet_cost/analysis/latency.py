"""Roofline time of kernels on a device profile.

A kernel takes max(compute, memory) plus the launch overhead; kernels run one after another.
compute = mult-adds / peak rate. memory = the slowest level of the hierarchy: activations pass
a level if the kernel's own inputs and outputs do not fit into the level inside it, weights if
the whole network's weights and peak activations do not. That is a lower bound for this list of
kernels; runtimes are slower (efficiency, im2col, threads). What is not known is None, never zero.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.analysis.fits import Fit, find_fits
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.devices import DeviceProfile


class KernelEstimate(NamedTuple):
    """Time of one kernel, in seconds per inference."""

    kernel: Kernel
    latency_s: float | None
    compute_s: float | None
    memory_s: float | None
    """None also where all traffic stays in caches of unknown bandwidth."""
    memory_level: str
    """The level that `memory_s` is of; empty where it is not known."""
    overhead_s: float | None
    bound: str
    """`compute`, `memory:LEVEL`, `overhead`, or `unknown`."""

    @property
    def intensity(self) -> float | None:
        """Mult-adds per byte moved."""
        traffic = self.kernel.traffic_bytes
        return self.kernel.mult_adds / traffic if traffic else None


class DeviceEstimate(NamedTuple):
    """What the network takes on one device. `latency_s` is None where a rate is missing."""

    device: DeviceProfile
    precision: str
    latency_s: float | None
    """Sum over the kernels that have a time, with launches: a lower bound if `untimed`."""
    bound_s: float | None
    """The same without launches: these kernels cannot be faster on these peaks."""
    kernels: tuple[KernelEstimate, ...]
    untimed: tuple[str, ...]
    """Names of kernels of which neither compute nor memory time is known."""
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]


def estimate_latency(
    kernels: tuple[Kernel, ...],
    device: DeviceProfile,
    precision: str,
    weight_bytes: int,
    peak_bytes: int,
) -> DeviceEstimate:
    """Roofline time of `kernels` on `device`.

    `weight_bytes` and `peak_bytes` (activations) are the whole network's: they tell which
    caches can keep the weights from one inference to the next, and what fits at all.
    """
    fits = find_fits(device, weight_bytes, peak_bytes)
    rate = device.compute.get(precision)
    if rate is None:
        known = ", ".join(device.compute)
        note = f"no {precision} rate in the profile (it has {known}): time is unknown"
        return DeviceEstimate(device, precision, None, None, (), (), fits, (note,))
    macs_per_s = rate.macs_per_s.value
    vector_per_s = rate.vector_ops_per_s.value if rate.vector_ops_per_s else None
    per_kernel = device.kernel_overhead_s.value if device.kernel_overhead_s else None
    levels = _Levels(device, weight_bytes + peak_bytes)
    estimates = []
    untimed = []
    bound_s = latency_s = 0.0
    for kernel in kernels:
        compute_s: float | None
        memory_s, level = levels.slowest(kernel)
        if kernel.anchor.work is None:
            compute_s, memory_s, level = None, None, ""
        elif kernel.mult_adds:
            compute_s = kernel.mult_adds / macs_per_s
        elif not kernel.vector_ops:
            compute_s = 0.0
        else:
            compute_s = None if vector_per_s is None else kernel.vector_ops / vector_per_s
        if memory_s is None and not compute_s:
            untimed.append(kernel.name)
            bound = "overhead" if per_kernel else "unknown"
            latency = per_kernel
        else:
            roof = max(compute_s or 0.0, memory_s or 0.0)
            latency = roof + (per_kernel or 0.0)
            bound_s += roof
            if (per_kernel or 0.0) > roof:
                bound = "overhead"
            else:
                bound = "compute" if (compute_s or 0.0) >= (memory_s or 0.0) else f"memory:{level}"
        latency_s += latency or 0.0
        estimates.append(
            KernelEstimate(kernel, latency, compute_s, memory_s, level, per_kernel, bound)
        )
    notes = levels.notes()
    if untimed:
        kernels_are = "kernel is" if len(untimed) == 1 else "kernels are"
        notes += (f"{len(untimed)} {kernels_are} not timed: no rate or bandwidth tells how long",)
    if device.inference_overhead_s:
        latency_s += device.inference_overhead_s.value
    return DeviceEstimate(
        device, precision, latency_s, bound_s, tuple(estimates), tuple(untimed), fits, notes
    )


class _Levels:
    """The levels that can bind: those with a known bandwidth."""

    def __init__(self, device: DeviceProfile, resident_bytes: int) -> None:
        self.device = device
        self.levels: list[tuple[str, float, float, bool]] = []
        inner_size = 0.0  # nothing fits inside the innermost level
        for level in device.memory:
            if level.bytes_per_s is not None:
                weights_pass = device.storage is None and resident_bytes > inner_size
                self.levels.append((level.name, level.bytes_per_s.value, inner_size, weights_pass))
            if level.size_bytes is not None:
                inner_size = level.size_bytes.value

    def slowest(self, kernel: Kernel) -> tuple[float | None, str]:
        """Seconds at the level that takes longest, and its name; None where none is known."""
        activations = kernel.input_bytes + kernel.output_bytes
        if not activations + kernel.weight_bytes:
            return 0.0, ""
        slowest, name = 0.0, ""
        for level, bytes_per_s, inner_size, weights_pass in self.levels:
            traffic = activations if activations > inner_size else 0
            if weights_pass:
                traffic += kernel.weight_bytes
            if traffic / bytes_per_s > slowest:
                slowest, name = traffic / bytes_per_s, level
        rate = self._storage_rate()
        if rate and self.device.storage and kernel.weight_bytes / rate > slowest:
            slowest, name = kernel.weight_bytes / rate, self.device.storage.name
        return (slowest, name) if name else (None, "")

    def _storage_rate(self) -> float | None:
        storage = self.device.storage
        return storage.bytes_per_s.value if storage and storage.bytes_per_s else None

    def notes(self) -> tuple[str, ...]:
        """What of the memory is not modelled."""
        device = self.device
        levels = [*device.memory, *([device.storage] if device.storage else [])]
        silent = [level.name for level in levels if level.bytes_per_s is None]
        if not silent:
            return ()
        names = silent[0] if len(silent) == 1 else f"{', '.join(silent[:-1])} and {silent[-1]}"
        return (f"what stays in {names} takes no memory time here: no bandwidth is known",)
