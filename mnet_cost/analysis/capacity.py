"""Whether a network fits into the memories of a device, and if not, by how much and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mnet_cost.analysis.memory import LiveTensor
from mnet_cost.devices import DeviceProfile, MemoryLevel

if TYPE_CHECKING:
    from mnet_cost.analysis.schedule import Schedule


class CapacityCheck(NamedTuple):
    """Whether something fits into a memory; None where the size is unknown."""

    what: str
    where: str
    needed_bytes: int
    available_bytes: float | None
    because: tuple[LiveTensor, ...] = ()
    """Where activations do not fit: what is alive at their peak, largest first."""
    at: str = ""
    """The step at which that is alive together."""
    gap_bytes: int = 0
    """Of `needed_bytes`, what is beyond the peak: buffers do not close up in an arena."""
    spec_order_bytes: int | None = None
    """What the order of the spec needs, where a better one was looked for."""
    is_least: bool | None = None
    """Whether it is proven that no order needs less, where a better one was looked for."""

    @property
    def fits(self) -> bool | None:
        return None if self.available_bytes is None else self.needed_bytes <= self.available_bytes

    @property
    def over_bytes(self) -> int | None:
        """What is missing; 0 where it fits."""
        if self.available_bytes is None:
            return None
        return max(0, self.needed_bytes - int(self.available_bytes))


class Activations(NamedTuple):
    """What activations need on a device that has nothing but them in its main memory."""

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


def check_capacity(
    device: DeviceProfile,
    weight_bytes: int,
    peak_bytes: int,
    activations: Activations | None = None,
    schedule: Schedule | None = None,
) -> tuple[CapacityCheck, ...]:
    """What has to be in the main memory, and in the storage of a device that has one.

    With storage, weights are read where they are, and `activations` (all in one arena) are what
    the main memory has to hold. `schedule` is how an order with the peak was found.
    """
    memory, storage = device.main_memory, device.storage
    if memory is None:
        return ()
    room = _size(memory)
    if storage is None:
        fit = CapacityCheck("weights and activations", memory.name, weight_bytes + peak_bytes, room)
        if schedule is not None:
            spec_order_bytes = weight_bytes + schedule.spec_peak_bytes
            fit = fit._replace(spec_order_bytes=spec_order_bytes, is_least=schedule.optimal)
        return (fit,)
    fit = CapacityCheck("activations", memory.name, peak_bytes, room)
    if activations is not None:
        needed = activations.arena_bytes
        fit = fit._replace(
            needed_bytes=needed,
            gap_bytes=needed - activations.peak_bytes,
            spec_order_bytes=activations.spec_order_bytes,
            is_least=activations.is_least,
        )
        if fit.fits is False:
            fit = fit._replace(because=activations.alive, at=activations.at)
    return fit, CapacityCheck("weights", storage.name, weight_bytes, _size(storage))


def _size(level: MemoryLevel) -> float | None:
    return level.size_bytes.value if level.size_bytes else None
