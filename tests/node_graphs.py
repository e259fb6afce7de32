"""Graphs of operators for tests, written in a few lines, and the layers that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import Graph, Node, Stored, Tensor
from mnet_cost.importing.layer_graph import LayerGraph


def graph(
    nodes: Sequence[tuple[Any, ...]],
    stored: Mapping[str, Any],
    x: tuple[Any, ...] = (1, 3, 8, 8),
) -> Graph:
    """A graph of (operator, inputs, outputs[, attributes]) on the input `x`.

    What is stored is a shape, a list of whole numbers, a number, or all there is to say.
    """
    tensors = {}
    for name, value in stored.items():
        if isinstance(value, Stored):
            tensors[name] = value
        elif isinstance(value, list):
            tensors[name] = Stored(name, "int64", (len(value),), tuple(value))
        elif isinstance(value, (int, float)):
            tensors[name] = Stored(name, "float32", (), (value,))
        else:
            tensors[name] = Stored(name, "float32", value)
    made = [
        Node(f"n{i}", op, "", tuple(ins), tuple(outs), rest[0] if rest else {})
        for i, (op, ins, outs, *rest) in enumerate(nodes)
    ]
    last = made[-1].outputs[0]
    return Graph(
        "onnx",
        "net",
        "net.onnx",
        (Tensor("x", "float32", x),),
        (Tensor(last, None, None),),
        tuple(made),
        tensors,
        {},
        {"": 20},
    )


def layers(result: LayerGraph) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    return [(layer.kind, dict(layer.fields), layer.types[0].shape) for layer in result.layers]
