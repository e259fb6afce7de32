"""Where something was measured: the machine, its limits, and how busy others kept it.

What the system does not say is None. Not here: what is done about a busy machine (`rounds.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The machine and the software that times depend on. None is unknown."""

    processor: str | None
    """As it calls itself."""
    architecture: str
    """`x86_64`, `aarch64`."""
    system: str
    """The operating system, with its version."""
    cpus: int | None
    """How many this process may use; two threads of one core are two."""
    machine_cpus: int | None
    """How many the machine has."""
    cpu_quota: float | None
    """How much time of CPUs a container may take, in CPUs; None: unlimited or unknown."""
    memory_bytes: int | None
    """Of the machine, or the limit of a container."""
    governor: str | None
    """Who sets the clock: `performance`, `powersave`."""
    clock_hz: float | None
    """When it began."""
    most_clock_hz: float | None
    pinned: tuple[int, ...] | None
    """The CPUs that networks ran on; None where they were not pinned."""
    runtime: str
    runtime_version: str
    details: Mapping[str, str] = field(default_factory=dict)
    """What else of the runtime decides times, as it says."""
    python: str = ""
    mnet_cost: str = ""
    others_before: float | None = None
    others_during: float | None = None
    """CPUs that other programs kept busy, before it began and meanwhile: 0.5 is half of one."""
    stolen: float | None = None
    """Share of the time that a virtual machine waited for its host, meanwhile."""
    switches_per_s: float | None = None
    """How often the system took a CPU away from a thread that wanted to go on."""
