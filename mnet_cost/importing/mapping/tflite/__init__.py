"""The operators of TFLite: a rule for each reads its options and calls the family.

Before nodes are mapped, `idioms.py` and `biases.py` take back what converters make of layers, and
`images.py` puts the channels of images in front. `operands.py` gives rules their tensors in the
order that they work in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mnet_cost.importing.graph import Graph
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.image_order import channels_first, check_open_sizes
from mnet_cost.importing.mapping.mapper import Table, map_graph
from mnet_cost.importing.mapping.precision import with_precisions
from mnet_cost.importing.mapping.tflite import arithmetic, layers, movement, positions
from mnet_cost.importing.mapping.tflite.biases import BIASES, without_shared_biases
from mnet_cost.importing.mapping.tflite.idioms import without_idioms
from mnet_cost.importing.mapping.tflite.images import images_of, with_images

_CONTROL_FLOW = "is control flow, and what it costs depends on values"
_STATE = "reads or writes a state that outlives a run"

TABLE = Table(
    rules={**layers.RULES, **arithmetic.RULES, **movement.RULES, **positions.RULES},
    refused={
        **dict.fromkeys(
            ("IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
            _CONTROL_FLOW,
        ),
        **dict.fromkeys(("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), _STATE),
    },
)


def map_tflite(
    graph: Graph,
    shapes: Mapping[str, Sequence[int]] | None = None,
    has_batch: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> LayerGraph:
    """The layers of a graph of TFLite operators.

    Arguments are those of `map_graph`; `shapes` are as in the file, which has channels last:
    [1, 224, 224, 3]. Raises `ModelFileError` for what is refused.
    """
    shapes, sizes = shapes or {}, sizes or {}
    graph, notes = without_shared_biases(without_idioms(graph))
    images = images_of(graph)
    for tensor in graph.inputs:
        if tensor.name not in shapes:
            check_open_sizes(graph, tensor, sizes)
    given = {
        name: channels_first(sizes) if name in images else sizes for name, sizes in shapes.items()
    }
    result = map_graph(with_images(graph), TABLE, given, has_batch, sizes)
    result = with_precisions(result, _precisions(graph))
    return result._replace(notes=(*result.notes, *notes, *_small_weights(graph)))


def _small_weights(graph: Graph) -> list[str]:
    """What a reader has to know of weights that are smaller than what is calculated with."""
    sources = {
        node.outputs[0]: node.inputs[0]
        for node in graph.nodes
        if node.operator == "DEQUANTIZE" and node.inputs and node.outputs
    }
    counts: Counter[str] = Counter()
    precisions = _precisions(graph)
    for node in graph.nodes:
        if node.operator in BIASES and node.name not in precisions and len(node.inputs) > 1:
            name = sources.get(node.inputs[1], node.inputs[1])
            weight = graph.stored.get(name)
            if weight is not None and weight.dtype != "float32":
                counts[weight.dtype] += 1
    return [
        f"{count} layers calculate with real numbers on weights that the file has as {dtype}: "
        "their weights are taken to have the precision of the analysis"
        for dtype, count in counts.items()
    ]


def _precisions(graph: Graph) -> dict[str, str]:
    """Types of the outputs of nodes, where they are quantized, by the names of nodes."""
    precisions = {}
    for node in graph.nodes:
        tensor = graph.tensors.get(node.outputs[0]) if node.outputs else None
        if tensor is not None and tensor.quantization is not None:
            precisions[node.name] = tensor.quantization.dtype
    return precisions
