"""Programs of torch.export as layers: what ATen's operators become, and what is refused."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Batch, Graph, Node, Reference, Stored, Tensor
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.aten import TABLE
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.written import written
from mnet_cost.models.dump import dump_data

N = Batch()


def r(name: str) -> Reference:
    return Reference(name)


def graph(
    nodes: Sequence[tuple[Any, ...]],
    stored: Mapping[str, Any],
    x: tuple[Any, ...] = (N, 3, 8, 8),
    same_storage: Mapping[str, str] | None = None,
) -> Graph:
    """A program of (operator, arguments, outputs, shapes of outputs) on the input `x`.

    What is stored is a parameter of a shape, or a constant: a list of numbers, or a shape after
    the word `buffer`. Nodes are called by their first output, or by their place.
    """
    tensors = {}
    for name, value in stored.items():
        if isinstance(value, list):
            tensors[name] = Stored(name, "int64", (len(value),), tuple(value), False)
        elif value and value[0] == "buffer":
            tensors[name] = Stored(name, "float32", value[1:], None, False)
        else:
            tensors[name] = Stored(name, "float32", value, None, True)
    made, declared = [], {}
    for i, (operator, arguments, outputs, *shapes) in enumerate(nodes):
        names = outputs.split()
        for output, shape in zip(names, shapes, strict=False):
            declared[output] = Tensor(output, "float32", shape)
        made.append(Node(names[0] if names else f"n{i}", operator, "", (), tuple(names), arguments))
    return Graph(
        "aten",
        "net",
        "net.pt2",
        (Tensor("x", "float32", x),),
        (Tensor(made[-1].outputs[-1], None, None),),
        tuple(made),
        tensors,
        declared,
        {},
        same_storage or {},
    )


def layers(result: LayerGraph) -> list[tuple[Any, ...]]:
    return [
        (
            layer.kind,
            dict(layer.fields),
            layer.types[0].shape,
            *([layer.shares] * (layer.shares is not None)),
        )
        for layer in result.layers
    ]


def refusal(program: Graph) -> str:
    with pytest.raises(ModelFileError) as caught:
        map_graph(program, TABLE)
    return str(caught.value)


CONVOLUTIONAL: list[tuple[Any, ...]] = [
    ("aten.conv2d.default", {"input": r("x"), "weight": r("w"), "bias": None, "stride": [2, 2],
                             "padding": [1, 1]}, "a"),
    ("aten.batch_norm.default", {"input": r("a"), "weight": r("g"), "bias": r("h"),
                                 "running_mean": r("m"), "running_var": r("v"), "training": False,
                                 "momentum": 0.1, "eps": 1e-3, "cudnn_enabled": False}, "b"),
    ("aten.hardtanh_.default", {"self": r("b"), "min_val": 0.0, "max_val": 6.0}, "c"),
    ("aten.conv2d.padding", {"input": r("c"), "weight": r("d"), "padding": "same", "groups": 6},
     "e"),
    ("aten.max_pool2d.default", {"self": r("e"), "kernel_size": [2, 2]}, "f"),
    ("aten.add_.Tensor", {"self": r("f"), "other": r("f"), "alpha": 2}, "i"),
    ("aten.adaptive_avg_pool2d.default", {"self": r("i"), "output_size": 1}, "p"),
    ("aten.flatten.using_ints", {"self": r("p"), "start_dim": 1}, "q"),
    ("aten.dropout.default", {"input": r("q"), "p": 0.2, "train": False}, "o"),
    ("aten.linear.default", {"input": r("o"), "weight": r("k"), "bias": r("l")}, "y"),
]  # fmt: skip
CONVOLUTIONAL_STORED = {
    "w": (6, 3, 3, 3), "g": (6,), "h": (6,), "m": ("buffer", 6), "v": ("buffer", 6),
    "d": (6, 1, 3, 3), "k": (10, 6), "l": (10,),
}  # fmt: skip


def test_a_convolutional_network() -> None:
    assert layers(map_graph(graph(CONVOLUTIONAL, CONVOLUTIONAL_STORED), TABLE)) == [
        ("conv2d", {"channels": 6, "kernel": 3, "stride": 2, "padding": 1}, (6, 4, 4)),
        ("batch_norm", {"epsilon": 0.001}, (6, 4, 4)),
        ("relu6", {}, (6, 4, 4)),
        ("depthwise_conv2d", {"kernel": 3}, (6, 4, 4)),
        ("max_pool2d", {"kernel": 2, "stride": 2, "padding": 0}, (6, 2, 2)),
        ("elementwise", {"operation": "multiply", "number": 2}, (6, 2, 2)),
        ("add", {}, (6, 2, 2)),
        ("global_avg_pool", {"keep": True}, (6, 1, 1)),
        ("flatten", {}, (6,)),
        ("linear", {"features": 10}, (10,)),
    ]


ATTENTION: list[tuple[Any, ...]] = [
    ("aten.sym_size.int", {"self": r("x"), "dim": 0}, "n"),
    ("aten.expand.default", {"self": r("token"), "size": [r("n"), -1, -1]}, "t", (N, 1, 8)),
    ("aten.cat.default", {"tensors": [r("t"), r("x")], "dim": 1}, "a", (N, 5, 8)),
    ("aten.linear.default", {"input": r("a"), "weight": r("w"), "bias": r("b")}, "l", (N, 5, 24)),
    ("aten.reshape.default", {"self": r("l"), "shape": [r("n"), 5, 3, 2, 4]}, "s",
     (N, 5, 3, 2, 4)),
    ("aten.permute.default", {"self": r("s"), "dims": [2, 0, 3, 1, 4]}, "p", (3, N, 2, 5, 4)),
    ("aten.unbind.int", {"self": r("p")}, "q k v", (N, 2, 5, 4), (N, 2, 5, 4), (N, 2, 5, 4)),
    ("aten.scaled_dot_product_attention.default", {"query": r("q"), "key": r("k"),
                                                   "value": r("v")}, "m", (N, 2, 5, 4)),
    ("aten.transpose.int", {"self": r("m"), "dim0": 1, "dim1": 2}, "c", (N, 5, 2, 4)),
    ("aten.reshape.default", {"self": r("c"), "shape": [r("n"), -1, 8]}, "d", (N, 5, 8)),
    ("aten.slice.Tensor", {"self": r("d"), "dim": 0, "start": 0, "end": 2**63 - 1}, "e",
     (N, 5, 8)),
    ("aten.select.int", {"self": r("e"), "dim": 1, "index": 0}, "y", (N, 8)),
]  # fmt: skip


def test_attention_of_a_transformer() -> None:
    stored = {"token": (1, 1, 8), "w": (24, 8), "b": (24,), "unused": (7,)}
    result = map_graph(graph(ATTENTION, stored, (N, 4, 8)), TABLE)
    assert layers(result) == [
        ("parameter", {"shape": [1, 8]}, (1, 8)),
        ("concat", {"axis": -2}, (5, 8)),
        ("linear", {"features": 24}, (5, 24)),
        ("reshape", {"shape": [5, 3, 2, 4]}, (5, 3, 2, 4)),
        ("transpose", {"axes": [1, 2, 0, 3]}, (3, 2, 5, 4)),
        ("take", {"index": 0, "axis": -4}, (2, 5, 4)),
        ("take", {"index": 1, "axis": -4}, (2, 5, 4)),
        ("take", {"index": 2, "axis": -4}, (2, 5, 4)),
        ("scaled_dot_product_attention", {}, (2, 5, 4)),
        ("transpose", {"axes": [1, 0, 2]}, (5, 2, 4)),
        ("flatten", {"axes": 2}, (5, 8)),
        ("take", {"index": 0, "axis": -2}, (8,)),
    ]
    assert result.notes == ("7 params of the model are read by no layer",)
    assert [layer.origin.nodes for layer in result.layers[5:8]] == [("q",)] * 3
    assert [layer.origin.tensors for layer in result.layers[5:8]] == [("q",), ("k",), ("v",)]


def test_a_table_of_relative_positions_and_a_mask_of_windows() -> None:
    # Windows are joined with the batch: 4 of them, with 2 heads each.
    nodes = [
        ("aten.index.Tensor", {"self": r("table"), "indices": [r("places")]}, "i", (9, 2)),
        ("aten.view.default", {"self": r("i"), "size": [3, 3, -1]}, "j", (3, 3, 2)),
        ("aten.permute.default", {"self": r("j"), "dims": [2, 0, 1]}, "k", (2, 3, 3)),
        ("aten.unsqueeze.default", {"self": r("k"), "dim": 0}, "u", (1, 2, 3, 3)),
        ("aten.view.default", {"self": r("x"), "size": [-1, 2, 3, 5]}, "h", (Batch(4), 2, 3, 5)),
        ("aten.scaled_dot_product_attention.default",
         {"query": r("h"), "key": r("h"), "value": r("h"), "attn_mask": r("u")}, "y",
         (Batch(4), 2, 3, 5)),
    ]  # fmt: skip
    stored = {"table": (25, 2), "places": ("buffer", 9)}
    assert layers(map_graph(graph(nodes, stored, (N, 4, 2, 15)), TABLE)) == [
        ("parameter", {"shape": [9, 2], "trained": 50}, (9, 2)),
        ("reshape", {"shape": [3, 3, -1]}, (3, 3, 2)),
        ("transpose", {"axes": [2, 0, 1]}, (2, 3, 3)),
        ("reshape", {"shape": [1, 2, 3, 3]}, (1, 2, 3, 3)),
        ("reshape", {"shape": [-1, 2, 3, 5]}, (4, 2, 3, 5)),
        ("reshape", {"shape": [1, 2, 1, 3, 3]}, (1, 2, 1, 3, 3)),
        ("scaled_dot_product_attention", {}, (4, 2, 3, 5)),
    ]


def test_a_bias_that_is_calculated_is_added() -> None:
    nodes = [
        ("aten.cat.default", {"tensors": [r("q"), r("zero"), r("v")]}, "b", (6,)),
        ("aten.linear.default", {"input": r("x"), "weight": r("w"), "bias": r("b")}, "y", (N, 6)),
    ]
    stored = {"q": (2,), "zero": ("buffer", 2), "v": (2,), "w": (6, 4)}
    assert layers(map_graph(graph(nodes, stored, (N, 4)), TABLE)) == [
        ("parameter", {"shape": [2]}, (2,)),
        ("constant", {"shape": [2], "values": "zeros"}, (2,)),
        ("parameter", {"shape": [2]}, (2,)),
        ("concat", {}, (6,)),
        ("linear", {"features": 6, "bias": False}, (6,)),
        ("add", {}, (6,)),
    ]


def standardized(kernel: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """A kernel that batch norm gives mean 0 and variance 1 in each channel."""
    outputs = kernel[0]
    return [
        ("aten.reshape.default", {"self": r("w"), "shape": [1, outputs, -1]}, "f"),
        ("aten.batch_norm.default", {"input": r("f"), "weight": None, "bias": None,
                                     "running_mean": None, "running_var": None, "training": True,
                                     "momentum": 0.0, "eps": 1e-6}, "s"),
        ("aten.reshape_as.default", {"self": r("s"), "other": r("w")}, "k"),
        ("aten.conv2d.default", {"input": r("x"), "weight": r("k"), "bias": r("b")}, "y"),
    ]  # fmt: skip


def test_a_standardized_kernel_is_a_kernel() -> None:
    stored = {"w": (6, 3, 3, 3), "b": (6,)}
    assert layers(map_graph(graph(standardized((6, 3, 3, 3)), stored), TABLE)) == [
        ("conv2d", {"channels": 6, "kernel": 3, "padding": 0, "bias": True}, (6, 6, 6)),
    ]


def test_a_kernel_that_is_no_parameter() -> None:
    nodes = [
        ("aten.expand.default", {"self": r("blur"), "size": [3, -1, -1, -1]}, "k"),
        ("aten.conv2d.default", {"input": r("x"), "weight": r("k"), "groups": 3}, "y"),
    ]
    result = map_graph(graph(nodes, {"blur": ("buffer", 1, 1, 3, 3)}), TABLE)
    assert layers(result) == [
        ("depthwise_conv2d", {"kernel": 3, "padding": 0, "trained": False}, (3, 6, 6)),
    ]


def test_a_kernel_for_each_example() -> None:
    nodes = [
        ("aten.sym_size.int", {"self": r("x"), "dim": 0}, "n"),
        ("aten.mean.dim", {"self": r("x"), "dim": [2, 3]}, "p"),
        ("aten.linear.default", {"input": r("p"), "weight": r("route"), "bias": None}, "q"),
        ("aten.matmul.default", {"self": r("q"), "other": r("kernels")}, "w"),
        ("_operator.mul", {"a": r("n"), "b": 6}, "n6"),
        ("aten.view.default", {"self": r("w"), "size": [r("n6"), 3, 3, 3]}, "k"),
        ("_operator.mul", {"a": 3, "b": r("n")}, "n3"),
        ("aten.reshape.default", {"self": r("x"), "shape": [1, r("n3"), 8, 8]}, "i"),
        ("aten.conv2d.default", {"input": r("i"), "weight": r("k"), "padding": [1, 1],
                                 "groups": r("n")}, "o"),
        ("aten.permute.default", {"self": r("o"), "dims": [1, 0, 2, 3]}, "t"),
        ("aten.view.default", {"self": r("t"), "size": [r("n"), 6, 8, 8]}, "y", (N, 6, 8, 8)),
    ]  # fmt: skip
    stored = {"route": (4, 3), "kernels": (4, 162)}
    assert layers(map_graph(graph(nodes, stored), TABLE)) == [
        ("global_avg_pool", {}, (3,)),
        ("linear", {"features": 4, "bias": False}, (4,)),
        ("linear", {"features": 162, "bias": False}, (162,)),
        ("reshape", {"shape": [6, 3, 3, 3]}, (6, 3, 3, 3)),
        ("reshape", {"shape": [1, 3, 8, 8]}, (1, 3, 8, 8)),
        ("reshape", {"shape": [3, 8, 8]}, (3, 8, 8)),
        ("dynamic_conv2d", {}, (6, 8, 8)),
        ("reshape", {"shape": [1, 6, 8, 8]}, (1, 6, 8, 8)),
        ("reshape", {"shape": [6, 1, 8, 8]}, (6, 1, 8, 8)),
        ("reshape", {"shape": [6, 8, 8]}, (6, 8, 8)),
    ]


def test_a_tensor_that_is_stored_under_two_names() -> None:
    nodes = [
        ("aten.linear.default", {"input": r("x"), "weight": r("w"), "bias": r("b")}, "a"),
        ("aten.linear.default", {"input": r("a"), "weight": r("w"), "bias": r("b")}, "y"),
    ]
    stored = {"w": (4, 4), "b": (4,), "tied.w": (4, 4), "tied.b": (4,)}
    result = map_graph(graph(nodes, stored, (N, 4), {"tied.w": "w", "tied.b": "b"}), TABLE)
    assert layers(result) == [
        ("linear", {"features": 4}, (4,)),
        ("linear", {"features": 4}, (4,), 0),
    ]
    assert not result.notes


def test_elements_at_stored_positions() -> None:
    nodes = [
        ("aten.exp.default", {"self": r("table")}, "e", (25, 2)),
        ("aten.index.Tensor", {"self": r("e"), "indices": [r("places")]}, "i", (3, 3, 2)),
        ("aten.add.Tensor", {"self": r("x"), "other": r("i")}, "y", (N, 3, 3, 2)),
    ]
    stored = {"table": (25, 2), "places": ("buffer", 3, 3)}
    result = map_graph(graph(nodes, stored, (N, 3, 3, 2)), TABLE)
    assert layers(result)[2:4] == [
        ("reshape", {"shape": [1, 25, 2]}, (1, 25, 2)),
        ("resize", {"size": [9, 2]}, (1, 9, 2)),
    ]
    assert len(result.notes) == 1


def test_windows_that_slide_and_positions_in_a_list() -> None:
    nodes = [
        ("aten.unfold.default", {"self": r("x"), "dimension": 2, "size": 4, "step": 2}, "w",
         (N, 3, 3, 8, 4)),
        ("aten.index.Tensor", {"self": r("w"), "indices": [None, r("list")]}, "y",
         (N, 2, 3, 8, 4)),
    ]  # fmt: skip
    result = map_graph(graph(nodes, {"list": [2, 0]}), TABLE)
    assert [(kind, shape) for kind, _, shape in layers(result)] == [
        *[("slice", (3, 4, 8)), ("reshape", (3, 1, 4, 8))] * 0,
        ("slice", (3, 4, 8)), ("slice", (3, 4, 8)), ("slice", (3, 4, 8)),
        ("reshape", (3, 1, 4, 8)), ("reshape", (3, 1, 4, 8)), ("reshape", (3, 1, 4, 8)),
        ("concat", (3, 3, 4, 8)), ("transpose", (3, 3, 8, 4)),
        ("slice", (1, 3, 8, 4)), ("slice", (1, 3, 8, 4)), ("concat", (2, 3, 8, 4)),
    ]  # fmt: skip


def test_what_is_refused() -> None:
    stored = {**CONVOLUTIONAL_STORED, "t": (3, 8)}
    cond = ("higher_order.cond", {"0": r("x"), "1": "true_graph_0", "2": "false_graph_0"}, "y")
    assert refusal(graph([cond], {})) == (
        "net.pt2: node `y` (higher_order.cond) is control flow, and what it costs depends on values"
    )
    training = [
        CONVOLUTIONAL[0],
        (CONVOLUTIONAL[1][0], {**CONVOLUTIONAL[1][1], "training": True}, "b"),
    ]
    assert refusal(graph(training, stored)) == (
        "net.pt2: node `b` (aten.batch_norm.default) has statistics of the examples, so it mixes "
        "them\nhint: export the model in evaluation mode: `module.eval()`"
    )
    attention = "aten.scaled_dot_product_attention.default"
    mixed = [(attention, {"query": r("x"), "key": r("x"), "value": r("x")}, "y")]
    assert "works along the batch, so it mixes examples" in refusal(graph(mixed, {}, (N, 49)))
    flipped = [("aten.roll.default", {"self": r("x"), "shifts": [1], "dims": [0]}, "y")]
    assert "works along the batch" in refusal(graph(flipped, {}))
    wrong = [("aten.relu.default", {"self": r("x")}, "y", (N, 4))]
    assert refusal(graph(wrong, {})) == (
        "net.pt2: node `y` (aten.relu.default) makes `y` of shape [batch, 3, 8, 8], and the file "
        "says [batch, 4]"
    )


def test_an_operator_without_a_rule_is_opaque() -> None:
    nodes = [
        ("aten.logcumsumexp.default", {"self": r("x"), "dim": 1}, "a", (N, 3, 8, 8)),
        ("aten.logcumsumexp.default", {"self": r("c"), "dim": 0}, "b", (8,)),
        ("aten.add.Tensor", {"self": r("a"), "other": r("b")}, "y", (N, 3, 8, 8)),
    ]
    result = map_graph(graph(nodes, {"c": ("buffer", 8)}), TABLE)
    assert layers(result) == [
        ("opaque", {"operation": "aten_logcumsumexp_default", "shape": [3, 8, 8]}, (3, 8, 8)),
        ("constant", {"shape": [8], "values": "zeros"}, (8,)),
        ("add", {}, (3, 8, 8)),
    ]
    assert result.notes == ("aten.logcumsumexp.default has no rule: it is `opaque`",)


def test_an_operator_without_a_rule_on_what_is_trained_reads_a_parameter() -> None:
    nodes = [
        ("aten.view_as_complex.default", {"self": r("w")}, "c", (3, 8, 8)),
        ("aten.mul.Tensor", {"self": r("x"), "other": r("c")}, "y", (N, 3, 8, 8)),
    ]
    result = map_graph(graph(nodes, {"w": (3, 8, 8, 2)}), TABLE)
    assert [(layer.kind, layer.types[0].shape) for layer in result.layers] == [
        ("parameter", (3, 8, 8, 2)),
        ("opaque", (3, 8, 8)),
        ("multiply", (3, 8, 8)),
    ]
    assert "opaque: {operation: aten_view_as_complex_default" in dump_data(written(result).data)


def test_a_bias_that_another_layer_has_is_said_to_be_counted_twice() -> None:
    nodes = [
        ("aten.mul.Tensor", {"self": r("x"), "other": r("w")}, "m"),
        ("aten.add.Tensor", {"self": r("m"), "other": r("b")}, "a"),
        ("aten.linear.default", {"input": r("a"), "weight": r("w"), "bias": r("b")}, "y"),
    ]
    result = map_graph(graph(nodes, {"w": (8, 8), "b": (8,)}), TABLE)
    assert [layer.kind for layer in result.layers][-1] == "linear"
    assert result.layers[-1].tied_to == 0
    assert result.notes == ("b is stored once, and counted for each reader",)


def test_mutated_arguments_give_layers_or_an_error() -> None:
    chance = random.Random(15)
    values: list[Any] = [None, 0, -1, 10**30, 1.5, "", "s", True, [], [1, 2, 3, 4, 5], Batch(3)]
    values += [r("x"), r("no")]
    programs: list[tuple[Any, ...]] = [
        (CONVOLUTIONAL, CONVOLUTIONAL_STORED, (N, 3, 8, 8)),
        (ATTENTION, {"token": (1, 1, 8), "w": (24, 8), "b": (24,)}, (N, 4, 8)),
    ]
    errors = 0
    for _ in range(1500):
        nodes, stored, x = chance.choice(programs)
        mutated = list(nodes)
        place = chance.randrange(len(nodes))
        operator, arguments, *rest = nodes[place]
        changed = dict(arguments)
        changed[chance.choice(list(arguments))] = chance.choice(values)
        mutated[place] = (operator, changed, *rest)
        try:
            map_graph(graph(mutated, stored, x), TABLE)
        except ModelFileError as problem:
            errors += "net.pt2: " in str(problem)
    assert errors > 300


def test_conditions_are_operations_of_their_own() -> None:
    nodes = [
        ("aten.rsub.Scalar", {"self": r("x"), "other": 2.0}, "a"),
        ("aten.lt.Tensor", {"self": r("a"), "other": r("x")}, "b"),
        ("aten.isnan.default", {"self": r("a")}, "c"),
        ("aten.bitwise_and.Tensor", {"self": r("b"), "other": r("c")}, "d"),
        ("aten.bitwise_not.default", {"self": r("d")}, "e"),
        ("aten.logical_xor.default", {"self": r("e"), "other": r("b")}, "f"),
        ("aten.where.self", {"condition": r("f"), "self": r("a"), "other": r("x")}, "g"),
        ("aten.remainder.Scalar", {"self": r("g"), "other": 3}, "h"),
        ("aten.log1p.default", {"self": r("h")}, "i"),
    ]
    made = map_graph(graph(nodes, {}), TABLE)
    assert [layer.fields["operation"] for layer in made.layers] == [
        "subtract", "less", "is_nan", "logical_and", "logical_not", "logical_xor", "select",
        "modulo", "log1p",
    ]  # fmt: skip


def test_bits_of_whole_numbers_are_no_conditions() -> None:
    nodes = [
        ("aten.bitwise_and.Tensor", {"self": r("t"), "other": r("t")}, "a", (8,)),
        ("aten.bitwise_or.Tensor", {"self": r("a"), "other": r("x")}, "b"),
        ("aten.bitwise_not.default", {"self": r("t")}, "c"),
        ("aten.bitwise_xor.Tensor", {"self": r("b"), "other": r("c")}, "d"),
    ]
    made = map_graph(graph(nodes, {"t": [*range(99, 107)]}), TABLE)
    assert [layer.fields["operation"] for layer in made.layers if "operation" in layer.fields] == [
        "bitwise_or", "bitwise_not", "bitwise_xor",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scales", "fields"),
    [([2.0, 2.0], {"scale": 2}), ([2.2, 2.2], {"size": 16}), (None, {"size": 16})],
)
def test_an_image_is_resized_by_a_factor_where_the_program_has_one(
    scales: list[float] | None, fields: dict[str, int]
) -> None:
    arguments = {"input": r("x"), "output_size": None, "scale_factors": scales}
    node = ("aten.upsample_nearest2d.vec", arguments, "y", (N, 3, 16, 16))
    assert layers(map_graph(graph([node], {}), TABLE)) == [("resize", fields, (3, 16, 16))]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"min": -math.inf, "max": 3.0}, [("clamp", {"high": 3.0})]),
        ({"min": 0, "max": math.inf}, [("relu", {})]),
    ],
)
def test_a_bound_that_is_infinite_bounds_nothing(arguments: Any, expected: Any) -> None:
    nodes = [("aten.clamp.default", {"self": r("x"), **arguments}, "y")]
    made = [(kind, fields) for kind, fields, _ in layers(map_graph(graph(nodes, {}), TABLE))]
    assert made == [
        (kind, fields) if kind == "relu" else ("elementwise", {"operation": kind, **fields})
        for kind, fields in expected
    ]


def test_infinite_numbers_are_the_largest_of_float32() -> None:
    # Scores of what may not be seen are filled with minus infinity: YAML specs have no such number.
    nodes = [
        ("aten.masked_fill.Scalar", {"self": r("x"), "mask": r("m"), "value": -math.inf}, "f"),
        ("aten.add.Tensor", {"self": r("f"), "other": math.inf}, "y"),
    ]
    result = map_graph(graph(nodes, {"m": ("buffer", 8, 8)}), TABLE)
    largest = 3.4028234663852886e38
    assert layers(result)[1:] == [
        ("constant", {"shape": [1], "values": [-largest]}, (1,)),
        ("elementwise", {"operation": "select"}, (3, 8, 8)),
        ("elementwise", {"operation": "add", "number": largest}, (3, 8, 8)),
    ]


def test_no_number_is_opaque() -> None:
    nodes = [("aten.add.Tensor", {"self": r("x"), "other": math.nan}, "y", (N, 3, 8, 8))]
    (layer,) = layers(map_graph(graph(nodes, {}), TABLE))
    assert layer == ("opaque", {"operation": "aten_add_tensor", "shape": [3, 8, 8]}, (3, 8, 8))


@pytest.mark.parametrize(
    ("x", "order", "expected"),
    [
        ((N, 6), [0, 1], [("reshape", (1, 6)), ("matmul", (1, 4)), ("flatten", (4,))]),
        ((N, 5, 6), [1, 0, 2], [("matmul", (5, 4))]),
        ((N, 7, 5, 6), [1, 2, 0, 3], [("reshape", (1, 4, 6)), ("matmul", (7, 5, 4))]),
    ],
)
def test_a_part_of_a_matrix_for_rows_that_are_examples(x: Any, order: Any, expected: Any) -> None:
    # As in attention to a context, whose projections are parts of one parameter.
    nodes = [
        ("aten.permute.default", {"self": r("x"), "dims": order}, "t"),
        ("aten.split.Tensor", {"self": r("w"), "split_size": 4}, "a b"),
        ("aten.linear.default", {"input": r("t"), "weight": r("a")}, "y"),
    ]
    result = map_graph(graph(nodes, {"w": (8, 6)}, x), TABLE)
    made = [(kind, shape) for kind, _, shape, *_ in layers(result)]
    assert made == [("parameter", (8, 6)), ("split", (4, 6)), *expected]
