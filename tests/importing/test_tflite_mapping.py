"""TFLite operators as layers: channels in front, activations of their own, and what is refused."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tflite_files import Op, T, tflite_file

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping import builder
from mnet_cost.importing.mapping.tflite import map_tflite
from mnet_cost.importing.readers.tflite import graph_of

ONE = {"stride_w": 1, "stride_h": 1}
Layers = list[tuple[str, dict[str, Any], tuple[int, ...]]]


def mapped(
    tensors: Sequence[T], operators: Sequence[Op], shapes: Mapping[str, Sequence[int]] | None = None
) -> LayerGraph:
    data = tflite_file(tensors, operators)
    return map_tflite(graph_of(memoryview(data), "net.tflite"), shapes)


def layers(result: LayerGraph) -> Layers:
    return [(layer.kind, dict(layer.fields), layer.types[0].shape) for layer in result.layers]


def image_layers(tensors: Sequence[T], operators: Sequence[Op], last: Sequence[int]) -> Layers:
    """The layers behind a first 1x1 convolution, which says that [1, 6, 8, 4] is an image."""
    before = [T("x", [1, 6, 8, 4]), T("k", [4, 1, 1, 4], data=True), T("i", [1, 6, 8, 4])]
    conv = Op("CONV_2D", ("x", "k"), ("i",), ONE)
    return layers(mapped([*before, *tensors, T("y", last)], [conv, *operators]))[1:]


def problem(tensors: Sequence[T], operators: Sequence[Op]) -> str:
    with pytest.raises(ModelFileError) as caught:
        mapped(tensors, operators)
    return str(caught.value)


# Windows


def test_a_small_classifier() -> None:
    tensors = [
        T("x", [1, 8, 8, 3], signature=[-1, 8, 8, 3]),
        T("w", [16, 3, 3, 3], data=True),
        T("b", [16], data=[1] * 16),
        T("a", [1, 4, 4, 16], signature=[-1, 4, 4, 16]),
        T("d", [1, 3, 3, 32], data=True),
        T("c", [1, 2, 2, 32], signature=[-1, 2, 2, 32]),
        T("axes", [2], "int32", data=[1, 2]),
        T("m", [1, 32], signature=[-1, 32]),
        T("f", [10, 32], data=True),
        T("l", [1, 10], signature=[-1, 10]),
        T("y", [1, 10], signature=[-1, 10]),
    ]
    same = {"padding": "SAME", "stride_w": 2, "stride_h": 2, "fused_activation_function": "RELU6"}
    valid = ONE | {"padding": "VALID", "depth_multiplier": 2}
    result = mapped(
        tensors,
        [
            Op("CONV_2D", ("x", "w", "b"), ("a",), same),
            Op("DEPTHWISE_CONV_2D", ("a", "d"), ("c",), valid),
            Op("MEAN", ("c", "axes"), ("m",)),
            Op("FULLY_CONNECTED", ("m", "f", ""), ("l",)),
            Op("SOFTMAX", ("l",), ("y",), {"beta": 1.0}),
        ],
    )
    assert layers(result) == [
        ("conv2d", {"channels": 16, "kernel": 3, "stride": 2, "bias": True}, (16, 4, 4)),
        ("relu6", {}, (16, 4, 4)),
        ("depthwise_conv2d", {"kernel": 3, "padding": 0, "multiplier": 2}, (32, 2, 2)),
        ("global_avg_pool", {}, (32,)),
        ("linear", {"features": 10, "bias": False}, (10,)),
        ("softmax", {"axis": -1}, (10,)),
    ]
    assert result.inputs[0].type.shape == (3, 8, 8)
    assert [layer.origin.nodes for layer in result.layers[:3]] == [
        ("CONV_2D:0",), ("CONV_2D:0",), ("DEPTHWISE_CONV_2D:1",),
    ]  # fmt: skip
    assert [layer.origin.tensors for layer in result.layers[:2]] == [(), ("a",)]
    assert result.notes == ()


def test_groups_follow_from_the_channels_of_the_kernel() -> None:
    tensors = [T("x", [1, 6, 8, 4]), T("w", [8, 3, 3, 2], data=True), T("y", [1, 6, 8, 8])]
    dilated = ONE | {"dilation_w_factor": 2, "dilation_h_factor": 2}
    conv = Op("CONV_2D", ("x", "w"), ("y",), dilated)
    fields = {"channels": 8, "kernel": 3, "dilation": 2, "groups": 2}
    assert layers(mapped(tensors, [conv])) == [("conv2d", fields, (8, 6, 8))]


@pytest.mark.parametrize(
    ("padding", "size", "fields"),
    [
        ("SAME", (12, 16), {}),
        ("SAME", (11, 15), {"padding": 1}),
        ("VALID", (13, 17), {"padding": 0}),
        ("VALID", (14, 18), {"padding": 0, "output_padding": 1}),
    ],
)
def test_a_transposed_convolution_has_the_size_that_the_file_says(
    padding: str, size: tuple[int, int], fields: dict[str, Any]
) -> None:
    tensors = [
        T("s", [4], "int32", data=[1, *size, 5]),
        T("w", [5, 3, 3, 4], data=True),
        T("x", [1, 6, 8, 4]),
        T("y", [1, *size, 5]),
    ]
    options = {"padding": padding, "stride_w": 2, "stride_h": 2}
    result = mapped(tensors, [Op("TRANSPOSE_CONV", ("s", "w", "x"), ("y",), options)])
    expected = {"channels": 5, "kernel": 3, "stride": 2, **fields}
    assert layers(result) == [("conv_transpose2d", expected, (5, *size))]


def test_pools() -> None:
    pool = {"padding": "VALID", "filter_width": 2, "filter_height": 3, "stride_w": 2, "stride_h": 3}
    fields = {"kernel": [3, 2], "stride": [3, 2], "padding": 0}
    for operator, kind in (("MAX_POOL_2D", "max_pool2d"), ("AVERAGE_POOL_2D", "avg_pool2d")):
        tensors = [T("x", [1, 6, 8, 4]), T("y", [1, 2, 4, 4])]
        result = layers(mapped(tensors, [Op(operator, ("x",), ("y",), pool)]))
        assert result == [(kind, fields, (4, 2, 4))]


# Axes


@pytest.mark.parametrize(
    ("operator", "options", "axis", "last", "expected"),
    [
        ("SOFTMAX", {"beta": 1.0}, None, (6, 8, 4), [("softmax", {"axis": "channels"})]),
        ("MEAN", {}, 1, (8, 4), [("reduce", {"operation": "mean", "axes": [-2]}),
                                 ("transpose", {"axes": [1, 0]})]),
        ("SUM", {}, 3, (6, 8), [("reduce", {"operation": "sum", "axes": [-3]})]),
        ("REDUCE_MAX", {"keep_dims": True}, -1, (6, 8, 1),
         [("reduce", {"operation": "max", "axes": [-3], "keep": True})]),
        ("GATHER", {"axis": 3}, 2, (6, 8), [("take", {"index": 2, "axis": "channels"})]),
    ],
)  # fmt: skip
def test_axes_of_an_image_are_those_of_the_file_in_another_order(
    operator: str, options: dict[str, Any], axis: int | None, last: Sequence[int], expected: Any
) -> None:
    tensors = [] if axis is None else [T("n", [] if operator == "GATHER" else [1], "int32", [axis])]
    inputs = ("i",) if axis is None else ("i", "n")
    result = image_layers(tensors, [Op(operator, inputs, ("y",), options)], [1, *last])
    assert [(kind, fields) for kind, fields, _ in result] == expected


@pytest.mark.parametrize(
    ("operator", "options", "numbers", "last", "expected"),
    [
        ("ARG_MAX", {}, [3], (6, 8), ("reduce", {"operation": "max", "axes": [-3]})),
        ("CUMSUM", {"exclusive": True}, [1], (6, 8, 4),
         ("cumulative", {"operation": "sum", "axis": "height", "exclusive": True})),
        ("REVERSE_V2", {}, [2, 3], (6, 8, 4), ("flip", {"axes": [-3, -1]})),
    ],
)  # fmt: skip
def test_along_an_axis_of_an_image(
    operator: str, options: dict[str, Any], numbers: list[int], last: Sequence[int], expected: Any
) -> None:
    index = T("n", [len(numbers)], "int32", numbers)
    made = image_layers([index], [Op(operator, ("i", "n"), ("y",), options)], [1, *last])
    assert [(kind, fields) for kind, fields, _ in made] == [expected]


def test_positions_and_the_largest() -> None:
    tensors = [
        T("x", [1, 7, 3], signature=[-1, 7, 3]), T("n", [1], "int32", [2]),
        T("m", [1, 7], signature=[-1, 7]), T("k", [], "int32", [2]),
        T("v", [1, 2], signature=[-1, 2]), T("p", [1, 2], "int32", signature=[-1, 2]),
        T("y", [1, 2, 3], signature=[-1, 2, 3]),
    ]  # fmt: skip
    operators = [
        Op("REDUCE_MAX", ("x", "n"), ("m",)),
        Op("TOPK_V2", ("m", "k"), ("v", "p")),
        Op("GATHER", ("x", "p"), ("y",), {"axis": 1, "batch_dims": 1}),
    ]
    assert layers(mapped(tensors, operators)) == [
        ("reduce", {"operation": "max", "axes": [-1]}, (7,)),
        ("top_k", {"count": 2, "axis": -1}, (2,)),
        ("gather", {"axis": -2, "of": "slices"}, (2, 3)),
    ]


def test_parts_of_an_image() -> None:
    tensors = [
        T("n", [], "int32", [3]),
        T("a", [1, 6, 8, 2]),
        T("c", [1, 6, 8, 2]),
        T("p", [4, 2], "int32", [0, 0, 1, 2, 0, 3, 0, 0]),
        T("s", [1, 9, 11, 4]),
    ]
    operators = [
        Op("SPLIT", ("n", "i"), ("a", "c"), {"num_splits": 2}),
        Op("CONCATENATION", ("c", "a"), ("t",), {"axis": -1}),
        Op("PAD", ("t", "p"), ("s",)),
        Op("STRIDED_SLICE", ("s", "f", "e", "o"), ("y",), {"end_mask": 8, "begin_mask": 9}),
    ]
    tensors += [
        T("t", [1, 6, 8, 4]),
        T("f", [4], "int32", [0, 1, 2, 0]),
        T("e", [4], "int32", [1, 9, 10, 0]),
        T("o", [4], "int32", [1, 1, 2, 1]),
    ]
    assert image_layers(tensors, operators, [1, 8, 4, 4]) == [
        ("split", {"parts": 2}, (2, 6, 8)),
        ("concat", {}, (4, 6, 8)),
        ("pad", {"padding": [1, 2, 0, 3]}, (4, 9, 11)),
        ("slice", {"start": 1, "axis": "height"}, (4, 8, 11)),
        ("slice", {"start": 2, "stop": 10, "step": 2, "axis": "width"}, (4, 8, 4)),
    ]


def test_what_is_stored_meets_the_axes_of_an_image() -> None:
    tensors = [T("c", [4], data=True), T("r", [6, 1, 1], data=True), T("t", [1, 6, 8, 4])]
    operators = [
        Op("MUL", ("i", "c"), ("t",)),
        Op("ADD", ("t", "r"), ("y",), {"fused_activation_function": "RELU"}),
    ]
    assert image_layers(tensors, operators, [1, 6, 8, 4]) == [
        ("parameter", {"shape": [4, 1, 1]}, (4, 1, 1)),
        ("multiply", {}, (4, 6, 8)),
        ("parameter", {"shape": [1, 6, 1]}, (1, 6, 1)),
        ("add", {}, (4, 6, 8)),
        ("relu", {}, (4, 6, 8)),
    ]


# Other shapes


def reshaped(last: Sequence[int]) -> Layers:
    tensors = [T("s", [len(last)], "int32", list(last))]
    return image_layers(tensors, [Op("RESHAPE", ("i", "s"), ("y",))], last)


def test_an_image_becomes_a_row_or_a_sequence_without_a_transpose() -> None:
    assert reshaped([1, 192]) == [("flatten", {}, (192,))]
    assert reshaped([1, 48, 4]) == [("to_sequence", {}, (48, 4))]


def test_another_order_of_axes_needs_a_transpose() -> None:
    assert reshaped([1, 2, 3, 8, 4]) == [
        ("transpose", {"axes": [1, 2, 0]}, (6, 8, 4)),
        ("reshape", {"shape": [2, 3, 8, 4]}, (2, 3, 8, 4)),
    ]


@pytest.mark.parametrize(
    ("before", "layer"),
    [
        ([1, 192], ("reshape", {"shape": [4, 6, 8]}, (4, 6, 8))),
        ([1, 48, 4], ("to_image", {"height": 6, "width": 8}, (4, 6, 8))),
    ],
)
def test_rows_and_sequences_become_images(before: list[int], layer: Any) -> None:
    tensors = [
        T("x", before), T("s", [4], "int32", [1, 6, 8, 4]), T("i", [1, 6, 8, 4]),
        T("k", [5, 1, 1, 4], data=True), T("y", [1, 6, 8, 5]),
    ]  # fmt: skip
    operators = [
        Op("RESHAPE", ("x", "s"), ("i",)),
        Op("CONV_2D", ("i", "k"), ("y",), ONE),
    ]
    assert layers(mapped(tensors, operators)) == [
        layer,
        ("conv2d", {"channels": 5, "kernel": 1}, (5, 6, 8)),
    ]


def test_a_matrix_product_of_an_image_is_in_the_order_of_the_file() -> None:
    operators = [
        Op("RESHAPE", ("i", "s"), ("v",)),
        Op("BATCH_MATMUL", ("i", "v"), ("y",)),
    ]
    tensors = [T("s", [4], "int32", [1, 6, 4, 8]), T("v", [1, 6, 4, 8])]
    assert image_layers(tensors, operators, [1, 6, 8, 8]) == [
        ("transpose", {"axes": [1, 2, 0]}, (6, 8, 4)),
        ("reshape", {"shape": [6, 4, 8]}, (6, 4, 8)),
        ("transpose", {"axes": [1, 2, 0]}, (6, 8, 4)),
        ("matmul", {}, (6, 8, 8)),
    ]


def test_a_reshape_to_the_same_sizes_leaves_an_image_or_not() -> None:
    tensors = [
        T("s", [4], "int32", [1, 6, 8, 4]), T("r", [1, 6, 8, 4]), T("v", [1, 6, 4, 8], data=True)
    ]  # fmt: skip
    same = Op("RESHAPE", ("i", "s"), ("r",))
    product = Op("BATCH_MATMUL", ("r", "v"), ("y",))
    kinds = [layer[0] for layer in image_layers(tensors, [same, product], [1, 6, 8, 8])]
    assert kinds == ["transpose", "parameter", "matmul"]
    conv = Op("CONV_2D", ("r", "k"), ("y",), ONE)
    kinds = [layer[0] for layer in image_layers(tensors[:2], [same, conv], [1, 6, 8, 4])]
    assert kinds == ["conv2d"]


def test_an_image_becomes_an_image_of_one_position() -> None:
    tensors = [
        T("s", [4], "int32", [1, 1, 1, 192]), T("r", [1, 1, 1, 192]),
        T("w", [5, 1, 1, 192], data=True),
    ]  # fmt: skip
    operators = [
        Op("RESHAPE", ("i", "s"), ("r",)),
        Op("CONV_2D", ("r", "w"), ("y",), ONE),
    ]
    assert image_layers(tensors, operators, [1, 1, 1, 5]) == [
        ("reshape", {"shape": [192, 1, 1]}, (192, 1, 1)),
        ("conv2d", {"channels": 5, "kernel": 1}, (5, 1, 1)),
    ]


def test_sizes_that_the_file_calculates_from_a_shape() -> None:
    tensors = [
        T("h", [4], "int32"), T("z", [1], "int32", [0]), T("u", [1], "int32", [1]),
        T("n", [], "int32"), T("q", [], "int32", [192]), T("s", [2], "int32"),
    ]  # fmt: skip
    operators = [
        Op("SHAPE", ("i",), ("h",), {"out_type": "int32"}),
        Op("STRIDED_SLICE", ("h", "z", "u", "u"), ("n",), {"shrink_axis_mask": 1}),
        Op("PACK", ("n", "q"), ("s",), {"values_count": 2, "axis": 0}),
        Op("RESHAPE", ("i", "s"), ("y",)),
    ]
    assert image_layers(tensors, operators, [1, 192]) == [("flatten", {}, (192,))]


def test_transposes_around_an_image_in_the_other_order_are_none() -> None:
    tensors = [
        T("x", [1, 3, 6, 8]), T("p", [4], "int32", [0, 2, 3, 1]), T("i", [1, 6, 8, 3]),
        T("w", [4, 1, 1, 3], data=True), T("o", [1, 6, 8, 4]),
        T("q", [4], "int32", [0, 3, 1, 2]), T("y", [1, 4, 6, 8]),
    ]  # fmt: skip
    operators = [
        Op("TRANSPOSE", ("x", "p"), ("i",)),
        Op("CONV_2D", ("i", "w"), ("o",), ONE),
        Op("TRANSPOSE", ("o", "q"), ("y",)),
    ]
    assert layers(mapped(tensors, operators)) == [
        ("conv2d", {"channels": 4, "kernel": 1}, (4, 6, 8))
    ]


# Attention and sequences


def test_tensors_of_four_axes_that_are_no_images() -> None:
    tensors = [
        T("x", [1, 2, 7, 4]), T("s", [1, 2, 7, 7]), T("t", [1, 2, 7, 7]), T("y", [1, 2, 7, 4])
    ]  # fmt: skip
    operators = [
        Op("BATCH_MATMUL", ("x", "x"), ("s",), {"adj_y": True}),
        Op("SOFTMAX", ("s",), ("t",), {"beta": 0.5}),
        Op("BATCH_MATMUL", ("t", "x"), ("y",)),
    ]
    assert layers(mapped(tensors, operators)) == [
        ("matmul", {"transpose_second": True}, (2, 7, 7)),
        ("elementwise", {"operation": "multiply", "number": 0.5}, (2, 7, 7)),
        ("softmax", {"axis": -1}, (2, 7, 7)),
        ("matmul", {}, (2, 7, 4)),
    ]


# What converters write as several operators


def test_a_dense_layer_of_keras_is_applied_at_each_position() -> None:
    tensors = [
        T("r", [2], "int32", [-1, 4]), T("m", [48, 4]), T("f", [5, 4], data=True),
        T("n", [48, 5]), T("s", [4], "int32", [1, 6, 8, 5]),
    ]  # fmt: skip
    operators = [
        Op("RESHAPE", ("i", "r"), ("m",)),
        Op("FULLY_CONNECTED", ("m", "f", ""), ("n",)),
        Op("RESHAPE", ("n", "s"), ("y",)),
    ]
    assert image_layers(tensors, operators, [1, 6, 8, 5]) == [
        ("conv2d", {"channels": 5, "kernel": 1}, (5, 6, 8))
    ]


def test_rows_that_are_repeated_are_a_larger_image() -> None:
    tensors = [
        T("a", [], "int32", [2]), T("e", [1, 6, 1, 8, 4]), T("n", [5], "int32", [1, 1, 3, 1, 1]),
        T("t", [1, 6, 3, 8, 4]), T("s", [4], "int32", [1, 18, 8, 4]),
    ]  # fmt: skip
    operators = [
        Op("EXPAND_DIMS", ("i", "a"), ("e",)),
        Op("TILE", ("e", "n"), ("t",)),
        Op("RESHAPE", ("t", "s"), ("y",)),
    ]
    assert image_layers(tensors, operators, [1, 18, 8, 4]) == [
        ("resize", {"scale": [3, 1]}, (4, 18, 8))
    ]


def test_a_channel_shuffle() -> None:
    tensors = [
        T("s", [5], "int32", [1, 6, 8, 2, 2]), T("g", [1, 6, 8, 2, 2]),
        T("p", [5], "int32", [0, 1, 2, 4, 3]), T("t", [1, 6, 8, 2, 2]),
        T("q", [4], "int32", [1, 6, 8, 4]),
    ]  # fmt: skip
    operators = [
        Op("RESHAPE", ("i", "s"), ("g",)),
        Op("TRANSPOSE", ("g", "p"), ("t",)),
        Op("RESHAPE", ("t", "q"), ("y",)),
    ]
    assert image_layers(tensors, operators, [1, 6, 8, 4]) == [
        ("channel_shuffle", {"groups": 2}, (4, 6, 8))
    ]


@pytest.mark.parametrize(
    ("last", "padding", "ends"), [((6, 8), {}, (2, 2)), ((2, 4), {"padding": 0}, (0, 0))]
)
def test_a_dilation_that_old_converters_write_as_batches(
    last: tuple[int, int], padding: dict[str, int], ends: tuple[int, int]
) -> None:
    tensors = [
        T("b", [2], "int32", [2, 2]), T("p", [2, 2], "int32", [*ends, *ends]),
        T("s", [4, 5, 6, 4]), T("w", [5, 3, 3, 4], data=True), T("c", [4, 3, 4, 5]),
        T("z", [2, 2], "int32", data=True),
    ]  # fmt: skip
    operators = [
        Op("SPACE_TO_BATCH_ND", ("i", "b", "p"), ("s",)),
        Op("CONV_2D", ("s", "w"), ("c",), ONE | {"padding": "VALID"}),
        Op("BATCH_TO_SPACE_ND", ("c", "b", "z"), ("y",)),
    ]
    fields = {"channels": 5, "kernel": 3, **padding, "dilation": 2}
    assert image_layers(tensors, operators, [1, *last, 5]) == [("conv2d", fields, (5, *last))]


def test_zeros_that_convolutions_share_are_no_bias_of_theirs() -> None:
    tensors = [T("b", [4], data=True), T("a", [1, 6, 8, 4])]
    operators = [
        Op("CONV_2D", ("i", "k", "b"), ("a",), ONE),
        Op("CONV_2D", ("a", "k", "b"), ("y",), ONE),
    ]
    biases = [fields.get("bias") for _, fields, _ in image_layers(tensors, operators, [1, 6, 8, 4])]
    assert biases == [True, None]
    real = [T("b", [4], data=[1, 0, 0, 0]), T("a", [1, 6, 8, 4])]
    biases = [fields.get("bias") for _, fields, _ in image_layers(real, operators, [1, 6, 8, 4])]
    assert biases == [True, True]


# Quantization


def test_int8_is_the_precision_of_layers_and_no_layer() -> None:
    tensors = [
        T("x", [1, 6, 8, 4]),
        T("q", [1, 6, 8, 4], "int8", scales=1),
        T("w", [5, 1, 1, 4], "int8", data=True, scales=5),
        T("b", [5], "int32", data=True, scales=5),
        T("c", [1, 6, 8, 5], "int8", scales=1),
        T("y", [1, 6, 8, 5]),
    ]
    operators = [
        Op("QUANTIZE", ("x",), ("q",)),
        Op("CONV_2D", ("q", "w", "b"), ("c",), ONE | {"fused_activation_function": "RELU"}),
        Op("DEQUANTIZE", ("c",), ("y",)),
    ]
    result = mapped(tensors, operators)
    assert layers(result) == [
        ("conv2d", {"channels": 5, "kernel": 1, "bias": True}, (5, 6, 8)),
        ("relu", {}, (5, 6, 8)),
    ]
    assert [layer.precision for layer in result.layers] == ["int8", "int8"]
    assert result.notes == ()


def test_weights_of_16_bits_are_weights() -> None:
    tensors = [
        T("x", [1, 6, 8, 4]), T("h", [5, 1, 1, 4], "float16", data=True), T("w", [5, 1, 1, 4]),
        T("y", [1, 6, 8, 5]),
    ]  # fmt: skip
    operators = [
        Op("DEQUANTIZE", ("h",), ("w",)),
        Op("CONV_2D", ("x", "w"), ("y",), ONE),
    ]
    result = mapped(tensors, operators)
    assert layers(result) == [("conv2d", {"channels": 5, "kernel": 1}, (5, 6, 8))]
    assert result.notes == (
        "1 layers calculate with real numbers on weights that the file has as float16: "
        "their weights are taken to have the precision of the analysis",
    )


# What has no rule, and what is refused


def test_an_operator_without_a_rule_is_opaque() -> None:
    tensors = [T("x", [1, 6, 8, 4], signature=[-1, 6, 8, 4])]
    tensors += [T("y", [1, 6, 8, 9], signature=[-1, 6, 8, 9])]
    result = mapped(tensors, [Op("CONV_2D_OF_MINE", ("x",), ("y",))])
    assert layers(result) == [
        ("opaque", {"operation": "conv_2d_of_mine", "shape": [6, 8, 9]}, (6, 8, 9))
    ]


def test_a_custom_operator_is_not_the_builtin_one_of_its_name() -> None:
    data = tflite_file([T("x", [1, 4]), T("y", [1, 4])], [Op("RELV", ("x",), ("y",))])
    graph = graph_of(memoryview(data.replace(b"RELV", b"RELU")), "net.tflite")
    assert [layer.kind for layer in map_tflite(graph).layers] == ["opaque"]


def test_control_flow_and_state_are_refused() -> None:
    tensors = [T("x", [1, 4]), T("y", [1, 4])]
    assert problem(tensors, [Op("IF", ("x",), ("y",))]) == (
        "net.tflite, written for a test: node `IF:0` (IF) is control flow, and what it costs "
        "depends on values"
    )
    assert "node `READ_VARIABLE:0` (READ_VARIABLE) reads or writes a state" in problem(
        tensors, [Op("READ_VARIABLE", ("x",), ("y",))]
    )


def test_what_mixes_examples_is_refused() -> None:
    tensors = [T("x", [4, 3]), T("n", [1], "int32", [0]), T("y", [3])]
    assert "node `SUM:0` (SUM) works along the batch, so it mixes examples" in problem(
        tensors, [Op("SUM", ("x", "n"), ("y",))]
    )


def test_a_shape_that_the_file_contradicts() -> None:
    tensors = [T("x", [1, 6, 8, 4]), T("w", [5, 3, 3, 4], data=True), T("y", [1, 6, 8, 6])]
    message = problem(tensors, [Op("CONV_2D", ("x", "w"), ("y",), ONE)])
    assert "makes `y` of shape [batch, 5, 6, 8], and the file says [1, 6, 6, 8]" in message


def test_open_sizes_are_asked_for_in_the_order_of_the_file() -> None:
    tensors = [
        T("x", [1, 1, 1, 3], signature=[-1, -1, -1, 3]),
        T("w", [5, 3, 3, 3], data=True),
        T("y", [1, 1, 1, 5], signature=[-1, -1, -1, 5]),
    ]
    conv = Op("CONV_2D", ("x", "w"), ("y",), ONE)
    assert problem(tensors, [conv]) == (
        "net.tflite, written for a test: input `x` is [batch, axis_1, axis_2, 3], and the size "
        "`axis_1` is not known\n"
        "hint: give it: `FILE@axis_1=224`, or for `import` --shape x=1,224,224,3"
    )
    result = mapped(tensors, [conv], {"x": [1, 32, 48, 3]})
    assert layers(result)[0][2] == (5, 32, 48)


def test_more_layers_than_a_spec_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_NODES", 50)
    parts = [T(f"t{i}", [1, 4]) for i in range(60)]
    unpack = Op("UNPACK", ("x",), tuple(part.name for part in parts), {"num": 60, "axis": 1})
    tensors = [T("x", [1, 60, 4]), *parts, T("y", [1, 4])]
    assert "node `UNPACK:0` (UNPACK) makes more than 50 layers of the model" in problem(
        tensors, [unpack, Op("RELU", ("t0",), ("y",))]
    )


def test_mutated_files_are_mapped_or_refused() -> None:
    data = tflite_file(
        [
            T("x", [1, 6, 8, 4]), T("k", [4, 3, 3, 2], data=True), T("i", [1, 6, 8, 4]),
            T("n", [], "int32", [3]), T("a", [1, 6, 8, 2]), T("c", [1, 6, 8, 2]),
            T("p", [4, 2], "int32", [0, 0, 1, 2, 0, 3, 0, 0]), T("s", [1, 9, 11, 2]),
            T("h", [4], "int32"), T("z", [1], "int32", [1]), T("u", [1], "int32", [2]),
            T("o", [1], "int32", [1]), T("v", [], "int32"), T("w", [], "int32", [-1]),
            T("t", [2], "int32"), T("y", [9, 22]),
        ],
        [
            Op("CONV_2D", ("x", "k"), ("i",), ONE), Op("SPLIT", ("n", "i"), ("a", "c"),
                                                       {"num_splits": 2}),
            Op("PAD", ("c", "p"), ("s",)), Op("SHAPE", ("s",), ("h",)),
            Op("STRIDED_SLICE", ("h", "z", "u", "o"), ("v",), {"shrink_axis_mask": 1}),
            Op("PACK", ("v", "w"), ("t",), {"values_count": 2}),
            Op("RESHAPE", ("s", "t"), ("y",)),
        ],
    )  # fmt: skip
    rng = random.Random(1)
    refused = 0
    for _ in range(800):
        mutated = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(8, len(data) - 4)
            number = rng.choice((0, 1, 2, 3, 7, 2**31 - 1, 2**32 - 1, rng.randrange(64)))
            struct.pack_into("<I", mutated, place, number)
        try:
            map_tflite(graph_of(memoryview(bytes(mutated)), "net.tflite"))
        except ModelFileError:
            refused += 1
    assert 200 < refused < 800


def test_conditions_and_whole_quotients() -> None:
    tensors = [T("p", [1, 6, 8, 4]), T("q", [1, 6, 8, 4]), T("r", [1, 6, 8, 4])]
    operators = [
        Op("GREATER_EQUAL", ("i", "i"), ("p",)),
        Op("LOGICAL_NOT", ("p",), ("q",)),
        Op("FLOOR_DIV", ("q", "i"), ("r",)),
        Op("FLOOR_MOD", ("r", "i"), ("y",)),
    ]
    made = image_layers(tensors, operators, [1, 6, 8, 4])
    assert [fields["operation"] for _, fields, _ in made] == [
        "greater_or_equal", "logical_not", "divide", "floor", "modulo",
    ]  # fmt: skip
