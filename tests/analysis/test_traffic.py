"""What passes each level of a memory, worked by hand; and that no way of caching needs less."""

from __future__ import annotations

import random

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
SMALL = DEVICE._replace(memory=(level("cache", float(CACHE)), level("DRAM")))


def kernels(layers: str, channels: int = 1, batch: int = 1) -> tuple[Kernel, ...]:
    """On an input of 8 x 8: 256 bytes a channel."""
    head = f"format: 1\nname: hand\ninput: {{x: [{channels}, 8, 8]}}\nlayers:\n"
    network = elaborate(parse_spec(head + layers), {"batch": batch})
    return form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])


def overheads(found: tuple[Kernel, ...], device: DeviceProfile = SMALL) -> list[tuple[int, int]]:
    """(bytes of weights, of activations) of each kernel that pass the outermost level."""
    outermost = [traffic[-1] for traffic in kernel_traffic(found, device)]
    return [(one.weight_bytes or 0, one.activation_bytes or 0) for one in outermost]


POOL = "avg_pool2d: {kernel: 1}"


def test_all_bytes_pass_the_innermost_level() -> None:
    (found,) = kernel_traffic((kernel(weights=50, read=60, written=40),), DEVICE)
    assert found == (LevelTraffic("cache", 50, 100), LevelTraffic("DRAM", 0, 0))
    assert [one.bytes for one in found] == [150, 0]


def test_what_the_kernel_before_has_written_is_still_there() -> None:
    # Three results of 768 bytes: each fits into 1000, though none together with the one before.
    assert overheads(kernels(f"  - {POOL}\n" * 3, channels=3)) == [(0, 0)] * 3
    # Of 1280 bytes 280 have no place: written by one kernel, read by the next. What the caller
    # wrote is read alike, and the last result is there for the caller.
    assert overheads(kernels(f"  - {POOL}\n" * 3, channels=5)) == [(0, 560)] * 3


def test_a_tensor_that_waits_competes_with_the_largest_result() -> None:
    found = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {conv2d: {channels: 3, kernel: 1}}\n"
        "  - {conv2d: {channels: 1, kernel: 1}}\n"
        "  - {id: b, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {concat: [a, b]}\n",
        channels=2,
    )
    # `a` has 512 bytes, and waits while 768 are handed on: 280 of it are written to DRAM, and read
    # again. The last result has 1024. 44 bytes of weights fit beside 768.
    assert overheads(found) == [(0, 280), (0, 0), (0, 0), (0, 0), (0, 280 + 24)]


def test_what_waits_itself_is_not_held_against_others() -> None:
    found = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {id: b, conv2d: {channels: 3, kernel: 1}}\n"
        "  - {id: c, conv2d: {channels: 3, kernel: 1}, from: a}\n"
        "  - {add: [b, c]}\n",
        channels=2,
    )
    # `a` waits for `b`, which may be gone by then: of `b`, which waits for `c`, 536 bytes are.
    assert [one for _, one in overheads(found)] == [0, 536, 0, 536]
    found = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {id: b, conv2d: {channels: 3, kernel: 1}}\n"
        "  - {id: c, conv2d: {channels: 1, kernel: 1}}\n"
        "  - {concat: [a, b, c]}\n",
        channels=2,
    )
    # `b` is read at once, but later as well: only the 256 bytes of `c` are held against the others.
    assert [one for _, one in overheads(found)] == [0, 24, 0, 24 + 536]


def test_two_waiting_reads_are_written_once() -> None:
    found = kernels(
        f"  - {{id: a, {POOL}}}\n"
        "  - {conv2d: {channels: 3, kernel: 1}, from: a}\n"
        "  - {id: b, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {id: first, add: [a, b]}\n"
        "  - {conv2d: {channels: 3, kernel: 1}, from: first}\n"
        "  - {id: c, conv2d: {channels: 2, kernel: 1}}\n"
        "  - {id: second, add: [a, c]}\n",
        channels=2,
    )
    activations = [one for _, one in overheads(found)]
    assert activations == [280, 0, 0, 280, 0, 0, 280]


def test_a_view_is_the_tensor_that_it_is_of() -> None:
    found = kernels(
        "  - {id: a, avg_pool2d: {kernel: 1}}\n"
        "  - {id: halves, split: {parts: 2}}\n"
        "  - {id: wide, conv2d: {channels: 3, kernel: 1}, from: halves.0}\n"
        "  - {id: narrow, conv2d: {channels: 1, kernel: 1}}\n"
        "  - {concat: [narrow, halves.1]}\n",
        channels=2,
    )
    assert [one.reads for one in found[1:]] == [((1, 256),), ((4, 768),), ((5, 256), (1, 256))]
    # A half that waits beside 768 bytes has 24 of its 256 too many.
    assert [one for _, one in overheads(found)] == [24, 0, 0, 24]


