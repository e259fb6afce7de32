"""What the system says of a machine, which CPUs are chosen, and energy: of files of tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_runtime import FakeMachine

from mnet_cost.errors import MeasurementError, UsageError
from mnet_cost.measure.runs.energy import find_meter, read_log
from mnet_cost.measure.runs.environment import environment_of
from mnet_cost.measure.runs.machine import Machine, load_between
from mnet_cost.measure.runs.memory import can_tell, growth_of
from mnet_cost.measure.runs.pinning import (
    can_pin,
    choose_cpus,
    parse_cpus,
    pinned,
    shown_cpus,
)


def write(root: Path, files: dict[str, object]) -> None:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n", encoding="utf-8")


def test_the_load_of_others(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    write(tmp_path, {"proc/stat": "cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 100 0 50 900 10 0 5 20 7 0"})
    usage = machine.usage()
    assert usage.busy_s == {0: 1.55}  # user, system, softirq: guests are in user
    assert usage.stolen_s == {0: 0.2}
    later = usage._replace(at_s=usage.at_s + 2.0, own_s=usage.own_s + 0.5, busy_s={0: 3.05},
                           stolen_s={0: 0.3}, switches=(usage.switches or 0) + 10)  # fmt: skip
    load = load_between(usage, later, (0,))
    assert load.others == pytest.approx(0.5)
    assert load.stolen == pytest.approx(0.05)
    if usage.switches is not None:
        assert load.switches_per_s == pytest.approx(5.0)


def test_what_is_not_said_is_unknown(tmp_path: Path) -> None:
    found = environment_of(
        Machine(tmp_path), runtime="fake", runtime_version="1", details={}, pinned=None,
        others_before=None,
    )  # fmt: skip
    assert found.governor is None
    assert found.cpu_quota is None
    assert {"governor", "clock_hz", "others_before"} <= set(found.unknown)


def test_limits_of_a_container(tmp_path: Path) -> None:
    write(tmp_path, {
        "sys/fs/cgroup/cpu.max": "150000 100000",
        "sys/fs/cgroup/memory.max": 2_000_000_000,
        "sys/fs/cgroup/memory.current": 500_000_000,
        "proc/meminfo": "MemTotal:  4000000 kB\nMemAvailable: 3000000 kB",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": 1_800_000,
    })  # fmt: skip
    machine = FakeMachine(tmp_path)
    assert (machine.cpu_quota(), Machine.memory(machine)) == (1.5, 2_000_000_000)
    assert Machine.free_memory(machine) == 1_500_000_000
    found = environment_of(
        machine, runtime="fake", runtime_version="1", details={}, pinned=(0,), others_before=0.0
    )
    assert (found.governor, found.clock_hz) == ("powersave", 1.8e9)


def test_cpus_of_fast_cores_one_of_each_core_that_nobody_uses(tmp_path: Path) -> None:
    """CPUs 0 and 1 are one core, 2 and 3 another; 4 to 7 are slow."""
    files: dict[str, object] = {}
    for cpu in range(8):
        folder = f"sys/devices/system/cpu/cpu{cpu}"
        first = cpu - cpu % 2
        files[f"{folder}/topology/thread_siblings_list"] = (
            f"{first}-{first + 1}" if cpu < 4 else f"{cpu}"
        )
        files[f"{folder}/cpu_capacity"] = 1024 if cpu < 4 else 400
    write(tmp_path, files)
    machine = FakeMachine(tmp_path, count=8)
    assert choose_cpus(machine, 1) == (2,)
    assert choose_cpus(machine, 2) == (0, 2)
    assert choose_cpus(machine, 3) == (0, 2, 3)
    assert choose_cpus(machine, 1, {2: 0.9}) == (0,)
    assert choose_cpus(machine, 5) == (0, 1, 2, 3, 7)
    assert choose_cpus(machine, 9) == tuple(range(8))


def test_words_for_cpus(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, count=8)
    assert parse_cpus("none", machine, 2) == ()
    assert shown_cpus((0, 1, 2, 6)) == "0-2,6"
    for text in ("", "1-", "2-1", "1;2", "99999", "-1", "0-99999"):
        with pytest.raises(UsageError):
            parse_cpus(text, machine, 1)


@pytest.mark.skipif(not can_pin(), reason="the system cannot pin")
def test_cpus_are_put_back() -> None:
    before = os.sched_getaffinity(0)
    cpu = max(before)
    assert parse_cpus(f"{cpu}", Machine(), 1) == (cpu,)
    with pinned((cpu,)) as is_pinned:
        assert is_pinned
        assert os.sched_getaffinity(0) == {cpu}
    assert os.sched_getaffinity(0) == before
    with pinned(()) as is_pinned:
        assert not is_pinned


RAPL = "sys/class/powercap"


def test_rapl_counts_packages_and_their_memory_over_its_end(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    write(tmp_path, {
        f"{RAPL}/intel-rapl:0/name": "package-0",
        f"{RAPL}/intel-rapl:0/energy_uj": 9_000_000,
        f"{RAPL}/intel-rapl:0/max_energy_range_uj": 10_000_000,
        f"{RAPL}/intel-rapl:0:0/name": "core",
        f"{RAPL}/intel-rapl:0:0/energy_uj": 1,
        f"{RAPL}/intel-rapl:0:1/name": "dram",
        f"{RAPL}/intel-rapl:0:1/energy_uj": 1_000_000,
        f"{RAPL}/intel-rapl:1/name": "psys",
        f"{RAPL}/intel-rapl:1/energy_uj": 1,
    })  # fmt: skip
    meter = find_meter("auto", machine)
    assert meter is not None
    meter.start()
    write(tmp_path, {f"{RAPL}/intel-rapl:0/energy_uj": 1_000_000,
                     f"{RAPL}/intel-rapl:0:0/energy_uj": 900,
                     f"{RAPL}/intel-rapl:0:1/energy_uj": 1_500_000})  # fmt: skip
    assert meter.stop() == pytest.approx(2.5)
    meter.start()
    assert meter.stop() is None  # it did not count: unknown is not zero


def test_a_counter_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path, {f"{RAPL}/intel-rapl:0/name": "package-0"})
    machine = FakeMachine(tmp_path)
    assert find_meter("auto", machine) is None
    with pytest.raises(UsageError, match="may not be read") as raised:
        find_meter("rapl", machine)
    assert "sudo chmod" in str(raised.value)


def test_the_watts_of_a_jetson(tmp_path: Path) -> None:
    folder = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1"
    write(tmp_path, {
        f"{folder}/in1_label": "VDD_IN", f"{folder}/in1_input": 5000,
        f"{folder}/curr1_input": 2000, f"{folder}/in2_label": "VDD_CPU_GPU_CV",
    })  # fmt: skip
    machine = FakeMachine(tmp_path)
    meter = find_meter("jetson", machine)
    assert meter is not None
    meter.start()
    for _ in range(10):
        machine.run(0.05)
        meter.read()
    assert meter.stop() == pytest.approx(10.0 * 0.5)
    meter.start()
    assert meter.stop() is None


def test_the_log_of_a_meter(tmp_path: Path) -> None:
    log = tmp_path / "watts.csv"
    machine = FakeMachine(tmp_path)
    # Watts that rise by one each second.
    lines = [f"{1e9 + second},{5 + second}" for second in range(-1, 12)]
    log.write_text("\n".join(["time,watts", *lines]) + "\n1000000020,7", encoding="utf-8")
    meter = find_meter(str(log), machine)
    assert meter is not None
    machine.run(0.5)
    meter.start()
    machine.run(9.0)
    assert meter.stop() == pytest.approx(9 * 10.0)  # from 5.5 to 14.5 W
    meter.start()
    machine.run(4.0)
    assert meter.stop() is None  # the log ends before
    assert machine.now() == pytest.approx(0.5 + 9 + 4 + 3, abs=0.3)  # it waited for it


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seconds,watts\n1,2\n", "has the columns time and watts"),
        ("time,watts\n", "there are no readings yet"),
        ("time,watts\n1,2\nx,3\n", "this line has no time and watts"),
        ("time,watts\n1,nan\n", "this line has no time and watts"),
        ("time,watts\n2,2\n1,3\n", "not later than the one above"),
        ("time,watts\n2,2\n2,3\n", "not later than the one above"),
    ],
)
def test_a_log_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    log = tmp_path / "watts.csv"
    log.write_text(text, encoding="utf-8")
    with pytest.raises(MeasurementError, match=said):
        read_log(str(log))


def test_dates_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "watts.csv"
    log.write_text("Time, Watts\n2026-03-27T10:15:00+00:00,3\n", encoding="utf-8")
    assert read_log(str(log)) == [(1774606500.0, 3.0)]


@pytest.mark.skipif(not can_tell(), reason="the system does not tell a peak")
def test_memory_is_what_a_process_grew_by(tmp_path: Path) -> None:
    from fake_runtime import FakeProgram, FakeRuntime

    from mnet_cost.measure.runs.artifacts import Runnable
    from mnet_cost.measure.runtimes.base import RunSettings
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate

    class Large(FakeRuntime):
        def prepare(self, runnable: Runnable, settings: RunSettings) -> FakeProgram:
            self.held = bytearray(b"x") * 50_000_000
            return super().prepare(runnable, settings)

    model = load_model("lenet5")
    runnable = Runnable("lenet5", elaborate(model.spec, {}), tmp_path)
    runtime = Large(FakeMachine(tmp_path), {"lenet5": 0.001})
    growth = growth_of(runnable, runtime, RunSettings())
    assert growth is not None
    # Linux counts resident pages by thread, and adds them up now and then (man proc_pid_statm).
    assert 49_000_000 < growth < 60_000_000
