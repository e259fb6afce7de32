"""Operators of ONNX as layers: forms that exporters write, versions, quantized models."""

from __future__ import annotations

from typing import Any

import pytest
from node_graphs import graph, layers

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Graph, Stored, Subgraph, Tensor
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.onnx import TABLE

Node = tuple[Any, ...]


def mapped(
    nodes: list[Node],
    stored: dict[str, Any] | None = None,
    x: tuple[Any, ...] = ("N", 8, 6, 6),
    version: int = 20,
) -> LayerGraph:
    return map_graph(graph(nodes, stored or {}, x)._replace(versions={"": version}), TABLE)


def kinds(nodes: list[Node], stored: dict[str, Any] | None = None, **settings: Any) -> list[Any]:
    """(kind, fields) of each layer."""
    return [(kind, fields) for kind, fields, _ in layers(mapped(nodes, stored, **settings))]


def refusal(nodes: list[Node], stored: dict[str, Any] | None = None, **settings: Any) -> str:
    with pytest.raises(ModelFileError) as caught:
        mapped(nodes, stored, **settings)
    return str(caught.value)


def operation(name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "elementwise", {"operation": name, **fields}


ONE: dict[str, tuple[list[Node], dict[str, Any], list[Any]]] = {
    "a stride and one-sided padding": (
        [("Conv", ("x", "w"), ("y",), {"strides": [2, 2], "pads": [0, 0, 1, 1]})],
        {"w": (4, 8, 3, 3)},
        [("conv2d", {"channels": 4, "kernel": 3, "stride": 2, "padding": [0, 1, 0, 1]})],
    ),
    "the odd row in front": (
        [("Conv", ("x", "w"), ("y",), {"strides": [2, 2], "auto_pad": "SAME_LOWER"})],
        {"w": (4, 8, 3, 3)},
        [("conv2d", {"channels": 4, "kernel": 3, "stride": 2, "padding": [1, 0, 1, 0]})],
    ),
    "a transposed convolution": (
        [("ConvTranspose", ("x", "w", "c"), ("y",),
          {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]})],
        {"w": (8, 4, 3, 3), "c": (4,)},
        [("conv_transpose2d",
          {"channels": 4, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1,
           "bias": True})],
    ),
    "a norm of scale 1 and shift 0": (
        [("Constant", (), ("o",), {"value": Stored("", "float32", (8,), (1.0,) * 8)}),
         ("Constant", (), ("z",), {"value": Stored("", "float32", (8,), (0.0,) * 8)}),
         ("InstanceNormalization", ("x", "o", "z"), ("y",), {"epsilon": 1e-6})],
        {},
        [("instance_norm", {"epsilon": 1e-6})],
    ),
    "clip to 6": ([("Clip", ("x", "a", "b"), ("y",))], {"a": 0.0, "b": 6.0}, [("relu6", {})]),
    "silu from its parts": (
        [("Sigmoid", ("x",), ("s",)), ("Mul", ("x", "s"), ("y",))],
        {},
        [("sigmoid", {}), ("multiply", {})],
    ),
    "a mean over positions": (
        [("ReduceMean", ("x", "a"), ("y",))], {"a": [2, 3]}, [("global_avg_pool", {"keep": True})]
    ),
    "logarithms of sums": (
        [("ReduceLogSumExp", ("x", "a"), ("y",), {"keepdims": 0})],
        {"a": [1]},
        [("reduce", {"operation": "log_sum_exp", "axes": [-3]})],
    ),
    "a condition, of which a number comes first": (
        [("Less", ("n", "x"), ("a",)), ("Or", ("a", "a"), ("o",)), ("Not", ("o",), ("y",))],
        {"n": 2.0},
        [operation("greater", number=2.0), operation("logical_or"), operation("logical_not")],
    ),
    "bits": (
        [("BitwiseNot", ("x",), ("a",)), ("BitwiseAnd", ("a", "x"), ("y",))],
        {},
        [operation("bitwise_not"), operation("bitwise_and")],
    ),
    "a remainder with the sign of the divisor": (
        [("Mod", ("x", "n"), ("y",))], {"n": 2.0}, [operation("modulo", number=2.0)]
    ),
    "a remainder with the sign of the dividend": (
        [("Mod", ("x", "x"), ("y",), {"fmod": 1})],
        {},
        [operation("divide"), operation("trunc"), ("multiply", {}), operation("subtract")],
    ),
    "one infinity": (
        [("IsInf", ("x",), ("y",), {"detect_positive": 0})],
        {},
        [operation("less", number=-3.4028235e38)],
    ),
    "random numbers": (
        [("RandomNormalLike", ("x",), ("r",)), ("Bernoulli", ("r",), ("s",)),
         ("RandomUniform", (), ("u",), {"shape": [6, 6]}), ("Mul", ("s", "u"), ("m",)),
         ("Add", ("x", "m"), ("y",))],
        {},
        [("constant", {"shape": [8, 6, 6], "values": "zeros"})] * 2
        + [operation("less"), ("constant", {"shape": [6, 6], "values": "zeros"}),
           ("multiply", {}), ("add", {})],
    ),
    "features of boxes": (
        [("Slice", ("x", "z", "f", "t"), ("p",)), ("Reshape", ("p", "s"), ("r",)),
         ("RoiAlign", ("x", "r", "i"), ("y",),
          {"sampling_ratio": 3, "output_height": 7, "output_width": 5})],
        {"z": [0, 0], "f": [1, 4], "t": [2, 3], "s": [-1, 4], "i": [0] * 8},
        [("slice", {"stop": 1, "axis": -2}), ("slice", {"stop": 4, "axis": -1}),
         ("flatten", {"axes": 2}), ("roi_align", {"size": [7, 5], "samples": 3})],
    ),
    "one number for each example": (
        [("ReduceMax", ("x", "a"), ("y",), {"keepdims": 0})],
        {"a": [1, 2, 3]},
        [("reduce", {"operation": "max", "axes": [-3, -2, -1], "keep": True}),
         ("flatten", {})],
    ),
    "resized by factors": (
        [("Resize", ("x", "", "s"), ("y",), {"mode": "linear"})],
        {"s": Stored("s", "float32", (4,), (1.0, 1.0, 2.0, 2.0))},
        [("resize", {"scale": 2, "mode": "bilinear"})],
    ),
    "padded": (
        [("Pad", ("x", "p"), ("y",))],
        {"p": [0, 0, 1, 2, 0, 0, 3, 2]},
        [("pad", {"padding": [1, 3, 2, 2]})],
    ),
    "wrapped": (
        [("Pad", ("x", "p"), ("y",), {"mode": "wrap"})],
        {"p": [0, 0, 1, 2, 0, 0, 3, 2]},
        [("pad", {"padding": [1, 3, 2, 2], "mode": "circular"})],
    ),
    "an equation": (
        [("Einsum", ("x", "x"), ("y",), {"equation": "bchw,bdhw->bcd"})],
        {},
        [("flatten", {"axes": 2}), ("transpose", {"axes": [1, 2, 0]}),
         ("reshape", {"shape": [36, 8]}), ("matmul", {})],
    ),
    "a slope for each channel": (
        [("PRelu", ("x", "s"), ("y",))], {"s": (8, 1, 1)}, [("prelu", {"axis": -3})]
    ),
    "a broadcast that is done anyway": (
        [("ReduceMean", ("x", "a"), ("m",)), ("Shape", ("x",), ("s",)),
         ("Expand", ("m", "s"), ("e",)), ("Div", ("x", "e"), ("y",))],
        {"a": [1]},
        [("reduce", {"operation": "mean", "axes": [-3], "keep": True}),
         operation("divide")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_what_operators_become(name: str) -> None:
    nodes, stored, expected = ONE[name]
    made = kinds(nodes, stored)
    assert made == expected


@pytest.mark.parametrize(
    ("version", "nodes"),
    [
        (
            9,
            [("Slice", ("x",), ("y",), {"starts": [0, 2], "ends": [2**63 - 1, 5]})],
        ),
        (20, [("Slice", ("x", "s", "e", "a"), ("y",))]),
    ],
)
def test_bounds_moved_from_attributes_to_inputs(version: int, nodes: list[Node]) -> None:
    stored = {"s": [2], "e": [5], "a": [-3]}
    made = kinds(nodes, stored, version=version)
    assert made == [("slice", {"start": 2, "stop": 5, "axis": -3})]


def test_softmax_was_over_all_axes_behind() -> None:
    node = [("Softmax", ("x",), ("y",))]
    assert kinds(node) == [("softmax", {"axis": -1})]
    assert kinds(node, version=12) == [
        ("flatten", {}), ("softmax", {"axis": -1}), ("reshape", {"shape": [8, 6, 6]}),
    ]  # fmt: skip


def test_shapes_are_calculated() -> None:
    # view(x.size(0), 2, -1, 6, 6), as the older exporter writes it
    nodes = [
        ("Shape", ("x",), ("s",)),
        ("Gather", ("s", "zero"), ("n",)),
        ("Gather", ("s", "one"), ("c",)),
        ("Div", ("c", "two"), ("h",)),
        ("Unsqueeze", ("n", "first"), ("n1",)),
        ("Unsqueeze", ("h", "first"), ("h1",)),
        ("Concat", ("n1", "h1", "rest"), ("t",), {"axis": 0}),
        ("Reshape", ("x", "t"), ("y",)),
    ]
    scalars = {
        name: Stored(name, "int64", (), (i,)) for i, name in enumerate(("zero", "one", "two"))
    }
    result = mapped(nodes, {**scalars, "first": [0], "rest": [2, -1]})
    assert layers(result) == [("reshape", {"shape": [4, 2, -1]}, (4, 2, 36))]


def test_a_view_with_strides_is_a_reshape() -> None:
    # as_strided(x, [N, 8, 1, 1], [8, 1, 8, 8]), as torch 2.14 writes a mean of channels last
    nodes = [
        ("Shape", ("x",), ("s",)),
        ("Gather", ("s", "zero"), ("n",)),
        ("Reshape", ("x", "all"), ("flat",)),
        ("Range", ("zero", "n", "one"), ("r",)),
        ("Mul", ("r", "eight"), ("m",)),
        ("Unsqueeze", ("m", "axes"), ("rows",)),
        ("Add", ("rows", "columns"), ("at",)),
        ("Gather", ("flat", "at"), ("y",)),
    ]
    stored = {
        **{n: Stored(n, "int64", (), (v,)) for n, v in (("zero", 0), ("one", 1), ("eight", 8))},
        "all": [-1],
        "axes": [1, 2, 3],
        "columns": Stored("columns", "int64", (8, 1, 1), tuple(range(8))),
    }
    assert layers(mapped(nodes, stored, ("N", 8, 1, 1))) == [
        ("flatten", {}, (8,)), ("reshape", {"shape": [8, 1, 1]}, (8, 1, 1)),
    ]  # fmt: skip
    stored["columns"] = Stored("columns", "int64", (8, 1, 1), (0, 2, 1, 3, 4, 5, 6, 7))
    assert "node `n6` (Add) reads what is no tensor" in refusal(nodes, stored, x=("N", 8, 1, 1))


def test_a_table_at_known_places_is_stored_as_it_comes_out() -> None:
    nodes = [
        ("Gather", ("table", "index"), ("g",)),
        ("Reshape", ("g", "shape"), ("bias",)),
        ("Add", ("x", "bias"), ("y",)),
    ]
    stored = {
        "table": Stored("table", "float32", (3, 2)),
        "index": Stored("index", "int64", (16,)),
        "shape": [1, 4, 4, 2],
    }
    assert kinds(nodes, stored, x=("N", 4, 4, 2)) == [
        ("parameter", {"shape": [16, 2], "trained": 6}),
        ("reshape", {"shape": [1, 4, 4, 2]}),
        ("reshape", {"shape": [4, 4, 2]}),
        ("add", {}),
    ]


def test_a_recurrent_layer() -> None:
    stored = {"w": (2, 16, 8), "r": (2, 16, 4), "b": (2, 32)}
    node = ("LSTM", ("x", "w", "r", "b"), ("y",), {"hidden_size": 4, "direction": "bidirectional"})
    by_layout = [(*node[:3], {**node[3], "layout": 1})]
    assert layers(mapped(by_layout, stored, ("N", 6, 8))) == [
        ("lstm", {"features": 4, "bidirectional": True}, (6, 8)),
        ("reshape", {"shape": [6, 2, 4]}, (6, 2, 4)),
    ]


# Quantized models


def quantized_graph() -> Graph:
    """Conv, Relu, Add between QuantizeLinear and DequantizeLinear."""
    nodes = [
        ("QuantizeLinear", ("x", "scale", "zero"), ("xq",)),
        ("DequantizeLinear", ("xq", "scale", "zero"), ("xd",)),
        ("DequantizeLinear", ("w", "scales", "zeros"), ("wd",), {"axis": 0}),
        ("DequantizeLinear", ("c", "scales", "zeros"), ("cd",), {"axis": 0}),
        ("Conv", ("xd", "wd", "cd"), ("a",), {"pads": [1, 1, 1, 1]}),
        ("Relu", ("a",), ("r",)),
        ("QuantizeLinear", ("r", "scale", "zero"), ("rq",)),
        ("DequantizeLinear", ("rq", "scale", "zero"), ("rd",)),
        ("Sigmoid", ("rd",), ("s",)),
        ("Add", ("rd", "s"), ("y",)),
    ]
    stored = {
        "scale": 0.5,
        "zero": Stored("zero", "uint8", (), (0,)),
        "w": Stored("w", "int8", (8, 8, 3, 3)),
        "c": Stored("c", "int32", (8,), tuple(range(8))),
        "scales": Stored("scales", "float32", (8,), (0.5,) * 8),
        "zeros": Stored("zeros", "int8", (8,), (0,) * 8),
    }
    return graph(nodes, stored, ("N", 8, 6, 6))


def test_quantized_tensors_set_the_precision_of_layers() -> None:
    result = map_graph(quantized_graph(), TABLE)
    assert [(layer.kind, layer.precision) for layer in result.layers] == [
        ("conv2d", "int8"), ("relu", "int8"), ("sigmoid", None), ("add", None),
    ]  # fmt: skip
    assert dict(result.layers[0].fields) == {"channels": 8, "kernel": 3, "bias": True}


def test_quantized_operators_are_the_plain_ones() -> None:
    settings = ("scale", "zero")
    nodes = [
        ("QuantizeLinear", ("x", *settings), ("q",)),
        ("QLinearConv", ("q", *settings, "w", *settings, *settings), ("a",)),
        ("Flatten", ("a",), ("f",)),
        ("QLinearMatMul", ("f", *settings, "m", *settings, *settings), ("b",)),
        ("DequantizeLinear", ("b", *settings), ("y",)),
    ]
    stored = {
        "scale": 0.5,
        "zero": Stored("zero", "uint8", (), (0,)),
        "w": Stored("w", "int8", (4, 8, 1, 1)),
        "m": Stored("m", "int8", (144, 10)),
    }
    result = mapped(nodes, stored)
    assert [(layer.kind, layer.precision) for layer in result.layers] == [
        ("conv2d", "int8"), ("flatten", None), ("linear", "int8"),
    ]  # fmt: skip


# What is refused, and what is opaque


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            ("If", ("x",), ("y",), {"then_branch": Subgraph(9)}),
            "is control flow, and what it costs",
        ),
        (("SequenceConstruct", ("x",), ("y",)), "works on sequences of tensors"),
        (("NonZero", ("x",), ("y",)), "makes a tensor whose size depends on values"),
        (("Softmax", ("x",), ("y",), {"axis": 0}), "works along the batch, so it mixes examples"),
        (
            ("BatchNormalization", ("x", "s", "s", "s", "s"), ("y",), {"training_mode": 1}),
            "normalizes by the examples of a batch, as in training",
        ),
        (("Det", ("x",), ("y",)), "has no rule, and the file does not state the shape"),
    ],
)
def test_refusals_name_the_node(node: Node, message: str) -> None:
    assert f"net.onnx: node `n0` ({node[0]}) {message}" in refusal([node], {"s": (8,)})


