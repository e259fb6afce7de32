"""Roofline times worked by hand on a small device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.analysis.capacity import CapacityCheck, check_capacity
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.latency import DeviceEstimate, estimate_latency
from mnet_cost.analysis.time_breakdown import time_shares
from mnet_cost.analysis.work import LayerCost, count_work
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced
from mnet_cost.differences.compare import mac_share, overheads
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES


def known(value: float) -> Sourced:
    return Sourced(value=value, source="made up for a test", basis="assumed")


def level(name: str, size: float | None = None, rate: float | None = None) -> MemoryLevel:
    return MemoryLevel(
        name=name,
        size_bytes=None if size is None else known(size),
        bytes_per_s=None if rate is None else known(rate),
    )


DEVICE = DeviceProfile(
    name="small",
    title="a small device",
    basis="datasheet",
    runtime="any",
    threads=1,
    compute={
        "fp32": ComputeRate(macs_per_s=known(1000.0), vector_ops_per_s=known(100.0)),
        "int8": ComputeRate(macs_per_s=known(4000.0)),
    },
    memory=(level("cache", 100.0, 200.0), level("DRAM", 10_000.0, 50.0)),
)
"""1000 mult-adds, 100 other operations a second; 100 bytes of cache at 200 B/s, DRAM at 50."""


def network_of(layers: str) -> Network:
    return elaborate(parse_spec("format: 1\nname: hand\ninput: {x: [1, 2, 2]}\nlayers:\n" + layers))


def some_cost() -> LayerCost:
    network = network_of("  - relu\n")
    return count_work(network, DTYPES["fp32"])[0]


def kernel(
    mult_adds: int = 0, vector_ops: int = 0, weights: int = 0, read: int = 0, written: int = 0
) -> Kernel:
    anchor = some_cost()._replace(
        mult_adds=mult_adds, vector_ops=vector_ops, weight_bytes=weights, read_weight_bytes=weights
    )
    return Kernel(anchor, (anchor,), weights, read, written)


def estimated(
    *kernels: Kernel,
    device: DeviceProfile = DEVICE,
    precision: str = "fp32",
    weight_bytes: int = 50,
    peak_bytes: int = 40,
) -> DeviceEstimate:
    return estimate_latency(
        kernels, device, precision, check_capacity(device, weight_bytes, peak_bytes)
    )


def test_compute_bound() -> None:
    estimate = estimated(kernel(mult_adds=5000, read=60, written=40))
    (kernel_estimate,) = estimate.kernels
    assert kernel_estimate.compute_s == 5.0  # 5000 / 1000
    assert kernel_estimate.memory_s == 0.5  # 100 bytes fit into the cache: 100 / 200
    assert kernel_estimate.bound == "compute"
    assert estimate.latency_s == estimate.bound_s == 5.0
    assert kernel_estimate.intensity == 50.0
    assert estimate.notes == ()


def test_memory_bound_at_each_level() -> None:
    (inside,) = estimated(kernel(mult_adds=100, read=60, written=40)).kernels
    assert (inside.bound, inside.memory_s, inside.latency_s) == ("memory:cache", 0.5, 0.5)
    # What it reads and what it writes fit into the cache one after the other: 200 / 200.
    (after,) = estimated(kernel(mult_adds=100, read=100, written=100)).kernels
    assert (after.bound, after.memory_s) == ("memory:cache", 1.0)
    (outside,) = estimated(kernel(mult_adds=100, read=160, written=140)).kernels
    assert outside.bound == "memory:DRAM"  # 60 and 40 bytes have no place: 100 / 50
    assert outside.latency_s == outside.memory_s == 2.0


def test_the_slowest_level_binds() -> None:
    slow_cache = replace(DEVICE, memory=(level("cache", 100.0, 20.0), level("DRAM", None, 50.0)))
    (kernel_estimate,) = estimated(kernel(read=100, written=100), device=slow_cache).kernels
    assert (kernel_estimate.bound, kernel_estimate.latency_s) == ("memory:cache", 10.0)


def test_overhead_bound() -> None:
    device = replace(DEVICE, kernel_overhead_s=known(3.0), inference_overhead_s=known(7.0))
    estimate = estimated(
        kernel(mult_adds=2000), kernel(mult_adds=4000), kernel(mult_adds=3000), device=device
    )
    assert [part.bound for part in estimate.kernels] == ["overhead", "compute", "compute"]
    assert [part.latency_s for part in estimate.kernels] == [5.0, 7.0, 6.0]
    assert all(part.overhead_s == 3.0 for part in estimate.kernels)
    assert estimate.bound_s == 9.0
    assert estimate.latency_s == 9.0 + 3 * 3.0 + 7.0


def test_other_operations() -> None:
    (kernel_estimate,) = estimated(kernel(vector_ops=300)).kernels
    assert (kernel_estimate.compute_s, kernel_estimate.bound, kernel_estimate.latency_s) == (
        3.0,
        "compute",
        3.0,
    )
    # int8 has no rate for them: the time is that of the memory, and compute is unknown, not zero.
    (moved,) = estimated(kernel(vector_ops=300, read=80), precision="int8").kernels
    assert (moved.compute_s, moved.memory_s, moved.bound) == (None, 0.4, "memory:cache")
    assert moved.intensity == 0.0
    (view,) = estimated(kernel()).kernels
    assert (view.compute_s, view.latency_s, view.intensity) == (0.0, 0.0, None)


def test_unknown_precision() -> None:
    estimate = estimated(kernel(mult_adds=5000), precision="fp16")
    assert (estimate.latency_s, estimate.bound_s, estimate.kernels) == (None, None, ())
    assert estimate.notes == ("no fp16 rate in the profile (it has fp32, int8): time is unknown",)
    assert estimate.memory_fits[0].fits is True


def test_unknown_bandwidth() -> None:
    silent = replace(DEVICE, memory=(level("SRAM", 100.0),))
    estimate = estimated(kernel(mult_adds=5000, read=200), device=silent)
    (kernel_estimate,) = estimate.kernels
    assert (kernel_estimate.memory_s, kernel_estimate.compute_s, kernel_estimate.bound) == (
        None,
        5.0,
        "compute",
    )
    assert estimate.latency_s == 5.0
    assert estimate.notes == (
        "what stays in SRAM takes no memory time here: no bandwidth is known",
    )
    nothing = estimated(
        kernel(vector_ops=8, read=200), kernel(mult_adds=1000), device=silent, precision="int8"
    )
    assert [part.bound for part in nothing.kernels] == ["unknown", "compute"]
    assert nothing.kernels[0].compute_s is nothing.kernels[0].memory_s is None
    assert nothing.latency_s == 0.25
    assert nothing.notes[1:] == ("1 kernel is not timed: no rate or bandwidth tells how long",)


def test_weights_stay_in_a_cache_that_holds_everything() -> None:
    small = kernel(mult_adds=1, weights=50, read=10)
    # 100 bytes are not more than the 100 of the cache: weights pass the cache alone.
    resident, _ = estimated(small, small).kernels
    assert (resident.memory_s, resident.bound) == (0.3, "memory:cache")  # 60 / 200
    # Of 400 bytes 300 come from DRAM at each inference, from each kernel a like share: 150 / 50.
    large = small._replace(anchor=small.anchor._replace(weight_bytes=200), weight_bytes=200)
    large = large._replace(layers=(large.anchor,))
    fetched, _ = estimated(large, large).kernels
    assert (fetched.memory_s, fetched.bound) == (3.0, "memory:DRAM")


def test_weights_in_flash() -> None:
    device = replace(DEVICE, storage=level("flash", 1000.0, 10.0))
    estimate = estimated(kernel(mult_adds=1, weights=50, read=10), device=device, weight_bytes=2000)
    (kernel_estimate,) = estimate.kernels
    assert (kernel_estimate.memory_s, kernel_estimate.bound) == (5.0, "memory:flash")  # 50 / 10
    activations, weights = estimate.memory_fits
    assert activations == CapacityCheck(
        what="activations", where="DRAM", needed_bytes=40, available_bytes=10_000.0
    )
    assert weights == CapacityCheck(
        what="weights", where="flash", needed_bytes=2000, available_bytes=1000.0
    )
    assert (activations.fits, weights.fits) == (True, False)
    (unread,) = estimated(kernel(mult_adds=1, weights=0, read=10), device=device).kernels
    assert unread.bound == "memory:cache"


def test_flash_of_unknown_speed_takes_no_time_and_says_so() -> None:
    device = replace(DEVICE, storage=level("flash", 1000.0))
    estimate = estimated(kernel(mult_adds=1000, weights=500, read=10), device=device)
    assert estimate.kernels[0].memory_s == 0.05
    assert estimate.notes == (
        "what stays in flash takes no memory time here: no bandwidth is known",
    )


@pytest.mark.parametrize(("size", "fits"), [(90.0, True), (89.0, False), (None, None)])
def test_fits(size: float | None, fits: bool | None) -> None:
    device = replace(DEVICE, memory=(level("RAM", size, 50.0),))
    (fit,) = estimated(device=device).memory_fits
    assert fit == CapacityCheck(
        what="weights and activations", where="RAM", needed_bytes=90, available_bytes=size
    )
    assert fit.fits is fits


def test_a_layer_without_cost_model_has_no_time() -> None:
    network = network_of(
        "  - opaque: {operation: sort, shape: [1, 2, 2]}\n  - max_pool2d: {kernel: 2}\n"
    )
    (estimate,) = analyze_network(network, [DEVICE]).devices
    first, second = estimate.kernels
    assert (first.compute_s, first.memory_s, first.bound) == (None, None, "unknown")
    assert second.compute_s is not None
    assert first.latency_s is None
    assert estimate.untimed == ("opaque",)
    assert estimate.notes == ("1 kernel is not timed: no rate or bandwidth tells how long",)


def test_kernels_run_one_after_another() -> None:
    analysis = analyze(load_model("mobilenet_v1").spec, devices=[DEVICE, DEVICE])
    assert len(analysis.devices) == 2
    device = analysis.devices[0]
    assert device == analysis.devices[1]
    assert [part.kernel for part in device.kernels] == list(analysis.kernels)
    assert device.latency_s == pytest.approx(sum(part.latency_s or 0.0 for part in device.kernels))


@st.composite
def devices(draw: st.DrawFn) -> DeviceProfile:
    def some(low: float, high: float) -> Sourced | None:
        return draw(st.none() | st.floats(low, high).map(known))

    def levels(names: Sequence[str]) -> tuple[MemoryLevel, ...]:
        return tuple(
            MemoryLevel(name=name, size_bytes=some(1, 1000), bytes_per_s=some(1, 1e6))
            for name in names
        )

    rate = ComputeRate(macs_per_s=known(draw(st.floats(1, 1e6))), vector_ops_per_s=some(1, 1e6))
    return replace(
        DEVICE,
        compute={"fp32": rate},
        memory=levels(["L1", "L2", "DRAM"][draw(st.integers(0, 2)) :]),
        storage=levels(["flash"])[0] if draw(st.booleans()) else None,
        kernel_overhead_s=some(0, 1),
        inference_overhead_s=some(0, 1),
    )


@settings(max_examples=200)
@given(networks(), devices())
def test_never_below_the_lower_bound(network: Network, device: DeviceProfile) -> None:
    analysis = analyze_network(network, [device])
    (estimate,) = analysis.devices
    rate = device.compute["fp32"].macs_per_s.value
    least_s = estimate.bound_s or 0.0
    run = sum(cost.mult_adds for cost in analysis.layers if not cost.step.is_static)
    assert (estimate.latency_s or 0.0) >= least_s >= run / rate * (1 - 1e-12)
    assert estimate.latency_s != 0  # of nothing known is not nothing
    assert estimate.bound_s != 0
    assert len(estimate.kernels) == len(analysis.kernels)
    for part in estimate.kernels:
        if part.kernel.name in estimate.untimed:
            assert not part.compute_s
            assert part.memory_s is None
            assert part.latency_s == part.overhead_s
        else:
            assert part.latency_s is not None
            assert part.latency_s >= max(part.compute_s or 0.0, part.memory_s or 0.0)
            assert part.bound != "unknown"


def test_what_stays_in_a_cache_of_unknown_speed_has_no_memory_time() -> None:
    device = replace(DEVICE, memory=(level("L2", 100.0), level("DRAM", 10_000.0, 50.0)))
    inside, outside, copied = estimated(
        kernel(mult_adds=1000, read=40, written=40),
        kernel(mult_adds=1000, read=180, written=180),
        kernel(read=40, written=40),
        device=device,
    ).kernels
    assert (inside.memory_s, inside.bound) == (None, "compute")
    assert (outside.memory_s, outside.lower_bound.level) == (3.2, "DRAM")  # 160 / 50
    # A copy within the cache takes a time that nobody knows: that is not 0.
    assert (copied.compute_s, copied.memory_s, copied.latency_s) == (0.0, None, None)
    assert copied.bound == "unknown"


def test_shares_add_up_with_a_fixed_cost_of_each_inference() -> None:
    device = replace(DEVICE, inference_overhead_s=known(2.0))
    model = load_model("mobilenet_v1")
    (estimate,) = analyze(model, devices=[device]).devices
    shares = [overhead.share for overhead in overheads(estimate)]
    spent = mac_share(estimate)
    assert spent is not None
    assert sum(shares) + spent == pytest.approx(1)
    assert sum(time_shares(estimate).values()) == pytest.approx(1)
    assert time_shares(estimate)["inference"] > 0
