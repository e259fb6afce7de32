"""Biases that are none: a converter writes zeros, stored once, where layers have no bias."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.graph import Graph, Node

BIASES: Mapping[str, int] = {
    "CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "CONV_3D": 2, "TRANSPOSE_CONV": 3,
}  # fmt: skip
"""Which input is the bias."""


def without_shared_biases(graph: Graph) -> tuple[Graph, list[str]]:
    """The graph where a bias that several nodes share is that of the first of them alone, so that
    each number of the file counts once; and what a reader has to know of it."""
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        bias = _bias_of(node)
        if bias in graph.stored:
            readers.setdefault(graph.same_storage.get(bias, bias), []).append(node.name)
    shared = {name: nodes for name, nodes in readers.items() if len(nodes) > 1}
    for name in list(shared):
        values = graph.stored[name].values
        if values is not None and any(values):
            del shared[name]
    later = {node for nodes in shared.values() for node in nodes[1:]}
    notes = [
        f"`{name}` is the bias of {len(nodes)} nodes, as converters write it where there is none: "
        "it counts for the first"
        for name, nodes in shared.items()
    ]
    if not shared:
        return graph, notes
    nodes = [_without_bias(node) if node.name in later else node for node in graph.nodes]
    return graph._replace(nodes=tuple(nodes)), notes


def _bias_of(node: Node) -> str:
    place = BIASES.get(node.operator, len(node.inputs))
    return node.inputs[place] if place < len(node.inputs) and not node.domain else ""


def _without_bias(node: Node) -> Node:
    place = BIASES[node.operator]
    return node._replace(inputs=(*node.inputs[:place], "", *node.inputs[place + 1 :]))
