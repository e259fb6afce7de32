"""The shipped profiles: complete, sourced, and with the numbers worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet_cost.devices import (
    DeviceProfile,
    Sourced,
    default_devices,
    device_names,
    device_path,
    load_device,
)
from mnet_cost.devices.types import STANDINGS, TIERS
from mnet_cost.tensors import PRECISIONS


def numbers(device: DeviceProfile) -> Iterator[Sourced]:
    """Every number of a profile that is known."""
    found: list[Sourced | None] = [device.kernel_overhead_s, device.inference_overhead_s]
    for rate in device.compute.values():
        found += rate
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        found += [level.size_bytes, level.bytes_per_s]
    return (number for number in found if number is not None)


def test_the_library() -> None:
    assert device_names() == (
        "h100",
        "jetson_nano",
        "pixel_1",
        "pixel_6",
        "raspberry_pi_4",
        "stm32h743",
        "zen3",
    )
    assert set(default_devices()) <= set(device_names())


@pytest.mark.parametrize("name", device_names())
def test_shipped_profile(name: str) -> None:
    device = load_device(name)
    assert device.name == name
    assert Path(device.path).resolve() == device_path(name)
    assert device.tier in TIERS
    assert device.title
    assert device.runtime
    assert device.compute
    assert set(device.compute) <= set(PRECISIONS)
    assert device.main_memory is device.memory[-1]
    for number in numbers(device):
        assert number.standing in STANDINGS
        assert len(number.source) > 10
        assert number.value >= 0
    text = device_path(name).read_text()
    assert text.startswith("# Device profile: ")


def test_pixel_1() -> None:
    device = load_device("pixel_1")
    macs, vector = device.compute["fp32"]
    assert list(device.compute) == ["fp32"]
    assert macs.value == 2_342_000_000 * 4
    assert macs.standing == "derived"
    assert vector is not None
    assert vector.value == 9_368_000_000
    assert (device.tier, device.threads) == ("datasheet", 1)
    l1, l2, dram = device.memory
    assert (l1.name, l2.name, dram.name) == ("L1", "L2", "DRAM")
    assert l1.size_bytes is not None
    assert l1.size_bytes.value == 32 * 1024
    assert l1.bytes_per_s is None  # unknown, not zero
    assert dram.size_bytes is not None
    assert dram.size_bytes.value == 4e9
    assert dram.bytes_per_s is not None
    assert dram.bytes_per_s.value == 29.8e9
    assert device.storage is None
    assert device.kernel_overhead_s is None


def test_h100() -> None:
    device = load_device("h100")
    macs = {precision: rate.macs_per_s.value for precision, rate in device.compute.items()}
    assert macs == {
        "fp32": 33.45e12,  # 66.9 TFLOP/s
        "fp16": 494.5e12,  # 989 TFLOP/s dense
        "bf16": 494.5e12,
        "int8": 989.5e12,  # 1979 TOP/s dense
    }
    assert device.compute["int8"].vector_ops_per_s is None
    bandwidth = device.main_memory.bytes_per_s
    assert bandwidth is not None
    assert bandwidth.value == 3.35e12
    # The ridge points of the evidence table, in MAC per byte.
    assert round(macs["fp16"] / bandwidth.value, 1) == 147.6
    assert round(macs["fp32"] / bandwidth.value, 1) == 10.0
    assert round(macs["int8"] / bandwidth.value, 1) == 295.4
    assert device.kernel_overhead_s is not None
    assert device.kernel_overhead_s.value == 7e-6


def test_stm32h743_has_an_arena_and_flash() -> None:
    device = load_device("stm32h743")
    assert device.compute["int8"].macs_per_s.value == 960e6
    assert device.main_memory.size_bytes is not None
    assert device.main_memory.size_bytes.value == 512 * 1024
    assert device.main_memory.bytes_per_s is None
    assert device.storage is not None
    assert device.storage.size_bytes is not None
    assert device.storage.size_bytes.value == 2 * 2**20


def test_pixel_6_keeps_the_standing_of_each_number() -> None:
    device = load_device("pixel_6")
    assert device.tier == "fitted"
    assert device.compute["fp32"].macs_per_s.standing == "derived"
    assert device.compute["int8"].macs_per_s.standing == "fitted"
    bandwidth = device.main_memory.bytes_per_s
    assert bandwidth is not None
    assert (bandwidth.value, bandwidth.standing) == (4.13e9, "fitted")
    assert device.inference_overhead_s is not None
    assert device.inference_overhead_s.value == 0  # found to be zero: not unknown


MINE = """\
format: 1
name: mine
title: A board
tier: datasheet
runtime: any
threads: 2
compute:
  fp32: {macs: 19 GFLOP/s, standing: assumed, source: a guess}
memory:
  - {level: L2, size: 1 MiB, bandwidth: 40 GB/s, standing: assumed, source: a guess}
  - {level: DRAM, bandwidth: 40 GB/s, standing: assumed, source: a guess}
"""


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "mine.txt"])
def test_a_path(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(MINE)
    device = load_device(str(path))
    assert device.compute["fp32"].macs_per_s == Sourced(9.5e9, "a guess", "assumed")
    assert device.memory[1].size_bytes is None
    assert device == load_device(path)


def test_a_path_needs_no_separator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixel_1.yaml").write_text(MINE)
    assert load_device("pixel_1.yaml").name == "mine"
    assert load_device("pixel_1").name == "pixel_1"
