"""Arrays of candidates cost what each of them costs alone, on every form of device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from candidates import at, parts
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import PROFILES
from random_graphs import networks
from test_latency import devices

from mnet_cost.analysis import analyze_network
from mnet_cost.analysis.conventions import CONVENTIONS
from mnet_cost.analysis.costs import NetworkCosts, network_costs
from mnet_cost.analysis.kernels import form_kernels
from mnet_cost.analysis.memory import peak_bytes, trace_memory
from mnet_cost.analysis.times import network_time
from mnet_cost.analysis.work import count_work
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.errors import SpecError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES, Differs, Mask

DEVICES = [
    load_device(name)
    for name in (
        "pixel_1_tflite",  # a fit
        "raspberry_pi_4_ncnn",  # a fit, with Winograd and packs
        "epyc_7742_ncnn",  # im2col
        "pixel_3_tflite_gpu",  # a fitted roofline
        "pixel_1",  # a data sheet
        "nrf52840",  # weights in a storage
        "a100",  # bounds alone
    )
]


def assert_close(many: NetworkCosts, single: NetworkCosts) -> None:
    """Counts are equal, and times and energies to 1e-12."""
    assert (*many[:8], many.buffers) == (*single[:8], single.buffers)
    assert many.is_partial == single.is_partial
    for ours, expected in zip(many.devices, single.devices, strict=True):
        assert (ours.device, ours.memory_bytes) == (expected.device, expected.memory_bytes)
        for field, a, b in zip(ours._fields[1:-1], ours[1:-1], expected[1:-1], strict=True):
            if a is None or b is None:
                assert (a, b) == (None, None), (ours.device, field)
            else:
                assert math.isclose(a, b, rel_tol=1e-12), (ours.device, field, a, b)


def assert_equal_to_single_runs(
    spec: ModelSpec,
    points: list[dict[str, Any]],
    profiles: list[DeviceProfile],
    precision: str = "fp32",
    convention: str = "paper",
) -> int:
    """How many of the candidates hold."""
    knobs = {name: np.array([point[name] for point in points]) for name in points[0]}
    places = np.arange(len(points))
    costs = {}
    for part, many in parts(spec, knobs, profiles, precision, convention, places):
        costs.update({int(place): at(many, i, len(part)) for i, place in enumerate(part)})
    for i, point in enumerate(points):
        try:
            network = elaborate(spec, point)
        except SpecError:
            assert i not in costs
            continue
        analysis = analyze_network(network, profiles, precision=precision, convention=convention)
        single = network_costs(network, profiles, precision, convention)
        assert analysis.costs == single  # to the last bit: these are the same rules
        assert_close(costs[i], single)
    return len(costs)


def points_of(count: int, seed: int, **ranges: tuple[float, float]) -> list[dict[str, Any]]:
    """Random settings; numbers are whole where both ends are."""
    rng = np.random.default_rng(seed)
    return [
        {
            name: int(rng.integers(low, int(high), endpoint=True))
            if isinstance(low, int)
            else round(float(rng.uniform(low, high)), 2)
            for name, (low, high) in ranges.items()
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("model", "ranges", "precision", "convention"),
    [
        ("mobilenet_v1", {"alpha": (0.03, 1.5), "resolution": (8, 320)}, "fp32", "paper"),
        ("mobilenet_v1", {"alpha": (0.25, 1.0), "batch": (1, 3)}, "int8", "thop"),
        ("full", {"alpha": (0.1, 1.0), "resolution": (32, 256)}, "fp32", "fvcore"),
        ("mobilenet_v2", {"alpha": (0.2, 1.5), "resolution": (32, 256)}, "fp16", "torchinfo"),
        ("mobilenet_v3_large", {"alpha": (0.3, 1.5), "classes": (10, 2000)}, "fp32", "ptflops"),
        ("resnet", {"resolution": (64, 300), "classes": (1, 1500)}, "fp32", "torch"),
        ("densenet", {"growth": (4, 40), "resolution": (64, 256)}, "fp32", "openvino"),
        ("efficientnet", {"width": (0.5, 1.5), "depth": (0.6, 1.4)}, "fp32", "paper"),
        ("shufflenet_v2", {"c2": (8, 200), "c5": (256, 1024)}, "int8", "timm"),
        ("vit", {"mlp": (64, 3000), "classes": (1, 1500), "batch": (1, 2)}, "fp16", "paper"),
        ("nasnet_mobile", {"resolution": (64, 256), "batch": (1, 2)}, "fp32", "paper"),
    ],
)
def test_models(
    model: str, ranges: dict[str, tuple[float, float]], precision: str, convention: str
) -> None:
    count = 4 if model in ("nasnet_mobile", "densenet", "efficientnet") else 8
    points = points_of(count, len(model), **ranges)
    spec = load_model(model).spec
    assert assert_equal_to_single_runs(spec, points, DEVICES, precision, convention)


FORMS = parse_spec("""
format: 1
name: forms
knobs: {width: 8, side: 16, kernel: 3, stride: 1, groups: 1, norm: true, tokens: 4, features: 6,
        copies: 1}
