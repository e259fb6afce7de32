"""The shipped profiles: complete, sourced, and with the numbers worked by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.analysis.times import relative_coefficients
from mnet_cost.devices import (
    DEFAULT_KERNEL_RULES,
    KERNEL_RULES,
    DeviceProfile,
    Sourced,
    default_devices,
    device_names,
    device_path,
    load_device,
)
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.sourced import NUMBER_BASES
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.devices.types import CLASSES, PROFILE_BASES
from mnet_cost.models.library import load_model
from mnet_cost.report.devices import device_report, devices_report
from mnet_cost.report.types import Quantity
from mnet_cost.tensors import PRECISIONS


def numbers(device: DeviceProfile) -> Iterator[Sourced]:
    """Every number of a profile that is known."""
    all_numbers: list[Sourced | None] = [device.kernel_overhead_s, device.inference_overhead_s]
    all_numbers += [device.power_w, *device.mac_energy_j.values(), *device.byte_energy_j.values()]
    for rate in device.compute.values():
        all_numbers += [rate.macs_per_s, rate.vector_ops_per_s, rate.tile, rate.sparse_speedup]
    for level in (*device.memory, *([device.storage] if device.storage else [])):
        all_numbers += [level.size_bytes, level.bytes_per_s]
    return (number for number in all_numbers if number is not None)


def test_the_library() -> None:
    names = device_names()
    assert len(names) >= 42
    assert names == tuple(sorted(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)
    assert set(default_devices()) <= set(names)
    devices = [load_device(name) for name in names]
    titles = [device.title for device in devices]
    assert len(set(titles)) == len(titles)
    assert {device.device_class for device in devices} == set(CLASSES)


@pytest.mark.parametrize("name", device_names())
def test_shipped_profile(name: str) -> None:
    device = load_device(name)
    assert device.name == name
    assert Path(device.path).resolve() == device_path(name)
    assert device.basis in PROFILE_BASES
    assert device.title
    assert device.runtime
    assert device.device_class in CLASSES
    assert device.kernel_rules
    assert device.compute or device.latency
    assert {*device.compute, *device.latency} <= set(PRECISIONS)
    assert bool(device.latency) == (device.basis == "fitted") or device.latency == {}
    assert device.main_memory is (device.memory[-1] if device.memory else None)
    for number in numbers(device):
        assert number.basis in NUMBER_BASES
        assert len(number.source) > 10
        assert number.value >= 0
        assert number.low is None or number.low <= number.value
        assert number.high is None or number.high >= number.value
    if device.basis == "datasheet":  # a fitted rate or bandwidth makes a profile a fitted one
        rates = [rate.macs_per_s for rate in device.compute.values()]
        bandwidths = [level.bytes_per_s for level in device.memory if level.bytes_per_s]
        assert all(number.basis != "fitted" for number in (*rates, *bandwidths))
    text = device_path(name).read_text()
    assert text.startswith("# Device profile: ")


def test_the_listing_is_grouped_by_class() -> None:
    report = devices_report([load_device(name) for name in device_names()])
    headings = {"phones": "phone", "boards": "board", "microcontrollers": "microcontroller",
                "accelerators": "accelerator", "laptops": "laptop", "servers": "server",
                "GPUs": "gpu"}  # fmt: skip
    assert tuple(headings.values()) == CLASSES
    table = report.tables[0]
    shown = [row[0] for row in table.rows]
    assert [name for name in shown if name in headings] == list(headings)
    listed = {}
    for name in shown:
        if name in headings:
            class_name = headings[name]
        else:
            listed[name.strip()] = class_name
    assert listed == {name: load_device(name).device_class for name in device_names()}


def test_pixel_1() -> None:
    device = load_device("pixel_1")
    rate = device.compute["fp32"]
    macs, vector = rate.macs_per_s, rate.vector_ops_per_s
    assert list(device.compute) == ["fp32", "int8"]
    assert macs.value == 2_342_000_000 * 4
    # SMLAL takes 8 pairs of int8 where FMLA takes 4 of fp32.
    assert device.compute["int8"].macs_per_s.value == pytest.approx(2 * macs.value, rel=1e-4)
    assert macs.basis == "derived"
    assert vector is not None
    assert vector.value == 9_368_000_000
    assert (device.basis, device.threads) == ("datasheet", 1)
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
    bandwidth = device.memory[-1].bytes_per_s
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
    assert device.memory[-1].size_bytes is not None
    assert device.memory[-1].size_bytes.value == 512 * 1024
    assert device.memory[-1].bytes_per_s is None
    assert device.storage is not None
    assert device.storage.size_bytes is not None
    assert device.storage.size_bytes.value == 2 * 2**20


@pytest.mark.parametrize(
    "name",
    [name for name in device_names() if load_device(name).device_class == "microcontroller"],
)
def test_microcontrollers_read_weights_from_flash(name: str) -> None:
    storage = load_device(name).storage
    assert storage is not None
    assert storage.name == "flash"
    assert storage.size_bytes is not None


def test_whether_a_network_fits_the_hailo_8_is_not_decided() -> None:
    """The compiler divides it into parts; its weights pass the link to the host then."""
    device = load_device("hailo_8")
    small, large = (
        analyze(load_model(name), devices=[device], precision="int8").devices[0]
        for name in ("mobilenet_v1", "vgg")
    )
    assert [fit.fits for fit in (*small.memory_fits, *large.memory_fits)] == [None, None]
    assert "memory:host" not in {kernel.bound for kernel in small.kernels}
    assert "memory:host" in {kernel.bound for kernel in large.kernels}


def test_pixel_6_keeps_peaks_and_times_apart() -> None:
    device = load_device("pixel_6")
    assert device.basis == "fitted"
    assert device.compute["fp32"].macs_per_s.basis == "derived"
    assert device.compute["int8"].macs_per_s.basis == "assumed"
    fit = device.latency["int8"]
    assert isinstance(fit, CoefficientFit)
    assert fit.scale_s.basis == "fitted"
    # Its large 1x1 convolutions reach less than the peak.
    relative = relative_coefficients(fit, device, "int8")[TERM_NAMES.index("pointwise")]
    assert 1 / (fit.scale_s.value * relative) < device.compute["int8"].macs_per_s.value
    assert set(device.latency) == {"int8"}


def test_a_tpu_keeps_peaks_and_times_apart() -> None:
    device = load_device("pixel_8_edgetpu")
    fit = device.latency["int8"]
    assert isinstance(fit, RooflineFit)
    assert fit.macs_per_s.basis == "fitted"
    assert fit.macs_per_s.value < device.compute["int8"].macs_per_s.value
    assert set(device.latency) == {"int8"}


def test_profiles_by_hand() -> None:
    """Rates and powers worked from the figures that their sources state."""

    def macs(name: str, precision: str) -> float:
        return load_device(name).compute[precision].macs_per_s.value

    assert macs("pixel_4", "fp32") == 2.84e9 * 4 * 2  # 45.4 GFLOP/s
    assert macs("raspberry_pi_5", "fp32") == 4 * 2.4e9 * 4 * 2
    assert macs("rk3588", "fp16") == 2 * macs("rk3588", "fp32")
    assert macs("stm32f746", "int8") == 2 * 216e6
    assert macs("ethos_u55_256", "int8") == 256 * 500e6
    assert macs("sapphire_rapids", "int8") == pytest.approx(3.8e9 * 1024)
    assert macs("tpu_v4", "bf16") == 275e12 / 2
    assert macs("rtx_3090", "fp16") == 71e12 / 2
    power = load_device("stm32h7a3").power_w
    assert power is not None
    # (J / s) of the four networks of MLPerf Tiny v1.2.
    runs = ((0.165728, 1.222), (5.09028, 40.6752), (1.3756, 11.288), (2.96546, 23.7597))
    watts = sorted(energy / latency for energy, latency in runs)
    assert power.low == pytest.approx(watts[0], rel=0.005)
    assert watts[0] < power.value < watts[-1]
    assert power.high == 0.167  # of another submission


MINE = """\
format: 1
name: mine
title: A board
basis: datasheet
runtime: any
threads: 2
compute:
  fp32: {macs: 19 GFLOP/s, basis: assumed, source: a guess}
