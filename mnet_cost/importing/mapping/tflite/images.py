"""Which tensors of a TFLite graph are images, and the graph with their channels in front.

`image_order.py` says what an image is; here are the operators that make one, of tensors of four or
five axes. `with_images` states shapes of images with channels first, as the rules of this dialect
make them, and tells each node which of its tensors are images. It also states quantized tensors as
the real numbers that they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.graph import Batch, Graph, Shape, Stored, Tensor
from mnet_cost.importing.mapping.image_order import channels_first, images_among, marked
from mnet_cost.importing.mapping.tflite.idioms import CHANNEL_SHUFFLE, REPEAT

_WINDOWS: Mapping[str, int] = {
    "CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "TRANSPOSE_CONV": 2, "CONV_3D": 0,
    "AVERAGE_POOL_2D": 0, "MAX_POOL_2D": 0, "L2_POOL_2D": 0,
    "RESIZE_BILINEAR": 0, "RESIZE_NEAREST_NEIGHBOR": 0, "SPACE_TO_DEPTH": 0, "DEPTH_TO_SPACE": 0,
    "LOCAL_RESPONSE_NORMALIZATION": 0, CHANNEL_SHUFFLE: 0, REPEAT: 0,
}  # fmt: skip
"""Operators of images, and which input is the image. All outputs are images."""

_TIES = frozenset(
    (
        "ABS", "ADD", "ADD_N", "BROADCAST_TO", "CAST", "CEIL", "CONCATENATION", "COS", "CUMSUM",
        "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER",
        "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION", "LEAKY_RELU", "LESS",
        "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX",
        "MAXIMUM", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "PAD", "PADV2",
        "POW", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RELU", "RELU6",
        "RELU_0_TO_1", "RELU_N1_TO_1", "REVERSE_V2", "ROUND", "RSQRT", "SELECT", "SELECT_V2",
        "SIGN", "SIN", "SLICE", "SOFTMAX", "SPLIT", "SPLIT_V", "SQRT", "SQUARE",
        "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE",
    )
)  # fmt: skip
"""Operators that keep the order of axes: their tensors of equally many axes are alike."""


def with_images(graph: Graph) -> Graph:
    """The graph with channels of images in front, and without quantization."""
    images = images_of(graph)

    def declared(tensor: Tensor, is_input: bool = False) -> Tensor:
        shape = tensor.shape if tensor.shape is None else _without_batch(tensor.shape, is_input)
        if shape is not None and tensor.name in images:
            shape = channels_first(shape)
        dtype = tensor.dtype if tensor.quantization is None else "float32"
        return Tensor(tensor.name, dtype, shape)

    return graph._replace(
        inputs=tuple([declared(tensor, is_input=True) for tensor in graph.inputs]),
        outputs=tuple(map(declared, graph.outputs)),
        nodes=tuple([marked(node, images) for node in graph.nodes]),
        tensors={name: declared(tensor) for name, tensor in graph.tensors.items()},
        stored={name: _real(stored) for name, stored in graph.stored.items()},
    )


def images_of(graph: Graph) -> frozenset[str]:
    """Names of the tensors that are images. What is stored is none: its readers say what it is."""
    ranks = {
        tensor.name: len(tensor.shape)
        for tensor in (*graph.inputs, *graph.tensors.values())
        if tensor.shape is not None and len(tensor.shape) in (4, 5)
    }
    anchors = []
    ties = []
    for node in graph.nodes:
        if node.domain:
            continue
        if (position := _WINDOWS.get(node.operator)) is not None:
            anchors += [*node.inputs[position : position + 1], *node.outputs]
        elif node.operator in _TIES or node.attributes.get("keep_num_dims"):
            ties.append((*node.inputs, *node.outputs))
    return images_among(ranks, anchors, ties)


def _without_batch(shape: Shape, is_input: bool) -> Shape:
    """A shape with the file's number in the place of a batch that it says is open: constants of the
    file are for that. Between nodes that number is nothing but a place holder."""
    return tuple(
        [
            size if not isinstance(size, Batch) else size.times if is_input else "batch"
            for size in shape
        ]
    )


def _real(stored: Stored) -> Stored:
    if stored.quantization is None:
        return stored
    return stored._replace(dtype="float32", quantization=None)
