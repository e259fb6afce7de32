"""Which tensors of a Keras model are images, and the graph with their channels in front.

`image_order.py` says what an image is; here are the layers that make one, of tensors of three axes
(signals) to five. A file does not state each shape, so how many axes a tensor has follows from the
layer that makes it where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import Graph, Node, Tensor
from mnet_cost.importing.mapping.image_order import channels_first, images_among, marked
from mnet_cost.importing.readers.keras import CONFIG, OPERATIONS, OWN

_WINDOWS = frozenset(
    f"{kind}{axes}D"
    for kind in (
        "Conv", "DepthwiseConv", "SeparableConv", "MaxPooling", "AveragePooling", "ZeroPadding",
        "Cropping", "UpSampling",
    )
    for axes in (1, 2, 3)
) | frozenset(
    (
        "Conv2DTranspose", "Conv1DTranspose", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
        "GlobalAveragePooling3D", "GlobalMaxPooling3D", "Resizing", "CenterCrop",
    )
)  # fmt: skip
"""Layers of images. What they make is an image, too."""
_TIES = frozenset(
    (
        "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "BatchNormalization",
        "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization",
        "Normalization", "Rescaling", "Dense", "Add", "Subtract", "Multiply", "Average", "Maximum",
        "Minimum", "Concatenate", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
        "SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity",
        "ActivityRegularization", "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast",
        "RandomTranslation", "RandomBrightness", "StochasticDepth", "LayerScale",
        "GlobalAveragePooling1D", "GlobalMaxPooling1D",
    )
)  # fmt: skip
"""Layers that keep the order of axes."""
_MOVES = frozenset(
    (
        "Reshape", "Transpose", "ExpandDims", "Squeeze", "Matmul", "Einsum", "Dot", "Tile",
        "Repeat", "Stack", "Swapaxes", "Moveaxis",
    )
)  # fmt: skip
"""Functions that do not; all others are taken to be of each element, or along an axis."""
_IMAGE_RANKS = (3, 4, 5)


def images_of(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> frozenset[str]:
    """Names of the tensors that are images; `shapes` are those that inputs are given."""
    ranks: dict[str, int] = {}
    for tensor in graph.inputs:
        shape = shapes.get(tensor.name, tensor.shape)
        if shape is not None:
            ranks[tensor.name] = len(shape)
    anchors: list[str] = []
    ties = []
    for node in graph.nodes:
        for name in node.outputs:
            rank = _rank(graph, node, name, ranks)
            if rank is not None:
                ranks[name] = rank
        config = node.attributes[CONFIG]
        names = (*node.inputs, *node.outputs)
        if node.domain == OWN and node.operator in _WINDOWS:
            if config.get("data_format") != "channels_first":
                anchors += names
        elif node.operator in (_TIES if node.domain == OWN else ()) or (
            node.domain == OPERATIONS and node.operator not in _MOVES
        ):
            ties.append(names)
    known = {name: rank for name, rank in ranks.items() if rank in _IMAGE_RANKS}
    return images_among(known, anchors, ties)


def _rank(graph: Graph, node: Node, name: str, ranks: Mapping[str, int]) -> int | None:
    """How many axes an output has."""
    stated = graph.tensors[name].shape
    if stated is not None:
        return len(stated)
    config = node.attributes[CONFIG]
    read = [ranks[x] for x in node.inputs if x in ranks]
    if len(read) < len(node.inputs) or not read:
        return None
    if node.domain != OWN:
        return max(read) if node.operator not in (*_MOVES, "GetItem") else None
    return _rank_of_layer(node.operator, config, max(read))


def _rank_of_layer(kind: str, config: Mapping[str, Any], rank: int) -> int | None:
    if kind == "Flatten":
        return 2
    if kind == "Reshape":
        target = config.get("target_shape")
        return len(target) + 1 if isinstance(target, list) else None
    if kind == "RepeatVector":
        return 3
    if kind == "Embedding":
        return rank + 1
    if kind.startswith("Global"):
        return rank if config.get("keepdims") is True else 2
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        return 3 if config.get("return_sequences") is True else 2
    return rank


def with_images(graph: Graph, images: frozenset[str]) -> Graph:
    """The graph with the channels of images in front."""

    def declared(tensor: Tensor) -> Tensor:
        if tensor.shape is None or tensor.name not in images:
            return tensor
        return tensor._replace(shape=channels_first(tensor.shape))

    return graph._replace(
        inputs=tuple(map(declared, graph.inputs)),
        outputs=tuple(map(declared, graph.outputs)),
        nodes=tuple([marked(node, images) for node in graph.nodes]),
        tensors={name: declared(tensor) for name, tensor in graph.tensors.items()},
    )