memory:
  - {level: L2, size: 1 MiB, bandwidth: 40 GB/s, basis: assumed, source: a guess}
  - {level: DRAM, bandwidth: 40 GB/s, basis: assumed, source: a guess}
"""


WHOLE = """\
format: 1
name: whole
title: Everything that a profile may state
class: gpu
basis: datasheet
runtime: any
threads: 1
compute:
  fp16:
    macs: {value: 8 TMAC/s, low: 6 TMAC/s, high: 10 TMAC/s, basis: assumed, source: a range}
    tile: {value: 8, basis: datasheet, source: a manual}
    sparse: {value: 2, basis: datasheet, source: another}
memory:
  - {level: L2, size: 1 MiB, basis: assumed, source: a guess}
  - {level: DRAM, size: 4 GB, basis: assumed, source: a guess}
storage: {level: flash, size: 1 MiB, basis: assumed, source: a guess}
power: {value: 5 W, low: 3 W, high: 8000 mW, basis: measured, source: a meter}
energy:
  macs:
    int8: {value: 0.23 pJ/MAC, high: 0.23 pJ/MAC, basis: derived, source: a paper}
  bytes:
    L2: {value: 1.25 pJ/B, basis: datasheet, source: a paper}
    flash: {value: 1 nJ/B, low: 0.5 nJ/B, basis: assumed, source: a paper}