def test_operators_of_other_domains_are_not_the_standard_ones() -> None:
    own = graph([("Relu", ("x",), ("y",))], {})
    nodes = tuple(node._replace(domain="my.ops") for node in own.nodes)
    with pytest.raises(ModelFileError, match="has no rule"):
        map_graph(own._replace(nodes=nodes), TABLE)


def test_a_node_that_has_no_rule_after_all_leaves_nothing() -> None:
    # Joined axes are made before it shows that the scale has the wrong size.
    node = ("LayerNormalization", ("x", "s"), ("y",), {"axis": 1})
    own = graph([node], {"s": (5,)}, ("N", 8, 6, 6))
    declared = own.inputs[0]._replace(name="y")
    result = map_graph(own._replace(tensors={"y": declared}), TABLE)
    assert layers(result) == [
        ("opaque", {"operation": "layernormalization", "shape": [8, 6, 6]}, (8, 6, 6))
    ]
    assert [note for note in result.notes if "opaque" in note]


def test_inputs_whose_first_axes_differ_have_no_batch() -> None:
    own = graph([("Add", ("x", "z"), ("y",))], {}, (3, 4, 5))
    z = own.inputs[0]._replace(name="z", shape=(5,))
    with pytest.raises(ModelFileError, match="the first axes of the inputs have sizes 3, 5"):
        map_graph(own._replace(inputs=(*own.inputs, z)), TABLE)
    made = map_graph(own._replace(inputs=(*own.inputs, z)), TABLE, has_batch=False)
    assert layers(made) == [("add", {}, (3, 4, 5))]


