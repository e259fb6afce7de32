"""One series of runs: when it is warm, when its median is known, what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest
from fake_runtime import FakeMachine

from mnet_cost.measure.runs.timing import Series, median_interval, run_series, warm_up
from mnet_cost.measure.runtimes.base import RuntimeProfile


class Listed:
    """A program whose runs take the times of a list."""

    precision = "fp32"

    def __init__(self, machine: FakeMachine, times: Iterator[float]) -> None:
        self._machine, self._times = machine, times
        self.runs = 0

    def time(self) -> float:
        seconds = next(self._times)
        self._machine.taken += seconds > 0.02  # longer than any run of these
        self._machine.run(seconds)
        self.runs += 1
        return seconds

    def profile(self, runs: int) -> RuntimeProfile | None:
        return None

    def close(self) -> None:
        pass


def series_of(machine: FakeMachine, times: Iterator[float], seconds: float = 1.0) -> Series:
    program = Listed(machine, times)
    return run_series(
        program, seconds=seconds, fewest=3, interval=0.01, machine=machine, cpus=machine.cpus()
    )


def test_the_median_of_few_runs_is_not_known() -> None:
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    # 0.98 * sqrt(100) = 9.8 places from the middle: the 41st and the 61st.
    assert median_interval(list(range(1, 101))) == (41, 61)


def test_it_is_warm_when_times_no_longer_fall(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    falling = chain([0.9, 0.5, 0.3, 0.2, 0.15, 0.14], repeat(0.125))
    program = Listed(machine, falling)
    # Medians of blocks: 0.5, 0.145, 0.125, and 0.125 again. Each takes half a second at least.
    assert warm_up(program, 10.0, machine) == program.runs
    assert program.runs == 3 + 4 + 4 + 4


def test_warming_up_ends_although_times_fall_on(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    warm_up(Listed(machine, iter([1.0 * 0.9**n for n in range(100)])), 5.0, machine)
    assert 5.0 <= machine.now() < 8.0


def test_a_series_ends_when_the_median_is_known(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    series = series_of(machine, repeat(0.01))
    assert len(series.times_s) == 20  # a fifth of its second
    assert series.median_s == 0.01


def test_a_series_goes_on_while_the_median_is_not_known(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    noisy = iter([0.01, 0.014] * 200)
    series = series_of(machine, noisy)
    assert machine.now() == pytest.approx(1.0, abs=0.02)
    assert len(series.times_s) in range(82, 86)
    assert (series.percentile(0.1), series.percentile(0.9)) == pytest.approx((0.01, 0.014))


def test_runs_in_which_others_got_the_cpu_are_left_out(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    series = series_of(machine, iter([0.01, 0.03, 0.03] * 200))
    assert set(series.times_s) == {0.01}
    assert series.left_out == pytest.approx(2 * len(series.times_s), abs=2)
    assert series.load.switches_per_s == pytest.approx(series.left_out / machine.now())


def test_where_others_always_get_the_cpu_all_runs_count(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    series = series_of(machine, repeat(0.03))
    assert set(series.times_s) == {0.03}
    assert series.is_disturbed
    assert series.left_out == len(series.times_s)
    assert machine.now() == pytest.approx(3.0, abs=0.03)  # it tried for longer
    few = series_of(FakeMachine(tmp_path), chain([0.03, 0.01], repeat(0.03)))
    assert few.times_s == (0.01,)
    assert not few.is_disturbed


def test_a_slow_network_has_three_runs(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    assert series_of(machine, repeat(4.0)).times_s == (4.0, 4.0, 4.0)


def test_the_load_of_others_is_what_this_process_did_not_do(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, others=1.5)
    assert series_of(machine, repeat(0.01)).load.others == pytest.approx(1.5)
