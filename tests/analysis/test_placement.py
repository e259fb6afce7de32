"""Which layers run on an accelerator, by made-up lists and by those that are shipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from spec_text import network

from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.analysis.placement import Placed, Placement
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.operators import Condition, Doubt, Limits, OperatorList
from mnet_cost.models.library import model_names

BRANCHES = """
layers:
  - {id: a, conv2d: {channels: 8, kernel: 3}}
  - {id: curve, gelu, from: a}
  - {id: left, conv2d: {channels: 8, kernel: 1}, from: curve}
  - {id: right, conv2d: {channels: 8, kernel: 1}, from: a}
  - {id: sum, add, from: [left, right]}
"""


def of(kinds: str, **fields: Any) -> OperatorList:
    made: dict[str, Any] = {
        "name": "mine", "title": "mine", "version": "1", "source": "made up for a test",
        "unlisted": "processor", "partition": "islands", "precisions": ("int8",),
        "every_layer": (), "limits": {kind: Limits() for kind in kinds.split()}, "made_of": {},
        "unsure": {}, "caveats": {}, "refused": {},
    }  # fmt: skip
    return OperatorList(**{**made, **fields})


def needing(kind: str, *conditions: str) -> dict[str, Limits]:
    return {kind: Limits(needs=tuple([Condition(each) for each in conditions]))}


def device(operators: OperatorList, **fields: Any) -> DeviceProfile:
    return replace(load_device("coral_usb"), operators=operators, **fields)


def placed(text: str, operators: OperatorList, **knobs: Any) -> Placement:
    analysis = analyze_network(network(text, **knobs), [device(operators)], precision="int8")
    placement = analysis.devices[0].placement
    assert placement is not None
    return placement


def places(placement: Placement) -> dict[str, str]:
    return {each.step.name: each.place for each in placement.layers}


def reasons(placement: Placement) -> dict[str, Placed]:
    return {each.step.name: each for each in placement.layers}


def on(name: str, target: str, precision: str = "int8", **knobs: Any) -> Placement:
    analysis: Analysis = analyze(name, knobs, [target], precision=precision)
    placement = analysis.devices[0].placement
    assert placement is not None
    return placement


def test_islands_run_wherever_they_stand() -> None:
    placement = placed(BRANCHES, of("conv2d add"))
    assert places(placement) == {
        "a": "accelerator", "curve": "processor", "left": "accelerator", "right": "accelerator",
        "sum": "accelerator",
    }  # fmt: skip
    assert reasons(placement)["curve"].reason == "not supported"


def test_a_prefix_ends_for_what_reads_from_what_does_not_run() -> None:
    placement = placed(BRANCHES, of("conv2d add", partition="prefix"))
    assert places(placement) == {
        "a": "accelerator", "curve": "processor", "left": "processor", "right": "accelerator",
        "sum": "processor",
    }  # fmt: skip
    assert reasons(placement)["sum"].after == "curve"
    assert not reasons(placement)["curve"].after


def test_tensors_that_cross_are_counted_once_with_their_bytes() -> None:
    # a -> curve and curve -> left: 8 channels of 32 x 32 in int8, for two examples.
    placement = placed(BRANCHES, of("conv2d add"), batch=2)
    assert placement.crossings is not None
    assert [(each.tensor, each.writer, each.bytes) for each in placement.crossings] == [
        ("a", "accelerator", 16384), ("curve", "processor", 16384),
    ]  # fmt: skip
    assert placement.crossing_bytes == 32768


def test_a_tensor_that_two_layers_read_crosses_once() -> None:
    text = "layers:\n  - {id: a, conv2d: {channels: 8, kernel: 3}}\n" + "".join(
        f"  - {{id: {name}, gelu, from: a}}\n" for name in ("b", "c")
    )
    placement = placed(text + "  - {id: d, multiply, from: [b, c]}\n", of("conv2d"))
    assert placement.crossings is not None
    assert [each.tensor for each in placement.crossings] == ["a"]


def test_no_kernel_has_layers_of_two_units() -> None:
    """A clamp that a runtime fuses is a kernel by itself where another unit runs it."""
    text = "layers:\n  - conv2d: {channels: 8, kernel: 3}\n  - relu\n"
    accelerator = device(of("conv2d"), fallback=load_device("rk3588"))
    (estimate,) = analyze_network(network(text), [accelerator], precision="int8").devices
    assert estimate.split is not None
    assert estimate.split.processor_s is not None
    assert estimate.split.processor_s > 0


def test_the_source_says_why_a_kind_does_not_run() -> None:
    placement = placed(BRANCHES, of("conv2d add", refused={"gelu": "its release notes"}))
    assert reasons(placement)["curve"].reason == "not supported: its release notes"


def test_shares_of_mult_adds() -> None:
    placement = placed(BRANCHES, of("conv2d add", partition="prefix"))
    assert placement.mult_adds == 32 * 32 * (3 * 8 * 9 + 8 * 8 + 8 * 8)
    assert placement.processor_mult_adds == 32 * 32 * 8 * 8
    assert placement.accelerated_mult_adds == placement.mult_adds - 32 * 32 * 8 * 8


def test_what_a_list_that_is_not_exhaustive_does_not_name_is_unknown() -> None:
    placement = placed(BRANCHES, of("conv2d add", unlisted="unknown", partition="prefix"))
    assert places(placement)["curve"] == "unknown"
    assert places(placement)["left"] == places(placement)["sum"] == "unknown"
    assert placement.crossings is None
    assert placement.crossing_bytes is None
    assert not placement.is_whole
    assert not placement.off


def test_known_not_to_run_goes_before_unknown() -> None:
    operators = of("conv2d add", unlisted="unknown", partition="prefix", refused={"relu": "source"})
    text = BRANCHES.replace("{id: right, ", "{id: clamp, relu, from: a}\n  - {id: right, ").replace(
        "kernel: 1}, from: a}", "kernel: 1}, from: clamp}"
    )
    placement = placed(text, operators)
    assert places(placement)["left"] == "unknown"
    assert places(placement)["right"] == "processor"
    assert places(placement)["sum"] == "processor"


@pytest.mark.parametrize(
    ("layer", "condition", "found"),
    [
        ("conv2d: {channels: 8, kernel: [3, 5]}", "kernel <= 4", "kernel 5"),
        ("conv2d: {channels: 8, kernel: [3, 5]}", "kernel_width == 3", "kernel_width 5"),
        ("conv2d: {channels: 8, kernel: 3}", "output.channels % 16 == 0", "output.channels 8"),
        ("conv2d: {channels: 8, kernel: 7}", "padding <= 2", "padding 3"),
        ("conv2d: {channels: 8, kernel: 4, stride: 3}", "padding < 1", "padding 1"),
        ("conv2d: {channels: 8, kernel: 3, padding: [0, 5]}", "padding <= 4", "padding 5"),
        ("max_pool2d: {kernel: 3, round_up: true}", "not round_up", "round_up true"),
        ("softmax: {axis: -3}", "axis == 1", "axis 3"),
        ("resize: {scale: 1.5}", "scale_height % 1 == 0", "scale_height 1.5"),
        ("resize: {size: [64, 96]}", "scale_height == scale_width",
         "scale_height 2, scale_width 3"),
        ("resize: {size: 64, mode: bilinear}", "nearest", "mode bilinear"),
        ("relu", "rank <= 3 and elements < 10", "rank 4, elements 3072"),
    ],
)  # fmt: skip
def test_conditions_see_settings_and_sizes(layer: str, condition: str, found: str) -> None:
    kind = layer.partition(":")[0]
    text = f"layers:\n  - {layer}\n"
    (only,) = placed(text, of("", limits=needing(kind, condition))).layers
    assert (only.place, only.reason, only.found) == ("processor", f"needs {condition}", found)
    (only,) = placed(text, of("", limits=needing(kind, f"not ({condition})"))).layers
    assert only.place == "accelerator"


@pytest.mark.parametrize(
    ("head", "layer", "padding"),
    [
        ("", "pad: {padding: [1, 2, 3, 4]}", 4),
        ("", "conv2d: {channels: 2, kernel: 3, padding: valid}", 0),
        ("", "conv2d: {channels: 2, kernel: 3, padding: [0, 2]}", 2),
        ("input: {x: {shape: [3, 9], layout: signal}}\n",
         "conv1d: {channels: 2, kernel: 5, padding: [1, 2]}", 2),
        ("input: {x: {shape: [3, 9], layout: signal}}\n", "conv1d: {channels: 2, kernel: 5}", 2),
        ("input: {x: {shape: [3, 8, 9, 9], layout: volume}}\n",
         "conv3d: {channels: 2, kernel: [3, 1, 7]}", 3),
    ],
)  # fmt: skip
def test_padding_is_the_most_on_one_side(head: str, layer: str, padding: int) -> None:
    kind = layer.partition(":")[0]
    text = f"{head}layers:\n  - {layer}\n"
    limits = needing(kind, f"padding == {padding}")
    (only,) = placed(text, of("", limits=limits)).layers
    assert (only.place, only.found) == ("accelerator", "")


def test_a_condition_on_a_size_that_is_not_there_tells_nothing() -> None:
    text = "input: {x: [10]}\nlayers:\n  - relu\n"
    (only,) = placed(text, of("", limits=needing("relu", "input.height <= 7"))).layers
    assert only.place == "unknown"
    assert only.reason == "not known whether it meets: input.height <= 7"


def test_a_group_for_each_channel_is_a_depthwise_convolution() -> None:
    text = "layers:\n  - conv2d: {channels: 3, kernel: 3, groups: 3}\n"
    assert places(placed(text, of("depthwise_conv2d")))["conv2d"] == "accelerator"
    assert places(placed(text, of("conv2d")))["conv2d"] == "processor"


def test_a_kind_that_is_made_of_others_runs_where_they_do() -> None:
    text = "layers:\n  - silu\n"
    made = {"silu": ("sigmoid", "multiply")}
    assert places(placed(text, of("sigmoid multiply", made_of=made)))["silu"] == "accelerator"
    (only,) = placed(text, of("sigmoid", made_of=made)).layers
    assert only.reason == "`multiply`, a part of it, is not supported"


def test_settings_of_a_part_are_the_converter_s() -> None:
    # A part has settings of its own, which a converter chooses; sizes are those of the layer.
    limits = {**needing("slice", "step == 1", "rank <= 4"), "reshape": Limits()}
    text = "layers:\n  - take: {axis: height, index: 0}\n"
    made = {"take": ("slice", "reshape")}
    assert places(placed(text, of("", limits=limits, made_of=made)))["take"] == "accelerator"


def test_operations_are_listed_by_their_names() -> None:
    text = "layers:\n  - exp\n  - sqrt\n"
    assert list(places(placed(text, of("exp"))).values()) == ["accelerator", "processor"]


def test_doubts_hold_where_their_conditions_do() -> None:
    doubt = {"conv2d": Doubt(text="vague", when=(Condition("groups > 1"),))}
    text = (
        "layers:\n  - conv2d: {channels: 6, kernel: 1}\n"
        "  - conv2d: {channels: 6, kernel: 1, groups: 2}\n"
    )
    placement = placed(text, of("conv2d", unsure=doubt))
    assert list(places(placement).values()) == ["accelerator", "unknown"]


def test_norms_that_are_folded_are_no_operators() -> None:
    text = "layers:\n  - conv2d: {channels: 8, kernel: 3}\n  - batch_norm\n  - dropout\n  - relu\n"
    placement = placed(text, of("relu"))
    assert list(places(placement).values()) == ["processor"] * 3 + ["accelerator"]
    assert [each.step.layer.kind for each in placement.off] == ["conv2d"]
    assert placement.crossings is not None
    assert len(placement.crossings) == 1


def test_a_norm_that_is_not_folded_is_one() -> None:
    text = "layers:\n  - conv2d: {channels: 8, kernel: 3}\n  - relu\n  - batch_norm\n"
    placement = placed(text, of("relu conv2d"))
    assert [each.step.layer.kind for each in placement.off] == ["batch_norm"]


def test_stored_tensors_run_nowhere() -> None:
    text = (
        "layers:\n  - {id: table, parameter: {shape: [3, 1, 1]}}\n"
        "  - {id: out, add, from: [image, table]}\n"
    )
    placement = placed(text, of("add"))
    assert places(placement) == {"table": "none", "out": "accelerator"}
    assert placement.is_whole
    assert placement.crossings == ()


def test_an_opaque_layer_is_unknown() -> None:
    text = "layers:\n  - opaque: {operation: odd, shape: [3, 8, 8]}\n"
    (only,) = placed(text, of("")).layers
    assert only.place == "unknown"


def test_precision_of_a_kind() -> None:
    limits = {"relu": Limits(precisions=("fp16",))}
    (only,) = placed("layers:\n  - relu\n", of("", limits=limits)).layers
    assert (only.place, only.reason, only.found) == ("processor", "runs in fp16 alone", "int8")


def test_another_precision_than_the_accelerator_has() -> None:
    placement = on("mobilenet_v2", "coral_usb", precision="fp32")
    assert placement.other_precision == "int8"
    assert not placement.accelerated


def test_time_by_unit() -> None:
    """Two convolutions on the accelerator, a curve on the processor and what goes between."""
    accelerator = device(of("conv2d add"), fallback=load_device("rk3588"), crossing=None)
    net = network(BRANCHES)
    (estimate,) = analyze_network(net, [accelerator], precision="int8").devices
    split = estimate.split
    assert split is not None
    assert split.least == {"accelerator"}
    assert split.crossing_s is None
    assert split.total_s is None
    accelerator = replace(accelerator, crossing=accelerator.memory[-1])
    (estimate,) = analyze_network(net, [accelerator], precision="int8").devices
    split = estimate.split
    assert split is not None
    assert split.total_s is not None
    rate = accelerator.memory[-1].bytes_per_s
    assert rate is not None
    assert split.crossing_s == 2 * 8192 / rate.value
    assert split.accelerated_s is not None
    assert split.processor_s is not None
    assert split.processor_s > 0
    assert split.total_s == split.accelerated_s + split.processor_s + split.crossing_s
    # Without a profile of the processor its part is unknown, not nothing.
    (estimate,) = analyze_network(net, [device(of("conv2d add"))], precision="int8").devices
    assert estimate.split is not None
    assert estimate.split.processor_s is None


def test_a_time_is_marked_unless_it_is_a_lower_bound() -> None:
    text = "layers:\n  - conv2d: {channels: 8, kernel: 3}\n  - gelu\n"
    fitted = replace(load_device("pixel_4_hexagon"), operators=of("conv2d"))
    bound = device(of("conv2d"))
    first, other = analyze_network(network(text), [fitted, bound], precision="int8").devices
    assert first.is_marked
    assert first.basis == "fitted"
    assert not other.is_marked
    assert other.basis == "bound"
    assert other.is_partly_placed
    whole = replace(fitted, operators=of("conv2d gelu"))
    (estimate,) = analyze_network(network(text), [whole], precision="int8").devices
    assert not estimate.is_marked or estimate.outside


@pytest.mark.parametrize("name", model_names())
def test_each_network_of_the_library_has_an_answer(name: str) -> None:
    targets = ("coral_usb", "ethos_u55_256", "rk3588_npu", "hailo_8", "pixel_4_hexagon")
    for estimate in analyze(name, devices=targets, precision="int8").devices:
        placement = estimate.placement
        assert placement is not None
        known = placement.accelerated_mult_adds + placement.processor_mult_adds
        assert 0 <= known <= placement.mult_adds
        for each in (*placement.off, *placement.unknown):
            assert each.reason


def test_networks_that_the_vendors_run_whole() -> None:
    # coral.ai/models/image-classification: compiled as a whole, as Hailo's model zoo has them.
    for name in ("mobilenet_v1", "mobilenet_v2", "efficientnet_lite", "resnet", "inception_v3"):
        assert on(name, "coral_usb").is_whole, name
    for name in ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "resnet", "squeezenet"):
        assert on(name, "hailo_8").is_whole, name


def test_what_the_edge_tpu_does_not_run() -> None:
    # github.com/google-coral/edgetpu, issue 353: hard swish; it is the second operator of V3.
    placement = on("mobilenet_v3_large", "coral_usb")
    kinds = {each.step.layer.kind for each in placement.off if not each.after}
    assert kinds == {"hard_swish"}
    assert placement.accelerated_mult_adds == 5_419_008  # the stem alone
    assert placement.crossing_bytes == 16 * 112 * 112


def test_vela_runs_strides_up_to_three() -> None:
    kinds = [(each.step.name, each.reason) for each in on("alexnet", "ethos_u55_256").off]
    assert kinds[0] == ("conv1.conv2d", "needs stride <= 3")


def test_the_hexagon_delegate_runs_depthwise_kernels_of_three_columns() -> None:
    placement = on("mobilenet_v3_large", "pixel_4_hexagon")
    assert {(each.step.layer.variety(), each.found) for each in placement.off} == {
        ("depthwise_conv2d 5x5", "kernel_width 5")
    }
    assert len(placement.off) == 6
