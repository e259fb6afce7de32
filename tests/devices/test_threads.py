"""Profiles with another number of threads."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest
from profiles import STICK

from mnet_cost.analysis import analyze
from mnet_cost.devices import DeviceProfile, Sourced, load_device, with_threads
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.devices.load import parse_device
from mnet_cost.errors import DeviceError
from mnet_cost.models.library import load_model


def latency_s(device: DeviceProfile) -> float:
    estimate = analyze(load_model("mobilenet_v1"), devices=[device]).devices[0]
    assert estimate.latency_s is not None
    return estimate.latency_s


def test_peaks_grow_with_the_cores() -> None:
    one_thread = load_device("pixel_1")
    two_threads = with_threads(one_thread, 2)
    assert two_threads.threads == 2
    assert (
        two_threads.compute["fp32"].macs_per_s.value
        == 2 * one_thread.compute["fp32"].macs_per_s.value
    )
    assert two_threads.compute["fp32"].macs_per_s.source.startswith("2 of 1 threads of pixel_1; ")
    assert with_threads(one_thread, 1) is one_thread


def test_a_fit_is_scaled_by_the_gain_of_other_devices() -> None:
    one_thread = load_device("raspberry_pi_4_ncnn")
    four_threads = with_threads(one_thread, 4)
    before, after = one_thread.latency["fp32"], four_threads.latency["fp32"]
    assert isinstance(before, CoefficientFit)
    assert isinstance(after, CoefficientFit)
    shares = [
        shared_coefficients(threads=threads).peak_shares["out_of_order"].share for threads in (1, 4)
    ]
    gain = 4 * shares[1] / shares[0]
    assert after.scale_s.value == pytest.approx(before.scale_s.value / gain)
    assert after.deviations == before.deviations
    spread = shared_coefficients(threads=4).peak_shares["out_of_order"].spread
    assert after.covariance[0][0] == pytest.approx(before.covariance[0][0] + spread**2)
    assert after.held_out is None
    assert four_threads.power_w == load_device("raspberry_pi_4").power_w  # as its board states it


def power_of(device: DeviceProfile, threads: int) -> Sourced:
    power = with_threads(device, threads).power_w
    assert power is not None
    return power


def test_power_of_fewer_threads_is_between_their_share_and_all_of_it() -> None:
    four_threads = replace(
        load_device("pixel_1"),
        threads=4,
        power_w=Sourced(value=8.0, source="a meter", basis="measured"),
    )
    power = power_of(four_threads, 1)
    # Without a range 8 W are 5.6 to 10.4 W.
    assert power.low == 2.0
    assert power.high == pytest.approx(10.4)
    assert power.value == pytest.approx(sqrt(2.0 * 10.4))
    assert power.basis == "assumed"
    assert power.source == (
        "1 of 4 threads of pixel_1, between a like share of its power and all of it; a meter"
    )
    # Nearly all threads are known no better than all of them.
    assert power_of(four_threads, 3).low == pytest.approx(5.6)
    ranged = replace(
        four_threads,
        power_w=Sourced(value=8.0, source="a meter", basis="measured", low=1.0, high=9.0),
    )
    assert (power_of(ranged, 1).low, power_of(ranged, 1).high) == (1.0, 9.0)
    assert with_threads(replace(four_threads, power_w=None), 1).power_w is None


def test_power_of_more_threads_is_between_the_same_and_their_multiple() -> None:
    one_thread = replace(
        load_device("pixel_1"),
        power_w=Sourced(value=2.0, source="a meter", basis="measured", low=1.5, high=3.0),
    )
    power = power_of(one_thread, 4)
    assert (power.low, power.high, power.value) == (1.5, 8.0, sqrt(12.0))
    assert power.basis == "assumed"
    assert power.source == (
        "4 threads for 1 of pixel_1, between its power and a like multiple of it; a meter"
    )
    # What is stated is carried over, however many steps there are, and comes back as it was.
    steps = with_threads(with_threads(one_thread, 4), 2)
    assert steps.power_w == power_of(one_thread, 2)
    assert with_threads(steps, 1).power_w == one_thread.power_w
    assert with_threads(replace(one_thread, power_w=None), 4).power_w is None


def test_an_extending_profile_scales_power_to_its_threads() -> None:
    four_threads, one_thread = load_device("raspberry_pi_5"), load_device("raspberry_pi_5_ncnn")
    assert one_thread.power_w == power_of(four_threads, 1)
    # Peaks of its own leave the power that of the other number of threads.
    text = """format: 1
