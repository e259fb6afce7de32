"""On which CPUs networks run: chosen, set for all threads of the process, and put back.

A thread that moves from one CPU to another loses its caches. Threads that are begun later are on
the CPUs of the thread that begins them, so a runtime's pool is where the process was then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mnet_cost.errors import Problem, UsageError
from mnet_cost.measure.runs.machine import Machine

_BUSY_STEP = 0.1
"""CPUs are as busy as each other within so much of one."""
_MOST = 4096
"""A larger number is no CPU."""


def can_pin() -> bool:
    """Whether the operating system lets a process choose its CPUs."""
    return hasattr(os, "sched_setaffinity")


def choose_cpus(
    machine: Machine, threads: int, busy: Mapping[int, float] | None = None
) -> tuple[int, ...]:
    """The CPUs for `threads`: of the fastest cores, one of each core, the least busy ones.

    `busy` is the share of its time that each was busy. All CPUs where there are no more than
    threads.
    """
    cpus = machine.cpus()
    if len(cpus) <= threads:
        return cpus
    taken: set[str] = set()
    seconds = set()
    for cpu in cpus:
        core = machine.text(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        if core is not None and core in taken:
            seconds.add(cpu)
        taken.add(core or f"cpu {cpu}")
    busy = busy or {}

    def order(cpu: int) -> tuple[int, bool, int, int]:
        # Interrupts go to the first CPUs more often than to the last.
        return -_speed(machine, cpu), cpu in seconds, round(busy.get(cpu, 0.0) / _BUSY_STEP), -cpu

    return tuple(sorted(sorted(cpus, key=order)[:threads]))


def _speed(machine: Machine, cpu: int) -> int:
    """What a CPU is able to do beside others of its machine; 0 where nothing says it."""
    folder = f"sys/devices/system/cpu/cpu{cpu}"
    capacity = machine.number(f"{folder}/cpu_capacity")
    return capacity or machine.number(f"{folder}/cpufreq/cpuinfo_max_freq") or 0


def parse_cpus(text: str, machine: Machine, threads: int) -> tuple[int, ...]:
    """The CPUs that `0-3,6` names; empty for `none`.

    Raises `UsageError` for a text that names none, a CPU that this process may not use, and for
    fewer CPUs than threads.
    """
    if text.strip() == "none":
        return ()
    cpus: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,5})(?:-([0-9]{1,5}))?\s*", part)
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else 0
        if match is None or last < first or last > _MOST:
            hint = "write `--pin 2`, `--pin 0-3,6` or `--pin none`"
            raise UsageError(Problem(f"`{part.strip()}` names no CPUs", hint=hint))
        cpus.update(range(first, last + 1))
    return check_cpus(tuple(sorted(cpus)), machine, threads)


def check_cpus(cpus: tuple[int, ...], machine: Machine, threads: int) -> tuple[int, ...]:
    """The same CPUs; `UsageError` where they cannot be had, or are fewer than threads."""
    usable = machine.cpus()
    wrong = [cpu for cpu in cpus if cpu not in usable]
    if wrong:
        message = f"CPU {wrong[0]} is none that this process may use"
        raise UsageError(Problem(message, hint=f"it may use {shown_cpus(usable)}"))
    if cpus and len(cpus) < threads:
        message = f"{threads} threads need as many CPUs, and {shown_cpus(cpus)} is {len(cpus)}"
        raise UsageError(Problem(message, hint="name more CPUs, or fewer `--threads`"))
    if cpus and not can_pin():
        message = "the operating system does not let a process choose its CPUs"
        raise UsageError(Problem(message, hint="leave out `--pin`"))
    return cpus


def shown_cpus(cpus: tuple[int, ...]) -> str:
    """CPUs as `0-3,6`."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][-1] == cpu - 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


@contextmanager
def pinned(cpus: tuple[int, ...]) -> Iterator[bool]:
    """Within it, all threads of this process run on `cpus`; gives whether they do.

    Nothing is done for no CPUs, and where the operating system has no way to.
    """
    if not cpus or not can_pin():
        yield False
        return
    before = {thread: os.sched_getaffinity(thread) for thread in _threads()}
    own = os.sched_getaffinity(0)
    try:
        for thread in before:
            _set(thread, set(cpus))
        os.sched_setaffinity(0, cpus)
        yield True
    finally:
        for thread in _threads():  # those that began meanwhile, too
            _set(thread, before.get(thread, own))


def _threads() -> list[int]:
    """Numbers of the threads of this process; that of the caller alone where nothing says it."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/task") if name.isdigit()]
    return [0]


def _set(thread: int, cpus: set[int]) -> None:
    with suppress(OSError):  # it ended meanwhile
        os.sched_setaffinity(thread, cpus)
