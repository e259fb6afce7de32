"""Where something was measured: the machine, its limits, and how busy others kept it.

What the system does not say is None. Not here: what is done about a busy machine (`rounds.py`).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version

from mnet_cost.escaping import printable
from mnet_cost.measure.runs.machine import Machine


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
    """How many CPUs a container may keep busy; None: unlimited or unknown."""
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
    date: str = ""
    """Of the day when it began: `2026-03-27`."""
    others_before: float | None = None
    others_during: float | None = None
    """CPUs that other programs kept busy, before it began and meanwhile: 0.5 is half of one."""
    stolen: float | None = None
    """Share of the time that a virtual machine waited for its host, meanwhile."""
    switches_per_s: float | None = None
    """How often the system took a CPU away from a thread that wanted to go on."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of what the system does not say."""
        return tuple([each.name for each in fields(self) if getattr(self, each.name) is None])


def environment_of(
    machine: Machine,
    *,
    runtime: str,
    runtime_version: str,
    details: Mapping[str, str],
    pinned: tuple[int, ...] | None,
    others_before: float | None,
) -> Environment:
    """What `machine` says of itself."""
    cpus = machine.cpus()
    clock = f"sys/devices/system/cpu/cpu{(pinned or cpus)[0]}/cpufreq"
    return Environment(
        processor=processor_name(machine),
        architecture=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        cpus=len(cpus),
        machine_cpus=_machine_cpus(machine),
        cpu_quota=machine.cpu_quota(),
        memory_bytes=machine.memory(),
        governor=machine.text(f"{clock}/scaling_governor") or None,
        clock_hz=_kilohertz(machine.number(f"{clock}/scaling_cur_freq")),
        most_clock_hz=_kilohertz(machine.number(f"{clock}/scaling_max_freq")),
        pinned=pinned,
        runtime=runtime,
        runtime_version=runtime_version,
        details=dict(details),
        python=platform.python_version(),
        mnet_cost=_own_version(),
        date=machine.today(),
        others_before=others_before,
    )


_NAMES = ("model name", "Model", "Hardware", "Processor", "cpu model")
"""Keys of /proc/cpuinfo under which processors and boards are named, the best first."""
_LONGEST = 100


def processor_name(machine: Machine) -> str | None:
    """What the processor, or else the board, calls itself, on one line."""
    said: dict[str, str] = {}
    for line in (machine.text("proc/cpuinfo") or "").splitlines():
        key, colon, value = line.partition(":")
        if colon and value.strip():
            said.setdefault(key.strip(), value.strip())
    name = next((said[key] for key in _NAMES if key in said), None)
    name = name or (machine.text("proc/device-tree/model") or "").strip("\0") or None
    name = name or platform.processor() or None
    return None if name is None else printable(" ".join(name.split()))[:_LONGEST]


def _own_version() -> str:
    """Of this program; empty where it was not installed."""
    with suppress(PackageNotFoundError):
        return version("mnet-cost")
    return ""


def _machine_cpus(machine: Machine) -> int | None:
    busy = machine.usage().busy_s
    return len(busy) if busy else os.cpu_count()


def _kilohertz(number: int | None) -> float | None:
    return None if number is None else number * 1e3
