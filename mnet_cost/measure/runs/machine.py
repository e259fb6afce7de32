"""What the operating system says of this machine: its CPUs, its clock, who uses it.

Linux says it in files; elsewhere most of it is None. Nothing is changed here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = 100.0
_STEAL = 7
"""Place of the time that the host took, in a line of /proc/stat."""
_IDLE = (3, 4)
_COUNTED = 8
"""Times of a line that do not overlap: those of guests are in those of users."""


class Usage(NamedTuple):
    """Counters at one moment; those that the system does not give are None."""

    at_s: float
    own_s: float
    """Time of CPUs that this process took since it began, and its children that have ended."""
    busy_s: dict[int, float] | None
    """By CPU, whoever took it, since the machine began."""
    stolen_s: dict[int, float] | None
    switches: int | None
    """How often a CPU was taken away from this process."""


class Load(NamedTuple):
    """What happened on some CPUs between two moments."""

    others: float | None
    """CPUs that other programs kept busy."""
    stolen: float | None
    """Share of the time that the host took."""
    switches_per_s: float | None


def load_between(before: Usage, after: Usage, cpus: Iterable[int]) -> Load:
    """The load of others on `cpus`, on which this process ran."""
    seconds = max(after.at_s - before.at_s, 1e-9)
    others = stolen = switches = None
    if before.busy_s is not None and after.busy_s is not None:
        busy = sum(after.busy_s.get(cpu, 0.0) - before.busy_s.get(cpu, 0.0) for cpu in cpus)
        others = max(0.0, busy - (after.own_s - before.own_s)) / seconds
    if before.stolen_s is not None and after.stolen_s is not None:
        taken = [after.stolen_s.get(cpu, 0.0) - before.stolen_s.get(cpu, 0.0) for cpu in cpus]
        stolen = sum(taken) / (seconds * max(len(taken), 1))
    if before.switches is not None and after.switches is not None:
        switches = (after.switches - before.switches) / seconds
    return Load(others, stolen, switches)


class Machine:
    """This machine. `root` is where its files are: `/`, but for tests."""

    def __init__(self, root: str | os.PathLike[str] = "/") -> None:
        self._root = Path(root)

    def now(self) -> float:
        """Seconds of a clock that is never set."""
        return time.perf_counter()

    def wall(self) -> float:
        """Seconds since 1970, as other programs write them down."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Do nothing."""
        time.sleep(seconds)

    def today(self) -> str:
        """The date, as in `2026-03-27`."""
        return time.strftime("%Y-%m-%d")

    def text(self, path: str) -> str | None:
        """What a file of the system says; None where it is not there or may not be read."""
        try:
            return (self._root / path).read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError):
            return None

    def number(self, path: str) -> int | None:
        """The whole number that a file of the system holds."""
        text = self.text(path)
        return int(text) if text and text.isascii() and text.lstrip("-").isdigit() else None

    def paths(self, pattern: str) -> list[str]:
        """Files and folders of the system that match, sorted."""
        with suppress(OSError):
            return sorted(str(path.relative_to(self._root)) for path in self._root.glob(pattern))
        return []

    def cpus(self) -> tuple[int, ...]:
        """The CPUs that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return tuple(sorted(os.sched_getaffinity(0)))
        return tuple(range(os.cpu_count() or 1))

    def usage(self) -> Usage:
        """Counters as they are now."""
        busy: dict[int, float] = {}
        stolen: dict[int, float] = {}
        for line in (self.text("proc/stat") or "").splitlines():
            name, *times = line.split()
            number = name.removeprefix("cpu")
            if name.startswith("cpu") and number.isdigit() and len(times) >= _COUNTED:
                ticks = [int(text) if text.isdigit() else 0 for text in times[:_COUNTED]]
                idle = sum(ticks[place] for place in _IDLE)
                busy[int(number)] = (sum(ticks) - idle - ticks[_STEAL]) / _TICKS_PER_S
                stolen[int(number)] = ticks[_STEAL] / _TICKS_PER_S
        own = os.times()
        own_s = time.process_time() + own.children_user + own.children_system
        return Usage(self.now(), own_s, busy or None, stolen or None, self.switches())

    def switches(self) -> int | None:
        """How often a CPU was taken away from this process; None where the system does not say."""
        try:
            from resource import RUSAGE_SELF, getrusage
        except ImportError:  # Windows
            return None
        return getrusage(RUSAGE_SELF).ru_nivcsw

    def memory(self) -> int | None:
        """Bytes of memory, or the limit of a container where that is less."""
        return _least(self._meminfo("MemTotal"), self._limit("memory.max"),
                      self._limit("memory/memory.limit_in_bytes"))  # fmt: skip

    def free_memory(self) -> int | None:
        """Bytes that this process can take without swapping."""
        free = self._meminfo("MemAvailable")
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
        ):
            most, taken = self._limit(limit), self.number(f"sys/fs/cgroup/{used}")
            if most is not None and taken is not None:
                free = _least(free, most - taken)
        return free

    def cpu_quota(self) -> float | None:
        """How many CPUs a container may keep busy; None without a limit."""
        words = (self.text("sys/fs/cgroup/cpu.max") or "").split()
        if len(words) == 2 and all(map(str.isdigit, words)) and int(words[1]):
            return int(words[0]) / int(words[1])
        quota = self.number("sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        period = self.number("sys/fs/cgroup/cpu/cpu.cfs_period_us")
        return quota / period if quota and period and quota > 0 else None

    def _meminfo(self, key: str) -> int | None:
        for line in (self.text("proc/meminfo") or "").splitlines():
            words = line.split()
            if words[:1] == [f"{key}:"] and len(words) > 1 and words[1].isdigit():
                return int(words[1]) * 1024
        return None

    def _limit(self, name: str) -> int | None:
        """The limit of a container; None for one that is no limit: the largest number there is."""
        number = self.number(f"sys/fs/cgroup/{name}")
        return number if number is not None and 0 < number < 1 << 60 else None


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)
