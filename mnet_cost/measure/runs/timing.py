"""One series of runs of one network: warm up until times settle, run until the median is known."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil, floor, sqrt
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

from mnet_cost.measure.runs.machine import Load, Machine, load_between
from mnet_cost.measure.runtimes.base import Program

if TYPE_CHECKING:
    from mnet_cost.measure.runs.energy import Meter

_FEWEST_WARM = 3
"""Runs of a block, of which a median is taken."""
_WARM_SHARE = 0.05
"""Of the time of a series, which a block takes at least."""
_SETTLED = 0.98
"""Times have settled where a block's median is no longer below the best one by more than 2 %."""
_LEAST_SHARE = 0.2
"""Of its time, which a series takes however well the median is known: neighbouring runs are more
alike than those that are apart."""
_LONGER = 3
"""So many times its time a series may take where nearly all runs are left out."""
_FEWEST_KNOWN = 6
"""Runs of which the smallest and the largest hold the median with 95 %: 1 - 2 * 0.5**6."""
_Z = 1.96
_GROWTH = 1.3
"""The median is looked at again after so many times as many runs."""


class Series(NamedTuple):
    """Some runs, one after another."""

    times_s: tuple[float, ...]
    """Of the runs in which no CPU was taken away from the process; of all where there are none."""
    left_out: int
    """Runs in which a CPU was taken away: not among them, unless all are."""
    energy_j: float | None
    """Of one run; None: unknown."""
    load: Load
    is_disturbed: bool = False
    """Whether a CPU was taken away in each of the runs."""

    @property
    def median_s(self) -> float:
        """The median run."""
        return median(self.times_s)

    def percentile(self, share: float) -> float:
        """The time that this share of the runs takes at most."""
        if len(self.times_s) == 1:
            return self.times_s[0]
        place = min(max(round(share * 100), 1), 99)
        return quantiles(self.times_s, n=100, method="inclusive")[place - 1]


def median_interval(times: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % confidence interval of the median, whatever the distribution; None for too few.

    The number of times below the true median is binomial with 1/2, so that two of the sorted times
    hold it: those 0.98 * sqrt(n) places from the middle.
    """
    count = len(times)
    if count < _FEWEST_KNOWN:
        return None
    ranked = sorted(times)
    half = _Z / 2 * sqrt(count)
    low, high = floor(count / 2 - half), ceil(count / 2 + half)
    return ranked[max(low, 0)], ranked[min(high, count - 1)]


def warm_up(program: Program, seconds: float, machine: Machine) -> int:
    """Run until times settle, or for `seconds`; how many runs that took."""
    start, best, runs = machine.now(), float("inf"), 0
    while True:
        block: list[float] = []
        began = machine.now()
        while len(block) < _FEWEST_WARM or machine.now() - began < _WARM_SHARE * seconds:
            block.append(program.time())
        runs += len(block)
        middle = median(block)
        if middle > _SETTLED * best or machine.now() - start >= seconds:
            return runs
        best = middle


def run_series(
    program: Program,
    *,
    seconds: float,
    fewest: int,
    interval: float,
    machine: Machine,
    cpus: tuple[int, ...],
    meter: Meter | None = None,
) -> Series:
    """Run until the median is known to `interval`, or for `seconds`, `fewest` times at least.

    A run in which another program got the CPU is no time of the network, so it is left out.
    """
    times: list[float] = []
    every: list[float] = []
    with _no_collection():
        before = machine.usage()
        start, look = machine.now(), _FEWEST_KNOWN
        if meter:
            meter.start()
        while True:
            switches = machine.switches()
            every.append(program.time())
            if machine.switches() == switches:
                times.append(every[-1])
            if meter:
                meter.read()
            taken = machine.now() - start
            if len(every) < fewest:
                continue
            if taken >= seconds * (1 if len(times) >= fewest else _LONGER):
                break
            if len(times) >= look and taken >= _LEAST_SHARE * seconds:
                look = ceil(len(times) * _GROWTH)
                ends = median_interval(times)
                if ends and ends[1] - ends[0] <= 2 * interval * median(times):
                    break
        joules = meter.stop() if meter else None
        load = load_between(before, machine.usage(), cpus)
    energy_j = None if joules is None else joules / len(every)
    return Series(tuple(times or every), len(every) - len(times), energy_j, load, not times)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Within it, Python does not look for garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
