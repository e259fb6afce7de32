"""Energy worked by hand, and what holds for any network and device."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks
from test_latency import DEVICE, devices, estimated, kernel, level, network_of

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.analysis.energy import Timing, estimate_energy
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.traffic import LevelTraffic
from mnet_cost.devices import DeviceProfile, Sourced, device_names, load_device
from mnet_cost.devices.sourced import range_of
from mnet_cost.devices.threads import most_threads, with_threads
from mnet_cost.errors import DeviceError
from mnet_cost.models.library import load_model
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import PRECISIONS

FITTED = Timing(2.0, 1.0, 4.0, "fitted", False)
NO_TIME = Timing(None, None, None, "bound", True)


def watts(
    value: float, low: float | None = None, high: float | None = None, basis: str = "measured"
) -> Sourced:
    return Sourced(value=value, source="made up for a test", basis=basis, low=low, high=high)


def test_power_times_time() -> None:
    device = replace(DEVICE, power_w=watts(3.0, 1.5, 6.0))
    energy = estimate_energy(device, "fp32", (), (), FITTED)
    assert energy is not None
    assert energy.energy_j == 6.0
    # Both may be off by a factor of 2, one without the other: by 2 ** sqrt(2) together.
    factor = 2 ** sqrt(2)
    assert energy.low_j == pytest.approx(6.0 / factor)
    assert energy.high_j == pytest.approx(6.0 * factor)
    assert (energy.basis, energy.how) == ("fitted", "power x time")
    assert not energy.is_lower_bound


def test_power_without_a_range() -> None:
    device = replace(DEVICE, power_w=watts(3.0, basis="assumed"))
    energy = estimate_energy(device, "fp32", (), (), FITTED._replace(low=None, high=None))
    assert energy is not None
    assert energy.low_j == pytest.approx(4.2)
    assert energy.high_j == pytest.approx(7.8)
    assert energy.basis == "assumed"
    assert energy.how == "power x time; power known to 30 %, which is assumed"


@pytest.mark.parametrize(
    ("power", "time", "weakest"),
    [
        ("measured", "calibrated", "measured"),
        ("datasheet", "calibrated", "measured"),
        ("measured", "fitted", "fitted"),
        ("derived", "fitted", "derived"),
        ("measured", "datasheet", "derived"),
        ("assumed", "datasheet", "assumed"),
        ("assumed", "bound", "bound"),
    ],
)
def test_the_weakest_basis(power: str, time: str, weakest: str) -> None:
    device = replace(DEVICE, power_w=watts(3.0, basis=power))
    energy = estimate_energy(device, "fp32", (), (), FITTED._replace(basis=time))
    assert energy is not None
    assert energy.basis == weakest


def test_power_times_a_lower_bound_is_a_lower_bound() -> None:
    device = replace(DEVICE, power_w=watts(3.0, 2.0, 4.0))
    energy = estimated(kernel(mult_adds=5000), device=device).energy
    assert energy is not None
    assert (energy.energy_j, energy.high_j) == (10.0, None)
    assert energy.low_j == pytest.approx(10.0)
    assert (energy.basis, energy.how) == ("bound", "power x lower bound: a lower bound")
    part = estimate_energy(device, "fp32", (), (), FITTED._replace(is_lower_bound=True))
    assert part is not None
    assert (part.high_j, part.how) == (None, "power x time of some kernels: a lower bound")


WITH_COEFFICIENTS = replace(
    DEVICE,
    mac_energy_j={"fp32": watts(2.0, 1.0, 4.0, "derived")},
    byte_energy_j={"cache": watts(3.0, 2.0, 5.0), "DRAM": watts(100.0, basis="assumed")},
)
"""2 J a mult-add, 3 J a byte of the cache, 100 J of DRAM. No power."""


def test_mult_adds_and_bytes() -> None:
    # 100 mult-adds; 160 + 50 bytes pass the cache, 60 of them DRAM, whose coefficient has no range.
    energy = estimated(kernel(mult_adds=100, read=160, written=50), device=WITH_COEFFICIENTS).energy
    assert energy is not None
    assert energy.energy_j == 100 * 2 + 210 * 3 + 60 * 100
    assert energy.low_j == pytest.approx(100 * 1 + 210 * 2 + 60 * 70)
    assert energy.basis == "assumed"
    # Idling, leakage and other operations are in no coefficient.
    assert (energy.high_j, energy.is_lower_bound) == (None, True)
    assert energy.how == (
        "mult-adds and bytes: a lower bound; energies known to 30 %, which is assumed"
    )


def test_missing_coefficients_are_named() -> None:
    some = kernel(mult_adds=100, read=160, written=50)
    only_cache = replace(
        WITH_COEFFICIENTS,
        byte_energy_j={"cache": WITH_COEFFICIENTS.byte_energy_j["cache"]},
        mac_energy_j={},
    )
    energy = estimated(some, device=only_cache).energy
    assert energy is not None
    assert (energy.energy_j, energy.low_j, energy.high_j) == (630, 420, None)
    assert energy.how == "mult-adds and bytes: a lower bound without mult-adds, DRAM"
    assert energy.basis == "measured"
    # Nothing passes DRAM, and there are no mult-adds: nothing is missing.
    nothing = estimated(kernel(read=60, written=50), device=only_cache).energy
    assert nothing is not None
    assert (nothing.energy_j, nothing.how) == (330, "mult-adds and bytes: a lower bound")
    assert estimated(some, device=DEVICE).energy is None


def test_energy_is_unknown_where_nothing_has_a_coefficient() -> None:
    """All stays in the cache, which has no coefficient: what is known is nothing, and that is not 0
    J."""
    only_dram = replace(
        WITH_COEFFICIENTS,
        byte_energy_j={"DRAM": WITH_COEFFICIENTS.byte_energy_j["DRAM"]},
        mac_energy_j={},
    )
    assert estimated(kernel(mult_adds=100, read=60, written=50), device=only_dram).energy is None
    # The coefficient of what does not happen is no part of the basis.
    only_macs = replace(WITH_COEFFICIENTS, byte_energy_j=only_dram.byte_energy_j)
    energy = estimated(kernel(mult_adds=100, read=60, written=50), device=only_macs).energy
    assert energy is not None
    assert (energy.energy_j, energy.basis) == (200, "derived")
    assert energy.how == "mult-adds and bytes: a lower bound without cache"


def test_energy_is_unknown_where_the_time_is_unknown() -> None:
    device = replace(DEVICE, power_w=watts(3.0))
    nothing = Timing(0.0, None, None, "bound", True)
    assert estimate_energy(device, "fp32", (), (), nothing) is None


def test_storage_has_a_coefficient_of_its_own() -> None:
    device = replace(WITH_COEFFICIENTS, storage=level("flash"))
    energy = estimated(kernel(weights=10, read=20), device=device).energy
    assert energy is not None
    assert energy.energy_j == 20 * 3
    assert energy.how == "mult-adds and bytes: a lower bound without flash"
    device = replace(device, byte_energy_j={"cache": watts(3.0, 3.0), "flash": watts(7.0, 7.0)})
    by_coefficients = estimated(kernel(weights=10, read=20), device=device).energy
    assert by_coefficients is not None
    assert (by_coefficients.energy_j, by_coefficients.low_j, by_coefficients.high_j) == (
        130,
        130,
        None,
    )


def test_bytes_of_a_level_that_are_unknown_are_missing() -> None:
    traffic = ((LevelTraffic("cache", 5, 5), LevelTraffic("DRAM", None, None)),)
    energy = estimate_energy(WITH_COEFFICIENTS, "fp32", (), traffic, NO_TIME)
    assert energy is not None
    assert (energy.energy_j, energy.how) == (30, "mult-adds and bytes: a lower bound without DRAM")


def test_no_energy_at_a_precision_that_the_device_does_not_have() -> None:
    """Neither a rate nor a fit: that its bytes have a coefficient does not make it compute fp16."""
    device = replace(WITH_COEFFICIENTS, power_w=watts(1.0), mac_energy_j={"fp16": watts(2.0, 1.0)})
    estimate = estimated(kernel(mult_adds=100, read=10), device=device, precision="fp16")
    assert (estimate.latency_s, estimate.energy) == (None, None)


def test_layers_of_unknown_cost_are_missing() -> None:
    network = network_of(
        "  - linear: {features: 3}\n  - opaque: {operation: sort, shape: [1, 2, 3]}\n"
    )
    (estimate,) = analyze_network(network, [WITH_COEFFICIENTS]).devices
    assert estimate.energy is not None
    assert estimate.energy.how.startswith(
        "mult-adds and bytes: a lower bound without layers of unknown cost"
    )
    (estimate,) = analyze_network(network, [replace(WITH_COEFFICIENTS, power_w=watts(1.0))]).devices
    assert estimate.energy is not None
    assert estimate.energy.high_j is None


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(None, None, (7.0, 13.0)), (5.0, None, (5.0, 10.0)), (None, 11.0, (10.0, 11.0))],
)
def test_range_of_a_number(
    low: float | None, high: float | None, ends: tuple[float, float]
) -> None:
    assert range_of(watts(10.0, low, high)) == ends


@st.composite
def devices_with_coefficients(draw: st.DrawFn) -> DeviceProfile:
    """Devices with power, energies of operations, or both."""
    device = draw(devices())

    def some() -> Sourced:
        value = draw(st.floats(0.001, 1000))
        low = draw(st.none() | st.floats(0.0, 1.0).map(lambda share: value * share))
        high = draw(st.none() | st.floats(1.0, 10.0).map(lambda times: value * times))
        return watts(value, low, high)

    names = [memory.name for memory in device.memory] + (["flash"] if device.storage else [])
    return replace(
        device,
        power_w=some() if draw(st.booleans()) else None,
        mac_energy_j={"fp32": some()} if draw(st.booleans()) else {},
        byte_energy_j={name: some() for name in names if draw(st.booleans())},
    )


@settings(max_examples=150)
@given(networks(), devices_with_coefficients())
def test_a_range_holds_its_value(network: Network, device: DeviceProfile) -> None:
    (estimate,) = analyze_network(network, [device]).devices
    if device.power_w is not None and device.power_w.least and estimate.latency_s:
        assert estimate.energy is not None
    if estimate.energy is None:
        return
    assert 0 <= estimate.energy.low_j <= estimate.energy.energy_j
    assert estimate.energy.energy_j > 0
    assert estimate.energy.is_lower_bound == ("lower bound" in estimate.energy.how)
    if estimate.energy.high_j is not None:
        assert estimate.energy.energy_j <= estimate.energy.high_j


@settings(max_examples=150)
@given(networks(), devices_with_coefficients(), st.integers(1, 3))
def test_more_examples_never_take_less(network: Network, device: DeviceProfile, more: int) -> None:
    def energy(batch: int) -> float | None:
        larger = elaborate(network.spec, {"batch": batch})
        (estimate,) = analyze_network(larger, [device]).devices
        return estimate.energy.energy_j if estimate.energy else None

    once, often = energy(1), energy(1 + more)
    if once is not None:  # more may pass a level that has a coefficient
        assert often is not None
        assert often >= once * (1 - 1e-12)


@settings(max_examples=100)
@given(
    st.floats(1e-6, 1e3), st.floats(0.01, 1), st.floats(1, 100), st.floats(0.01, 1),
    st.floats(1, 100),
)  # fmt: skip
def test_ranges_of_power_and_time(
    seconds: float, low: float, high: float, low_w: float, high_w: float
) -> None:
    """As wide as the wider of both, and no wider than both together."""
    device = replace(DEVICE, power_w=watts(5.0, 5.0 * low_w, 5.0 * high_w))
    timing = Timing(seconds, seconds * low, seconds * high, "calibrated", False)
    kernels: tuple[Kernel, ...] = ()
    energy = estimate_energy(device, "fp32", kernels, (), timing)
    assert energy is not None
    assert energy.high_j is not None
    up, down = log(energy.high_j / energy.energy_j), log(energy.energy_j / energy.low_j)
    assert max(log(high), log(high_w)) - 1e-9 <= up <= log(high * high_w) + 1e-9
    assert max(-log(low), -log(low_w)) - 1e-9 <= down <= -log(low * low_w) + 1e-9
    assert exp(up) >= 1


def test_energy_of_a_network_on_a_shipped_processor() -> None:
    from mnet_cost.devices import load_device

    (estimate,) = analyze(
        load_model("resnet8"), devices=[load_device("stm32l4r5")], precision="int8"
    ).devices
    assert estimate.energy is not None
    assert estimate.latency_s is not None
    assert estimate.energy.energy_j == pytest.approx(0.042 * estimate.latency_s)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("ice_lake", "fp32"),
        ("sapphire_rapids", "fp32"),
        ("zen3", "fp32"),
        ("ryzen_5700g", "fp16"),
        ("xeon_8480", "fp16"),
        ("apple_m1", "int8"),
        ("i9_10940x", "int8"),
        ("coral_usb", "fp32"),
        ("adreno_530", "int8"),
    ],
)
def test_shipped_profiles_without_energy(name: str, precision: str) -> None:
    from mnet_cost.devices import load_device

    (estimate,) = analyze(
        load_model("mobilenet_v1"), devices=[load_device(name)], precision=precision
    ).devices
    assert estimate.energy is None


def test_coefficients_of_shipped_profiles_have_no_upper_end() -> None:
    from mnet_cost.devices import load_device

    (estimate,) = analyze(load_model("mobilenet_v1"), devices=[load_device("kirin_980")]).devices
    assert estimate.energy is not None
    assert estimate.energy.high_j is None


@pytest.mark.parametrize(
    ("four_threads", "one_thread", "precision"),
    [
        ("raspberry_pi_5", "raspberry_pi_5_ncnn", "fp32"),
        ("raspberry_pi_5", "raspberry_pi_5_ncnn", "fp16"),
        ("raspberry_pi_4", "raspberry_pi_4_ncnn", "fp32"),
        ("jetson_nano_cpu", "jetson_nano_ncnn", "fp32"),
    ],
)
def test_one_board_with_fewer_threads(four_threads: str, one_thread: str, precision: str) -> None:
    from mnet_cost.devices import load_device

    devices = [load_device(four_threads), load_device(one_thread)]
    both = analyze(load_model("mobilenet_v1"), devices=devices, precision=precision).devices
    first, second = (estimate.energy for estimate in both)
    assert first is not None
    assert second is not None
    assert first.how == second.how == "power x time"
    assert second.basis == "assumed"
    assert first.high_j is not None
    assert second.high_j is not None
    assert first.low_j < second.energy_j < first.high_j
    assert second.low_j < first.energy_j < second.high_j


def methods(device: DeviceProfile) -> set[str]:
    """By which ways the energies of a device are found, at all threads and precisions."""
    threads = {1}
    if device.pipeline is not None:
        threads = {n for n in (1, 2, 3, 4, 8, device.threads) if n <= most_threads(device)}
    method_names = set()
    for number in sorted(threads):
        try:
            scaled_device = with_threads(device, number)
        except DeviceError:  # a roofline is of its number of threads alone
            continue
        for precision in PRECISIONS:
            for network in (elaborate(*load_model("lenet5")), elaborate(*load_model("ds_cnn"))):
                (estimate,) = analyze_network(network, [scaled_device], precision=precision).devices
                if estimate.energy is not None:
                    method_names.add(
                        "coefficients" if estimate.energy.how.startswith("mult-adds") else "power"
                    )
                elif device.power_w is not None:
                    assert not estimate.latency_s
    return method_names


@pytest.mark.parametrize("name", device_names())
def test_a_device_has_one_method(name: str) -> None:
    device = load_device(name)
    assert methods(device) <= ({"power"} if device.power_w is not None else {"coefficients"})


def test_a_method_is_of_the_device_alone() -> None:
    """One with a power and coefficients has no energy where no time is known, but none by
    coefficients."""
    device = replace(WITH_COEFFICIENTS, power_w=watts(3.0))
    traffic = ((LevelTraffic("cache", 5, 5),),)
    assert estimate_energy(device, "fp32", (), traffic, NO_TIME) is None
    assert estimate_energy(WITH_COEFFICIENTS, "fp32", (), traffic, NO_TIME) is not None


def test_power_of_another_number_of_threads_is_named() -> None:
    """The board states the power of four threads: one and four of its other profile are by it."""
    model = load_model("mobilenet_v1")
    board = load_device("raspberry_pi_4_ncnn")
    hows = {}
    for threads in (1, 2, 4):
        (estimate,) = analyze(model, devices=[with_threads(board, threads)]).devices
        assert estimate.energy is not None
        hows[threads] = (estimate.energy.how, estimate.energy.basis)
        assert estimate.energy.high_j is not None
    assert hows == {
        1: ("power x time", "assumed"),
        2: ("power x time", "assumed"),
        4: ("power x time", "fitted"),
    }
    single = replace(load_device("pixel_1_xnnpack"), power_w=watts(2.0, 1.0, 3.0))
    (estimate,) = analyze(model, devices=[with_threads(single, 2)]).devices
    assert estimate.energy is not None
    assert estimate.energy.basis == "assumed"
    assert estimate.energy.how == "power x time; power carried over from 1 thread to 2, assumed"
