"""Whether a network fits into the memories of a device, and if not, by how much and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mnet_cost.analysis.memory import LiveTensor
from mnet_cost.devices import DeviceProfile, MemoryLevel

if TYPE_CHECKING:
    from mnet_cost.analysis.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityCheck:
    """Whether something fits into a memory; None where the size is unknown."""

    what: str
    where: str
    needed_bytes: int
    available_bytes: float | None
    because: tuple[LiveTensor, ...] = ()
    """The tensors that are alive at the peak, largest first, where activations do not fit."""
    at: str = ""
    """The step at which that is alive together."""
    gap_bytes: int = 0
    """The part of `needed_bytes` above the peak: an arena has gaps between its buffers."""
    spec_order_bytes: int | None = None
    """Bytes that the order of the spec needs, where a better order was searched for."""
    is_least: bool | None = None
    """Whether it is proven that no order needs less, where a better one was looked for."""

    @property
    def fits(self) -> bool | None:
        return None if self.available_bytes is None else self.needed_bytes <= self.available_bytes

    @property
    def over_bytes(self) -> int | None:
        """Bytes that are missing; 0 where the network fits."""
        if self.available_bytes is None:
            return None
        return max(0, self.needed_bytes - int(self.available_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """Bytes of activations on a device whose main memory holds nothing else."""

    arena_bytes: int
    peak_bytes: int
    alive: tuple[LiveTensor, ...]
    """At the peak, largest first."""
    at: str
    """The step of the peak."""
    spec_order_bytes: int | None = None
    """The arena in the order of the spec, where a better one was looked for."""
    is_least: bool | None = None
    """Whether it is proven that no order has a smaller arena."""


def memory_needed(device: DeviceProfile, weight_bytes: int, peak_bytes: int) -> int | None:
    """Bytes that the main memory has to hold, without gaps; None of a device without one.

    With storage, weights are read where they are.
    """
    if device.main_memory is None:
        return None
    return peak_bytes if device.storage is not None else weight_bytes + peak_bytes


def check_capacity(
    device: DeviceProfile,
    weight_bytes: int,
    peak_bytes: int,
    activations: Activations | None = None,
    schedule: Schedule | None = None,
) -> tuple[CapacityCheck, ...]:
    """What has to be in the main memory, and in the storage of a device that has one.

    With storage, `activations` (all in one arena) are what the main memory has to hold. `schedule`
    is how an order with the peak was found.
    """
    memory, storage = device.main_memory, device.storage
    least = memory_needed(device, weight_bytes, peak_bytes)
    if memory is None or least is None:
        return ()
    room = _size(memory)
    if storage is None:
        fit = CapacityCheck(
            what="weights and activations",
            where=memory.name,
            needed_bytes=least,
            available_bytes=room,
        )
        if schedule is not None:
            spec_order_bytes = weight_bytes + schedule.spec_peak_bytes
            fit = replace(fit, spec_order_bytes=spec_order_bytes, is_least=schedule.optimal)
        return (fit,)
    fit = CapacityCheck(
        what="activations", where=memory.name, needed_bytes=least, available_bytes=room
    )
    if activations is not None:
        needed = activations.arena_bytes
        fit = replace(
            fit,
            needed_bytes=needed,
            gap_bytes=needed - activations.peak_bytes,
            spec_order_bytes=activations.spec_order_bytes,
            is_least=activations.is_least,
        )
        if fit.fits is False:
            fit = replace(fit, because=activations.alive, at=activations.at)
    return fit, CapacityCheck(
        what="weights",
        where=storage.name,
        needed_bytes=weight_bytes,
        available_bytes=_size(storage),
    )


def _size(level: MemoryLevel) -> float | None:
    return level.size_bytes.value if level.size_bytes else None
