"""Peaks of a machine: caches that the system tells of, which rates are stated, and with what
margin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnet_cost.measure.runs import peaks as module
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.measure.runs.peak_probes import products, reads
from mnet_cost.measure.runs.peaks import (
    Cache,
    Level,
    Peaks,
    caches_of,
    held_by,
    levels_of,
    measure_peaks,
    pipeline_of,
    working_sets,
)
from mnet_cost.measure.runs.peaks_text import base_of, peaks_lines, raised, tile_of
from mnet_cost.measure.runtimes.base import RunError

CACHES = (
    Cache(level=1, size_bytes=32 << 10, shared_by=1),
    Cache(level=2, size_bytes=1 << 20, shared_by=2),
    Cache(level=3, size_bytes=32 << 20, shared_by=16),
)


def cache(root: Path, index: int, **said: str) -> None:
    folder = root / f"sys/devices/system/cpu/cpu0/cache/index{index}"
    folder.mkdir(parents=True)
    for name, text in said.items():
        (folder / name).write_text(text + "\n")


def test_caches_that_the_system_tells_of(tmp_path: Path) -> None:
    cache(tmp_path, 0, level="1", type="Data", size="32K", shared_cpu_list="0")
    cache(tmp_path, 1, level="1", type="Instruction", size="64K", shared_cpu_list="0")
    cache(tmp_path, 2, level="2", type="Unified", size="1024K", shared_cpu_list="0-1")
    cache(tmp_path, 3, level="3", type="Unified", size="32M", shared_cpu_list="0-7,16-23")
    assert caches_of(Machine(tmp_path), 0) == CACHES


def test_a_system_that_says_nothing(tmp_path: Path) -> None:
    assert caches_of(Machine(tmp_path), 0) == ()
    cache(tmp_path, 0, level="1", type="Data", size="unknown")
    assert caches_of(Machine(tmp_path), 0) == ()


def test_a_rate_is_stated_where_the_level_limits_it() -> None:
    # L1 and L2 are as fast as the loop is; L3 and main memory are not.
    levels = levels_of(
        CACHES, (100e9, 98e9, 80e9, 20e9), (16 << 10, 512 << 10, 16 << 20, 128 << 20), 1, 16 << 30
    )
    assert [level.name for level in levels] == ["L1", "L2", "L3", "DRAM"]
    assert [level.bytes_per_s for level in levels] == [None, None, 80e9, 20e9]
    assert [level.size_bytes for level in levels] == [32 << 10, 1 << 20, 32 << 20, 16 << 30]


def test_levels_of_several_threads() -> None:
    levels = levels_of(CACHES, (400e9, 390e9, 200e9, 60e9), (1, 2, 3, 4), 4, None)
    # Four L1, two L2 that two cores share, one L3. Of main memory nobody says the size.
    assert [level.size_bytes for level in levels] == [128 << 10, 2 << 20, 32 << 20, None]


def test_outwards_no_level_is_faster() -> None:
    levels = levels_of(CACHES, (100e9, 60e9, 70e9, 20e9), (1, 2, 3, 4), 1, None)
    assert [level.bytes_per_s for level in levels] == [None, 70e9, 70e9, 20e9]


def test_without_caches_main_memory_is_stated() -> None:
    [level] = levels_of((), (5e9,), (64 << 20,), 1, 4 << 30)
    assert level == Level(
        name="DRAM", size_bytes=4 << 30, bytes_per_s=5e9, working_set_bytes=64 << 20
    )


def test_working_sets_of_caches() -> None:
    # Of L1 half; of L2 from four times L1 on, twice as much each time, up to half.
    sets = working_sets([32 << 10, 1 << 20, 32 << 20])
    assert sets == [
        [16 << 10], [128 << 10, 256 << 10, 512 << 10], [4 << 20, 8 << 20, 16 << 20],
    ]  # fmt: skip
    assert working_sets([]) == []
    assert working_sets([32 << 10, 64 << 10]) == [[16 << 10], [32 << 10]]


def test_a_cache_that_others_use_holds_less_than_the_system_says() -> None:
    sets = [8, 16, 32, 64]
    assert held_by(sets, [30e9, 29e9, 31e9, 28e9]) is None
    assert held_by(sets, [30e9, 29e9, 18e9, 17e9]) == 32
    assert held_by(sets, [30e9, 12e9, 28e9, 17e9]) == 64  # the slow one in between was disturbed
    assert held_by([8], [30e9]) is None


def test_a_measured_size_is_stated_as_such() -> None:
    level = Level(
        name="L3", size_bytes=64 << 20, bytes_per_s=30e9, working_set_bytes=8 << 20, is_whole=False
    )
    text = " ".join(" ".join(peaks_lines(example(levels=(level,)), "onnxruntime")).split())
    assert "size: 67108864 B" in text
    assert "size: the least that is read more slowly; bandwidth: reads of 8.39 MB" in text


@pytest.mark.parametrize(
    ("parts", "pipeline"),
    [
        (("0xd03", "0xd03"), "in_order"),
        (("0xd05", "0xd0b"), "out_of_order"),
        ((), "out_of_order"),
    ],
)
def test_pipelines(tmp_path: Path, parts: tuple[str, ...], pipeline: str) -> None:
    (tmp_path / "proc").mkdir()
    text = "".join(f"processor\t: {i}\nCPU part\t: {part}\n" for i, part in enumerate(parts))
    (tmp_path / "proc" / "cpuinfo").write_text(text)
    assert pipeline_of(Machine(tmp_path)) == pipeline


def example(**more: object) -> Peaks:
    peaks = Peaks(
        threads=2,
        macs_per_s=100e9,
        product="torch, 512 a side",
        levels=(
            Level(name="L2", size_bytes=1 << 20, bytes_per_s=None, working_set_bytes=1 << 19),
            Level(name="DRAM", size_bytes=None, bytes_per_s=20e9, working_set_bytes=1 << 27),
        ),
        processor="A CPU",
        pipeline="out_of_order",
        vector="AVX2",
        cores=2,
    )
    return replace(peaks, **more)  # type: ignore[arg-type]


def test_peaks_as_a_profile() -> None:
    profile = base_of(example(), "onnxruntime", "mine.yaml", "laptop")
    rate = profile.compute["fp32"]
    assert rate.macs_per_s.value == pytest.approx(110e9)
    assert "products of float32 matrices by 2 processes at once" in rate.macs_per_s.source
    assert "10 % on top" in rate.macs_per_s.source
    assert (profile.threads, profile.device_class, profile.pipeline) == (
        2, "laptop", "out_of_order",
    )  # fmt: skip
    bandwidths = [level.bytes_per_s and level.bytes_per_s.value for level in profile.memory]
    assert bandwidths == [None, pytest.approx(22e9)]
    assert [level.size_bytes and level.size_bytes.value for level in profile.memory] == [
        1 << 20, None,
    ]  # fmt: skip


def test_raised_peaks_say_so() -> None:
    text = " ".join(" ".join(peaks_lines(example(), "onnxruntime", 1.5)).split())
    profile = base_of(example(), "onnxruntime", "mine.yaml", None, 1.5)
    assert profile.compute["fp32"].macs_per_s.value == pytest.approx(165e9)
    bandwidth = profile.memory[-1].bytes_per_s
    assert bandwidth is not None
    assert bandwidth.value == pytest.approx(33e9)
    assert "raised by 50 %, since a network ran faster" in text
    assert raised(example(), 1.0) == example()


@pytest.mark.parametrize(
    ("runtime", "vector", "channels"),
    [
        ("onnxruntime", "AVX-512", 16),
        ("onnxruntime", "AVX2", 8),
        ("onnxruntime", "", 1),
        ("ncnn", "", 4),
        ("openvino", "AVX-512", 16),
        ("mnn", "AVX-512", 1),
    ],
)
def test_channels_of_a_block(runtime: str, vector: str, channels: int) -> None:
    assert tile_of(example(vector=vector), runtime)[0] == channels


def test_the_probes_measure_something(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(rate > 1e6 for rate in products(with_torch=False).values())
    assert len(reads([1 << 14, 1 << 20])) == 2


def test_two_processes_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)  # torch takes long to import
    monkeypatch.setattr(module, "_MOST_READ", 1 << 23)
    peaks = measure_peaks(2)
    assert peaks.threads == 2
    assert peaks.macs_per_s > 1e8
    assert peaks.product.startswith("NumPy, ")
    assert peaks.levels[-1].name == "DRAM"
    assert peaks.cores >= 1


def test_a_process_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(RunError, match="the peaks of this machine could not be measured"):
        measure_peaks(1)
