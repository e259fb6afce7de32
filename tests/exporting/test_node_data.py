"""Node data of Model Explorer: numbers at the tensors of the user's own file."""

from __future__ import annotations

import json

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.errors import OutputError
from mnet_cost.exporting.node_data import LayerNumbers, node_data, numbers_of
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Origin

SPEC = """\
format: 1
name: s
input: {x: [8, 12, 12]}
layers:
  - conv2d: {channels: 4, kernel: 3}
  - relu
  - id: parts
    split: {parts: 2}
  - add: [parts.0, parts.1]
  - opaque: {operation: sort, shape: [2, 12, 12]}
"""

ORIGINS = {
    "conv2d": Origin(("Conv_0",), ("/conv/Conv_output_0",)),
    "relu": Origin(("Relu_1",), ("/relu/Relu_output_0",)),
    "parts": Origin(("Split_2",), ("left", "right")),
    "add": Origin(("Add_3",)),
    "opaque": Origin(("Sort_4",), ("sorted",)),
}


def sets(numbers: list[LayerNumbers]) -> dict[str, dict[str, object]]:
    """Each set as the viewer reads it."""
    read = {data.name: json.loads(data.text) for data in node_data(numbers)}
    for document in read.values():
        assert set(document) <= {"results", "gradient"}
        assert document["results"].get("results") is None  # else it is taken for several graphs
    return {
        name: {tensor: result["value"] for tensor, result in document["results"].items()}
        for name, document in read.items()
    }


def test_numbers_stand_at_tensors_of_the_file() -> None:
    analysis = analyze(parse_spec(SPEC), devices=["pixel_1_tflite"])
    (device,) = analysis.devices
    numbers = numbers_of(analysis, ORIGINS, device)
    made = sets(numbers)
    assert list(made) == ["latency_ms", "mult_adds", "traffic_bytes", "bound"]
    assert made["mult_adds"] == {
        "/conv/Conv_output_0": 41_472, "/relu/Relu_output_0": 0, "left": 0,
    }  # fmt: skip
    by_kernel = {each.kernel.name: each for each in device.kernels}
    assert made["latency_ms"]["/conv/Conv_output_0"] == 1000 * (by_kernel["conv2d"].latency_s or 0)
    assert "/relu/Relu_output_0" not in made["latency_ms"]  # fused: the time is the convolution's
    assert made["bound"]["/relu/Relu_output_0"] == "fused"
    assert made["bound"]["/conv/Conv_output_0"] == by_kernel["conv2d"].bound
    assert "sorted" not in made["mult_adds"]  # unknown is never zero


def test_numbers_stand_at_nodes_of_an_onnx_file() -> None:
    # Its viewer knows nodes by their names alone; a layer of several nodes is at the last one.
    origins = {**ORIGINS, "conv2d": Origin(("Conv_0", "Add_0"), ("sum",)), "relu": Origin(())}
    made = sets(numbers_of(analyze(parse_spec(SPEC)), origins, by_node=True))
    assert made["mult_adds"] == {"Add_0": 41_472, "Split_2": 0, "Add_3": 0}


def test_without_a_device_there_is_no_time() -> None:
    made = sets(numbers_of(analyze(parse_spec(SPEC)), ORIGINS))
    assert list(made) == ["mult_adds", "traffic_bytes"]


def test_layers_of_one_tensor_are_added_up() -> None:
    numbers = [
        LayerNumbers("t", 5, 10, None, "fused"),
        LayerNumbers("t", 7, 1, 0.25, "memory:DRAM"),
        LayerNumbers("u", None, None, None, "fused"),
    ]
    assert sets(numbers) == {
        "latency_ms": {"t": 250.0},
        "mult_adds": {"t": 12},
        "traffic_bytes": {"t": 11},
        "bound": {"t": "memory:DRAM", "u": "fused"},
    }
    (only,) = node_data(numbers, ["mult_adds"])
    assert only.document["gradient"][0] == {"stop": 0, "bgColor": "#ffffff"}
    assert only.document["gradient"][-1]["stop"] == 1


@pytest.mark.parametrize("bound", ["compute", "memory:L2", "overhead", "unknown", "fused"])
def test_every_bound_has_a_colour(bound: str) -> None:
    (data,) = node_data([LayerNumbers("t", bound=bound)])
    assert data.document["results"]["t"]["bgColor"].startswith("#")


def test_names_of_any_kind_are_kept() -> None:
    names = ['"/<script>\n', "é中", "a" * 10_000, ""]
    (data,) = node_data([LayerNumbers(name, 1) for name in names])
    assert list(json.loads(data.text)["results"]) == names
    assert data.text.isascii()


def test_what_cannot_be_written() -> None:
    with pytest.raises(OutputError, match="a node or tensor is called `results`"):
        node_data([LayerNumbers("results", 1)])
    for numbers in ([], [LayerNumbers("t")]):
        with pytest.raises(OutputError, match="no layer has a number"):
            node_data(numbers)