def test_positions_of_an_image_that_is_turned() -> None:
    made = kinds([("AffineGrid", ("x", "s"), ("y",))], {"s": [1, 3, 4, 5]}, x=("N", 2, 3))
    assert made == [
        ("constant", {"shape": [20, 3], "values": "zeros"}),
        ("matmul", {"transpose_second": True}),
        ("reshape", {"shape": [4, 5, 2]}),
    ]


def test_a_convolution_that_sees_the_past_alone() -> None:
    node = ("CausalConvWithState", ("x", "w"), ("y", ""), {"activation": "silu"})
    made = kinds([node], {"w": (4, 1, 3)}, x=("N", 4, 10))
    assert [kind for kind, _ in made][-2:] == ["conv1d", "silu"]
    assert made[-2][1] == {"channels": 4, "kernel": 3, "padding": 0, "groups": 4}


def test_as_many_points_as_a_box_is_large_is_no_number() -> None:
    nodes: list[Node] = [
        ("Reshape", ("x", "s"), ("r",)),
        ("RoiAlign", ("x", "r", "i"), ("y",), {"output_height": 7}),
    ]
    message = refusal(nodes, {"s": [-1, 4], "i": [0] * 72})
    assert "has as many points in a bin as a box is large, which depends on values" in message


@pytest.mark.parametrize("type_", ["sequence", "map", "optional"])
def test_an_input_that_is_no_tensor_is_refused_by_its_type(type_: str) -> None:
    made = graph([("SequenceLength", ("x",), ("y",))], {}, (1,))
    made = made._replace(inputs=(Tensor("x", type_, None),))
    with pytest.raises(ModelFileError) as caught:
        map_graph(made, TABLE)
    assert str(caught.value) == (
        f"net.onnx: input `x` has the type {type_}, and layers work on tensors\n"
        "hint: export the model with tensors alone as its inputs"
    )