name: mine
title: one core
extends: raspberry_pi_5
basis: datasheet
runtime: any
threads: THREADS
compute: {fp32: {macs: 1 GMAC/s, basis: assumed, source: a guess}}
"""
    assert parse_device(text.replace("THREADS", "1"), "mine.yaml").power_w == power_of(
        four_threads, 1
    )
    assert parse_device(text.replace("THREADS", "4"), "mine.yaml").power_w == four_threads.power_w
    more = text.replace("THREADS", "8") + "cores: {value: 8, basis: assumed, source: a guess}\n"
    assert parse_device(more, "mine.yaml").power_w == power_of(replace(four_threads, cores=None), 8)


def test_time_falls_less_than_threads_grow() -> None:
    device = load_device("raspberry_pi_4_ncnn")
    times = [latency_s(with_threads(device, threads)) for threads in (1, 2, 4)]
    assert times == sorted(times, reverse=True)
    assert times[0] / 2 < times[1]
    assert times[0] / 4 < times[2]


def test_the_estimate_is_marked_and_its_band_wider() -> None:
    device = load_device("raspberry_pi_4_ncnn")
    model = load_model("mobilenet_v1")
    first, second = analyze(model, devices=[device, with_threads(device, 4)]).devices
    assert first.outside == ()
    assert second.outside == ("scaled from 1 to 4 threads, as other devices gain from them",)
    assert first.high_s is not None
    assert first.latency_s is not None
    assert second.high_s is not None
    assert second.latency_s is not None
    assert second.high_s / second.latency_s > 1.2 * first.high_s / first.latency_s > 1.2 * exp(0.1)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_threads_are_counted(threads: int) -> None:
    with pytest.raises(DeviceError, match="whole number from 1 on"):
        with_threads(load_device("pixel_1"), threads)


def refused(device: str, threads: int) -> str:
    with pytest.raises(DeviceError) as error:
        with_threads(load_device(device), threads)
    return str(error.value)


def test_no_more_than_there_are_cores() -> None:
    assert refused("raspberry_pi_zero_xnnpack", 2) == (
        "raspberry_pi_zero_xnnpack cannot be given 2 threads\n"
        "hint: it has 1 core: github.com/ThomasKaiser/sbc-bench, Results.md"
    )
    assert refused("raspberry_pi_4", 5).endswith(
        "hint: it has 4 cores: github.com/ThomasKaiser/sbc-bench, Results.md"
    )
    assert refused("pixel_1", 9).endswith(
        "hint: nobody measured more than 8, and the profile states no `cores`"
    )


def test_a_roofline_is_of_all_threads_at_once() -> None:
    device = replace(
        load_device("i9_10940x"), name="mine", extends="i9_10940x", latency=STICK.latency
    )
    with pytest.raises(DeviceError) as error:
        with_threads(device, 4)
    assert str(error.value) == (
        "mine cannot be given 4 threads\n"
        "hint: its roofline was fitted with 14, as a whole; `--device i9_10940x` has peaks alone"
    )
    assert with_threads(load_device("i9_10940x_torch"), 4).threads == 4  # it has coefficients


def test_more_threads_than_were_measured_have_only_a_lower_bound() -> None:
    model = load_model("mobilenet_v2")
    server = load_device("xeon_8480")
    for device, basis in (
        (server, "bound"),
        (with_threads(server, 16), "bound"),
        (with_threads(server, 8), "datasheet"),
        (with_threads(load_device("epyc_7742_ncnn"), 16), "bound"),
    ):
        assert analyze(model, devices=[device]).devices[0].basis == basis


def test_coefficients_between_two_numbers_of_threads() -> None:
    two_threads, three_threads, four_threads = (
        shared_coefficients(threads=threads) for threads in (2, 3, 4)
    )
    part = log(3 / 2) / log(2)
    for first, between, second in zip(
        two_threads.coefficients, three_threads.coefficients, four_threads.coefficients, strict=True
    ):
        assert between == pytest.approx(first ** (1 - part) * second**part)
    shares = [
        coefficients.peak_shares["in_order"].share
        for coefficients in (two_threads, three_threads, four_threads)
    ]
    assert sorted(shares, reverse=True) == shares
    assert shared_coefficients(threads=64) is shared_coefficients(threads=8) or (
        shared_coefficients(threads=64) == shared_coefficients(threads=8)
    )


def test_three_threads_lie_between_two_and_four() -> None:
    device = load_device("raspberry_pi_3b_plus_ncnn")
    model = load_model("mobilenet_v2")
    times = [
        analyze(model, devices=[with_threads(device, threads)]).devices[0].latency_s
        for threads in (2, 3, 4)
    ]
    assert times == sorted(times, key=lambda seconds: -(seconds or 0))


def test_only_processors_can_be_given_threads() -> None:
    with pytest.raises(DeviceError) as error:
        with_threads(load_device("h100"), 2)
    assert str(error.value) == (
        "h100 cannot be given 2 threads\n"
        "hint: a profile of processor cores states its `pipeline`; this one does not"
    )
