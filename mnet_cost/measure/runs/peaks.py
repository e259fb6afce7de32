"""The peaks of this machine: mult-adds and bytes per second of its CPUs, and its caches.

Measured with one process on each of the CPUs that a network would run on, all at the same time:
matrix products, and reads of working sets that fit into each level of the memory. A loop of NumPy
does not reach all that a core can, and nothing may exceed a peak: so a rate is stated with a margin
on top, and that of a cache only where the cache, not the loop, is what limits it. Not here: the
loops (`peak_probes.py`), and that what a runtime reached raises the peaks (`machine_profile.py`).
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

from mnet_cost.measure.runs import peak_probes
from mnet_cost.measure.runs.environment import processor_name
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.measure.runtimes.base import RunError

MARGIN = 1.1
"""How many times the fastest rate that was measured a peak is."""
_LIMITS = 0.9
"""Share of the fastest rate of smaller working sets below which a level is what limits reads."""
_MOST_READ = 512 << 20
_LEAST_READ = 64 << 20
"""Bytes of the working set that no cache holds."""
_CACHES_OVER = 4
_INSIDE = 4
"""How many times the next smaller cache the working set is that tells how fast a cache is."""
_AS_FAST = 0.75
"""Share of that rate which larger working sets reach as long as the cache holds them."""
_TIMEOUT_S = 120.0
_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip

_IN_ORDER = frozenset(("0xd01", "0xd03", "0xd04", "0xd05", "0xd46", "0xd80"))
"""Cortex-A32, A53, A35, A55, A510, A520 in `CPU part` of Arm's (source: Arm, MIDR_EL1 of their
technical reference manuals)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One level of caches, of one CPU."""

    level: int
    size_bytes: int
    shared_by: int
    """CPUs that one of them serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of the memory, as the threads have it together."""

    name: str
    size_bytes: int | None
    bytes_per_s: float | None
    """As it was measured, without margin; None where something else limits reads."""
    working_set_bytes: int
    """Of all threads together."""
    is_whole: bool = True
    """Whether the system says the size. Else it is that of the smallest working set that is read
    more slowly: others use the rest of the cache, or they get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """What was measured. Rates are of all threads together, without margin."""

    threads: int
    macs_per_s: float
    product: str
    """What reached it: `torch, 512 a side`."""
    levels: tuple[Level, ...]
    """From the innermost on; the last is main memory."""
    processor: str | None
    pipeline: str
    """`in_order` or `out_of_order`."""
    vector: str
    """`AVX-512`, `AVX2`; empty for others."""
    cores: int
    """That this process may use; two threads of one core are one."""

    @property
    def largest_cache(self) -> int:
        """Bytes; 0 where the system does not say."""
        return max((level.size_bytes or 0 for level in self.levels[:-1]), default=0)


def measure_peaks(threads: int, machine: Machine | None = None, cpus: Sequence[int] = ()) -> Peaks:
    """The peaks of `threads` threads, on `cpus` where they are given; takes some five seconds.

    Raises `RunError` where the processes that measure do not run.
    """
    machine = machine or Machine()
    caches = caches_of(machine, cpus[0] if cpus else machine.cpus()[0])
    sets = working_sets([_own_share(cache, threads) for cache in caches])
    beyond = _beyond_caches(caches, threads, machine)
    rates = _together(threads, cpus, [*(size for own in sets for size in own), beyond])
    products = {
        name: sum(rate["products"][name] for rate in rates)
        for name in rates[0]["products"]
        if all(name in rate["products"] for rate in rates)
    }
    product = max(products, key=lambda name: products[name])
    read = [sum(each) for each in zip(*(rate["reads"] for rate in rates), strict=True)]
    by_cache, start = [], 0
    for own in sets:
        by_cache.append(read[start : start + len(own)])
        start += len(own)
    levels = levels_of(
        caches,
        [*(each[0] for each in by_cache), read[-1]],
        [size * threads for size in (*(own[0] for own in sets), beyond)],
        threads,
        machine.memory(),
    )
    held = [held_by(own, each) for own, each in zip(sets, by_cache, strict=True)]
    return Peaks(
        threads=threads,
        macs_per_s=products[product],
        product=product,
        levels=_with_sizes(levels, caches, [size and size * threads for size in held]),
        processor=processor_name(machine),
        pipeline=pipeline_of(machine),
        vector=vector_of(machine),
        cores=cores_of(machine),
    )


def caches_of(machine: Machine, cpu: int) -> tuple[Cache, ...]:
    """The caches that hold data of a CPU, from the innermost on; none where nothing says it."""
    found: dict[int, Cache] = {}
    for folder in machine.paths(f"sys/devices/system/cpu/cpu{cpu}/cache/index*"):
        level = machine.number(f"{folder}/level")
        size = _bytes(machine.text(f"{folder}/size") or "")
        if level is None or size is None or machine.text(f"{folder}/type") == "Instruction":
            continue
        shared = _count(machine.text(f"{folder}/shared_cpu_list") or "")
        found[level] = Cache(level=level, size_bytes=size, shared_by=shared)
    ordered = [found[level] for level in sorted(found)]
    # Outwards they get larger; what does not is no level of its own.
    return tuple(
        cache
        for place, cache in enumerate(ordered)
        if all(cache.size_bytes > inner.size_bytes for inner in ordered[:place])
    )