@pytest.mark.parametrize(
    ("node", "kernel", "message"),
    [
        (("Conv", ("x", "w"), ("y",), {}), (4, 6, 3, 3), "has a kernel for 6 channels, and its "),
        (("Conv", ("x", "w"), ("y",), {"group": 2}), (4, 8, 3, 3),
         "has a kernel for 2 groups of 8 channels, and its input has 8"),
        (("ConvTranspose", ("x", "w"), ("y",), {}), (4, 8, 3, 3), "has a kernel for 4 channels"),
        (("Conv", ("x", "w"), ("y",), {}), (4, 8, 7, 7), "a window 7 high does not fit"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_no_question_of_missing_shapes(
    node: Node, kernel: tuple[int, ...], message: str
) -> None:
    said = refusal([node], {"w": kernel})
    assert message in said
    assert "export the model with shapes" not in said


def test_an_operator_without_a_rule_needs_the_shape_of_its_output() -> None:
    said = refusal([("Sorted", ("x",), ("y",), {})])
    assert "hint: export the model with shapes, or let onnx.shape_inference" in said


def test_many_numbers_of_a_constant_are_not_spelled_out() -> None:
    def constants(count: int) -> list[Any]:
        nodes: list[Node] = [
            ("Range", ("0", "n", "1"), ("r",), {}),
            ("Add", ("x", "r"), ("y",), {}),
        ]
        stored = {"0": Stored("0", "int64", (), (0,)), "1": Stored("1", "int64", (), (1,)),
                  "n": Stored("n", "int64", (), (count,))}  # fmt: skip
        made = mapped(nodes, stored, x=("N", 8, count))
        return [layer.fields for layer in made.layers if layer.kind == "constant"]

    assert constants(4) == [{"shape": [4], "values": [0, 1, 2, 3]}]
    assert constants(2048) == [{"shape": [2048], "values": "zeros"}]


def test_a_matrix_read_as_it_is_and_turned_is_stored_once() -> None:
    nodes: list[Node] = [
        ("MatMul", ("x", "w"), ("a",), {}), ("Relu", ("a",), ("b",), {}),
        ("Transpose", ("w",), ("t",), {"perm": [1, 0]}), ("MatMul", ("b", "t"), ("y",), {}),
    ]  # fmt: skip
    made = mapped(nodes, {"w": (6, 16)}, x=("N", 5, 6))
    assert [layer.kind for layer in made.layers] == [
        "parameter", "matmul", "relu", "transpose", "matmul",
    ]  # fmt: skip
    assert [layer.fields["shape"] for layer in made.layers if layer.kind == "parameter"] == [
        [6, 16]
    ]
    assert made.notes == ()
    # The same with the transpose first, and with a bias.
    nodes = [
        ("Transpose", ("w",), ("t",), {"perm": [1, 0]}), ("MatMul", ("x", "t"), ("a",), {}),
        ("MatMul", ("a", "w"), ("c",), {}), ("Add", ("c", "bias"), ("y",), {}),
    ]  # fmt: skip
    made = mapped(nodes, {"w": (16, 6), "bias": (6,)}, x=("N", 5, 6))
    assert [layer.fields["shape"] for layer in made.layers if layer.kind == "parameter"] == [
        [16, 6], [6],
    ]  # fmt: skip


def test_a_table_whose_transpose_multiplies_is_tied_to_a_linear_layer() -> None:
    nodes: list[Node] = [
        ("Gather", ("e", "x"), ("a",), {"axis": 0}),
        ("Transpose", ("e",), ("t",), {"perm": [1, 0]}), ("MatMul", ("a", "t"), ("y",), {}),
    ]  # fmt: skip
    graph_ = graph(nodes, {"e": (32, 8)}, ("N", 5))
    tokens = graph_.inputs[0]._replace(dtype="int64")
    made = map_graph(graph_._replace(inputs=(tokens,)), TABLE)
    assert [(layer.kind, layer.tied_to) for layer in made.layers] == [
        ("embedding", None), ("linear", 0),
    ]  # fmt: skip
    assert made.notes == ()


def test_queries_that_a_program_expands_over_the_batch_are_multiplied_for_each_example() -> None:
    nodes: list[Node] = [
        ("Shape", ("x",), ("s",), {"start": 0, "end": 1}),
        ("Concat", ("s", "rest"), ("sizes",), {"axis": 0}),
        ("Expand", ("q", "sizes"), ("e",), {}), ("MatMul", ("e", "w"), ("a",), {}),
        ("Transpose", ("x",), ("t",), {"perm": [0, 2, 1]}), ("MatMul", ("a", "t"), ("y",), {}),
    ]  # fmt: skip
    made = mapped(nodes, {"q": (1, 3, 8), "w": (8, 8), "rest": [3, 8]}, x=("N", 5, 8))
    assert [layer.kind for layer in made.layers] == [
        "parameter", "expand_batch", "linear", "transpose", "matmul",
    ]  # fmt: skip
    assert made.notes == ()
    # Without the expansion it is made once, as torch does.
    nodes = [("MatMul", ("q", "w"), ("a",), {}), *nodes[4:]]
    made = mapped(nodes, {"q": (1, 3, 8), "w": (8, 8)}, x=("N", 5, 8))
    assert "expand_batch" not in [layer.kind for layer in made.layers]


@pytest.mark.parametrize(
    ("nodes", "stored", "expected"),
    [
        (
            [("Resize", ("x", "", "", "s"), ("y",))],
            {"s": [1, 3, 5, 20]},
            [("resize", {"size": [5, 20]}, (3, 5, 20))],
        ),
        (
            [
                ("Reshape", ("x", "s"), ("f",)),
                ("Transpose", ("f",), ("t",), {"perm": [2, 0, 1]}),
                ("Reshape", ("t", "m"), ("r",)),
                ("Gemm", ("r", "w"), ("y",)),
            ],
            {"s": [1, 3, 64], "m": [64, 3], "w": (3, 5)},
            [
                ("flatten", {"axes": 2}, (3, 64)),
                ("transpose", {"axes": [1, 0]}, (64, 3)),
                ("linear", {"features": 5, "bias": False}, (64, 5)),
            ],
        ),
    ],
    ids=["a size is stated for the batch, too", "the example is between positions and features"],
)
def test_a_file_of_one_example(nodes: Any, stored: Any, expected: Any) -> None:
    assert layers(map_graph(graph(nodes, stored, (1, 3, 8, 8)), TABLE)) == expected
