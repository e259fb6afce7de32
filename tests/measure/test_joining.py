"""Measured kernels beside layers and kernels of an estimate: numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

import pytest
from profiles import BOUND, FITTED
from spec_text import network

from mnet_cost.analysis import analyze_network
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.measure.runs.gap import PARTS, Gap, split_gap
from mnet_cost.measure.runs.joining import Joined, join
from mnet_cost.measure.runs.kinds import BETWEEN, LAYOUT, OTHER, kind_shares
from mnet_cost.measure.runs.run_files import RunNetwork
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile

NET = network("""
    layers:
      - {id: stem, conv2d: {channels: 8, kernel: 3}}
      - {id: norm, batch_norm: {}}
      - {id: clamp, relu: {}}
      - {id: dw, depthwise_conv2d: {kernel: 3}}
      - {id: act, silu: {}}
      - {id: pw, conv2d: {channels: 16, kernel: 1}}
      - {id: sum, add: [pw, pw]}
      - {id: mean, global_avg_pool: {}}
      - {id: flat, flatten: {}}
      - {id: fc, linear: {features: 10}}
""")
"""stem and norm and clamp are one kernel of the estimate; dw, act, pw, sum, mean, fc one each."""

NODES: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("stem", "norm", "clamp", "dw", "act", "pw", "sum", "fc")
}
NODES |= {"stem_fused": ("stem",), "pool": ("mean",), "exported": ()}


def kernel(
    seconds: float, *nodes: str, name: str = "", layout: bool = False, operator: str = "Conv"
) -> RuntimeKernel:
    return RuntimeKernel(
        name=name or "+".join(nodes),
        operator=operator,
        seconds=seconds,
        nodes=nodes,
        is_layout=layout,
    )


def profile(*kernels: RuntimeKernel, overhead_s: float = 0.0) -> RuntimeProfile:
    return RuntimeProfile(kernels=kernels, runs=10, overhead_s=overhead_s)


def estimated(device: object = FITTED) -> DeviceEstimate:
    return analyze_network(NET, [device]).devices[0]  # type: ignore[list-item]


def joined(
    *kernels: RuntimeKernel,
    timed_s: float = 100e-6,
    overhead_s: float = 0.0,
    estimate: DeviceEstimate | None = None,
) -> Joined:
    found = join(
        RunNetwork(NET, NODES), profile(*kernels, overhead_s=overhead_s), estimate, timed_s
    )
    parts = [each.seconds for each in found.kernels]
    parts += [each.seconds for each in (*found.layout, *found.unjoined)]
    assert fsum([*parts, found.between_s]) == pytest.approx(timed_s, rel=1e-12)
    assert all(part >= 0 for part in parts)
    everywhere = [layer for group in found.kernels for layer in group.layers]
    assert len(everywhere) == len(set(everywhere))
    return found


def groups(found: Joined) -> dict[str, tuple[str, ...]]:
    return {group.name: group.layers for group in found.kernels}


EVERYTHING = (
    kernel(30e-6, "stem_fused"),
    kernel(10e-6, "dw", "act"),
    kernel(25e-6, "pw", "sum"),
    kernel(5e-6, "pool"),
    kernel(8e-6, "fc"),
    kernel(4e-6, "stem", name="reorder", layout=True, operator="ReorderInput"),
    kernel(2e-6, "exported", name="pad", operator="Pad"),
)


def test_each_layer_is_in_a_group_or_has_a_reason() -> None:
    found = joined(*EVERYTHING)
    assert groups(found) == {
        "stem": ("stem", "norm", "clamp"),
        "dw": ("dw", "act"),
        "pw": ("pw", "sum"),
        "mean": ("mean",),
        "fc": ("fc",),
    }
    assert [(each.layer, each.reason, each.host) for each in found.without_kernel] == [
        ("norm", "folded", "stem"),
        ("clamp", "fused", "stem"),
        ("flat", "view", None),
    ]


def test_what_is_no_kernel_of_a_layer_has_a_name() -> None:
    found = joined(*EVERYTHING)
    assert [each.kernel.name for each in found.layout] == ["reorder"]
    assert found.layout[0].layers == ("stem",)
    assert [each.kernel.name for each in found.unjoined] == ["pad"]
    assert found.layout_s == pytest.approx(4e-6)
    assert found.unjoined_s == pytest.approx(2e-6)
    assert found.between_s == pytest.approx(16e-6)
    # 78 us of layers and 4 us of a known layer's layout, of 84 us of kernels.
    assert found.joined_share == pytest.approx(82 / 84)


def test_the_time_of_the_profiler_is_subtracted_and_no_kernel_gets_below_0() -> None:
    found = joined(*EVERYTHING, overhead_s=3e-6)
    # 27 + 7 + 22 + 2 + 5 us of layers, 1 of layout, 0 of the pad, which took 2.
    assert [group.seconds for group in found.kernels] == pytest.approx(
        [27e-6, 7e-6, 22e-6, 2e-6, 5e-6]
    )
    assert (found.layout_s, found.unjoined_s) == pytest.approx((1e-6, 0.0))
    assert found.between_s == pytest.approx(36e-6)


def test_kernels_that_took_longer_while_profiled_share_the_time() -> None:
    found = joined(*EVERYTHING, timed_s=42e-6)
    assert found.scale == pytest.approx(0.5)
    assert found.kernels[0].seconds == pytest.approx(15e-6)
    assert found.between_s == 0


def test_estimated_kernels_join_through_their_layers() -> None:
    estimate = estimated()
    by_name = {each.kernel.name: each for each in estimate.kernels}
    assert [*by_name] == ["stem", "dw", "act", "pw", "sum", "mean", "fc"]
    found = joined(*EVERYTHING, estimate=estimate)
    pointwise = next(group for group in found.kernels if group.name == "pw")
    assert [each.kernel.name for each in pointwise.estimates] == ["pw", "sum"]
    both = (by_name["pw"].latency_s or 0) + (by_name["sum"].latency_s or 0)
    assert pointwise.estimate_s == pytest.approx(both)
    assert pointwise.error_s == pytest.approx(both - 25e-6)
    assert not found.unmeasured
    estimates = [group.estimate_s or 0.0 for group in found.kernels]
    assert fsum(estimates) == pytest.approx(estimate.latency_s)


def test_several_measured_kernels_on_one_of_the_estimate_are_one_group() -> None:
    found = joined(
        kernel(30e-6, "stem"), kernel(3e-6, "norm"), kernel(1e-6, "clamp"), estimate=estimated()
    )
    (group,) = found.kernels
    assert [each.kernel.name for each in group.measured] == ["stem", "norm", "clamp"]
    assert group.seconds == pytest.approx(34e-6)
    # Without an estimate nothing says that they belong together.
    assert [*groups(joined(kernel(30e-6, "stem"), kernel(3e-6, "norm")))] == ["stem", "norm"]


def test_an_estimated_kernel_that_nothing_was_measured_of_stays() -> None:
    found = joined(kernel(30e-6, "stem"), kernel(8e-6, "fc"), estimate=estimated())
    assert [each.kernel.name for each in found.unmeasured] == ["dw", "act", "pw", "sum", "mean"]
    reasons = {each.layer: each.reason for each in found.without_kernel}
    assert reasons["dw"] == "not named"
    assert reasons["act"] == "not named"  # of a layer that nothing was measured of
    assert reasons["clamp"] == "fused"


def test_layers_that_the_estimate_has_at_no_time() -> None:
    net = network("layers: [{id: f, flatten: {}}, {id: a, linear: {features: 4}}]")
    estimate = analyze_network(net, [FITTED]).devices[0]
    kernels = profile(kernel(5e-6, "a"), kernel(2e-6, "f"))
    found = join(RunNetwork(net, {}), kernels, estimate, 9e-6)
    assert (found.kernels[0].name, found.kernels[0].estimate_s) == ("f", 0.0)
    no_rate = analyze_network(net, [FITTED], precision="int8").devices[0]
    assert no_rate.latency_s is None
    found = join(RunNetwork(net, {}), kernels, no_rate, 9e-6)
    assert [group.estimate_s for group in found.kernels] == [None, None]


def test_a_group_is_at_the_line_of_the_layer_with_most_mult_adds() -> None:
    found = joined(*EVERYTHING, estimate=estimated())
    spans = {group.name: group.span for group in found.kernels}
    assert "id: pw" in spans["pw"].source.line(spans["pw"].line)


def test_nodes_that_nothing_is_known_of_name_no_layer() -> None:
    found = joined(kernel(5e-6, "nowhere", "../../etc/passwd"), kernel(5e-6))
    assert not found.kernels
    assert len(found.unjoined) == 2
    assert found.joined_share == 0
    assert join(RunNetwork(NET, {}), profile(), None, 1e-6).joined_share is None


# The gap


def split(found: Joined | None, estimate: DeviceEstimate | None, fastest_s: float) -> Gap:
    gap = split_gap(100e-6, fastest_s, estimate, found)
    known = [seconds for seconds in gap.parts.values() if seconds is not None]
    assert fsum(known) == pytest.approx(100e-6, rel=1e-12)
    assert [*gap.parts] == [*PARTS]
    return gap


def test_the_gap_is_made_of_parts() -> None:
    estimate = estimated(BOUND)
    found = joined(*EVERYTHING, estimate=estimate)
    gap = split(found, estimate, 90e-6)
    assert gap.bound_s == pytest.approx(estimate.bound_s)
    assert gap.jitter_s == pytest.approx(10e-6)
    assert gap.layout_s == pytest.approx(4e-6)
    assert gap.other_kernels_s == pytest.approx(2e-6)
    # 10 us of each of the 7 kernels are more than the 6 that the fastest run has between them.
    assert gap.launch_s == pytest.approx(6e-6)
    assert gap.between_s == pytest.approx(0.0, abs=1e-18)
    bounded = [group for group in found.kernels if group.bound_s]
    assert gap.inefficiency_s == pytest.approx(
        fsum(group.seconds - (group.bound_s or 0) for group in bounded)
    )
    assert gap.not_told_apart_s is None


def test_compute_and_memory_bounds_are_told_apart() -> None:
    estimate = estimated(BOUND)
    gap = split(joined(*EVERYTHING, estimate=estimate), estimate, 100e-6)
    # 10 GMAC/s and, of what adds and means, 10 G operations/s. All stays in the L2, of which no
    # bandwidth is known: nothing is bound by memory.
    mult_adds = 32 * 32 * (27 * 8 + 9 * 8 + 8 * 16) + 160
    assert gap.memory_bound_s == 0
    assert gap.compute_bound_s is not None
    assert gap.compute_bound_s > mult_adds / 10e9
    slow = replace(BOUND, memory=(replace(BOUND.memory[1]),))
    estimate = estimated(slow)
    gap = split(joined(*EVERYTHING, estimate=estimate), estimate, 100e-6)
    assert gap.memory_bound_s is not None
    assert gap.memory_bound_s > 0


def test_kernel_launches_that_nothing_is_known_of_are_not_zero() -> None:
    estimate = estimated(replace(BOUND, kernel_overhead_s=None))
    gap = split(joined(*EVERYTHING, estimate=estimate), estimate, 90e-6)
    assert gap.launch_s is None
    assert gap.between_s == pytest.approx(6e-6)


def test_kernels_that_take_more_than_the_fastest_run_are_shortened() -> None:
    gap = split(joined(*EVERYTHING), None, 42e-6)
    assert gap.unbounded_s == pytest.approx(0.5 * 78e-6)
    assert gap.layout_s == pytest.approx(0.5 * 4e-6)
    assert gap.between_s == pytest.approx(0.0, abs=1e-18)
    assert gap.jitter_s == pytest.approx(58e-6)


def test_the_gap_without_an_estimate_or_without_kernels() -> None:
    gap = split(joined(*EVERYTHING), None, 90e-6)
    assert (gap.bound_s, gap.gap_s, gap.inefficiency_s) == (None, None, None)
    assert gap.unbounded_s == pytest.approx(78e-6)
    estimate = estimated(BOUND)
    gap = split(None, estimate, 90e-6)
    assert gap.not_told_apart_s == pytest.approx(90e-6 - (estimate.bound_s or 0))
    assert (gap.layout_s, gap.between_s, gap.inefficiency_s) == (None, None, None)
    gap = split(None, None, 90e-6)
    assert gap.not_told_apart_s == pytest.approx(90e-6)


def test_kinds_add_up_to_the_network() -> None:
    estimate = estimated()
    found = joined(*EVERYTHING, estimate=estimate)
    layers = analyze_network(NET).layers
    rows = kind_shares(layers, estimate, found)
    assert [row.kind for row in rows] == [
        *("conv2d 3x3", "conv2d 1x1", "depthwise_conv2d 3x3", "linear", "global_avg_pool"),
        *(LAYOUT, OTHER, BETWEEN),
    ]
    assert sum(row.mult_adds or 0 for row in rows) == sum(cost.mult_adds for cost in layers)
    assert sum(row.params or 0 for row in rows) == sum(cost.params for cost in layers)
    assert fsum(row.measured_s or 0 for row in rows) == pytest.approx(100e-6)
    assert fsum(row.estimate_s or 0 for row in rows) == pytest.approx(estimate.latency_s)
    # 8 channels of 32 x 32 by 16: what the 1x1 convolution has.
    assert rows[1].mult_adds == 32 * 32 * 8 * 16
    assert rows[1].measured_s == pytest.approx(25e-6)


def test_kinds_without_a_profile_or_without_anything() -> None:
    estimate = estimated()
    layers = analyze_network(NET).layers
    rows = kind_shares(layers, estimate, None)
    assert all(row.measured_s is None for row in rows)
    assert fsum(row.estimate_s or 0 for row in rows) == pytest.approx(estimate.latency_s)
    rows = kind_shares(layers, None, None)
    assert sum(row.mult_adds or 0 for row in rows) == sum(cost.mult_adds for cost in layers)
    assert all(row.measured_s is row.estimate_s is None for row in rows)
