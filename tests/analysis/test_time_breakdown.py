"""Parts of times, and errors of ratios, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, hypot, log, sqrt

import pytest
from profiles import BOUND, DATASHEET, FITTED, PROFILES, STICK

from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.analysis.latency import (
    DeviceEstimate,
    KernelEstimate,
    basis_of,
)
from mnet_cost.analysis.lower_bounds import LowerBound, ridge_point
from mnet_cost.analysis.time_breakdown import (
    TimeBreakdown,
    dominant_part,
    time_breakdown,
    time_shares,
)
from mnet_cost.analysis.times import deviation_of_ratio
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.differences.compare import (
    TimeRatio,
    mac_share,
    overheads,
    ratio_breakdowns,
    time_ratio,
)
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate


def analyzed(model: str, *devices: DeviceProfile) -> Analysis:
    return analyze(load_model(model), devices=devices or tuple(PROFILES.values()))


def estimated(model: str, device: DeviceProfile) -> DeviceEstimate:
    (estimate,) = analyzed(model, device).devices
    return estimate


def fit_of(device: DeviceProfile) -> CoefficientFit:
    fit = device.latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    return fit


SORT = elaborate(
    parse_spec(
        "format: 1\nname: sort\ninput: {x: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\n"
        "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
)


def kernel_taking(
    latency: float, compute: float, memory: float, overhead: float, lower_bound: LowerBound
) -> KernelEstimate:
    kernel = estimated("lenet5", FITTED).kernels[0].kernel
    return KernelEstimate(kernel, latency, compute, memory, overhead, lower_bound, "compute")


def test_parts_of_an_estimate_by_coefficients_are_not_changed() -> None:
    by_coefficients = estimated("lenet5", FITTED)
    kernel = kernel_taking(10.0, 6.0, 3.0, 1.0, LowerBound(2.0, 4.0, "DRAM"))
    assert time_breakdown(by_coefficients, kernel) == TimeBreakdown(6.0, 3.0, 1.0)


@pytest.mark.parametrize(
    ("lower_bound", "parts"),
    [
        (LowerBound(12.0, 4.0, "DRAM"), TimeBreakdown(8.0, 3.0, 1.0)),
        (LowerBound(4.0, 12.0, "DRAM"), TimeBreakdown(6.0, 5.0, 1.0)),
    ],
)
def test_time_that_a_lower_bound_adds_belongs_to_what_binds_it(
    lower_bound: LowerBound, parts: TimeBreakdown
) -> None:
    assert (
        time_breakdown(estimated("lenet5", FITTED), kernel_taking(12.0, 6.0, 3.0, 1.0, lower_bound))
        == parts
    )


def test_memory_time_on_a_roofline_is_the_excess_over_compute() -> None:
    with_lower_bounds = estimated("lenet5", BOUND)
    lower_bound = LowerBound(6.0, 8.0, "DRAM")
    assert time_breakdown(
        with_lower_bounds, kernel_taking(9.0, 6.0, 8.0, 1.0, lower_bound)
    ) == TimeBreakdown(6.0, 2.0, 1.0)
    lower_bound = LowerBound(6.0, 3.0, "DRAM")
    assert time_breakdown(
        with_lower_bounds, kernel_taking(7.0, 6.0, 3.0, 1.0, lower_bound)
    ) == TimeBreakdown(6.0, 0.0, 1.0)


def test_the_dominant_part_is_the_largest_or_what_binds() -> None:
    lower_bound = LowerBound(2.0, 4.0, "DRAM")
    by_coefficients, with_lower_bounds = estimated("lenet5", FITTED), estimated("lenet5", BOUND)
    assert (
        dominant_part(by_coefficients, kernel_taking(10.0, 2.0, 7.0, 1.0, lower_bound)) == "memory"
    )
    assert (
        dominant_part(by_coefficients, kernel_taking(10.0, 2.0, 3.0, 5.0, lower_bound))
        == "overhead"
    )
    assert (
        dominant_part(by_coefficients, kernel_taking(10.0, 6.0, 3.0, 1.0, lower_bound)) == "compute"
    )
    kernel = kernel_taking(10.0, 2.0, 4.0, 0.0, lower_bound)._replace(bound="memory:DRAM")
    assert dominant_part(with_lower_bounds, kernel) == "memory:DRAM"


@pytest.mark.parametrize("device", PROFILES.values(), ids=lambda device: device.name)
@pytest.mark.parametrize("model", ["mobilenet_v3_small", "shufflenet_v2", "mobilenet_v1:full"])
def test_parts_add_up_to_the_time(model: str, device: DeviceProfile) -> None:
    estimate = estimated(model, device)
    assert estimate.latency_s is not None
    for kernel in estimate.kernels:
        parts = [part or 0.0 for part in time_breakdown(estimate, kernel)]
        assert sum(parts) == pytest.approx(kernel.latency_s)
    assert sum(time_shares(estimate).values()) == pytest.approx(1)
    spent = mac_share(estimate)
    assert spent is not None
    assert spent + sum(overhead.share for overhead in overheads(estimate)) == pytest.approx(1)


def test_time_ratio_is_a_product() -> None:
    first, other = analyzed("mobilenet_v1:full"), analyzed("mobilenet_v1")
    breakdowns = ratio_breakdowns(first, other)
    assert [breakdown.device for breakdown in breakdowns] == list(PROFILES)
    for breakdown in breakdowns:
        shares = (breakdown.first_mac_share or 0.0) / (breakdown.other_mac_share or 1.0)
        product = (breakdown.mult_adds_ratio or 0.0) * (breakdown.coefficient_ratio or 0.0) * shares
        assert breakdown.time_ratio == pytest.approx(product)
    assert breakdowns[0].coefficient_ratio is not None
    # A mult-add of a 1x1 convolution takes less time than that of a 3x3 convolution.
    assert breakdowns[0].coefficient_ratio < 0.95
    assert breakdowns[-1].coefficient_ratio == pytest.approx(
        1
    )  # on a lower bound all mult-adds take the same


def test_equal_shares_leave_a_fifth_of_the_noise() -> None:
    fit = fit_of(FITTED)
    shares = (1.0, *[0.0] * (len(TERM_NAMES) - 1))
    assert deviation_of_ratio(fit, shares, shares) == pytest.approx(sqrt(2 * 0.2 * 0.01))


def test_noise_grows_with_the_difference_of_shares() -> None:
    fit = fit_of(FITTED)
    first = (1.0, *[0.0] * (len(TERM_NAMES) - 1))
    other = (0.9, 0.1, *[0.0] * (len(TERM_NAMES) - 2))
    expected = sqrt(2 * 0.1**2 * 0.02 + 2 * (0.2 + 0.2) * 0.01)
    assert deviation_of_ratio(fit, first, other) == pytest.approx(expected)


def test_the_same_kernels_take_the_same_time() -> None:
    for device in PROFILES.values():
        for other in ("mobilenet_v2", "mobilenet_v2@alpha=1.0"):
            ratio = time_ratio(estimated("mobilenet_v2", device), estimated(other, device))
            assert ratio == TimeRatio(value=1.0, low=1.0, high=1.0, same_kernels=True)
            assert ratio.tie is False
        ratio = time_ratio(
            estimated("mobilenet_v2", device), estimated("mobilenet_v2@resolution=223", device)
        )
        assert not ratio.same_kernels
    opaque = analyze_network(SORT, [FITTED]).devices[0]
    assert not time_ratio(opaque, opaque).same_kernels  # what it does is not known


def test_a_ratio_is_known_the_better_the_more_alike_networks_are() -> None:
    full = estimated("mobilenet_v1", FITTED)
    others = ("mobilenet_v1@alpha=0.95", "mobilenet_v2", "mobilenet_v1:full")
    widths = [width(time_ratio(full, estimated(name, FITTED))) for name in others]
    assert widths == sorted(widths)
    assert widths[0] < 1.25 < widths[2]


def test_only_differences_of_shares_count() -> None:
    fit = fit_of(FITTED)
    first = (1.0, *[0.0] * (len(TERM_NAMES) - 1))
    other = (0.5, 0.5, *[0.0] * (len(TERM_NAMES) - 2))
    # 0.5 of the difference in each of two terms of variance 0.02; the scale is in neither.
    expected = sqrt(2 * 0.25 * 0.02 + 2 * 0.01)
    assert deviation_of_ratio(fit, first, other) == pytest.approx(expected)
    assert deviation_of_ratio(fit, other, first) == pytest.approx(expected)


def test_covariances_of_terms_count_twice() -> None:
    rows = [list(row) for row in fit_of(FITTED).covariance]
    rows[2][1] = 0.015
    fit = replace(fit_of(FITTED), covariance=tuple(map(tuple, rows)))
    first = (1.0, *[0.0] * (len(TERM_NAMES) - 1))
    other = (0.0, 1.0, *[0.0] * (len(TERM_NAMES) - 2))
    expected = sqrt(0.02 + 0.02 - 2 * 0.015 + 2 * 0.01)
    assert deviation_of_ratio(fit, first, other) == pytest.approx(expected)


def test_a_ratio_is_known_better_than_its_times() -> None:
    first, other = estimated("mobilenet_v1", DATASHEET), estimated("mobilenet_v2", DATASHEET)
    ratio = time_ratio(first, other)
    assert ratio.value is not None
    assert width(ratio) < width(first) * width(other)
    assert (ratio.low or 0.0) * (ratio.high or 0.0) == pytest.approx(ratio.value**2)


def width(quantity: DeviceEstimate | TimeRatio) -> float:
    """How many times the low end the high end is."""
    low, high = (
        (quantity.low, quantity.high)
        if isinstance(quantity, TimeRatio)
        else (quantity.low_s, quantity.high_s)
    )
    assert low is not None
    assert high is not None
    return high / low


def test_ties() -> None:
    tied = time_ratio(
        estimated("mobilenet_v1:shallow", FITTED), estimated("mobilenet_v1@alpha=0.75", FITTED)
    )
    assert tied.tie is True
    clear = time_ratio(estimated("mobilenet_v1:full", FITTED), estimated("mobilenet_v1", FITTED))
    assert clear.tie is False
    lower_bounds = time_ratio(
        estimated("mobilenet_v1:full", BOUND), estimated("mobilenet_v1", BOUND)
    )
    assert (lower_bounds.low, lower_bounds.high, lower_bounds.tie) == (None, None, None)


def test_the_deviation_of_a_ratio_on_a_roofline_is_the_noise() -> None:
    ratio = time_ratio(estimated("mobilenet_v1", STICK), estimated("mobilenet_v2", STICK))
    assert ratio.value is not None
    assert ratio.high == pytest.approx(ratio.value * exp(1.3 * sqrt(2) * 0.2))


BOTH_FORMS = replace(FITTED, latency={**FITTED.latency, "int8": STICK.latency["fp32"]})


@pytest.mark.parametrize("device", [load_device("pixel_6"), BOTH_FORMS], ids=lambda each: each.name)
@pytest.mark.parametrize("swapped", [False, True])
def test_errors_of_two_fits_do_not_cancel(device: DeviceProfile, swapped: bool) -> None:
    """Ends are those of both bands, whose logarithms add up in squares: where both fits have terms,
    and where one is a roofline."""
    precisions = ("int8", "fp32") if swapped else ("fp32", "int8")
    first, other = (
        analyze("mobilenet_v1", devices=[device], precision=precision).devices[0]
        for precision in precisions
    )
    assert (len(first.shares) != len(other.shares)) == (device is BOTH_FORMS)
    ratio = time_ratio(first, other)
    widths = [log((each.high_s or 0.0) / (each.latency_s or 1.0)) for each in (first, other)]
    expected = exp(hypot(*widths))
    assert ratio.value is not None
    assert ratio.value == pytest.approx((other.latency_s or 0.0) / (first.latency_s or 1.0))
    assert ratio.high == pytest.approx(ratio.value * expected)
    assert ratio.low == pytest.approx(ratio.value / expected)


def test_a_network_outside_of_the_range_of_a_fitted_roofline() -> None:
    assert isinstance(STICK.latency["fp32"], RooflineFit)
    estimate = estimated("mobilenet_v3_small", STICK)
    assert estimate.outside == ("fewer mult-adds than any network that the fit has seen",)
    assert estimated("mobilenet_v1", STICK).outside == ()


@pytest.mark.parametrize(
    ("device", "precision", "basis"),
    [
        (FITTED, "fp32", "fitted"),
        (replace(FITTED, basis="calibrated"), "fp32", "calibrated"),
        (DATASHEET, "fp32", "datasheet"),
        (DATASHEET, "int8", None),
        (STICK, "fp32", "fitted"),
        (BOUND, "fp32", "bound"),
    ],
)
def test_bases(device: DeviceProfile, precision: str, basis: str | None) -> None:
    assert basis_of(device, precision) == basis
    assert analyze(
        load_model("lenet5"), devices=[device], precision=precision
    ).devices[0].basis == basis  # fmt: skip


def test_ridge_point() -> None:
    assert ridge_point(FITTED, "fp32") == pytest.approx(1.0)
    assert ridge_point(FITTED, "int8") is None
    assert ridge_point(STICK, "fp32") is None
    # 9.368 GMAC/s over 29.8 GB/s
    assert ridge_point(load_device("pixel_1"), "fp32") == pytest.approx(0.314, abs=0.001)
