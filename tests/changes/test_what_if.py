"""Other numbers of a device, worked by hand on a small one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.sparsity import Zeros
from mnet_cost.changes.what_if import WhatIf, altered, compare_what_if, parse_changes
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced, load_device
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit, Spread
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec


def known(value: float) -> Sourced:
    return Sourced(value=value, source="made up for a test", basis="assumed")


DEVICE = DeviceProfile(
    name="small",
    title="a small device",
    basis="datasheet",
    runtime="any",
    threads=1,
    compute={"fp32": ComputeRate(macs_per_s=known(20e3), vector_ops_per_s=known(10e3))},
    memory=(
        MemoryLevel(name="Cache", size_bytes=known(32.0), bytes_per_s=known(200e3)),
        MemoryLevel(name="DRAM", size_bytes=known(10e3), bytes_per_s=known(25e3)),
    ),
)
"""20,000 mult-adds a second; 32 bytes of cache at 200 kB/s, DRAM at 25 kB/s."""

COVARIANCE = tuple(tuple(0.01 * (i == j) for j in range(i + 1)) for i in range(1 + len(TERM_NAMES)))
COEFFICIENTS = CoefficientFit(
    scale_s=known(1e-4),
    deviations={"pointwise": 0.5},
    covariance=COVARIANCE,
    spread=Spread(width=1.2, noise=0.1),
)
ROOFLINE = RooflineFit(
    macs_per_s=known(10e3),
    bytes_per_s=known(20e3),
    inference_s=known(2e-3),
    kernel_s=known(1e-3),
    spread=Spread(width=1.2, noise=0.1),
)

SPEC = parse_spec(
    "format: 1\nname: hand\ninput: {x: [4, 2, 2]}\n"
    "layers:\n  - conv2d: {channels: 4, kernel: 1, bias: false}\n"
)
"""64 mult-adds; 64 bytes each of input, weights and output: of each, the cache keeps a half."""


def with_fit(fit: LatencyFit) -> DeviceProfile:
    return replace(DEVICE, basis="fitted", latency={"fp32": fit})


def what_if(changes: str, device: DeviceProfile = DEVICE) -> WhatIf:
    (comparison,) = compare_what_if(analyze(SPEC, devices=[device]), parse_changes(changes))
    return comparison


def times(comparison: WhatIf) -> tuple[float, float]:
    """Milliseconds before and after."""
    assert comparison.before.latency_s is not None
    assert comparison.after.latency_s is not None
    return comparison.before.latency_s * 1e3, comparison.after.latency_s * 1e3


@pytest.mark.parametrize(
    ("changes", "after", "bound"),
    [
        ("bandwidth=x2", 3.2, "compute"),  # 96 bytes / 50 kB/s = 1.92, 64 / 20,000 = 3.2
        ("bandwidth=60kB/s", 3.2, "compute"),  # 96 / 60
        ("DRAM=/2", 7.68, "memory:DRAM"),
        ("dram=24 kB/s", 4.0, "memory:DRAM"),
        ("macs=x2", 3.84, "memory:DRAM"),
        ("macs=/2", 6.4, "compute"),
        ("MACS=10kMAC/s, dram=40kB/s", 6.4, "compute"),
        ("macs=10 kFLOP/s", 12.8, "compute"),
        ("cache=192B", 3.2, "compute"),  # all of it stays in the cache
        ("cache=192B,cache=50kB/s", 3.84, "memory:Cache"),
        ("launch=4ms", 7.84, "overhead"),
        ("inference=1ms", 4.84, "memory:DRAM"),
        ("vector=x8", 3.84, "memory:DRAM"),
    ],
)
def test_a_lower_bound(changes: str, after: float, bound: str) -> None:
    comparison = what_if(changes)
    assert times(comparison) == pytest.approx((3.84, after))  # 96 / 25
    (kernel,) = comparison.kernels
    assert (kernel.before.bound, kernel.after.bound) == ("memory:DRAM", bound)
    assert len(comparison.changed) == (bound != "memory:DRAM")
    assert comparison.notes == ()


@pytest.mark.parametrize(
    ("changes", "compute", "memory", "overhead"),
    [
        ("macs=x2", 0.5, 1, 1),
        ("macs=5kMAC/s", 4, 1, 1),
        ("bandwidth=x4", 1, 0.25, 1),
        ("bandwidth=/3", 1, 3, 1),
        ("launch=x3", 1, 1, 3),
        ("macs=x2,dram=x2,launch=/2", 0.5, 0.5, 0.5),
        ("cache=/2", 1, 1, 1),  # 100 kB/s: the lower bound alone
        ("vector=x2", 1, 1, 1),
    ],
)
def test_parts_by_coefficients_scale_with_their_numbers(
    changes: str, compute: float, memory: float, overhead: float
) -> None:
    in_order = replace(DEVICE, device_class="phone", pipeline="in_order")
    for device in (with_fit(COEFFICIENTS), in_order):
        ((kernel,), comparison) = (what_if(changes, device).kernels, what_if(changes, device))
        for part, ratio in (
            ("compute_s", compute),
            ("memory_s", memory),
            ("overhead_s", overhead),
        ):
            before, after = getattr(kernel.before, part), getattr(kernel.after, part)
            assert before > 0
            assert after == pytest.approx(before * ratio)
        assert (
            comparison.before.basis
            == comparison.after.basis
            == ("fitted" if device.latency else "datasheet")
        )
        assert comparison.notes == (
            "the time with other numbers is a model: parts that are compute are scaled as macs, "
            "those that are memory as the bandwidth of the main memory, kernel launches as launch; "
            "all else moves only the lower bound",
        )


def test_a_datasheet_estimate_ignores_a_fit_of_another_precision() -> None:
    device = replace(DEVICE, basis="fitted", pipeline="in_order", latency={"int8": COEFFICIENTS})
    comparison = what_if("macs=x2", device)
    assert (comparison.before.basis, comparison.after.basis) == ("datasheet", "datasheet")
    assert comparison.after.device.latency["int8"] == COEFFICIENTS


def test_a_launch_of_known_length() -> None:
    (kernel,) = what_if("launch=5us", with_fit(COEFFICIENTS)).kernels
    coefficient = shared_coefficients().coefficients[TERM_NAMES.index("kernel")]
    assert kernel.before.overhead_s == pytest.approx(coefficient * 1e-4 * 1e6)
    assert kernel.after.overhead_s == pytest.approx(5e-6)


def test_the_constant_of_an_accelerator() -> None:
    """A term that no kernel has, and which launches do not scale."""
    fit = replace(COEFFICIENTS, shared="npu", scale_s=known(1e-9))
    coefficient = shared_coefficients("npu").coefficients[TERM_NAMES.index("inference")]
    constant_s = coefficient * fit.scale_s.value * 1e6
    before, launches, halved = (
        what_if(changes, with_fit(fit)).after
        for changes in ("launch=x1", "launch=x3", "inference=/2")
    )
    assert before.inference_s == launches.inference_s == pytest.approx(constant_s)
    assert halved.inference_s == pytest.approx(constant_s / 2)
    assert before.latency_s is not None
    assert halved.latency_s == pytest.approx(before.latency_s - constant_s / 2)


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ("bandwidth=x2", 9.4),  # max(64 / 10,000, 192 / 40,000) + 1 + 2
        ("macs=x2", 12.6),
        ("macs=x2,bandwidth=x4", 6.2),  # max(3.2, 2.4) + 1 + 2
        ("launch=3ms", 14.6),
        ("inference=/2", 11.6),
        ("bandwidth=100kB/s", 9.4),
    ],
)
def test_a_fitted_roofline(changes: str, after: float) -> None:
    comparison = what_if(changes, with_fit(ROOFLINE))
    assert times(comparison) == pytest.approx((12.6, after))  # max(6.4, 9.6) + 1 + 2
    assert comparison.notes[0].startswith("the time with other numbers is a model: the fitted rate")


def test_what_only_a_fit_knows() -> None:
    unknown = replace(with_fit(ROOFLINE), compute={}, memory=())
    comparison = what_if("macs=x2,bandwidth=x4", unknown)
    assert times(comparison) == pytest.approx((12.6, 6.2))
    assert comparison.after.device.compute == {}
    assert comparison.after.bound_s is None


def test_without_a_number_before_there_is_no_ratio() -> None:
    silent = replace(with_fit(COEFFICIENTS),
        compute={}, memory=(MemoryLevel(name="DRAM", size_bytes=known(10e3)),)
    )  # fmt: skip
    comparison = what_if("macs=1MMAC/s,bandwidth=1MB/s", silent)
    before, after = times(comparison)
    assert before == after
    assert comparison.notes[1:] == (
        "macs 1.00 MMAC/s moves only the lower bound: without the number before, there is no ratio "
        "to scale by",
        "bandwidth 1.00 MB/s moves only the lower bound: without the number before, there is no "
        "ratio to scale by",
    )
    assert comparison.before.bound_s is None
    assert comparison.after.bound_s == pytest.approx(192e-6)


@pytest.mark.parametrize("fit", [None, replace(ROOFLINE, kernel_s=known(0.0))])
def test_a_launch_that_took_no_time_before(fit: RooflineFit | None) -> None:
    device = replace(DEVICE, kernel_overhead_s=known(0.0)) if fit is None else with_fit(fit)
    comparison = what_if("launch=1ms", device)
    (figure,) = comparison.figures
    assert (figure.before, figure.after, figure.ratio) == (0.0, 1e-3, None)
    before, after = comparison.before.latency_s, comparison.after.latency_s
    assert before is not None
    assert after == pytest.approx(before + 1e-3)


def test_an_estimate_stays_above_the_altered_lower_bound() -> None:
    cheap = replace(COEFFICIENTS, scale_s=known(1e-12))
    comparison = what_if("bandwidth=/10", with_fit(cheap))
    assert times(comparison) == pytest.approx((3.84, 38.4))


def test_lower_bounds_that_fall_since_less_is_known() -> None:
    silent = replace(
        DEVICE, memory=(MemoryLevel(name="Cache", size_bytes=known(32.0)), DEVICE.memory[1])
    )
    comparison = what_if("cache=200B", silent)
    assert times(comparison) == pytest.approx((3.84, 3.2))
    assert comparison.notes == (
        "more stays in Cache then, where it takes no memory time since no bandwidth is known",
    )


def test_a_rate_for_a_precision_that_has_none() -> None:
    analysis = analyze(SPEC, devices=[DEVICE], precision="fp16")
    (comparison,) = compare_what_if(analysis, parse_changes("vector=1kop/s,macs=40kMAC/s"))
    assert comparison.before.latency_s is None
    assert comparison.after.latency_s == pytest.approx(1.6e-3)  # 64 / 40,000; the cache has all
    assert comparison.kernels == ()


def test_zeros_stay_zeros() -> None:
    rate = replace(DEVICE.compute["fp32"], sparse_speedup=known(2.0))
    device = replace(DEVICE, compute={"fp32": rate})
    analysis = analyze(SPEC, devices=[device], sparsity=[Zeros(0.5, fours=True)])
    (comparison,) = compare_what_if(analysis, parse_changes("macs=/4"))
    assert comparison.after.latency_s == pytest.approx(6.4e-3)  # 64 / 5,000 / 2


def test_sources_say_what_was_altered() -> None:
    phone = replace(load_device("pixel_1"), pipeline=None)  # of which kernel launches are not known
    changes = parse_changes("bandwidth=x2,l2=1.5 MiB,macs=/2,launch=5us")
    new = altered(phone, changes, "fp32")
    assert new.main_memory is not None
    assert new.main_memory.bytes_per_s == Sourced(
        value=59.6e9, source="what if: x2 of 29.8 GB/s", basis="assumed"
    )
    assert new.memory[1].size_bytes == Sourced(
        value=1.5 * 2**20, source="what if: 1536 KiB instead of 1 MiB", basis="assumed"
    )
    assert new.compute["fp32"].macs_per_s == Sourced(
        value=4.684e9, source="what if: /2 of 9.37 GMAC/s", basis="assumed"
    )
    assert new.kernel_overhead_s == Sourced(
        value=5e-6, source="what if: 5.00 µs; nothing is known", basis="assumed"
    )
    assert new.compute["fp32"].tile == phone.compute["fp32"].tile
    assert new.memory[0] == phone.memory[0]


def test_storage_is_a_level() -> None:
    board = load_device("stm32h743")
    assert board.storage is not None
    new = altered(board, parse_changes("flash=100MB/s,FLASH=8MiB"), "int8").storage
    assert new is not None
    assert new.bytes_per_s is not None
    assert new.size_bytes is not None
    assert (new.bytes_per_s.value, new.size_bytes.value) == (100e6, 8 * 2**20)


def message(changes: str, device: DeviceProfile | str = "pixel_1", precision: str = "fp32") -> str:
    # Without a pipeline, nothing is known of kernel launches.
    profile = replace(load_device(device), pipeline=None) if isinstance(device, str) else device
    with pytest.raises(DeviceError) as caught:
        altered(profile, parse_changes(changes), precision)
    return str(caught.value)


EXAMPLE = "hint: write for example `bandwidth=x2,l2=1MiB`"
ERRORS: Mapping[str, tuple[str, str, str]] = {
    # changes: (column and message, carets, hint)
    "": ("1: a change is missing here", "^", EXAMPLE),
    "macs": ("1: `macs` is no `KEY=VALUE`", "^^^^", EXAMPLE),
    "bandwith=x2": (
        "1: pixel_1 has no `bandwith` to change",
        "^^^^^^^^",
        "hint: did you mean `bandwidth`? pixel_1 has macs, vector, bandwidth, launch, inference, "
        "L1, L2, DRAM",
    ),
    "l4=x2": (
        "1: pixel_1 has no `l4` to change",
        "^^",
        "hint: pixel_1 has macs, vector, bandwidth, launch, inference, L1, L2, DRAM",
    ),
    "Threads=4": (
        "1: `threads` cannot be changed: the numbers of pixel_1 are those of 1 thread",
        "^^^^^^^",
        "hint: change what other threads would bring: `macs=x2`",
    ),
    "macs=x0": ("6: `x0` is zero: a factor is larger than 0", "^^", ""),
    "macs=/0.0": ("6: `/0.0` is zero: a factor is larger than 0", "^^^^", ""),
    "macs=x-2": ("6: `x-2` is negative: a factor is larger than 0", "^^^", ""),
    "macs=x1e400": ("6: `x1e400` is too small or too large", "^^^^^^", ""),
    "macs=xtwo": ("6: `xtwo` is no factor", "^^^^", "hint: a factor is `x2` or `/4`"),
    "macs=2": (
        "6: `2` is no factor and has no unit",
        "^",
        "hint: write `x2` for a factor, or a quantity with its unit",
    ),
    "macs=2x": (
        "6: `2x` is no factor and has no unit",
        "^^",
        "hint: write `x2` for a factor, or a quantity with its unit",
    ),
    "launch=0 us": ("8: `0 us` is zero: write a number larger than 0", "^^^^", ""),
    "l2=-1MiB": ("4: `-1MiB` is negative; a size cannot be", "^^^^^", ""),
    "l2=5ms": (
        "4: `5ms` is a time; a size is asked for",
        "^^^",
        "hint: write for example `4.5 MB`",
    ),
    "dram=5 GMAC/s": (
        "6: `5 GMAC/s` is a rate of mult-adds; a bandwidth is asked for",
        "^^^^^^^^",
        "hint: write for example `25.6 GB/s`",
    ),
    "bandwidth=x1e9": ("11: `x1e9` of 29.8 GB/s is absurd: over 10.0 PB/s", "^^^^", ""),
    "l1=1 B": ("4: `1 B` is absurd: under 64 B", "^^^", ""),
    "l2=16KiB": (
        "4: `L2` (16 KiB) would not be larger than `L1` (32 KiB), which is further inside",
        "^^^^^",
        "hint: levels stand innermost first: L1, L2, DRAM",
    ),
    "l1=1MiB": (
        "4: `L2` (1 MiB) would not be larger than `L1` (1 MiB), which is further inside",
        "^^^^",
        "hint: levels stand innermost first: L1, L2, DRAM",
    ),
    "l2=20GB/s": (
        "4: `DRAM` (29.8 GB/s) would be faster than `L2` (20.0 GB/s), which is further inside",
        "^^^^^^",
        "hint: levels stand innermost first: L1, L2, DRAM",
    ),
    "l2=x2": (
        "4: pixel_1 states no bandwidth of `L2`, and unknown x2 is unknown",
        "^^",
        "hint: a factor is one of the bandwidth; the size is 1 MiB: write a new one, as in "
        "`L2=1MiB`",
    ),
    "launch=/2": (
        "8: pixel_1 states no `launch`, and unknown /2 is unknown",
        "^^",
        "hint: state a quantity with its unit instead of a factor",
    ),
    "bandwidth=x2,dram=x3": ("14: `dram` is stated already by `bandwidth`", "^^^^", ""),
}


@pytest.mark.parametrize("changes", ERRORS)
def test_errors(changes: str) -> None:
    place, carets, hint = ERRORS[changes]
    column, _, said = place.partition(": ")
    lines = [
        f"--what-if:1:{column}: {said}",
        f"    1 | {changes}",
        "      | " + " " * (int(column) - 1) + carets,
        *([hint] if hint else []),
    ]
    assert [line.rstrip() for line in message(changes).splitlines()] == [
        line.rstrip() for line in lines
    ]


def test_errors_that_need_other_devices() -> None:
    assert message("vector=1Gop/s", precision="fp16").splitlines() == [
        "--what-if:1:1: pixel_1 has no fp16 rate that `vector` could go with",
        "    1 | vector=1Gop/s",
        "      | ^^^^^^",
        "hint: state `macs` as well",
    ]
    assert message("inference=1ms", with_fit(COEFFICIENTS)).splitlines()[0] == (
        "--what-if:1:1: the time on small has no part that is for each inference: it is a sum over "
        "kernels"
    )
    assert message("bandwidth=1GB/s", replace(DEVICE, memory=())).splitlines()[0] == (
        "--what-if:1:1: small states no memory"
    )
    assert message("macs=x2,x,l2=x0").count("--what-if:") == 2  # all at once
    with pytest.raises(DeviceError, match="needs a device whose numbers it can change"):
        compare_what_if(analyze(SPEC), parse_changes("macs=x2"))


NO_CACHE_RATE = replace(
    DEVICE,
    memory=(MemoryLevel(name="Cache", size_bytes=known(32.0)), DEVICE.memory[1]),
    kernel_overhead_s=known(1e-4),
    inference_overhead_s=known(1e-4),
)
DEVICES = (
    NO_CACHE_RATE,
    replace(NO_CACHE_RATE, latency={"fp32": COEFFICIENTS}),
    replace(NO_CACHE_RATE, latency={"fp32": ROOFLINE}),
    replace(NO_CACHE_RATE, pipeline="out_of_order"),
)
ANALYSIS: Analysis = analyze(
    load_model("mobilenet_v1@alpha=0.25,resolution=32"), devices=[*DEVICES, load_device("pixel_1")]
)


def test_factors_of_one_change_nothing() -> None:
    for comparison in compare_what_if(ANALYSIS, parse_changes("macs=x1,vector=x1,dram=/1")):
        assert comparison.after.kernels == comparison.before.kernels
        assert (
            replace(
                comparison.after,
                device=comparison.before.device,
                latency_fits=comparison.before.latency_fits,
            )
            == comparison.before
        )
        assert comparison.changed == ()


@given(st.sampled_from(("macs", "bandwidth", "vector")), st.floats(1, 300), st.floats(1, 300))
def test_larger_rates_never_take_longer(key: str, first: float, more: float) -> None:
    smaller_rate, larger_rate = (
        compare_what_if(ANALYSIS, parse_changes(f"{key}=x{factor!r}"))
        for factor in (first, first * more)
    )
    for slower, faster in zip(smaller_rate, larger_rate, strict=True):
        limits = (slower.before, slower.after, faster.after)
        for earlier, later in pairwise(limits):
            assert later.latency_s is not None
            assert earlier.latency_s is not None
            assert later.latency_s <= earlier.latency_s * (1 + 1e-12)
            assert later.bound_s is not None
            assert later.latency_s >= later.bound_s * (1 - 1e-12)


@given(st.floats(0.01, 20))
def test_overhead_scales_with_the_kernel_launch(factor: float) -> None:
    analysis = replace(ANALYSIS, devices=ANALYSIS.devices[:4])
    for comparison in compare_what_if(analysis, parse_changes(f"launch=x{factor!r}")):
        for kernel in comparison.kernels:
            assert kernel.before.overhead_s is not None
            assert kernel.after.overhead_s == pytest.approx(kernel.before.overhead_s * factor)


def test_kernels_keep_their_best_order() -> None:
    device = load_device("stm32h7a3_cube_ai")
    analysis = analyze(
        load_model("shufflenet_v2:shufflenet_v2_x2_0"),
        devices=[device],
        precision="int8",
        schedule="best",
    )
    (comparison,) = compare_what_if(analysis, parse_changes("flash=64MiB"))
    assert comparison.after.memory_fits[0] == comparison.before.memory_fits[0]
    assert comparison.before.memory_fits[0].spec_order_bytes == 573_888
    names = [
        [kernel_estimate.kernel.name for kernel_estimate in each.kernels]
        for each in (comparison.before, comparison.after)
    ]
    assert names[0] == names[1]
