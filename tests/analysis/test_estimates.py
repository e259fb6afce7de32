"""Times from coefficients and fitted rooflines, worked by hand; bands; what no estimate
undercuts."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import STICK
from random_graphs import networks

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.times import deviation_of
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced, load_device
from mnet_cost.devices.coefficients import shared_coefficients, spread_of_runtimes
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn, RooflineFit, Spread
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.report.kernel_explanation import term_times

COEFFICIENTS = dict(zip(TERM_NAMES, shared_coefficients().coefficients, strict=True))


def known(value: float) -> Sourced:
    return Sourced(value=value, source="made up for a test", basis="assumed")


def triangle(scale: float, **terms: float) -> tuple[tuple[float, ...], ...]:
    """Variances without covariances."""
    variances = [scale, *(terms.get(name, 0.0) for name in TERM_NAMES)]
    return tuple((0.0,) * i + (variance,) for i, variance in enumerate(variances))


FIT = CoefficientFit(
    scale_s=known(1e-9),
    deviations={"windows": log(2.0)},
    covariance=triangle(0.01, windows=0.04),
    spread=Spread(width=1.5, noise=0.1),
)
DEVICE = DeviceProfile(
    name="fitted",
    title="a device that was measured",
    basis="fitted",
    runtime="any",
    threads=1,
    compute={"fp32": ComputeRate(macs_per_s=known(1e12), vector_ops_per_s=known(1e12))},
    memory=(MemoryLevel(name="DRAM", size_bytes=known(1e9), bytes_per_s=known(1e12)),),
    kernel_rules=DEFAULT_KERNEL_RULES - {"winograd"},
    latency={"fp32": FIT},
)


def network_of(layers: str, shape: str = "[8, 7, 7]") -> Network:
    head = f"format: 1\nname: hand\ninput: {{x: {shape}}}\nlayers:\n"
    return elaborate(parse_spec(head + layers))


CONV = network_of("  - conv2d: {channels: 16, kernel: 3, stride: 2}\n")


def estimated(network: Network, device: DeviceProfile, precision: str = "fp32") -> DeviceEstimate:
    (estimate,) = analyze_network(network, [device], precision=precision).devices
    return estimate


def test_amounts_times_coefficients() -> None:
    estimate = estimated(CONV, DEVICE)
    (kernel,) = estimate.kernels
    # 9 * 8 * 16 * 16 multiplications at twice the shared coefficient, 392 + 256 elements, 1152
    # weights.
    compute = 18_432 * 2 * COEFFICIENTS["windows"] * 1e-9
    memory = (648 * COEFFICIENTS["dense_elements"] + 1152 * COEFFICIENTS["weights"]) * 1e-9
    launch = 1e6 * COEFFICIENTS["kernel"] * 1e-9
    assert kernel.compute_s == pytest.approx(compute)
    assert kernel.memory_s == pytest.approx(memory)
    assert kernel.overhead_s == pytest.approx(launch)
    assert estimate.latency_s == kernel.latency_s == pytest.approx(compute + memory + launch)
    assert estimate.basis == "fitted"
    assert estimate.bound_s == kernel.lower_bound.seconds
    assert estimate.notes == estimate.outside == estimate.untimed == ()


@pytest.mark.parametrize("shared", ["onnxruntime", "ncnn"])
def test_weights_that_no_cache_holds(shared: str) -> None:
    """A linear layer of 4 M weights is 16 MB, all of which ONNX Runtime's file says is far: that
    adds to what a weight costs there. Other files do not tell."""
    fit = replace(FIT, shared=shared, deviations={})
    network = network_of("  - linear: {features: 4000, bias: false}\n", "[1000]")
    (kernel,) = estimated(network, replace(DEVICE, latency={"fp32": fit})).kernels
    own = dict(zip(TERM_NAMES, shared_coefficients(shared).coefficients, strict=True))
    each = own["vector_weights"] + (own["far_weights"] if shared == "onnxruntime" else 0)
    assert kernel.memory_s == pytest.approx(4e6 * each * 1e-9)


def test_the_band_follows_from_the_shares_of_terms() -> None:
    estimate = estimated(CONV, DEVICE)
    assert estimate.latency_s is not None
    share = estimate.shares[TERM_NAMES.index("windows")]
    assert sum(estimate.shares) == pytest.approx(1)
    half = 1.5 * sqrt(0.01 + share**2 * 0.04 + 0.1**2)
    assert estimate.low_s == pytest.approx(estimate.latency_s * exp(-half))
    assert estimate.high_s == pytest.approx(estimate.latency_s * exp(half))


def test_covariances_count_twice() -> None:
    rows = [list(row) for row in FIT.covariance]
    rows[1][0] = -0.005  # of the scale and the first term
    fit = replace(FIT, covariance=tuple(map(tuple, rows)))
    shares = (0.5, *([0.0] * (len(TERM_NAMES) - 1)))
    exact = replace(fit, spread=replace(fit.spread, noise=0.0))
    assert deviation_of(exact, shares) == pytest.approx(sqrt(0.01 - 2 * 0.5 * 0.005))
    assert deviation_of(FIT, shares) == pytest.approx(sqrt(0.01 + 0.01))


def test_no_estimate_of_a_kernel_is_below_its_lower_bound() -> None:
    slow = replace(
        DEVICE, compute={"fp32": ComputeRate(macs_per_s=known(1e6), vector_ops_per_s=known(1e6))}
    )
    estimate = estimated(CONV, slow)
    assert estimate.latency_s == estimate.bound_s == pytest.approx(18_432 / 1e6)
    assert estimate.low_s == estimate.bound_s
    assert estimate.kernels[0].bound == "compute"


def test_without_peaks_there_is_no_lower_bound() -> None:
    estimate = estimated(CONV, replace(DEVICE, compute={}, memory=()))
    assert estimate.latency_s is not None
    assert (estimate.bound_s, estimate.memory_fits) == (None, ())
    assert estimate.kernels[0].bound == "compute"  # what most of the estimate is


def test_an_estimate_outside_of_the_fitted_range_is_marked() -> None:
    seen = FittedOn(
        networks=3,
        families=("V1",),
        mult_adds=(1e6, 2e6),
        latency_s=(1e-6, 1e-3),
        terms=("windows", "weights", "kernel"),
    )
    estimate = estimated(CONV, replace(DEVICE, latency={"fp32": replace(FIT, fitted_on=seen)}))
    assert estimate.outside == ("fewer mult-adds than any network that the fit has seen",)
    wide = replace(seen, mult_adds=(1e3, 1e6), latency_s=(1.0, 2.0), terms=("weights", "kernel"))
    estimate = estimated(CONV, replace(DEVICE, latency={"fp32": replace(FIT, fitted_on=wide)}))
    share = 100 * estimate.shares[TERM_NAMES.index("windows")]
    assert estimate.outside == (
        "less time than any network that the fit has seen",
        f"{share:.0f} % of the time in `windows`, which was hardly measured",
    )


def test_a_precision_without_a_fit_uses_the_datasheet() -> None:
    int8 = {"int8": ComputeRate(macs_per_s=known(1e12))}
    device = replace(DEVICE, compute={**DEVICE.compute, **int8})
    assert estimated(CONV, device, "int8").basis == "bound"
    assert estimated(CONV, replace(device, pipeline="in_order"), "int8").basis == "datasheet"
    nothing = estimated(CONV, device, "fp16")
    assert (nothing.latency_s, nothing.low_s) == (None, None)
    assert nothing.basis is None
    assert nothing.notes == ("no fp16 rate in the profile (it has fp32, int8): time is unknown",)


def test_a_processor_without_a_measurement() -> None:
    device = replace(DEVICE, latency={}, pipeline="out_of_order", basis="datasheet")
    estimate = estimated(CONV, device)
    shared = shared_coefficients()
    reached = shared.peak_shares["out_of_order"]
    scale = 1 / (1e12 * reached.share)
    expected = scale * (
        18_432 * COEFFICIENTS["windows"]
        + 648 * COEFFICIENTS["dense_elements"]
        + 1152 * COEFFICIENTS["weights"]
        + 1e6 * COEFFICIENTS["kernel"]
    )
    assert estimate.basis == "datasheet"
    assert estimate.latency_s == pytest.approx(expected)
    # Whatever runs on it, and whatever that reaches.
    variance = reached.spread**2 + spread_of_runtimes() ** 2 + shared.unmeasured.noise**2 + sum(
        share**2 * spread**2 for share, spread in zip(estimate.shares, shared.spreads, strict=True)
    )  # fmt: skip
    assert estimate.high_s == pytest.approx(
        expected * exp(shared.unmeasured.width * sqrt(variance))
    )
    in_order = estimated(CONV, replace(device, pipeline="in_order"))
    assert in_order.latency_s is not None
    assert in_order.latency_s > expected


def test_a_fitted_roofline() -> None:
    fit = RooflineFit(
        macs_per_s=known(1e6),
        bytes_per_s=known(1e5),
        inference_s=known(0.5),
        kernel_s=known(0.01),
        spread=Spread(width=1.0, noise=log(1.25)),
    )
    device = replace(DEVICE, latency={"fp32": fit}, compute={}, memory=())
    network = network_of(
        "  - conv2d: {channels: 16, kernel: 3, stride: 2}\n  - max_pool2d: {kernel: 2}\n"
    )
    estimate = estimated(network, device)
    conv, pool = estimate.kernels
    moved = 4 * (392 + 256 + 1152)
    assert (conv.compute_s, conv.memory_s) == (18_432 / 1e6, moved / 1e5)
    assert conv.latency_s == moved / 1e5 + 0.01
    assert (conv.bound, pool.compute_s, pool.bound) == ("memory", 0.0, "memory")
    assert estimate.inference_s == 0.5
    whole = 0.5 + sum(kernel.latency_s or 0.0 for kernel in estimate.kernels)
    assert estimate.latency_s == pytest.approx(whole)
    assert estimate.high_s == pytest.approx(1.25 * whole)
    assert estimate.low_s == pytest.approx(whole / 1.25)
    plan = estimated(network, replace(device,
        latency={"fp32": replace(fit, kernel_s=known(9.0), bytes_per_s=None)}))  # fmt: skip
    assert [kernel.bound for kernel in plan.kernels] == ["overhead", "overhead"]


def test_coefficients_of_threads() -> None:
    for threads in (1, 2, 4, 8):
        assert shared_coefficients(threads=threads).coefficients[0] == 1
    # Threads share the multiplications, not the memory.
    one_thread, eight_threads = (
        dict(zip(TERM_NAMES, shared_coefficients(threads=threads).coefficients, strict=True))
        for threads in (1, 8)
    )
    assert eight_threads["pointwise_elements"] > 4 * one_thread["pointwise_elements"]


@pytest.mark.parametrize(
    ("device", "measured_ms", "precision"),
    [
        # Of the tables that the profiles were fitted to: 1.0 at 224.
        ("raspberry_pi_4_ncnn", 124.23, "fp32"),
        ("pixel_3_tflite_4_threads", 28.6, "fp32"),
        ("pixel_6", 6.1, "int8"),
        ("pixel_8_edgetpu", 0.8, "int8"),
    ],
)
def test_mobilenet_v1_on_fitted_profiles(device: str, measured_ms: float, precision: str) -> None:
    model = load_model("mobilenet_v1")
    estimate = analyze(model, devices=[load_device(device)], precision=precision).devices[0]
    assert estimate.basis == "fitted"
    assert estimate.latency_s is not None
    assert estimate.low_s is not None
    assert estimate.high_s is not None
    assert estimate.latency_s * 1e3 == pytest.approx(measured_ms, rel=0.15)
    assert estimate.low_s < measured_ms / 1e3 < estimate.high_s


@st.composite
def coefficient_fits(draw: st.DrawFn) -> CoefficientFit:
    deviations = {
        name: draw(st.floats(-1, 1)) for name in draw(st.sets(st.sampled_from(TERM_NAMES)))
    }
    return replace(FIT, scale_s=known(draw(st.floats(1e-12, 1e-6))), deviations=deviations)


@settings(max_examples=150)
@given(networks(), coefficient_fits(), st.floats(1, 1e12), st.floats(1, 1e12))
def test_estimates_hold_their_bands_and_their_lower_bounds(
    network: Network, fit: CoefficientFit, macs: float, bandwidth: float
) -> None:
    device = replace(
        DEVICE,
        latency={"fp32": fit},
        compute={"fp32": ComputeRate(macs_per_s=known(macs), vector_ops_per_s=known(macs))},
        memory=(MemoryLevel(name="DRAM", size_bytes=None, bytes_per_s=known(bandwidth)),),
    )
    estimate = estimated(network, device)
    if not estimate.kernels:
        assert (
            estimate.basis,
            estimate.latency_s,
            estimate.low_s,
            estimate.high_s,
            estimate.bound_s,
        ) == (None,) * 5
        return
    assert estimate.latency_s is not None
    assert estimate.low_s is not None
    assert estimate.high_s is not None
    tiny = 1 + 1e-9
    assert (estimate.bound_s or 0.0) <= estimate.low_s * tiny <= estimate.latency_s * tiny**2
    assert estimate.latency_s <= estimate.high_s * tiny
    for kernel_estimate in estimate.kernels:
        if kernel_estimate.latency_s is None:
            assert kernel_estimate.kernel.anchor.work is None
            continue
        parts = (
            (kernel_estimate.compute_s or 0)
            + (kernel_estimate.memory_s or 0)
            + (kernel_estimate.overhead_s or 0)
        )
        assert kernel_estimate.latency_s == pytest.approx(
            max(parts, kernel_estimate.lower_bound.seconds or 0.0)
        )


@pytest.mark.parametrize("device", [DEVICE, STICK], ids=["coefficients", "roofline"])
def test_every_estimate_names_what_is_not_timed(device: DeviceProfile) -> None:
    layers = (
        "  - conv2d: {channels: 4, kernel: 3}\n  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
    estimate = estimated(network_of(layers, "[3, 8, 8]"), device)
    assert estimate.untimed == ("opaque",)
    assert estimate.notes == ("1 kernel is not timed: no rule counts what it does",)


def test_summands_of_a_kernel_are_those_of_its_estimate() -> None:
    estimate = estimated(CONV, DEVICE)
    (kernel,) = estimate.kernels
    taken = {term.term: term.seconds for term in term_times(estimate, kernel)}
    assert sum(taken.values()) == pytest.approx(kernel.latency_s)
    assert taken["weights"] + taken["dense_elements"] == pytest.approx(kernel.memory_s)
