"""What is known of a device, each number with its source and standing.

None is unknown, never zero. A profile is one way to run: one precision table, one number of
threads, one runtime. Not here: how a network uses it, which the analysis knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES

STANDINGS = ("datasheet", "measured", "fitted", "derived", "assumed")
"""Where a number may come from: published specification, published measurement, a fit to
published measurements, arithmetic shown in the source, nothing better."""

TIERS = ("datasheet", "fitted", "calibrated")
"""What a profile's times rest on: published peaks, a fit to published latencies, or a
measurement of the very device. Times of different tiers do not belong in one column."""

CLASSES = ("phone", "board", "microcontroller", "accelerator", "laptop", "server", "gpu")
"""Kinds of machines, in the order in which listings show them."""


class Sourced(NamedTuple):
    """A number, in the unit that its field names, and why to believe it.

    `low` and `high` are the range that its sources leave, where they state one.
    """

    value: float
    source: str
    standing: str
    low: float | None = None
    high: float | None = None


_NOTHING: Mapping[str, Sourced] = MappingProxyType({})


class ComputeRate(NamedTuple):
    """Peak rates of one precision. `vector_ops_per_s` is for everything but mult-adds.

    Output channels are computed `tile` at a time: 47 take as long as 48 where it is 8.
    `sparse_speedup` is how many times the peak grows with weights of 2:4 structured sparsity.
    """

    macs_per_s: Sourced
    vector_ops_per_s: Sourced | None = None
    tile: Sourced | None = None
    sparse_speedup: Sourced | None = None


class MemoryLevel(NamedTuple):
    """One level of the memory hierarchy: what it holds and how fast it is read."""

    name: str
    size_bytes: Sourced | None = None
    bytes_per_s: Sourced | None = None


class DeviceProfile(NamedTuple):
    """A device, as one runtime with so many threads sees it.

    `memory` is innermost first; its last level is the main memory, which holds activations.
    `storage` is read-only memory from which weights are read in place (flash), where there is
    such a thing. `power_w` is drawn while one inference follows another. `mac_energy_j` is by
    precision, `byte_energy_j` by the name of a level; both know only what a source states.
    """

    name: str
    title: str
    tier: str
    runtime: str
    threads: int
    compute: Mapping[str, ComputeRate]
    memory: tuple[MemoryLevel, ...]
    storage: MemoryLevel | None = None
    kernel_overhead_s: Sourced | None = None
    inference_overhead_s: Sourced | None = None
    path: str = ""
    device_class: str | None = None
    power_w: Sourced | None = None
    mac_energy_j: Mapping[str, Sourced] = _NOTHING
    byte_energy_j: Mapping[str, Sourced] = _NOTHING
    kernel_rules: frozenset[str] = DEFAULT_KERNEL_RULES

    @property
    def main_memory(self) -> MemoryLevel:
        """The outermost level."""
        return self.memory[-1]