kernels: [winograd, fold_norms]
"""


def test_everything_that_a_profile_may_state(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text(WHOLE)
    device = load_device(path)
    assert device.device_class == "gpu"
    rate = device.compute["fp16"]
    assert rate.macs_per_s == Sourced(
        value=8e12, source="a range", basis="assumed", low=6e12, high=10e12
    )
    assert rate.vector_ops_per_s is None
    assert rate.tile == Sourced(value=8, source="a manual", basis="datasheet")
    assert rate.sparse_speedup == Sourced(value=2, source="another", basis="datasheet")
    assert device.power_w == Sourced(
        value=5.0, source="a meter", basis="measured", low=3.0, high=8.0
    )
    assert device.mac_energy_j == {
        "int8": Sourced(value=2.3e-13, source="a paper", basis="derived", low=None, high=2.3e-13),
    }
    assert device.byte_energy_j == {
        "L2": Sourced(value=1.25e-12, source="a paper", basis="datasheet"),
        "flash": Sourced(value=1e-9, source="a paper", basis="assumed", low=5e-10, high=None),
    }
    assert device.kernel_rules == {"winograd", "fold_norms"}


def test_what_a_profile_does_not_state_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    device = load_device(path)
    assert device.device_class is None
    assert device.power_w is None
    assert not device.mac_energy_j
    assert not device.byte_energy_j
    assert device.compute["fp32"].tile is None
    assert device.compute["fp32"].sparse_speedup is None
    assert device.compute["fp32"].macs_per_s.low is None
    assert device.kernel_rules == DEFAULT_KERNEL_RULES
    assert set(KERNEL_RULES) >= DEFAULT_KERNEL_RULES


def test_no_rule_of_kernels_is_not_the_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE + "kernels: []\n")
    assert load_device(path).kernel_rules == frozenset()


def test_the_report_shows_ranges_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text(WHOLE)
    report = device_report(load_device(str(path)))
    facts = {fact.label: fact.value for fact in report.facts}
    assert facts["class"] == "gpu"
    rules = next(table for table in report.tables if table.key == "kernels")
    assert [row[0] for row in rules.rows] == ["fold_norms", "winograd"]
    assert [column.title for column in report.tables[0].columns] == [
        *("number", "value", "from", "to", "basis", "source"),
    ]
    rows = {row[0]: row[1:] for row in report.tables[0].rows}
    assert rows["power"] == (
        *(Quantity(5.0, "W"), Quantity(3.0, "W"), Quantity(8.0, "W"), "measured", "a meter"),
    )
    assert rows["fp16 tile"][0] == Quantity(8, "channels")
    assert rows["flash byte"][0] == Quantity(1e-9, "J/B")
    document = report.document()
    assert document["class"] == "gpu"
    assert document["kernels"] == ["fold_norms", "winograd"]
    assert (document["numbers"][0]["low"], document["numbers"][0]["unit"]) == (6e12, "MAC/s")
    path.write_text(MINE)
    report = device_report(load_device(str(path)))
    assert [column.key for column in report.tables[0].columns] == [
        *("what", "value", "basis", "source"),
    ]
    assert report.document()["numbers"][0]["low"] is None


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "mine.txt"])
def test_a_path(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(MINE)
    device = load_device(str(path))
    assert device.compute["fp32"].macs_per_s == Sourced(
        value=9.5e9, source="a guess", basis="assumed"
    )
    assert device.memory[1].size_bytes is None
    assert device == load_device(path)


def test_a_path_needs_no_separator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixel_1.yaml").write_text(MINE)
    assert load_device("pixel_1.yaml").name == "mine"
    assert load_device("pixel_1").name == "pixel_1"
