"""Time of a network of which an accelerator runs a part and a processor the rest.

Kernels are formed on each unit by itself, so nothing is fused across the two. What is not known is
None: the rest without a profile of the processor, crossings without a bandwidth between the two,
and all of it where a list does not say where a layer runs. Not here: where layers run
(`placement.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnet_cost.analysis.kernels import form_kernels
from mnet_cost.analysis.placement import Placement
from mnet_cost.analysis.times import network_time
from mnet_cost.analysis.work import count_work
from mnet_cost.devices import DeviceProfile
from mnet_cost.network import Network
from mnet_cost.tensors import DTYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTime:
    """Seconds of one inference by unit."""

    accelerated_s: float | None
    processor_s: float | None
    crossing_s: float | None
    """Of the tensors that go between the two, one after another."""
    least: frozenset[str] = frozenset()
    """Of `accelerator` and `processor`, those whose time is no more than a lower bound."""

    @property
    def total_s(self) -> float | None:
        """All of it; None where a part is unknown."""
        parts = (self.accelerated_s, self.processor_s, self.crossing_s)
        return None if None in parts else sum(part for part in parts if part is not None)


def split_time(network: Network, placement: Placement, device: DeviceProfile) -> SplitTime:
    """The time of `network` on `device` and on what it falls back to."""
    if placement.unknown:
        return SplitTime(accelerated_s=None, processor_s=None, crossing_s=None)
    precision = DTYPES[placement.precision]
    costs = count_work(network, precision)
    units = {layer.step.name: layer.place for layer in placement.layers}
    least = set()
    times: list[float | None] = []
    for unit, profile in (("accelerator", device), ("processor", device.fallback)):
        seconds: Any = None
        if profile is not None:
            kernels = form_kernels(network, costs, precision, profile.kernel_rules, units)
            own = [kernel for kernel in kernels if units[kernel.name] == unit]
            time = network_time(own, profile, precision.name, band=False)
            if time is not None:
                seconds = time.latency_s
                if time.basis == "bound" or time.is_partial:
                    least.add(unit)
            elif not own:
                seconds = 0.0
        times.append(seconds)
    crossed, rate = placement.crossing_bytes, device.crossing and device.crossing.bytes_per_s
    crossing_s = None
    if crossed is not None and (rate or not crossed):
        crossing_s = crossed / rate.value if rate else 0.0
    return SplitTime(
        accelerated_s=times[0],
        processor_s=times[1],
        crossing_s=crossing_s,
        least=frozenset(least),
    )
