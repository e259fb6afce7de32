"""What passes each level of a memory, worked by hand; and that no way of caching needs less."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks
from test_latency import DEVICE, devices, kernel, level

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.traffic import LevelTraffic, kernel_traffic, scratch_bytes
from mnet_cost.analysis.work import count_work
from mnet_cost.devices import DeviceProfile
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

CACHE = 1000
SMALL = replace(DEVICE, memory=(level("cache", float(CACHE)), level("DRAM")))


def kernels(layers: str, channels: int = 1, batch: int = 1) -> tuple[Kernel, ...]:
    """On an input of 8 x 8: 256 bytes a channel."""
    head = f"format: 1\nname: hand\ninput: {{x: [{channels}, 8, 8]}}\nlayers:\n"
    network = elaborate(parse_spec(head + layers), {"batch": batch})
    return form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])


def overheads(
    all_kernels: tuple[Kernel, ...], device: DeviceProfile = SMALL
) -> list[tuple[int, int]]:
    """(bytes of weights, of activations) of each kernel that pass the outermost level."""
    outermost = [traffic[-1] for traffic in kernel_traffic(all_kernels, device)]
    return [
        (level_traffic.weight_bytes or 0, level_traffic.activation_bytes or 0)
        for level_traffic in outermost
    ]


POOL = "avg_pool2d: {kernel: 1}"


def test_all_bytes_pass_the_innermost_level() -> None:
    (traffic,) = kernel_traffic((kernel(weights=50, read=60, written=40),), DEVICE)
    assert traffic == (LevelTraffic("cache", 50, 100), LevelTraffic("DRAM", 0, 0))
    assert [level_traffic.bytes for level_traffic in traffic] == [150, 0]


def test_what_the_kernel_before_has_written_is_still_there() -> None:
    # Three results of 768 bytes: each fits into 1000, though none together with the one before.
    assert overheads(kernels(f"  - {POOL}\n" * 3, channels=3)) == [(0, 0)] * 3
    # Of 1280 bytes 280 have no place: written by one kernel, read by the next. What the caller
    # wrote is read alike, and the last result is there for the caller.
    assert overheads(kernels(f"  - {POOL}\n" * 3, channels=5)) == [(0, 560)] * 3


def test_a_tensor_that_waits_competes_with_the_largest_result() -> None:
    all_kernels = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {conv2d: {channels: 3, kernel: 1}}\n"
        "  - {conv2d: {channels: 1, kernel: 1}}\n"
        "  - {id: b, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {concat: [a, b]}\n",
        channels=2,
    )
    # `a` has 512 bytes, and waits while 768 are handed on: 280 of it are written to DRAM, and read
    # again. The last result has 1024. 44 bytes of weights fit beside 768.
    assert overheads(all_kernels) == [(0, 280), (0, 0), (0, 0), (0, 0), (0, 280 + 24)]


def test_waiting_tensors_do_not_compete_with_each_other() -> None:
    all_kernels = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {id: b, conv2d: {channels: 3, kernel: 1}}\n"
        "  - {id: c, conv2d: {channels: 3, kernel: 1}, from: a}\n"
        "  - {add: [b, c]}\n",
        channels=2,
    )
    # `a` waits for `b`, which may be gone by then: of `b`, which waits for `c`, 536 bytes are.
    assert [bytes_ for _, bytes_ in overheads(all_kernels)] == [0, 536, 0, 536]
    all_kernels = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {id: b, conv2d: {channels: 3, kernel: 1}}\n"
        "  - {id: c, conv2d: {channels: 1, kernel: 1}}\n"
        "  - {concat: [a, b, c]}\n",
        channels=2,
    )
    # `b` is read at once, but later as well: only the 256 bytes of `c` are held against the others.
    assert [bytes_ for _, bytes_ in overheads(all_kernels)] == [0, 24, 0, 24 + 536]


def test_two_waiting_reads_are_written_once() -> None:
    all_kernels = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {conv2d: {channels: 3, kernel: 1}, from: a}\n"
        "  - {id: b, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {id: first, add: [a, b]}\n"
        "  - {conv2d: {channels: 3, kernel: 1}, from: first}\n"
        "  - {id: c, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {id: second, add: [a, c]}\n",
        channels=2,
    )
    activations = [bytes_ for _, bytes_ in overheads(all_kernels)]
    assert activations == [280, 0, 0, 280, 0, 0, 280]


def test_a_view_counts_as_its_tensor() -> None:
    all_kernels = kernels(
        "  - {id: a, avg_pool2d: {kernel: 1}}\n"
        "  - {id: halves, split: {parts: 2}}\n"
        "  - {id: wide, conv2d: {channels: 3, kernel: 1}, from: halves.0}\n"
        "  - {id: narrow, conv2d: {channels: 1, kernel: 1}}\n"
        "  - {concat: [narrow, halves.1]}\n",
        channels=2,
    )
    assert [kernel.reads for kernel in all_kernels[1:]] == [
        ((1, 256),),
        ((4, 768),),
        ((5, 256), (1, 256)),
    ]
    # A half that waits beside 768 bytes has 24 of its 256 too many.
    assert [bytes_ for _, bytes_ in overheads(all_kernels)] == [24, 0, 0, 24]


def test_weights_are_needed_once_in_each_inference() -> None:
    layer = "  - conv2d: {channels: 16, kernel: 1, bias: false}\n"
    all_kernels = kernels("  - {global_avg_pool: {keep: true}}\n" + layer * 2, channels=2)
    # 128 + 1024 bytes, and a result of 64: of 1152 bytes 216 have no place.
    assert overheads(all_kernels) == [(0, 0), (128 * 216 // 1152, 0), (1024 * 216 // 1152, 0)]
    # From flash they come all, at each inference, and pass nothing else.
    flash = replace(SMALL, storage=level("flash"))
    assert overheads(all_kernels, flash) == [(0, 0), (128, 0), (1024, 0)]
    assert [traffic[0].weight_bytes for traffic in kernel_traffic(all_kernels, flash)] == [0, 0, 0]


def test_weights_used_twice_may_be_kept_the_second_time() -> None:
    all_kernels = kernels(
        "  - {global_avg_pool: {keep: true}}\n"
        "  - {id: a, conv2d: {channels: 32, kernel: 1}}\n"
        "  - {use: a}\n",
        channels=32,
    )
    weights = [bytes_ for bytes_, _ in overheads(all_kernels)]
    assert weights[1] == 32 * 32 * 4 + 128 - CACHE
    assert weights[2] == 0


def test_a_trained_tensor_is_read_as_weights_are() -> None:
    layers = (
        "  - {id: p, parameter: {shape: [2, 8, 8]}}\n"
        "  - {id: half, slice: {stop: 1}}\n"
        "  - {id: a, multiply: [x, half]}\n"
        "  - {id: b, concat: [a, p]}\n"
    )
    head = "format: 1\nname: hand\ninput: {x: [1, 8, 8]}\nlayers:\n"
    network = elaborate(parse_spec(head + layers))
    alone, twice = (
        form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"], rules)
        for rules in (frozenset(("in_place",)), frozenset(("in_place", "copy_slices")))
    )
    assert alone == twice  # a part of a weight is copied once and for all
    assert [kernel.name for kernel in alone] == ["a", "b"]
    assert [kernel.weight_bytes for kernel in alone] == [256, 512]
    assert [kernel.input_bytes for kernel in alone] == [256, 256]
    # Of 512 bytes that are read in each inference, the first kernel has read 256 already; beside
    # the 256 that are handed over, all have their place in a cache of 1000, and not in one of 600.
    assert [bytes_ for bytes_, _ in overheads(alone)] == [0, 0]
    small = replace(SMALL, memory=(level("cache", 600.0), level("DRAM")))
    assert [bytes_ for bytes_, _ in overheads(alone, small)] == [256 * 168 // 512] * 2
    flash = replace(SMALL, storage=level("flash"))
    assert [traffic[-1] for traffic in kernel_traffic(alone, flash)] == [
        LevelTraffic("flash", 256, 0),
        LevelTraffic("flash", 512, 0),
    ]
    assert [traffic[0].weight_bytes for traffic in kernel_traffic(alone, flash)] == [0, 0]


def test_a_trained_tensor_is_read_once_for_the_batch() -> None:
    for batch in (1, 3):
        (kernel,) = kernels(
            "  - {id: p, parameter: {shape: [1, 8, 8]}}\n  - {add: [p, x, p]}\n", batch=batch
        )
        assert (kernel.weight_bytes, kernel.input_bytes, kernel.output_bytes) == (
            256,
            *[256 * batch] * 2,
        )
        assert (kernel.trained, kernel.trained_elements) == (((1, 256),), 64)
        assert (kernel.reads, kernel.input_elements) == (((0, 256 * batch),), 64 * batch)


def test_what_is_made_of_stored_tensors_alone_is_no_kernel() -> None:
    (kernel,) = kernels(
        "  - {id: p, parameter: {shape: [2, 8, 8]}}\n  - {conv2d: {channels: 4, kernel: 3}}\n"
        "  - {id: c, concat: [previous, x]}\n"
    )
    assert kernel.name == "c"
    assert kernel.weight_bytes == 4 * 4 * 64
    assert kernel.trained == ((2, 4 * 4 * 64),)


def test_what_is_behind_a_level_of_unknown_size_is_unknown() -> None:
    device = replace(DEVICE, memory=(level("L1"), level("DRAM", None, 50.0)))
    (traffic,) = kernel_traffic((kernel(weights=50, read=60),), device)
    assert traffic == (LevelTraffic("L1", 50, 60), LevelTraffic("DRAM", None, None))
    assert traffic[1].bytes is None


def test_levels_inside_hold_together() -> None:
    device = replace(DEVICE, memory=(level("L1", 100.0), level("L2", 200.0), level("DRAM")))
    (traffic,) = kernel_traffic((kernel(read=310, written=0),), device)
    assert [level_traffic.activation_bytes for level_traffic in traffic] == [310, 210, 10]


def test_a_copy_of_windows() -> None:
    rules = SMALL.kernel_rules - {"winograd"} | {"im2col"}
    device = replace(SMALL, kernel_rules=rules)
    all_kernels = kernels(
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - depthwise_conv2d: {kernel: 3}\n"
        "  - conv2d: {channels: 4, kernel: 1}\n"
        "  - conv2d: {channels: 2, kernel: [1, 3], groups: 2}\n"
        "  - avg_pool2d: {kernel: 2}\n",
        channels=2,
        batch=2,
    )
    # 3 * 3 * 2 channels * 64 positions and 1 * 3 * 4 * 64, 4 bytes each, for one example.
    assert [scratch_bytes(kernel) for kernel in all_kernels] == [4608, 0, 0, 3072, 0]
    assert scratch_bytes(all_kernels[0], frozenset()) == 0
    assert scratch_bytes(all_kernels[0], frozenset(("im2col", "winograd"))) == 0
    int8 = all_kernels[0]._replace(element_bytes=1)  # where tiles are a rule of their own
    assert scratch_bytes(int8, frozenset(("im2col", "winograd"))) == 4608 / 4
    assert scratch_bytes(int8, frozenset(("im2col", "winograd_int8"))) == 0
    with_copies, without = kernel_traffic(all_kernels, device), kernel_traffic(all_kernels, SMALL)
    more = [
        [(a.activation_bytes or 0) - (b.activation_bytes or 0) for a, b in zip(*pair, strict=True)]
        for pair in zip(with_copies, without, strict=True)
    ]
    # Written and read for each of two examples; of 4608 bytes 3608 do not stay in the cache.
    assert more == [[4 * 4608, 4 * 3608], [0, 0], [0, 0], [4 * 3072, 4 * 2072], [0, 0]]


@settings(max_examples=150)
@given(networks(), devices())
def test_traffic_falls_from_level_to_level(network: Network, device: DeviceProfile) -> None:
    (estimate,) = analyze_network(network, [device]).devices
    for kernel_estimate in estimate.kernels:
        kernel, traffic = kernel_estimate.kernel, kernel_estimate.lower_bound.traffic
        if not traffic:
            continue
        before_w, before_a = kernel.weight_bytes, kernel.input_bytes + kernel.output_bytes
        for passing in traffic[: len(device.memory)]:
            if passing.weight_bytes is None or passing.activation_bytes is None:
                assert passing.bytes is None
                continue
            assert 0 <= passing.weight_bytes <= before_w
            assert 0 <= passing.activation_bytes <= before_a
            before_w, before_a = passing.weight_bytes, passing.activation_bytes


def traffic_of_some_cache(
    all_kernels: tuple[Kernel, ...], outputs: set[int], size: int, draw: random.Random, runs: int
) -> int:
    """Bytes in and out of a cache that throws out what it likes, over `runs` inferences.

    It knows what is read again and keeps nothing else, and needs no place while a kernel runs.
    """
    kept: dict[object, int] = {}  # bytes that are in the cache
    saved: dict[object, int] = {}  # bytes that are outside; of a result, none at first
    sizes: dict[object, int] = {}
    moved = 0
    made = {tensor for kernel in all_kernels for tensor in kernel.writes}
    given: dict[int, int] = {}
    for running_kernel in all_kernels:
        for tensor, read_bytes in running_kernel.reads:
            if tensor not in made:
                given[tensor] = max(read_bytes, given.get(tensor, 0))
    for _ in range(runs):
        for tensor, held in given.items():  # the caller has just written them
            sizes[tensor] = saved[tensor] = held
            kept[tensor] = min(held, size)
        for now, running_kernel in enumerate(all_kernels):
            later = {tensor for other in all_kernels[now + 1 :] for tensor, _ in other.reads}
            later |= outputs
            for tensor, read_bytes in running_kernel.reads:
                moved += max(read_bytes - kept[tensor], 0)
                kept[tensor] = max(kept[tensor], read_bytes)
            weights = ("weights", now)
            sizes[weights] = saved[weights] = own_weights(running_kernel)
            moved += sizes[weights] - kept.get(weights, 0)
            kept[weights] = sizes[weights]
            for tensor, read_bytes in running_kernel.trained:
                key: object = ("trained", tensor)
                moved += max(read_bytes - kept.get(key, 0), 0)
                sizes[key] = saved[key] = max(read_bytes, sizes.get(key, 0))
                kept[key] = max(read_bytes, kept.get(key, 0))
            for tensor in running_kernel.writes:
                sizes[tensor] = kept[tensor] = running_kernel.output_bytes // len(
                    running_kernel.writes
                )
                saved[tensor] = 0
            kept = {key: n for key, n in kept.items() if isinstance(key, tuple) or key in later}
            over = sum(kept.values()) - size
            for key in draw.sample(list(kept), len(kept)):
                gone = min(kept[key], max(over, 0))
                over -= gone
                kept[key] -= gone
                unsaved = max(sizes[key] - saved[key] - kept[key], 0)
                saved[key] += unsaved
                moved += unsaved
        kept = {key: n for key, n in kept.items() if isinstance(key, tuple)}
        sizes = {key: n for key, n in sizes.items() if isinstance(key, tuple)}
        saved = {key: n for key, n in saved.items() if isinstance(key, tuple)}
    return moved


def own_weights(kernel: Kernel) -> int:
    return min(sum(cost.weight_bytes for cost in kernel.layers), kernel.weight_bytes)


@settings(max_examples=300)
@given(networks(), st.integers(1, 300), st.randoms(use_true_random=False))
def test_no_cache_has_less_traffic(network: Network, size: int, draw: random.Random) -> None:
    all_kernels = form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])
    passing = overheads(
        all_kernels, replace(DEVICE, memory=(level("cache", float(size)), level("DRAM")))
    )
    weights, activations = (
        (sum(column) for column in zip(*passing, strict=True)) if passing else (0, 0)
    )
    read = {tensor for kernel in all_kernels for tensor, _ in kernel.reads}
    made = {tensor for kernel in all_kernels for tensor in kernel.writes}
    outputs = {*network.outputs, *(made - read)}  # what nobody reads is made for the caller
    runs = 4
    # The first inference finds no weights: what a cache keeps shows from then on.
    moved = traffic_of_some_cache(all_kernels, outputs, size, draw, runs)
    assert weights * (runs - 1) + activations * runs <= moved


@settings(max_examples=100)
@given(networks(), st.integers(1, 300), st.integers(1, 300))
def test_a_larger_cache_never_has_more_traffic(network: Network, size: int, more: int) -> None:
    all_kernels = form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])
    small, large = (
        kernel_traffic(
            all_kernels, replace(DEVICE, memory=(level("cache", float(capacity)), level("DRAM")))
        )
        for capacity in (size, size + more)
    )
    for a, b in zip(small, large, strict=True):
        assert (a[-1].bytes or 0) >= (b[-1].bytes or 0)


def test_activations_of_mobilenet_stay_in_a_large_cache() -> None:
    spec = load_model("mobilenet_v1").spec
    all_kernels = analyze(spec).kernels
    large = replace(DEVICE, memory=(level("L2", 50e6), level("DRAM")))
    assert overheads(all_kernels, large) == [(0, 0)] * 29
    # 1 MB: the largest result has 64 x 112 x 112 fp32 elements, 3.2 MB.
    small = replace(DEVICE, memory=(level("L2", 1e6), level("DRAM")))
    weights = [bytes_ for bytes_, _ in overheads(all_kernels, small)]
    activations = [bytes_ for _, bytes_ in overheads(all_kernels, small)]
    assert weights == [kernel.weight_bytes for kernel in all_kernels]
    assert max(activations) == 1_605_632 - 1_000_000 + 3_211_264 - 1_000_000
