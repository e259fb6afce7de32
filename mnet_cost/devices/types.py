"""What is known of a device, each number with its source and basis.

None is unknown, never zero. A profile is one way to run: one precision table, one number of
threads, one runtime. Not here: how a network uses it, which the analysis knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mnet_cost.devices.latency_models import LatencyFit
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES
from mnet_cost.devices.sourced import Sourced

if TYPE_CHECKING:
    from mnet_cost.devices.operators import OperatorList

PROFILE_BASES = ("datasheet", "fitted", "calibrated")
"""What a profile's times rest on: published peaks, a fit to published latencies, or a
measurement of the very device. Times of different bases do not belong in one column."""

CLASSES = ("phone", "board", "microcontroller", "accelerator", "laptop", "server", "gpu")
"""Kinds of machines, in the order in which listings show them."""


ACCELERATORS = ("accelerator", "gpu")
"""Classes of machines that are no processors."""


PIPELINES = ("in_order", "out_of_order", "scalar")

CORES = (
    "cortex_m0plus", "cortex_m4", "cortex_m7", "cortex_m33", "cortex_m55", "xtensa_lx6",
    "xtensa_lx7", "rv32imc",
)  # fmt: skip
"""Cores of microcontrollers, which differ in how much of a peak they reach."""
"""How a core issues instructions. One that waits for each load reaches less of its peak; what one
without vectors reaches, nobody measured on more than one device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRate:
    """Peak rates of one precision. `vector_ops_per_s` is for everything but mult-adds.

    Output channels are computed `tile` at a time: 47 take as long as 48 where it is 8.
    `sparse_speedup` is how many times the peak grows with weights of 2:4 structured sparsity.
    """

    macs_per_s: Sourced
    vector_ops_per_s: Sourced | None = None
    tile: Sourced | None = None
    sparse_speedup: Sourced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLevel:
    """One level of the memory hierarchy: what it holds and how fast it is read."""

    name: str
    size_bytes: Sourced | None = None
    bytes_per_s: Sourced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFigure:
    """A power as a source has it."""

    watts: Sourced
    threads: int
    device: str
    """The profile that states it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """A device, as one runtime with so many threads sees it.

    `memory` is innermost first; its last level is the main memory, which holds activations.
    `compute` and `memory` are empty where only times are known. `cores` is how many there are, of
    all kinds. `core` is which core of a microcontroller it is.
    `storage` is read-only memory from which weights are read in place (flash), where there is
    such a thing. `power_w` is drawn while one inference follows another. `mac_energy_j` is by
    precision, `byte_energy_j` by the name of a level; both know only what a source states.
    `latency` has fits to measured times, by precision. `extends` is the profile that the rest was
    taken from.
    """

    name: str
    title: str
    basis: str
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
    mac_energy_j: Mapping[str, Sourced] = field(default_factory=dict)
    byte_energy_j: Mapping[str, Sourced] = field(default_factory=dict)
    kernel_rules: frozenset[str] = DEFAULT_KERNEL_RULES
    cores: Sourced | None = None
    pipeline: str | None = None
    core: str | None = None
    latency: Mapping[str, LatencyFit] = field(default_factory=dict)
    extends: str | None = None
    power_stated: PowerFigure | None = None
    """What `power_w` was worked out from, where that is of another number of threads."""
    operators: OperatorList | None = None
    """What the runtime maps to an accelerator; None for a processor, and where no list is known."""
    fallback: DeviceProfile | None = None
    """The processor that runs what the accelerator does not, in the same machine."""
    crossing: MemoryLevel | None = None
    """The level of memory by way of which tensors go between the two."""
    scaled: str | None = None
    """How it was made of a profile of another number of threads; None for one as it was read."""
    runtime_version: str | None = None
    """The version or date of the runtime whose times it has; None where nobody says."""
    asked_version: str | None = None
    """Another version that times are asked for, for which bands are wider; None for its own."""

    def __repr__(self) -> str:
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"<DeviceProfile {self.name}: {self.runtime}, {threads}, {self.basis}>"

    @property
    def main_memory(self) -> MemoryLevel | None:
        """The outermost level; None where no memory is known."""
        return self.memory[-1] if self.memory else None