def test_weights_are_needed_once_in_each_inference() -> None:
    layer = "  - conv2d: {channels: 16, kernel: 1, bias: false}\n"
    found = kernels("  - {global_avg_pool: {keep: true}}\n" + layer * 2, channels=2)
    # 128 + 1024 bytes, and a result of 64: of 1152 bytes 216 have no place.
    assert overheads(found) == [(0, 0), (128 * 216 // 1152, 0), (1024 * 216 // 1152, 0)]
    # From flash they come all, at each inference, and pass nothing else.
    flash = SMALL._replace(storage=level("flash"))
    assert overheads(found, flash) == [(0, 0), (128, 0), (1024, 0)]
    assert [one[0].weight_bytes for one in kernel_traffic(found, flash)] == [0, 0, 0]


def test_weights_used_twice_may_be_kept_the_second_time() -> None:
    found = kernels(
        "  - {global_avg_pool: {keep: true}}\n"
        "  - {id: a, conv2d: {channels: 32, kernel: 1}}\n"
        "  - {use: a}\n",
        channels=32,
    )
    weights = [one for one, _ in overheads(found)]
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
    assert [one.name for one in alone] == ["a", "b"]
    assert [one.weight_bytes for one in alone] == [256, 512]
    assert [one.input_bytes for one in alone] == [256, 256]
    # Of 512 bytes that are read in each inference, the first kernel has read 256 already; beside
    # the 256 that are handed over, all have their place in a cache of 1000, and not in one of 600.
    assert [one for one, _ in overheads(alone)] == [0, 0]
    small = SMALL._replace(memory=(level("cache", 600.0), level("DRAM")))
    assert [one for one, _ in overheads(alone, small)] == [256 * 168 // 512] * 2
    flash = SMALL._replace(storage=level("flash"))
    assert [one[-1] for one in kernel_traffic(alone, flash)] == [
        LevelTraffic("flash", 256, 0),
        LevelTraffic("flash", 512, 0),
    ]
    assert [one[0].weight_bytes for one in kernel_traffic(alone, flash)] == [0, 0]


def test_a_trained_tensor_is_read_once_for_the_batch() -> None:
    for batch in (1, 3):
        (one,) = kernels(
            "  - {id: p, parameter: {shape: [1, 8, 8]}}\n  - {add: [p, x, p]}\n", batch=batch
        )
        assert (one.weight_bytes, one.input_bytes, one.output_bytes) == (256, *[256 * batch] * 2)
        assert (one.trained, one.trained_elements) == (((1, 256),), 64)
        assert (one.reads, one.input_elements) == (((0, 256 * batch),), 64 * batch)


def test_windows_of_a_trained_tensor_are_copied_too() -> None:
    one, _ = kernels(
        "  - {id: p, parameter: {shape: [2, 8, 8]}}\n  - {conv2d: {channels: 4, kernel: 3}}\n"
        "  - {concat: [previous, x]}\n"
    )
    assert (one.input_bytes, one.weight_bytes) == (0, 4 * (4 * 18) + 512)
    assert scratch_bytes(one) == 4608


def test_what_is_behind_a_level_of_unknown_size_is_unknown() -> None:
    device = DEVICE._replace(memory=(level("L1"), level("DRAM", None, 50.0)))
    (found,) = kernel_traffic((kernel(weights=50, read=60),), device)
    assert found == (LevelTraffic("L1", 50, 60), LevelTraffic("DRAM", None, None))
    assert found[1].bytes is None


def test_levels_inside_hold_together() -> None:
    device = DEVICE._replace(memory=(level("L1", 100.0), level("L2", 200.0), level("DRAM")))
    (found,) = kernel_traffic((kernel(read=310, written=0),), device)
    assert [one.activation_bytes for one in found] == [310, 210, 10]


def test_a_copy_of_windows() -> None:
    device = SMALL._replace(kernel_rules=SMALL.kernel_rules | {"im2col"})
    found = kernels(
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - depthwise_conv2d: {kernel: 3}\n"
        "  - conv2d: {channels: 4, kernel: 1}\n"
        "  - conv2d: {channels: 2, kernel: [1, 3], groups: 2}\n"
        "  - avg_pool2d: {kernel: 2}\n",
        channels=2,
        batch=2,
    )
    # 3 * 3 * 2 channels * 64 positions and 1 * 3 * 4 * 64, 4 bytes each, for one example.
    assert [scratch_bytes(one) for one in found] == [4608, 0, 0, 3072, 0]
    assert scratch_bytes(found[0], frozenset()) == 0
    assert scratch_bytes(found[0], frozenset(("im2col", "winograd"))) == 0
    with_copies, without = kernel_traffic(found, device), kernel_traffic(found, SMALL)
    more = [
        [(a.activation_bytes or 0) - (b.activation_bytes or 0) for a, b in zip(*pair, strict=True)]
        for pair in zip(with_copies, without, strict=True)
    ]
    # Written and read for each of two examples; of 4608 bytes 3608 do not stay in the cache.
    assert more == [[4 * 4608, 4 * 3608], [0, 0], [0, 0], [4 * 3072, 4 * 2072], [0, 0]]


@settings(max_examples=150)
@given(networks(), devices())
def test_less_passes_further_out_and_never_more_than_there_is(
    network: Network, device: DeviceProfile
) -> None:
    (found,) = analyze_network(network, [device]).devices
    for one in found.kernels:
        kernel, traffic = one.kernel, one.lower_bound.traffic
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
    found: tuple[Kernel, ...], outputs: set[int], size: int, draw: random.Random, runs: int
) -> int:
    """Bytes in and out of a cache that throws out what it likes, over `runs` inferences.

    It knows what is read again and keeps nothing else, and needs no place while a kernel runs.
    """
    kept: dict[object, int] = {}  # bytes that are in the cache
    saved: dict[object, int] = {}  # bytes that are outside; of a result, none at first
    sizes: dict[object, int] = {}
    moved = 0
    made = {tensor for one in found for tensor in one.writes}
    given: dict[int, int] = {}
    for one in found:
        for tensor, read_bytes in one.reads:
            if tensor not in made:
                given[tensor] = max(read_bytes, given.get(tensor, 0))
    for _ in range(runs):
        for tensor, held in given.items():  # the caller has just written them
            sizes[tensor] = saved[tensor] = held
            kept[tensor] = min(held, size)
        for now, one in enumerate(found):
            later = {tensor for other in found[now + 1 :] for tensor, _ in other.reads}
            later |= outputs
            for tensor, read_bytes in one.reads:
                moved += max(read_bytes - kept[tensor], 0)
                kept[tensor] = max(kept[tensor], read_bytes)
            weights = ("weights", now)
            sizes[weights] = saved[weights] = own_weights(one)
            moved += sizes[weights] - kept.get(weights, 0)
            kept[weights] = sizes[weights]
            for tensor, read_bytes in one.trained:
                key: object = ("trained", tensor)
                moved += max(read_bytes - kept.get(key, 0), 0)
                sizes[key] = saved[key] = max(read_bytes, sizes.get(key, 0))
                kept[key] = max(read_bytes, kept.get(key, 0))
            for tensor in one.writes:
                sizes[tensor] = kept[tensor] = one.output_bytes // len(one.writes)
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


def own_weights(one: Kernel) -> int:
    return min(sum(cost.weight_bytes for cost in one.layers), one.weight_bytes)


@settings(max_examples=300)
@given(networks(), st.integers(1, 300), st.randoms(use_true_random=False))
def test_no_cache_lets_less_pass(network: Network, size: int, draw: random.Random) -> None:
    found = form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])
    passing = overheads(found, DEVICE._replace(memory=(level("cache", float(size)), level("DRAM"))))
    weights, activations = (sum(one) for one in zip(*passing, strict=True)) if passing else (0, 0)
    read = {tensor for one in found for tensor, _ in one.reads}
    made = {tensor for one in found for tensor in one.writes}
    outputs = {*network.outputs, *(made - read)}  # what nobody reads is made for the caller
    runs = 4
    # The first inference finds no weights: what a cache keeps shows from then on.
    moved = traffic_of_some_cache(found, outputs, size, draw, runs)
    assert weights * (runs - 1) + activations * runs <= moved


@settings(max_examples=100)
@given(networks(), st.integers(1, 300), st.integers(1, 300))
def test_a_larger_cache_never_lets_more_pass(network: Network, size: int, more: int) -> None:
    found = form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])
    small, large = (
        kernel_traffic(found, DEVICE._replace(memory=(level("cache", float(one)), level("DRAM"))))
        for one in (size, size + more)
    )
    for a, b in zip(small, large, strict=True):
        assert (a[-1].bytes or 0) >= (b[-1].bytes or 0)


def test_activations_of_mobilenet_stay_in_a_large_cache() -> None:
    spec = load_model("mobilenet_v1").spec
    found = analyze(spec).kernels
    large = DEVICE._replace(memory=(level("L2", 50e6), level("DRAM")))
    assert overheads(found, large) == [(0, 0)] * 29
    # 1 MB: the largest result has 64 x 112 x 112 fp32 elements, 3.2 MB.
    small = DEVICE._replace(memory=(level("L2", 1e6), level("DRAM")))
    weights = [one for one, _ in overheads(found, small)]
    activations = [one for _, one in overheads(found, small)]
    assert weights == [one.weight_bytes for one in found]
    assert max(activations) == 1_605_632 - 1_000_000 + 3_211_264 - 1_000_000
