"""Positions, losses and recurrence of ONNX: values of small files worked by hand, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx_files import model, tensor  # noqa: E402

from mnet_cost.errors import ModelFileError  # noqa: E402
from mnet_cost.importing.layer_graph import LayerGraph  # noqa: E402
from mnet_cost.importing.mapping.mapper import map_graph  # noqa: E402
from mnet_cost.importing.mapping.onnx import TABLE  # noqa: E402
from mnet_cost.importing.readers.onnx import parse_onnx  # noqa: E402


def whole(name: str, shape: Any) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def stored(name: str, values: Any, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.array(values, dtype), name)


def mapped(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], kept: Sequence[Any] = ()
) -> LayerGraph:
    made = model(nodes, inputs, outputs, kept, opset=22)
    return map_graph(parse_onnx(made.SerializeToString(), "net.onnx"), TABLE)


def kinds(made: LayerGraph) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    return [(layer.kind, dict(layer.fields), layer.types[0].shape) for layer in made.layers]


def test_a_table_that_is_not_trained_is_looked_up() -> None:
    nodes = [helper.make_node("Gather", ["x", "i"], ["y"], axis=1)]
    with pytest.raises(ModelFileError, match="mixes examples"):
        mapped(
            nodes, [tensor("x", ["N", 7, 3]), whole("i", ["N", 4])], [tensor("y", ["N", "M", 4, 3])]
        )
    scaled = [helper.make_node("Mul", ["t", "t"], ["s"]),
              helper.make_node("Gather", ["s", "i"], ["y"])]  # fmt: skip
    made = mapped(scaled, [whole("i", ["N", 4])], [tensor("y", ["N", 4, 3])],
                  [stored("t", np.ones((7, 3)))])  # fmt: skip
    assert kinds(made)[-1] == ("gather", {"axis": -2, "of": "slices"}, (4, 3))


def test_one_position_of_each_example() -> None:
    nodes = [helper.make_node("GatherND", ["x", "i"], ["y"], batch_dims=1)]
    made = mapped(nodes, [tensor("x", ["N", 7, 3]), whole("i", ["N", 1])], [tensor("y", ["N", 3])])
    assert kinds(made) == [("gather", {"axis": -2, "of": "slices", "tuples": True}, (3,))]


def test_the_largest_as_in_detectors() -> None:
    nodes = [
        helper.make_node("TopK", ["x", "k"], ["v", "p"], axis=1, largest=0),
        helper.make_node("GatherElements", ["z", "p"], ["y"], axis=1),
    ]
    inputs = [tensor("x", ["N", 7]), tensor("z", ["N", 7])]
    made = mapped(nodes, inputs, [tensor("y", ["N", 3])], [stored("k", [3], np.int64)])
    assert kinds(made) == [
        ("top_k", {"count": 3, "axis": -1, "smallest": True}, (3,)),
        ("gather", {"axis": -1}, (3,)),
    ]
    assert made.layers[1].inputs[1].number == 1


def test_steps_below_zero_turn_an_axis_round() -> None:
    nodes = [helper.make_node("Slice", ["x", "a", "b", "c", "d"], ["y"])]
    bounds = {"a": 6, "b": -100, "c": 1, "d": -2}
    made = mapped(nodes, [tensor("x", ["N", 8])], [tensor("y", ["N", 4])],
                  [stored(name, [value], np.int64) for name, value in bounds.items()])  # fmt: skip
    assert kinds(made) == [
        ("slice", {"stop": 7, "step": 2}, (4,)),
        ("flip", {"axes": [-1]}, (4,)),
    ]


SHAPES = {"y": tensor("y", [5, 2, "N", 4]), "h": tensor("h", [2, "N", 4])}


def recurrent_file(outputs: list[str], **attributes: Any) -> LayerGraph:
    """A bidirectional GRU of 5 steps with 6 features and 4 units, whose outputs are those named."""
    turned = helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2])
    node = helper.make_node("GRU", ["t", "w", "r"], ["y", "h"], hidden_size=4,
                            direction="bidirectional", **attributes)  # fmt: skip
    weights = [stored("w", np.ones((2, 12, 6))), stored("r", np.ones((2, 12, 4)))]
    return mapped([turned, node], [tensor("x", ["N", 5, 6])], [SHAPES[o] for o in outputs],
                  weights)  # fmt: skip


def test_what_nobody_reads_of_a_recurrent_layer_is_not_there() -> None:
    made = kinds(recurrent_file(["h"]))
    fields = {"features": 4, "bidirectional": True, "bias": False}
    assert made == [
        ("gru", fields | {"output": "last"}, (8,)),
        ("reshape", {"shape": [2, 4]}, (2, 4)),
    ]
    both = recurrent_file(["y", "h"])
    assert kinds(both)[0] == ("gru", fields, (5, 8))
    assert [both.type_of(wire).shape for wire in both.outputs] == [(5, 2, 4), (2, 4)]
    # Forward the last step is the last position, backward the first one.
    steps = [
        layer.fields
        for layer in both.layers
        if layer.kind == "slice" and -3 in layer.fields.values()
    ]
    assert [(f.get("start"), f.get("stop")) for f in steps] == [(4, None), (None, 1)]


def test_functions_of_a_recurrent_layer_that_are_not_its_own() -> None:
    usual = ["Sigmoid", "Tanh"] * 2
    assert kinds(recurrent_file(["h"], activations=usual))[0][0] == "gru"
    with pytest.raises(ModelFileError, match="has the functions sigmoid, relu"):
        recurrent_file(["h"], activations=["Sigmoid", "Relu"] * 2)


def test_an_output_without_a_name_shifts_no_other() -> None:
    """The second output of a node without a rule stays the second."""
    node = helper.make_node("LSTM", ["x", "w", "r", "", "", "", "", "p"], ["", "h"], hidden_size=4)
    weights = [stored("w", np.ones((1, 16, 6))), stored("r", np.ones((1, 16, 4))),
               stored("p", np.ones((1, 12)))]  # fmt: skip
    made = model([node], [tensor("x", [5, 1, 6])], [tensor("h", [1, 1, 4])], weights, opset=22)
    graph = parse_onnx(made.SerializeToString(), "net.onnx")
    (layer,) = map_graph(graph, TABLE, has_batch=False).layers
    assert (layer.kind, layer.types[0].shape) == ("opaque", (1, 1, 4))
