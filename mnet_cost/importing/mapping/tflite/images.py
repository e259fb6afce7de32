"""Which tensors of a TFLite graph are images, and the graph with their channels in front.

Files have channels last, and kinds of layers want them first. A tensor of four or five axes is an
image if an operator that slides windows reads or makes it, or one that keeps the order of axes ties
it to such a tensor; other tensors stay as they are. `with_images` states shapes of images with
channels first, as the rules of this dialect make them, and tells each node which of its tensors are
images. It also states quantized tensors as the real numbers that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from mnet_cost.importing.graph import Batch, Graph, Node, Shape, Stored, Tensor
from mnet_cost.importing.mapping.tflite.idioms import CHANNEL_SHUFFLE, REPEAT

IMAGES = "images"
"""The attribute of a node with the names of those of its tensors that are images."""

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

_Part = TypeVar("_Part")


def channels_first(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """What is listed by the axes of a file, by those of an image: [N, H, W, C] as [N, C, H, W]."""
    return (*parts[:1], *parts[-1:], *parts[1:-1])


def channels_last(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """What is listed by the axes of an image, by those of the file."""
    return (*parts[:1], *parts[2:], *parts[1:2])


def image_axis(axis: int, rank: int) -> int:
    """The axis of an image that is `axis` of the file, from 0, of `rank`."""
    return channels_last(range(rank))[axis]


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
        nodes=tuple([_with_images(node, images) for node in graph.nodes]),
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
    groups = _Groups()
    anchors = []
    for node in graph.nodes:
        if node.domain:
            continue
        if (position := _WINDOWS.get(node.operator)) is not None:
            anchors += [*node.inputs[position : position + 1], *node.outputs]
        elif node.operator in _TIES or node.attributes.get("keep_num_dims"):
            tied = [name for name in (*node.inputs, *node.outputs) if name in ranks]
            for rank in (4, 5):
                groups.join([name for name in tied if ranks[name] == rank])
    roots = {groups.root(name) for name in anchors if name in ranks}
    return frozenset(name for name in ranks if groups.root(name) in roots)


class _Groups:
    """Names that belong together."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, name: str) -> str:
        """The name that stands for all of its group."""
        parents = self._parents
        while (parent := parents.get(name, name)) != name:
            parents[name] = name = parents.get(parent, parent)
        return name

    def join(self, names: Sequence[str]) -> None:
        """Make one group of the groups of `names`."""
        for name in names[1:]:
            self._parents[self.root(name)] = self.root(names[0])


def _with_images(node: Node, images: Iterable[str]) -> Node:
    own = frozenset(name for name in (*node.inputs, *node.outputs) if name in images)
    return node._replace(attributes={**node.attributes, IMAGES: own})


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
