"""Lines of a spec that bring layers back to an accelerator, each tried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from schemas import checked
from spec_text import spec

from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.changes.fallback_changes import ReturnChange, return_changes
from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate


def changes_of(analysis: Analysis) -> list[ReturnChange]:
    return list(return_changes(analysis, analysis.devices[0]))


def changes(text: str, device: str, **knobs: Any) -> list[ReturnChange]:
    return changes_of(
        analyze_network(elaborate(spec(text), knobs), [load_device(device)], precision="int8")
    )


def written(change: ReturnChange) -> list[tuple[str, str]]:
    return [(line.before.strip(), line.after.strip()) for line in change.lines]


def test_the_change_is_that_of_the_edited_text() -> None:
    """What the lines say, written into the file, is the network that was analyzed."""
    analysis = analyze("mobilenet_v3_large", devices=["coral_usb"], precision="int8")
    (change,) = changes_of(analysis)
    assert change.change == "silu instead of hard_swish in 21 layers"
    assert written(change) == [("HS: {layers: [hard_swish]}", "HS: {layers: [silu]}")]
    assert change.returned == 138
    placement = change.estimate.placement
    assert placement is not None
    assert placement.is_whole
    source = analysis.network.spec.root.source
    lines = source.text.split("\n")
    for line in change.lines:
        assert lines[line.number - 1] == line.before
        lines[line.number - 1] = line.after
    again = analyze(parse_spec("\n".join(lines), None, source.path), devices=["coral_usb"],
                    precision="int8")  # fmt: skip
    assert again.costs == change.analysis.costs
    assert again.devices[0].placement is not None
    assert again.devices[0].placement.is_whole


def test_a_smaller_kernel_with_its_padding() -> None:
    before = "- depthwise_conv2d: {kernel: 5, padding: 2}"
    text = f"layers:\n  {before}\n"
    (change,) = changes(text, "pixel_4_hexagon")
    assert written(change) == [(before, "- depthwise_conv2d: {kernel: 3, padding: 1}")]
    assert change.analysis.totals.mult_adds == 9 * 3 * 32 * 32


def test_the_largest_kernel_that_runs_is_taken() -> None:
    (change,) = changes("layers:\n  - depthwise_conv2d: {kernel: 11}\n", "rk3588_npu")
    assert change.change == "kernel 7 instead of 11 in depthwise_conv2d"


def test_no_dilation() -> None:
    text = "layers:\n  - depthwise_conv2d: {kernel: 3, dilation: 40}\n"
    (change,) = changes(text, "rk3588_npu")
    assert (
        change.change == "dilation 15 instead of 40 in depthwise_conv2d"
    )  # the list has padding <= 15


def test_another_word() -> None:
    text = "layers:\n  - resize: {size: 96, mode: bilinear}\n"
    (change,) = changes(text, "pixel_4_hexagon")
    assert written(change) == [
        ("- resize: {size: 96, mode: bilinear}", "- resize: {size: 96, mode: nearest}")
    ]


def test_changes_of_several_reasons_are_tried_together() -> None:
    text = """
    layers:
      - depthwise_conv2d: {kernel: 7}
      - gelu
    """
    *each, together = changes(text, "pixel_4_hexagon")
    assert [change.returned for change in each] == [1, 1]
    assert together.change == "all of these"
    assert together.returned == 2
    placement = together.estimate.placement
    assert placement is not None
    assert placement.is_whole


def test_changes_that_bring_back_nothing_by_themselves_are_tried_together() -> None:
    """The Edge TPU compiler cuts once: what comes after a layer that does not run does not run
    either, so each change alone leaves the next reason in front."""
    text = (
        "layers:\n  - conv2d: {channels: 8, kernel: 3}\n  - hard_swish\n"
        "  - conv2d: {channels: 8, kernel: 3}\n  - gelu\n"
        "  - conv2d: {channels: 8, kernel: 3}\n  - hard_swish\n"
    )
    first, beside, together = changes(text, "coral_usb")
    assert (first.change, first.returned) == ("silu instead of hard_swish in 2 layers", 2)
    assert (beside.change, beside.returned) == ("silu instead of gelu in gelu", 0)
    assert (together.change, together.returned) == ("all of these", 5)
    placement = together.estimate.placement
    assert placement is not None
    assert placement.is_whole
    # Where what is left stands in front, changes behind it bring nothing, and are not named.
    blocked = "layers:\n  - channel_shuffle: {groups: 3}\n  - hard_swish\n  - gelu\n"
    assert changes(blocked, "coral_usb") == []


@pytest.mark.parametrize(
    "text",
    [
        "layers:\n  - conv2d: {channels: 8, kernel: 5, stride: 4, padding: 2}\n",  # other sizes
        "layers:\n  - channel_shuffle: {groups: 3}\n",  # nothing like it runs
        "layers:\n  - relu\n",  # all runs
    ],
)
def test_no_change_is_offered_that_is_another_network(text: str) -> None:
    assert changes(text, "ethos_u55_256") == []


def test_another_precision_comes_first() -> None:
    analysis = analyze("mobilenet_v3_large", devices=["coral_usb"], precision="fp32")
    assert changes_of(analysis) == []


def test_a_word_that_an_argument_gives_is_changed_where_it_was_given() -> None:
    text = """
    blocks:
      part:
        arguments: {act: hard_swish}
        layers:
          - conv2d: {channels: 8, kernel: 3}
          - act
    layers:
      - part: {act: hard_swish}
      - part: {act: relu}
    """
    (change,) = changes(text, "coral_usb")
    assert written(change) == [("- part: {act: hard_swish}", "- part: {act: silu}")]


def test_analyze_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", "mobilenet_v3_large", "--precision", "int8", "--device", "coral_usb"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "Not on the accelerator of coral_usb: 138 of 139 layers; 1 tensor of 201 kB" in text
    assert "silu instead of hard_swish in 21 layers" in text
    assert main([*command, "--format", "json"]) == 0
    document = json.loads(checked(capsys.readouterr().out))
    placement = document["devices"][0]["placement"]
    assert placement["operators"] == "edgetpu"
    assert placement["accelerated_mult_adds"] == 5_419_008
    assert (placement["crossings"], placement["crossing_bytes"]) == (1, 200_704)
    assert len(placement["layers"]) == 138
    (change,) = placement["changes"]
    assert change["returned"] == 138
    assert change["lines"][0]["after"].strip() == ("HS: {layers: [silu]}")


def test_compare_says_of_which_network_the_time_is_not_of_the_accelerator_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["compare", "mobilenet_v3_large", "mobilenet_v2", "--precision", "int8"]
    assert main([*command, "--device", "coral_usb"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "mobilenet_v3_large on coral_usb: 138 layers on the processor" in text
    assert "mobilenet_v2 on coral_usb: " not in text