input: {x: {shape: [3, side, side], dtype: uint8}, y: [tokens, features]}
layers:
  - conv2d: {channels: width * groups, kernel: kernel, bias: norm}
  - {batch_norm: {}, when: norm}
  - conv2d: {channels: width * groups, kernel: kernel, stride: stride, groups: groups}
  - id: skip
    relu: {}
  - depthwise_conv2d: {kernel: kernel}
  - repeat: copies
    layers:
      - conv2d: {channels: width * groups, kernel: [1, kernel]}
  - add: [previous, skip]
  - concat: [previous, skip]
  - avg_pool2d: {kernel: 2, stride: 1}
  - id: image
    global_avg_pool: {}
  - id: bias
    parameter: {shape: [tokens, features]}
  - add: [y, bias]
  - id: sequence
    relu: {}
outputs: [image, sequence]
""")
VALUES: dict[str, list[Any]] = {
    "width": [1, 2, 3, 4, 8, 16, 47, 64], "side": [4, 7, 16, 64], "kernel": [1, 3, 5],
    "stride": [1, 2], "groups": [1, 2, 4], "norm": [True, False], "tokens": [1, 4, 64],
    "features": [1, 6], "copies": [0, 1, 2], "batch": [1, 2, 8],
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5, unique=True).flatmap(
        lambda names: st.lists(
            st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names}),
            min_size=1,
            max_size=5,
        )
    ),
    st.sampled_from(["fp32", "int8"]),
    st.sampled_from([convention.name for convention in CONVENTIONS]),
)
def test_forms_of_kernels(points: list[dict[str, Any]], precision: str, convention: str) -> None:
    profiles = [*DEVICES, *PROFILES.values()]
    assert_equal_to_single_runs(FORMS, points, profiles, precision, convention)


@settings(max_examples=60, deadline=None)
@given(networks(), devices(), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_batches_of_random_networks(
    network: Network, device: DeviceProfile, batches: list[int]
) -> None:
    points = [{"batch": batch} for batch in batches]
    profiles = [device, *PROFILES.values()]
    assert assert_equal_to_single_runs(network.spec, points, profiles) == len(points)


@settings(max_examples=60, deadline=None)
@given(networks(), devices())
def test_numbers_are_those_of_the_analysis(network: Network, device: DeviceProfile) -> None:
    profiles = [device, *PROFILES.values(), *DEVICES]
    analysis = analyze_network(network, profiles)
    assert network_costs(network, profiles) == analysis.costs
    assert peak_bytes(network, DTYPES["fp32"]) == trace_memory(network, DTYPES["fp32"]).peak_bytes


def test_counting_again_changes_nothing() -> None:
    # An augmented assignment would write into the arrays that a kernel is made of.
    knobs = {"alpha": np.array([0.5, 1.0])}
    network = elaborate(load_model("mobilenet_v2").spec, knobs, check=Mask())
    first = network_costs(network, DEVICES)
    again = network_costs(network, DEVICES)
    for i in range(2):
        assert at(first, i, 2) == at(again, i, 2)
    costs = count_work(network, DTYPES["fp32"])
    before = [np.copy(cost.input_bytes) for cost in costs]
    for device in DEVICES:  # a fused addition makes a kernel read more than its anchor
        kernels = form_kernels(network, costs, DTYPES["fp32"], device.kernel_rules | {"fuse_adds"})
        network_time(kernels, device, "fp32")
    for cost, size in zip(costs, before, strict=True):
        assert np.array_equal(cost.input_bytes, size)


def test_structure_differs_with_its_mask() -> None:
    spec = parse_spec(
        "format: 1\nname: deep\nknobs: {depth: 1, wide: true}\ninput: {x: [4, 8, 8]}\nlayers:\n"
        "  - repeat: depth\n    layers: [{conv2d: {channels: 4, kernel: 1, bias: wide}}]\n"
        "  - {relu: {}, when: wide}\n"
    )
    with pytest.raises(Differs) as error:
        elaborate(spec, {"depth": np.array([2, 1, 2])}, check=Mask())
    assert error.value.mask.tolist() == [True, False, True]
    with pytest.raises(Differs) as error:
        elaborate(spec, {"wide": np.array([False, True])}, check=Mask())
    assert error.value.mask.tolist() == [True, False]
    same = elaborate(spec, {"depth": np.array([2.0, 2.0])}, check=Mask())
    assert len(same.steps) == 3


def test_sizes_beyond_doubles_are_no_products() -> None:
    # vgg at a large batch: weights times bytes that do not fit is beyond 2^53.
    points = [{"batch": 64}, {"batch": 63}, {"batch": 1}]
    assert assert_equal_to_single_runs(load_model("vgg").spec, points, DEVICES) == 3