def levels_of(
    caches: Sequence[Cache],
    read: Sequence[float],
    working_sets: Sequence[int],
    threads: int,
    memory_bytes: int | None,
) -> tuple[Level, ...]:
    """Levels of memory from the rates of reads, one for each cache and one for what none holds."""
    fastest, limited = 0.0, []
    for rate in read:
        limited.append(rate < _LIMITS * fastest)
        fastest = max(fastest, rate)
    outwards, outer = [], 0.0
    for rate in reversed(read):  # a level outside of another one is no faster
        outer = max(outer, rate)
        outwards.append(outer)
    names = [*(f"L{cache.level}" for cache in caches), "DRAM"]
    sizes = [*(_of_threads(cache, threads) for cache in caches), memory_bytes]
    levels = zip(names, sizes, reversed(outwards), limited, working_sets, strict=True)
    return tuple(
        Level(
            name=name,
            size_bytes=size,
            bytes_per_s=rate if is_limited or len(read) == 1 else None,
            working_set_bytes=working_set,
        )
        for name, size, rate, is_limited, working_set in levels
        if size is not None or is_limited or len(read) == 1
    )


def _own_share(cache: Cache, threads: int) -> int:
    """Bytes of a cache that one of the threads has for itself."""
    return cache.size_bytes // min(threads, cache.shared_by)


def working_sets(shares: Sequence[int]) -> list[list[int]]:
    """Bytes that a thread reads to measure each cache, of which it has `shares` for itself: more
    than the next smaller one holds, then twice as many again and again, half of its share at
    last."""
    sets = []
    for share, inner in zip(shares, [shares[0], *shares] if shares else [], strict=False):
        own = [min(share // 2, _INSIDE * inner)]
        while own[-1] < share // 2:
            own.append(min(share // 2, 2 * own[-1]))
        sets.append(own)
    return sets


def held_by(sets: Sequence[int], rates: Sequence[float]) -> int | None:
    """The size of the smallest working set that a cache does not hold, by the rates at which they
    are read; None where it holds all of them.

    The system tells the size of a cache, not that other programs and other machines on the same
    processor share it.
    """
    held = [place for place, rate in enumerate(rates) if rate >= _AS_FAST * rates[0]]
    return None if held[-1] == len(sets) - 1 else sets[held[-1] + 1]


def _with_sizes(
    levels: Sequence[Level], caches: Sequence[Cache], held: Sequence[int | None]
) -> tuple[Level, ...]:
    """Levels with the sizes that were measured, where caches do not hold what the system says."""
    measured = {f"L{cache.level}": size for cache, size in zip(caches, held, strict=True)}
    return tuple(
        level if size is None else replace(level, size_bytes=size, is_whole=False)
        for level in levels
        for size in (measured.get(level.name),)
    )


def _of_threads(cache: Cache, threads: int) -> int:
    """Bytes of the caches of a level that the threads have together."""
    return cache.size_bytes * -(-threads // cache.shared_by)


def _beyond_caches(caches: Sequence[Cache], threads: int, machine: Machine) -> int:
    """Bytes of a thread's working set that is larger than all caches."""
    largest = max((_of_threads(cache, threads) for cache in caches), default=0)
    free = machine.free_memory()
    most = _MOST_READ if free is None else min(_MOST_READ, free // 4)
    size = min(max(_CACHES_OVER * largest, _LEAST_READ), most)
    return max(size // threads, 1 << 20) // 8 * 8


def _together(threads: int, cpus: Sequence[int], sizes: Sequence[int]) -> list[Mapping[str, Any]]:
    """What one process on each CPU measured, all at the same time."""
    with_torch = find_spec("torch") is not None
    single = dict.fromkeys(_ONE_THREAD, "1")
    paths = [path for path in sys.path if path]  # this package, wherever it was imported from
    environment = {**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths)}
    processes: list[subprocess.Popen[str]] = []
    try:
        for place in range(threads):
            request = {
                "cpu": cpus[place] if place < len(cpus) else None,
                "torch": with_torch,
                "reads": list(sizes),
            }
            # Without -P, modules of the working directory would come first.
            command = [sys.executable, "-P", "-m", peak_probes.__name__, json.dumps(request)]
            processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL, env=environment, text=True,
                )
            )  # fmt: skip
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready
        said = _answers(processes)
        return [json.loads(text) for text in said]
    except (OSError, subprocess.SubprocessError, ValueError) as reason:
        raise RunError(f"the peaks of this machine could not be measured: {reason}") from None
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def _answers(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=_TIMEOUT_S)[0] for process in processes]


def pipeline_of(machine: Machine) -> str:
    """How cores issue instructions: as the slowest of them."""
    parts = re.findall(r"^CPU part\s*:\s*(\w+)", machine.text("proc/cpuinfo") or "", re.MULTILINE)
    return (
        "in_order" if _IN_ORDER.intersection(parts) and set(parts) <= _IN_ORDER else "out_of_order"
    )


def vector_of(machine: Machine) -> str:
    """The widest vectors that a CPU of x86 has, in words; empty where nothing says it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ""
    text = machine.text("proc/cpuinfo") or ""
    flags = set(re.findall(r"\w+", next(iter(re.findall(r"^flags\s*:(.*)", text, re.M)), "")))
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""


def cores_of(machine: Machine) -> int:
    """Cores that this process may use."""
    siblings = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return len({machine.text(siblings.format(cpu)) or f"cpu {cpu}" for cpu in machine.cpus()})


def _bytes(text: str) -> int | None:
    """The size that the system writes as `32K`."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]] if match else None


def _count(text: str) -> int:
    """How many CPUs a list such as `0-3,8` has; 1 for one that says nothing."""
    count = 0
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if match:
            count += int(match[2] or match[1]) - int(match[1]) + 1
    return max(count, 1)
